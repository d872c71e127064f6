/* fuzz_auth_header: any bytes as an Authorization header, a cookie, a forwarder's headers: nobody
 * who does not hold a key gets in. */
#include <stdlib.h>
#include <string.h>

#include "lib/auth/auth_check.h"
#include "lib/auth/auth_token.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct clock_fake fake_clock;
static struct entropy_fake fake_entropy;

static void try_request(struct auth_check *c, const struct auth_check_request *req,
                        bool may_enter) {
        struct auth_check_refusal refusal = {};
        struct auth_identity who = {};
        struct arena a;
        int r;

        arena_init(&a, 1 << 20);
        r = auth_check_run(c, req, &a, &who, &refusal);
        if (r == 0 && (!may_enter || !who.name))
                abort();
        if (r == AUTH_CHECK_REFUSED && (refusal.status != 401 || !refusal.message))
                abort();
        if (r != 0 && r != AUTH_CHECK_REFUSED)
                abort();
        arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const unsigned char key_bytes[AUTH_TOKEN_KEY_BYTES] = {7, 7, 7};
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = NULL;
        _cleanup_(auth_check_freep) struct auth_check *c = NULL;
        _cleanup_free_ char *text = mem_strndup((const char *) data, size);
        struct auth_check_options o = {.clock = &fake_clock.clock,
                                       .entropy = &fake_entropy.entropy};

        clock_fake_init(&fake_clock, USEC_PER_DAY);
        entropy_fake_init(&fake_entropy, 1);
        if (!text || auth_token_key_new(key_bytes, &key) < 0)
                return 0;
        o.key = key;
        if (auth_check_new(&o, &c) < 0)
                return 0;
        try_request(c, &(struct auth_check_request){.authorization = text}, false);
        try_request(c, &(struct auth_check_request){.session_cookie = text}, false);
        try_request(c,
                    &(struct auth_check_request){.forwarded_user = text, .forwarded_role = "admin"},
                    false);
        try_request(c,
                    &(struct auth_check_request){.is_unix = true,
                                                 .forwarded_task = text,
                                                 .forwarded_user = "x",
                                                 .forwarded_role = text},
                    true);
        return 0;
}
