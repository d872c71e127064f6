#include "lib/auth/auth_envelope.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SALT "mlflow-secrets-kek-v1-2025"

enum {
        PASSPHRASE_MAX = 1024,
        ROUNDS = 600000,
        KEY = 32,
        NONCE = 12,
        TAG = 16,
};

/* What nobody else is to read; a page of its own. */
struct hidden {
        char passphrase[PASSPHRASE_MAX + 1]; /* "" once the key is made */
        unsigned char key[KEY];
};

struct auth_envelope {
        struct hidden *hidden;
        int64_t version;
        pthread_mutex_t lock; /* of the next two, and of making the key */
        bool is_ready;
};

int auth_envelope_new(const char *passphrase, int64_t version, struct auth_envelope **ret) {
        struct auth_envelope *e;
        size_t n = strlen(passphrase);

        if (n == 0 || n > PASSPHRASE_MAX || version < 0 || version > INT32_MAX)
                return -EINVAL;
        e = mem_new(struct auth_envelope);
        if (!e)
                return -ENOMEM;
        e->hidden = mmap(NULL, sizeof(*e->hidden), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (e->hidden == MAP_FAILED) {
                mem_free(e);
                return -ENOMEM;
        }
        /* As far as the limits allow: units have their share of locked memory. */
        (void) mlock(e->hidden, sizeof(*e->hidden));
        (void) madvise(e->hidden, sizeof(*e->hidden), MADV_DONTDUMP);
        memcpy(e->hidden->passphrase, passphrase, n + 1);
        e->version = version;
        pthread_mutex_init(&e->lock, NULL);
        *ret = e;
        return 0;
}

struct auth_envelope *auth_envelope_free(struct auth_envelope *e) {
        if (!e)
                return NULL;
        OPENSSL_cleanse(e->hidden, sizeof(*e->hidden));
        munmap(e->hidden, sizeof(*e->hidden));
        pthread_mutex_destroy(&e->lock);
        mem_free(e);
        return NULL;
}

int64_t auth_envelope_version(const struct auth_envelope *e) {
        return e->version;
}

static int derive(struct auth_envelope *e) {
        unsigned char salt[STRLEN(SALT) + sizeof(uint32_t)] = SALT;
        uint32_t version = htobe32((uint32_t) e->version);
        struct hidden *h = e->hidden;

        memcpy(salt + STRLEN(SALT), &version, sizeof(version));
        if (PKCS5_PBKDF2_HMAC(h->passphrase, (int) strlen(h->passphrase), salt, sizeof(salt),
                              ROUNDS, EVP_sha256(), KEY, h->key) != 1)
                return -EIO;
        OPENSSL_cleanse(h->passphrase, sizeof(h->passphrase));
        return 0;
}

int auth_envelope_ready(struct auth_envelope *e) {
        int r = 0;

        pthread_mutex_lock(&e->lock);
        if (!e->is_ready)
                r = derive(e);
        if (r == 0)
                e->is_ready = true;
        pthread_mutex_unlock(&e->lock);
        return r;
}

/* Adds nonce, text and tag. */
static int seal(const unsigned char *key, struct entropy *entropy, const char *bound,
                const void *text, size_t n, struct buf *out) {
        EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        unsigned char *p;
        int len = 0, r = -ENOMEM;

        if (!c || n > INT_MAX - NONCE - TAG || buf_reserve(out, NONCE + n + TAG) < 0)
                goto end;
        p = (unsigned char *) out->data + out->len;
        r = entropy_fill(entropy, p, NONCE);
        if (r < 0)
                goto end;
        r = -EIO;
        if (EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, p) == 1 &&
            (!*bound || EVP_EncryptUpdate(c, NULL, &len, (const unsigned char *) bound,
                                          (int) strlen(bound)) == 1) &&
            EVP_EncryptUpdate(c, p + NONCE, &len, text, (int) n) == 1 &&
            EVP_EncryptFinal_ex(c, p + NONCE + len, &len) == 1 &&
            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, p + NONCE + n) == 1) {
                out->len += NONCE + n + TAG;
                out->data[out->len] = 0;
                r = 0;
        }
end:
        EVP_CIPHER_CTX_free(c);
        return r;
}

static int unseal(const unsigned char *key, const char *bound, const struct buf *sealed,
                  struct buf *out) {
        const unsigned char *p = (const unsigned char *) sealed->data;
        EVP_CIPHER_CTX *c;
        size_t n = sealed->len - NONCE - TAG;
        int len = 0, r = -ENOMEM;

        if (sealed->len < NONCE + TAG || sealed->len > INT_MAX)
                return -EBADMSG;
        c = EVP_CIPHER_CTX_new();
        if (c && buf_reserve(out, n) >= 0) {
                unsigned char *to = (unsigned char *) out->data + out->len;
                unsigned char tag[TAG];

                memcpy(tag, p + NONCE + n, TAG);
                r = -EBADMSG;
                if (EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, p) == 1 &&
                    (!*bound || EVP_DecryptUpdate(c, NULL, &len, (const unsigned char *) bound,
                                                  (int) strlen(bound)) == 1) &&
                    EVP_DecryptUpdate(c, to, &len, p + NONCE, (int) n) == 1 &&
                    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
                    EVP_DecryptFinal_ex(c, to + len, &len) == 1) {
                        out->len += n;
                        out->data[out->len] = 0;
                        r = 0;
                }
        }
        EVP_CIPHER_CTX_free(c);
        return r;
}

int auth_envelope_close(struct auth_envelope *e, struct entropy *entropy, const char *id,
                        const char *name, const char *secret, struct buf *ret_sealed,
                        struct buf *ret_key) {
        _cleanup_free_ char *bound = str_printf("%s|%s", id, name);
        unsigned char own[KEY];
        int r = bound ? entropy_fill(entropy, own, KEY) : -ENOMEM;

        assert(e->is_ready);
        if (r >= 0)
                r = seal(own, entropy, bound, secret, strlen(secret), ret_sealed);
        if (r >= 0)
                r = seal(e->hidden->key, entropy, "", own, KEY, ret_key);
        OPENSSL_cleanse(own, sizeof(own));
        return r;
}

int auth_envelope_open(struct auth_envelope *e, const char *id, const char *name,
                       const struct buf *sealed, const struct buf *key, struct buf *out) {
        _cleanup_free_ char *bound = str_printf("%s|%s", id, name);
        _cleanup_buf_ struct buf own = {};
        int r = bound ? unseal(e->hidden->key, "", key, &own) : -ENOMEM;

        assert(e->is_ready);
        if (r == 0 && own.len != KEY)
                r = -EBADMSG;
        if (r == 0)
                r = unseal((const unsigned char *) own.data, bound, sealed, out);
        if (own.len > 0)
                OPENSSL_cleanse(own.data, own.len);
        return r;
}
