/* auth_token.c: signing and verifying. The signature is checked before any claim is read. */
#include "lib/auth/auth_token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/auth/auth_token_key.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define HEADER "{\"alg\":\"HS512\",\"typ\":\"JWT\"}"

static const unsigned B64 = BASE64_URL | BASE64_NO_PAD;

struct part {
        const char *text;
        size_t n;
};

static int hmac(const EVP_MD *md, const struct auth_token_key *key, const void *data, size_t n,
                unsigned char ret[EVP_MAX_MD_SIZE], size_t *ret_n) {
        unsigned len = 0;

        if (!HMAC(md, key->bytes, sizeof(key->bytes), data, n, ret, &len))
                return -ENOMEM;
        *ret_n = len;
        return 0;
}

/* --- signing ---------------------------------------------------------------------------------- */

static void write_task(struct json_write *w, const struct auth_token_claims *c) {
        assert(c->dag_id && c->run_id && c->task_id && c->try_id);
        json_write_kv_str(w, "sub", "task");
        json_write_kv_str(w, "user", c->user);
        json_write_kv_str(w, "dag", c->dag_id);
        json_write_kv_str(w, "run", c->run_id);
        json_write_kv_str(w, "task", c->task_id);
        json_write_kv_i64(w, "try", c->try_number);
        json_write_kv_str(w, "try_id", c->try_id);
}

static void write_session(struct json_write *w, const struct auth_token_claims *c) {
        json_write_kv_str(w, "sub", c->user);
        json_write_kv_str(w, "src", c->source == AUTH_TOKEN_UNIX ? "unix" : "store");
        if (c->id)
                json_write_kv_str(w, "jti", c->id);
}

static int claims_print(const struct auth_token_claims *c, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        if (c->is_task)
                write_task(&w, c);
        else
                write_session(&w, c);
        json_write_kv_str(&w, "role", auth_role_print(c->role));
        json_write_kv_u64(&w, "iat", c->issued_at / USEC_PER_SEC);
        json_write_kv_u64(&w, "iat_us", c->issued_at % USEC_PER_SEC);
        json_write_kv_u64(&w, "exp", c->expires_at / USEC_PER_SEC);
        json_write_end(&w);
        return json_write_finish(&w);
}

int auth_token_sign(const struct auth_token_key *key, const struct auth_token_claims *claims,
                    struct buf *out) {
        _cleanup_buf_ struct buf text = {};
        unsigned char mac[EVP_MAX_MD_SIZE];
        size_t start = out->len, n;
        int r;

        assert(key && claims->user);
        r = claims_print(claims, &text);
        if (r < 0)
                return r;
        (void) base64_encode(out, HEADER, STRLEN(HEADER), B64);
        (void) buf_add_char(out, '.');
        (void) base64_encode(out, text.data, text.len, B64);
        if (buf_error(out) < 0)
                return buf_error(out);
        r = hmac(EVP_sha512(), key, out->data + start, out->len - start, mac, &n);
        if (r < 0)
                return r;
        (void) buf_add_char(out, '.');
        return base64_encode(out, mac, n, B64);
}

/* --- verifying -------------------------------------------------------------------------------- */

/* Exactly three parts, none empty. */
static int split(const char *token, struct part parts[3]) {
        for (size_t i = 0; i < 3; i++) {
                size_t n = strcspn(token, ".");

                if (n == 0 || token[n] != (i < 2 ? '.' : '\0'))
                        return -EBADMSG;
                parts[i] = (struct part){token, n};
                token += n + 1;
        }
        return 0;
}

static int decode_json(struct part p, struct arena *a, const struct json **ret) {
        _cleanup_buf_ struct buf text = {};
        struct json *j = NULL;
        int r;

        r = base64_decode(&text, p.text, p.n, B64);
        if (r >= 0)
                r = json_parse_copy(a, buf_cstr(&text), text.len, &j, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !json_is(j, JSON_OBJECT))
                return -EBADMSG;
        *ret = j;
        return 0;
}

static const EVP_MD *algorithm_of(const struct json *header) {
        const char *alg = NULL;

        if (json_str(json_get(header, "alg"), &alg) != 0)
                return NULL;
        return str_eq(alg, "HS512") ? EVP_sha512() : str_eq(alg, "HS256") ? EVP_sha256() : NULL;
}

static int check_signature(const struct auth_token_key *key, const EVP_MD *md,
                           const struct part parts[3]) {
        _cleanup_buf_ struct buf given = {};
        unsigned char mac[EVP_MAX_MD_SIZE];
        size_t n = 0;
        int r;

        r = base64_decode(&given, parts[2].text, parts[2].n, B64);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        r = hmac(md, key, parts[0].text, parts[0].n + 1 + parts[1].n, mac, &n);
        if (r < 0)
                return r;
        return given.len == n && CRYPTO_memcmp(given.data, mac, n) == 0 ? 0 : -EBADMSG;
}

static bool read_task(const struct json *j, struct auth_token_claims *c) {
        int64_t number;

        if (json_str(json_get(j, "user"), &c->user) != 0 ||
            json_str(json_get(j, "dag"), &c->dag_id) != 0 ||
            json_str(json_get(j, "run"), &c->run_id) != 0 ||
            json_str(json_get(j, "task"), &c->task_id) != 0 ||
            json_str(json_get(j, "try_id"), &c->try_id) != 0 ||
            json_i64(json_get(j, "try"), &number) != 0 || number < 0 || number > INT32_MAX)
                return false;
        c->try_number = (int) number;
        return true;
}

static bool read_session(const struct json *j, struct auth_token_claims *c) {
        const char *source = NULL;

        if (json_str(json_get(j, "src"), &source) != 0 ||
            (!str_eq(source, "unix") && !str_eq(source, "store")))
                return false;
        c->source = str_eq(source, "unix") ? AUTH_TOKEN_UNIX : AUTH_TOKEN_STORE;
        (void) json_str(json_get(j, "jti"), &c->id);
        return true;
}

static bool read_claims(const struct json *j, struct auth_token_claims *c) {
        uint64_t issued, issued_us = 0, expires;
        const char *role;

        if (json_str(json_get(j, "sub"), &c->user) != 0 ||
            json_str(json_get(j, "role"), &role) != 0 || auth_role_parse(role, &c->role) < 0 ||
            json_u64(json_get(j, "iat"), &issued) != 0 ||
            json_u64(json_get(j, "exp"), &expires) != 0 || issued > UINT32_MAX * 100ull ||
            expires > UINT32_MAX * 100ull)
                return false;
        (void) json_u64(json_get(j, "iat_us"), &issued_us);
        c->issued_at = issued * USEC_PER_SEC + issued_us % USEC_PER_SEC;
        c->expires_at = expires * USEC_PER_SEC;
        c->is_task = str_eq(c->user, "task") && json_get(j, "try_id");
        return c->is_task ? read_task(j, c) : read_session(j, c);
}

int auth_token_verify(const struct auth_token_key *key, const char *token, usec_t now_at,
                      struct arena *a, struct auth_token_claims *ret_claims) {
        struct auth_token_claims claims = {};
        const struct json *header, *payload;
        struct part parts[3];
        const EVP_MD *md;
        int r;

        assert(key && token && a);
        if (strnlen(token, AUTH_TOKEN_MAX + 1) > AUTH_TOKEN_MAX || split(token, parts) < 0)
                return -EBADMSG;
        r = decode_json(parts[0], a, &header);
        if (r < 0)
                return r;
        md = algorithm_of(header);
        if (!md)
                return -EBADMSG;
        r = check_signature(key, md, parts);
        if (r < 0)
                return r;
        r = decode_json(parts[1], a, &payload);
        if (r < 0)
                return r;
        if (!read_claims(payload, &claims))
                return -EBADMSG;
        if (now_at >= claims.expires_at)
                return -EKEYEXPIRED;
        *ret_claims = claims;
        return 0;
}
