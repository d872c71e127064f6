#include "lib/auth/auth_vault.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/base64.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/hex.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum {
        KEY_BYTES = 32,
        KEYS_MAX = 16,
        ID_CHARS = 8,
        NONCE_BYTES = 12,
        TAG_BYTES = 16,
        FILE_MAX = 8192,
};

/* "s1:0123abcd:BASE64(nonce, text, tag)" */
#define PREFIX "s1:"

struct auth_vault_keys {
        size_t n;
        unsigned char keys[KEYS_MAX][KEY_BYTES];
        char ids[KEYS_MAX][ID_CHARS + 1];
};

/* --- the file ----------------------------------------------------------------------------------
 */

static int set_id(struct auth_vault_keys *k, size_t i) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n;

        if (EVP_Digest(k->keys[i], KEY_BYTES, digest, &n, EVP_sha256(), NULL) != 1)
                return -EIO;
        for (size_t b = 0; b < ID_CHARS / 2; b++)
                snprintf(k->ids[i] + 2 * b, 3, "%02x", digest[b]);
        return 0;
}

static int parse(const char *path, const char *text, struct auth_vault_keys *k, struct errmsg *em) {
        const char *word;
        char line[2 * KEY_BYTES + 1];
        size_t len;

        while (str_word(&text, " \t\r\n", &word, &len)) {
                if (len != 2 * KEY_BYTES || k->n == KEYS_MAX)
                        return errmsg_fail(em, -EINVAL,
                                           "%s: a key is a line of %d hex digits, at most %d keys",
                                           path, 2 * KEY_BYTES, KEYS_MAX);
                memcpy(line, word, len);
                line[len] = 0;
                if (hex_decode(line, k->keys[k->n], KEY_BYTES) < 0)
                        return errmsg_fail(em, -EINVAL, "%s: a key is a line of %d hex digits",
                                           path, 2 * KEY_BYTES);
                if (set_id(k, k->n++) < 0)
                        return errmsg_fail(em, -EIO, "SHA-256 does not work here");
        }
        explicit_bzero(line, sizeof(line));
        return k->n > 0 ? 0 : errmsg_fail(em, -EINVAL, "%s: holds no key", path);
}

static int check_mode(const char *path, struct errmsg *em) {
        struct stat st;

        if (stat(path, &st) < 0)
                return errmsg_errno(em, -errno, "%s", path);
        if (st.st_mode & 077 && st.st_mode & 007)
                return errmsg_fail(em, -EPERM, "%s: everybody may read it: chmod 600 %s", path,
                                   path);
        return 0;
}

static int write_keys(const char *path, const char *first, const char *rest, struct errmsg *em) {
        _cleanup_buf_ struct buf text = {};
        int r;

        (void) buf_printf(&text, "%s%s%s", first, *first ? "\n" : "", rest);
        r = buf_error(&text) ? -ENOMEM : fileio_write_durable(path, text.data, text.len, 0600);
        if (text.data)
                explicit_bzero(text.data, text.len);
        return r < 0 ? errmsg_errno(em, r, "cannot write %s", path) : 0;
}

static int write_new(const char *path, const char *rest, struct entropy *entropy,
                     struct errmsg *em) {
        char key[2 * KEY_BYTES + 1];
        int r = entropy_hex(entropy, KEY_BYTES, key);

        if (r >= 0)
                r = write_keys(path, key, rest, em);
        explicit_bzero(key, sizeof(key));
        return r;
}

int auth_vault_load(const char *path, struct entropy *entropy, struct auth_vault_keys **ret,
                    struct errmsg *em) {
        struct auth_vault_keys *k;
        char *text = NULL;
        size_t len;
        int r = fileio_read(path, FILE_MAX, &text, &len);

        if (r == -ENOENT && entropy) {
                r = write_new(path, "", entropy, em);
                if (r < 0)
                        return r;
                r = fileio_read(path, FILE_MAX, &text, &len);
        }
        if (r < 0)
                return errmsg_errno(em, r, "cannot read the key file %s", path);
        k = mem_new(struct auth_vault_keys);
        r = k ? check_mode(path, em) : errmsg_fail(em, -ENOMEM, "no memory");
        if (r >= 0)
                r = parse(path, text, k, em);
        mem_free_secret(text, len);
        if (r < 0) {
                auth_vault_free(k);
                return r;
        }
        *ret = k;
        return 0;
}

struct auth_vault_keys *auth_vault_free(struct auth_vault_keys *k) {
        return k ? mem_free_secret(k, sizeof(*k)) : NULL;
}

int auth_vault_add_key(const char *path, struct entropy *entropy, struct errmsg *em) {
        char *text = NULL;
        size_t len;
        int r = fileio_read(path, FILE_MAX, &text, &len);

        if (r < 0)
                return errmsg_errno(em, r, "cannot read the key file %s", path);
        r = write_new(path, text, entropy, em);
        mem_free_secret(text, len);
        return r;
}

int auth_vault_drop_old(const char *path, struct errmsg *em) {
        char *text = NULL;
        size_t len;
        int r = fileio_read(path, FILE_MAX, &text, &len);

        if (r < 0)
                return errmsg_errno(em, r, "cannot read the key file %s", path);
        text[strcspn(text, "\r\n")] = 0;
        r = write_keys(path, text, "", em);
        mem_free_secret(text, len);
        return r;
}

/* --- sealing -----------------------------------------------------------------------------------
 */

static void ctx_free(EVP_CIPHER_CTX **c) {
        EVP_CIPHER_CTX_free(*c);
}

static int crypt(bool seal, const unsigned char *key, const unsigned char *nonce, const char *name,
                 const unsigned char *in, size_t n, unsigned char *out, unsigned char *tag) {
        _cleanup_(ctx_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        int k;

        if (!c)
                return -ENOMEM;
        if (EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, seal) != 1 ||
            EVP_CipherUpdate(c, NULL, &k, (const unsigned char *) name, (int) strlen(name)) != 1 ||
            EVP_CipherUpdate(c, out, &k, in, (int) n) != 1)
                return -EIO;
        if (!seal && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) != 1)
                return -EIO;
        if (EVP_CipherFinal_ex(c, out + k, &k) != 1)
                return seal ? -EIO : -EBADMSG;
        if (seal && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1)
                return -EIO;
        return 0;
}

int auth_vault_close(const struct auth_vault_keys *k, struct entropy *entropy, const char *name,
                     const void *p, size_t n, struct buf *out) {
        size_t size = NONCE_BYTES + n + TAG_BYTES;
        unsigned char *all;
        int r;

        if (n > INT32_MAX / 2)
                return -EFBIG;
        all = mem_alloc(size);
        if (!all)
                return -ENOMEM;
        r = entropy_fill(entropy, all, NONCE_BYTES);
        if (r >= 0)
                r = crypt(true, k->keys[0], all, name, p, n, all + NONCE_BYTES,
                          all + NONCE_BYTES + n);
        if (r >= 0)
                r = buf_printf(out, PREFIX "%s:", k->ids[0]);
        if (r >= 0)
                r = base64_encode(out, all, size, 0);
        mem_free(all);
        return r;
}

static const unsigned char *key_of(const struct auth_vault_keys *k, const char *text,
                                   const char **ret_body) {
        const char *id = str_after(text, PREFIX);

        for (size_t i = 0; id && i < k->n; i++)
                if (strncmp(id, k->ids[i], ID_CHARS) == 0 && id[ID_CHARS] == ':') {
                        *ret_body = id + ID_CHARS + 1;
                        return k->keys[i];
                }
        return NULL;
}

int auth_vault_open(const struct auth_vault_keys *k, const char *name, const char *text,
                    struct buf *out) {
        _cleanup_buf_ struct buf all = {};
        const unsigned char *key, *nonce;
        const char *body;
        unsigned char *clear;
        size_t n;
        int r;

        key = key_of(k, text, &body);
        if (!key)
                return -ENOKEY;
        r = base64_decode(&all, body, strlen(body), 0);
        if (r < 0 || all.len < NONCE_BYTES + TAG_BYTES)
                return r == -ENOMEM ? r : -EBADMSG;
        n = all.len - NONCE_BYTES - TAG_BYTES;
        nonce = (const unsigned char *) all.data;
        clear = mem_alloc(n + 1);
        if (!clear)
                return -ENOMEM;
        r = crypt(false, key, nonce, name, nonce + NONCE_BYTES, n, clear,
                  (unsigned char *) all.data + NONCE_BYTES + n);
        if (r >= 0)
                r = buf_add(out, (const char *) clear, n);
        mem_free_secret(clear, n + 1);
        return r;
}

bool auth_vault_is_current(const struct auth_vault_keys *k, const char *text) {
        const char *body;

        return key_of(k, text, &body) == k->keys[0];
}
