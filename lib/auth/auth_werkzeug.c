#include "lib/auth/auth_werkzeug.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/base/str.h"

#define MEMORY_MAX (UINT64_C(256) << 20)
#define MEMORY_MARGIN (UINT64_C(1) << 20) /* OpenSSL counts a little more than 128 N R */
#define ROUNDS_MAX 10000000

enum { DIGEST_MAX = 64, N_NUMBERS = 3 };

struct form {
        const EVP_MD *md;            /* PBKDF2's; NULL: scrypt */
        uint64_t numbers[N_NUMBERS]; /* N, R, P; or the rounds */
        const char *salt;
        size_t salt_size, digest_size;
        unsigned char digest[DIGEST_MAX];
};

/* ":1:2:3" up to `end`: exactly `n` numbers. */
static bool read_numbers(const char *text, const char *end, uint64_t *ret, size_t n) {
        size_t i = 0;

        while (i < n && text < end && *text == ':') {
                char number[24];
                size_t size = strcspn(++text, ":$");

                if (size == 0 || size >= sizeof(number))
                        return false;
                memcpy(number, text, size);
                number[size] = 0;
                if (str_to_u64(number, &ret[i++]) < 0)
                        return false;
                text += size;
        }
        return i == n && text == end;
}

static bool read_scrypt(const char *text, const char *end, struct form *f) {
        uint64_t *n = f->numbers;

        if (!read_numbers(text, end, n, 3))
                return false;
        f->digest_size = DIGEST_MAX;
        return n[0] > 1 && (n[0] & (n[0] - 1)) == 0 && n[1] > 0 && n[2] > 0 &&
               n[0] <= MEMORY_MAX / 128 && n[1] <= MEMORY_MAX / 128 / n[0] && n[2] <= 16;
}

static bool read_pbkdf2(const char *text, const char *end, struct form *f) {
        static const char *const names[] = {":sha1", ":sha256", ":sha512"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *rest = str_after(text, names[i]);

                if (!rest || !read_numbers(rest, end, f->numbers, 1))
                        continue;
                f->md = i == 0 ? EVP_sha1() : i == 1 ? EVP_sha256() : EVP_sha512();
                f->digest_size = (size_t) EVP_MD_get_size(f->md);
                return f->numbers[0] > 0 && f->numbers[0] <= ROUNDS_MAX;
        }
        return false;
}

static bool parse(const char *hash, struct form *ret) {
        const char *salt = strchr(hash, '$'), *digest = salt ? strchr(salt + 1, '$') : NULL;
        const char *scrypt = str_after(hash, "scrypt"), *pbkdf2 = str_after(hash, "pbkdf2");

        *ret = (struct form){};
        if (!digest || digest == salt + 1)
                return false;
        if (!(scrypt && read_scrypt(scrypt, salt, ret)) &&
            !(pbkdf2 && read_pbkdf2(pbkdf2, salt, ret)))
                return false;
        ret->salt = salt + 1;
        ret->salt_size = (size_t) (digest - ret->salt);
        return hex_decode(digest + 1, ret->digest, ret->digest_size) == 0;
}

bool auth_werkzeug_is_hash(const char *hash) {
        struct form f;

        return parse(hash, &f);
}

static bool derive(const struct form *f, const char *password, unsigned char *ret) {
        const unsigned char *salt = (const unsigned char *) f->salt;
        const uint64_t *n = f->numbers;

        if (!f->md)
                return EVP_PBE_scrypt(password, strlen(password), salt, f->salt_size, n[0], n[1],
                                      n[2], 128 * n[1] * (n[0] + n[2] + 2) + MEMORY_MARGIN, ret,
                                      f->digest_size) == 1;
        return PKCS5_PBKDF2_HMAC(password, (int) strlen(password), salt, (int) f->salt_size,
                                 (int) n[0], f->md, (int) f->digest_size, ret) == 1;
}

int auth_werkzeug_check(const char *password, const char *hash) {
        unsigned char made[DIGEST_MAX];
        struct form f;
        int r;

        if (!parse(hash, &f))
                return 0;
        if (!derive(&f, password, made))
                return -ENOMEM;
        r = CRYPTO_memcmp(made, f.digest, f.digest_size) == 0;
        OPENSSL_cleanse(made, sizeof(made));
        return r;
}
