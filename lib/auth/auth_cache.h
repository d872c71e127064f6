/* auth_cache.h: which passwords have been verified lately, so that Basic does not cost 50 ms a
 * request. Holds no password: a row is the HMAC, by a key of this process, of the stored hash and
 * the password, so a changed password is unknown at once. Private to lib/auth; its owner locks. */
#pragma once

#include "lib/base/macros.h"

struct entropy;

enum {
        AUTH_CACHE_SETS = 64,
        AUTH_CACHE_WAYS = 4,
        AUTH_CACHE_DIGEST = 32,
};
#define AUTH_CACHE_FOR (5 * USEC_PER_MINUTE)

struct auth_cache {
        unsigned char key[AUTH_CACHE_DIGEST];
        struct {
                unsigned char digest[AUTH_CACHE_DIGEST];
                usec_t until_at; /* monotonic; 0 = free */
        } rows[AUTH_CACHE_SETS][AUTH_CACHE_WAYS];
};

int auth_cache_init(struct auth_cache *c, struct entropy *entropy);
void auth_cache_done(struct auth_cache *c);
bool auth_cache_has(struct auth_cache *c, const char *hash, const char *password, usec_t mono_at);
void auth_cache_add(struct auth_cache *c, const char *hash, const char *password, usec_t mono_at);
