/* fuzz_auth_token: any bytes as a token, and as the payload of a rightly signed one: what is
 * accepted is signed again and reads the same. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auth/auth_token.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key_bytes[AUTH_TOKEN_KEY_BYTES] = {1, 2, 3};

static void check_round_trip(const struct auth_token_key *key, const struct auth_token_claims *c,
                             struct arena *a) {
        _cleanup_buf_ struct buf text = {};
        struct auth_token_claims again;
        int r;

        if (auth_token_sign(key, c, &text) < 0)
                abort();
        r = auth_token_verify(key, buf_cstr(&text), 0, a, &again);
        if (text.len > AUTH_TOKEN_MAX) {
                if (r == 0)
                        abort();
                return;
        }
        if (r < 0 || !str_eq(c->user, again.user) || c->role != again.role ||
            c->issued_at != again.issued_at || c->expires_at != again.expires_at ||
            c->is_task != again.is_task || !str_eq(c->try_id, again.try_id) ||
            c->try_number != again.try_number || !str_eq(c->id, again.id))
                abort();
}

static void try_token(const struct auth_token_key *key, const char *token) {
        struct auth_token_claims claims;
        struct arena a;

        arena_init(&a, 1 << 20);
        if (auth_token_verify(key, token, 0, &a, &claims) == 0)
                check_round_trip(key, &claims, &a);
        arena_done(&a);
}

static void try_payload(const struct auth_token_key *key, const uint8_t *data, size_t size) {
        static const char header[] = "{\"alg\":\"HS256\"}";
        const unsigned flags = BASE64_URL | BASE64_NO_PAD;
        _cleanup_buf_ struct buf token = {};
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        (void) base64_encode(&token, header, strlen(header), flags);
        (void) buf_add_char(&token, '.');
        (void) base64_encode(&token, data, size, flags);
        if (!HMAC(EVP_sha256(), key_bytes, sizeof(key_bytes), (unsigned char *) token.data,
                  token.len, mac, &n))
                abort();
        (void) buf_add_char(&token, '.');
        if (base64_encode(&token, mac, n, flags) < 0)
                abort();
        try_token(key, buf_cstr(&token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = NULL;
        _cleanup_free_ char *text = mem_strndup((const char *) data, size);

        if (!text || auth_token_key_new(key_bytes, &key) < 0)
                return 0;
        try_token(key, text);
        try_payload(key, data, size);
        return 0;
}
