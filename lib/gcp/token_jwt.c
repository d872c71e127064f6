/* token_jwt.c: keys by OpenSSL's decoder, signatures by EVP. */
#include "lib/gcp/token_jwt.h"

#include <errno.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/json_write.h"

enum { SIGNATURE_MAX = 1024 }; /* bytes: RSA-8192 */

int token_jwt_key(const char *pem, struct errmsg *em, EVP_PKEY **ret) {
        const unsigned char *data = (const unsigned char *) pem;
        size_t size = strlen(pem);
        OSSL_DECODER_CTX *ctx;
        EVP_PKEY *key = NULL;
        int ok = 0;

        ctx = OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", NULL, "RSA", EVP_PKEY_KEYPAIR, NULL, NULL);
        if (ctx)
                ok = OSSL_DECODER_from_data(ctx, &data, &size);
        OSSL_DECODER_CTX_free(ctx);
        if (!ok || !key || EVP_PKEY_get_size(key) > SIGNATURE_MAX) {
                EVP_PKEY_free(key);
                return errmsg_fail(em, -EINVAL,
                                   "\"private_key\" is not an RSA private key in PEM: download the "
                                   "key file anew");
        }
        *ret = key;
        return 0;
}

void token_jwt_key_free(EVP_PKEY *key) {
        EVP_PKEY_free(key);
}

int token_jwt_sign(EVP_PKEY *key, const void *data, size_t size, struct buf *out,
                   struct errmsg *em) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        unsigned char signature[SIGNATURE_MAX];
        size_t n = sizeof signature;
        int ok;

        if (!ctx)
                return -ENOMEM;
        ok = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(ctx, signature, &n, data, size) == 1;
        EVP_MD_CTX_free(ctx);
        return ok ? buf_add(out, signature, n)
                  : errmsg_fail(em, -EINVAL, "cannot sign with \"private_key\": it is damaged");
}

static int add_claims(const struct token_jwt *j, struct buf *claims) {
        int64_t issued_s = (int64_t) (j->issued_at / USEC_PER_SEC);
        struct json_write w;

        json_write_init(&w, claims, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "iss", j->issuer);
        if (j->scope)
                json_write_kv_str(&w, "scope", j->scope);
        json_write_kv_str(&w, "aud", j->audience);
        json_write_kv_i64(&w, "iat", issued_s);
        json_write_kv_i64(&w, "exp", issued_s + (int64_t) (j->valid_for / USEC_PER_SEC));
        json_write_end(&w);
        return json_write_finish(&w);
}

static int add_header(const struct token_jwt *j, struct buf *header) {
        struct json_write w;

        json_write_init(&w, header, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "alg", "RS256");
        json_write_kv_str(&w, "typ", "JWT");
        if (j->key_id)
                json_write_kv_str(&w, "kid", j->key_id);
        json_write_end(&w);
        return json_write_finish(&w);
}

int token_jwt_print(EVP_PKEY *key, const struct token_jwt *j, struct buf *out, struct errmsg *em) {
        _cleanup_buf_ struct buf header = {}, claims = {}, signature = {};
        size_t from = out->len;
        int r = add_header(j, &header);

        if (r >= 0)
                r = add_claims(j, &claims);
        if (r < 0)
                return r;
        base64_encode(out, header.data, header.len, BASE64_URL | BASE64_NO_PAD);
        buf_add_char(out, '.');
        base64_encode(out, claims.data, claims.len, BASE64_URL | BASE64_NO_PAD);
        r = buf_error(out);
        if (r >= 0)
                r = token_jwt_sign(key, out->data + from, out->len - from, &signature, em);
        if (r < 0)
                return r;
        buf_add_char(out, '.');
        return base64_encode(out, signature.data, signature.len, BASE64_URL | BASE64_NO_PAD);
}
