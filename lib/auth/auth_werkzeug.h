/* auth_werkzeug.h: password hashes as MLflow's basic-auth app keeps them (werkzeug's): verified, so
 * that users who come from there keep their passwords; never made. Private to lib/auth. Threads:
 * any. */
#pragma once

#include "lib/base/macros.h"

/* "scrypt:N:R:P$SALT$HEX" or "pbkdf2:sha1|sha256|sha512:ROUNDS$SALT$HEX", of a cost that a login
 * may have (256 MiB, 10 million rounds). */
bool auth_werkzeug_is_hash(const char *hash);

/* 1 it matches, 0 it does not or is no such hash, or -errno. Takes as long as its maker chose. */
int auth_werkzeug_check(const char *password, const char *hash);
