#include "lib/auth/auth_seal.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/entropy.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* version, time, IV, blocks, HMAC */
enum { FERNET = 0x80, TIME = 8, IV = 16, BLOCK = 16, HEAD = 1 + TIME + IV, HALF = 16 };

int auth_seal_hmac(const void *key, size_t key_size, const void *data, size_t size,
                   unsigned char ret[AUTH_SEAL_HMAC]) {
        unsigned n = AUTH_SEAL_HMAC;

        if (key_size > INT_MAX || !HMAC(EVP_sha256(), key, (int) key_size, data, size, ret, &n) ||
            n != AUTH_SEAL_HMAC)
                return -EIO;
        return 0;
}

int auth_seal_init(struct auth_seal *s, const char *text) {
        _cleanup_buf_ struct buf key = {};

        if (base64_decode(&key, text, strlen(text), BASE64_URL | BASE64_NO_PAD) < 0 ||
            key.len != AUTH_SEAL_KEY)
                return -EINVAL;
        memcpy(s->key, key.data, AUTH_SEAL_KEY);
        OPENSSL_cleanse(key.data, key.len);
        return 0;
}

static int make_file(struct auth_seal *s, const char *path, struct entropy *e, struct errmsg *em) {
        _cleanup_buf_ struct buf text = {};
        int r = entropy_fill(e, s->key, AUTH_SEAL_KEY);

        if (r >= 0)
                r = base64_encode(&text, s->key, AUTH_SEAL_KEY, BASE64_URL);
        if (r >= 0)
                r = fileio_mkdir_parents(path, 0750);
        if (r >= 0)
                r = fileio_write_atomic(path, text.data, text.len, 0600);
        return r < 0 ? errmsg_errno(em, r, "cannot make the key %s", path) : 0;
}

int auth_seal_init_file(struct auth_seal *s, const char *path, struct entropy *e,
                        struct errmsg *em) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r = fileio_read(path, 4096, &text, &n);

        if (r == -ENOENT)
                return make_file(s, path, e, em);
        if (r < 0)
                return errmsg_errno(em, r, "cannot read the key %s", path);
        if (auth_seal_init(s, str_strip(text)) < 0)
                return errmsg_fail(
                        em, -EINVAL,
                        "%s is no key: it has 32 bytes in URL base64. Without it webhook "
                        "secrets cannot be read; remove the file to make a new key",
                        path);
        return 0;
}

static int cipher(bool close, const unsigned char *key, const unsigned char *iv, const void *in,
                  size_t size, struct buf *out) {
        EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        int n = 0, rest = 0, r = -ENOMEM;

        if (!c || size > INT_MAX - BLOCK || buf_reserve(out, size + BLOCK) < 0) {
                EVP_CIPHER_CTX_free(c);
                return r;
        }
        r = -EBADMSG;
        if (EVP_CipherInit_ex(c, EVP_aes_128_cbc(), NULL, key, iv, close) == 1 &&
            EVP_CipherUpdate(c, (unsigned char *) out->data + out->len, &n, in, (int) size) == 1 &&
            EVP_CipherFinal_ex(c, (unsigned char *) out->data + out->len + n, &rest) == 1) {
                out->len += (size_t) (n + rest);
                out->data[out->len] = 0;
                r = 0;
        }
        EVP_CIPHER_CTX_free(c);
        return r;
}

int auth_seal_close(const struct auth_seal *s, struct entropy *e, usec_t now_at, const char *secret,
                    struct buf *out) {
        _cleanup_buf_ struct buf token = {};
        uint64_t time = htobe64(now_at / USEC_PER_SEC);
        unsigned char iv[IV], hmac[AUTH_SEAL_HMAC];
        int r = entropy_fill(e, iv, sizeof(iv));

        if (r < 0)
                return r;
        buf_add_char(&token, (char) FERNET);
        buf_add(&token, &time, sizeof(time));
        buf_add(&token, iv, sizeof(iv));
        if (buf_error(&token) < 0)
                return -ENOMEM;
        r = cipher(true, s->key + HALF, iv, secret, strlen(secret), &token);
        if (r == 0)
                r = auth_seal_hmac(s->key, HALF, token.data, token.len, hmac);
        if (r == 0)
                r = buf_add(&token, hmac, sizeof(hmac));
        return r < 0 ? r : base64_encode(out, token.data, token.len, BASE64_URL);
}

int auth_seal_open(const struct auth_seal *s, const char *token, struct buf *out) {
        unsigned char hmac[AUTH_SEAL_HMAC];
        _cleanup_buf_ struct buf raw = {};
        const unsigned char *p;
        size_t n;
        int r = base64_decode(&raw, token, strlen(token), BASE64_URL);

        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        if (raw.len < HEAD + BLOCK + AUTH_SEAL_HMAC || (unsigned char) *raw.data != FERNET)
                return -EBADMSG;
        p = (const unsigned char *) raw.data;
        n = raw.len - AUTH_SEAL_HMAC;
        r = auth_seal_hmac(s->key, HALF, p, n, hmac);
        if (r < 0)
                return r;
        if (CRYPTO_memcmp(hmac, p + n, sizeof(hmac)) != 0)
                return -EBADMSG;
        return cipher(false, s->key + HALF, p + 1 + TIME, p + HEAD, n - HEAD, out);
}

bool auth_seal_equal(const void *a, const void *b, size_t size) {
        return CRYPTO_memcmp(a, b, size) == 0;
}
