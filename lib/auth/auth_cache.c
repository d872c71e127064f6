/* auth_cache.c: a set-associative table; a new row takes the place of the oldest of its set. */
#include "lib/auth/auth_cache.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/base/entropy.h"

int auth_cache_init(struct auth_cache *c, struct entropy *entropy) {
        memset(c, 0, sizeof(*c));
        return entropy_fill(entropy, c->key, sizeof(c->key));
}

void auth_cache_done(struct auth_cache *c) {
        explicit_bzero(c, sizeof(*c));
}

/* HMAC(HMAC(key, hash), password): no two pairs share a text. False: out of memory. */
static bool digest_of(struct auth_cache *c, const char *hash, const char *password,
                      unsigned char ret[AUTH_CACHE_DIGEST]) {
        unsigned char inner[AUTH_CACHE_DIGEST];
        bool ok;

        ok = HMAC(EVP_sha256(), c->key, sizeof(c->key), (const unsigned char *) hash, strlen(hash),
                  inner, NULL) &&
             HMAC(EVP_sha256(), inner, sizeof(inner), (const unsigned char *) password,
                  strlen(password), ret, NULL);
        explicit_bzero(inner, sizeof(inner));
        return ok;
}

bool auth_cache_has(struct auth_cache *c, const char *hash, const char *password, usec_t mono_at) {
        unsigned char digest[AUTH_CACHE_DIGEST];
        size_t set;

        if (!digest_of(c, hash, password, digest))
                return false;
        set = digest[0] % AUTH_CACHE_SETS;
        for (size_t i = 0; i < AUTH_CACHE_WAYS; i++)
                if (mono_at < c->rows[set][i].until_at &&
                    CRYPTO_memcmp(c->rows[set][i].digest, digest, sizeof(digest)) == 0)
                        return true;
        return false;
}

void auth_cache_add(struct auth_cache *c, const char *hash, const char *password, usec_t mono_at) {
        unsigned char digest[AUTH_CACHE_DIGEST];
        size_t set, oldest = 0;

        if (!digest_of(c, hash, password, digest))
                return;
        set = digest[0] % AUTH_CACHE_SETS;
        for (size_t i = 1; i < AUTH_CACHE_WAYS; i++)
                if (c->rows[set][i].until_at < c->rows[set][oldest].until_at)
                        oldest = i;
        memcpy(c->rows[set][oldest].digest, digest, sizeof(digest));
        c->rows[set][oldest].until_at = mono_at + AUTH_CACHE_FOR;
}
