/* auth_password.c: see auth_password.h. */
#include "lib/auth/auth_password.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "lib/auth/auth_werkzeug.h"
#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static_assert((int) AUTH_PASSWORD_HASH_SIZE == CRYPT_OUTPUT_SIZE, "crypt(3) has other sizes");

#define METHOD "$y$" /* yescrypt */
#define NOBODYS_SETTING METHOD "j9T$nobodysPasswordIsNot./"

static int hash_with(const char *password, const char *setting,
                     char ret_hash[AUTH_PASSWORD_HASH_SIZE]) {
        struct crypt_data *data = mem_new(struct crypt_data);
        const char *hash;
        int r;

        if (!data)
                return -ENOMEM;
        errno = 0;
        hash = crypt_rn(password, setting, data, (int) sizeof(*data));
        r = hash ? str_copy(ret_hash, AUTH_PASSWORD_HASH_SIZE, hash) : -(errno ? errno : EINVAL);
        mem_free_secret(data, sizeof(*data));
        return r;
}

int auth_password_hash(const char *password, struct entropy *entropy,
                       char ret_hash[AUTH_PASSWORD_HASH_SIZE]) {
        char salt[32], setting[CRYPT_GENSALT_OUTPUT_SIZE];
        int r;

        r = entropy_fill(entropy, salt, sizeof(salt));
        if (r < 0)
                return r;
        if (!crypt_gensalt_rn(METHOD, 0, salt, sizeof(salt), setting, sizeof(setting)))
                return -errno;
        return hash_with(password, setting, ret_hash);
}

int auth_password_check(const char *password, const char *hash) {
        char made[AUTH_PASSWORD_HASH_SIZE];
        size_t n;
        int r;

        if (hash && auth_werkzeug_is_hash(hash))
                return auth_werkzeug_check(password, hash);
        r = hash_with(password, hash ? hash : NOBODYS_SETTING, made);
        if (r < 0)
                return r;
        n = strlen(made);
        r = hash && strlen(hash) == n && CRYPTO_memcmp(made, hash, n) == 0;
        explicit_bzero(made, sizeof(made));
        return r;
}
