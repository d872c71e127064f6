/* auth_digest.h: a name for some content: SHA-256 over parts, in hex. Threads: any. */
#pragma once

#include <stddef.h>

#define AUTH_DIGEST_SIZE 65 /* with NUL */

/* Of the parts in order, each with its length before it: no two lists of parts are alike. NULL is
 * not "". 0 or -ENOMEM. */
int auth_digest_parts(const char *const *parts, size_t n_parts, char ret[AUTH_DIGEST_SIZE]);
