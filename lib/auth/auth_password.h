/* auth_password.h: passwords as yescrypt hashes of crypt(3), checked also against those of
 * auth_werkzeug.h. Private to lib/auth. Threads: any. */
#pragma once

#include "lib/base/macros.h"

struct entropy;

enum { AUTH_PASSWORD_HASH_SIZE = 384 }; /* CRYPT_OUTPUT_SIZE */

/* A new salt, the library's default cost (about 50 ms). 0 or -errno. */
int auth_password_hash(const char *password, struct entropy *entropy,
                       char ret_hash[AUTH_PASSWORD_HASH_SIZE]);

/* 1 it matches, 0 it does not, or -errno. `hash` NULL: 0, after the same time. */
int auth_password_check(const char *password, const char *hash);
