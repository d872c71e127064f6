/* bench_auth: what it costs to know who makes a request, by kind of credential. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/auth/auth_check.h"
#include "lib/auth/auth_store.h"
#include "lib/auth/auth_token.h"
#include "lib/auth/auth_unix.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"

static _Noreturn void die(const char *what, const char *why) {
        (void) fprintf(stderr, "bench_auth: %s: %s\n", what, why);
        exit(1);
}

static int somebody(uid_t uid, struct auth_unix_user *ret_user) {
        *ret_user = (struct auth_unix_user){.uid = uid, .name = "bob"};
        return 0;
}

static double cpu_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

static void bench(struct auth_check *c, const char *name, const struct auth_check_request *req,
                  int n) {
        struct auth_check_refusal refusal;
        struct auth_identity who;
        struct arena a;
        double from = 0;

        arena_init(&a, 0);
        for (int i = -1; i < n; i++) { /* the first one fills the caches */
                if (i == 0)
                        from = cpu_usec();
                if (auth_check_run(c, req, &a, &who, &refusal) != 0)
                        die(name, "refused");
                arena_reset(&a);
        }
        printf("%-28s cpu_us=%.2f\n", name, (cpu_usec() - from) / n);
        arena_done(&a);
}

int main(void) {
        char dir[] = "/tmp/onebox-bench-XXXXXX", path[64];
        struct auth_check_options o = {
                .clock = clock_system(), .entropy = entropy_system(), .unix_by_uid = somebody};
        struct auth_token_claims task = {.is_task = true,
                                         .user = "bob",
                                         .role = AUTH_USER,
                                         .expires_at = USEC_PER_DAY * 100000,
                                         .dag_id = "iris",
                                         .run_id = "scheduled__2026-11-22T00:00:00+00:00",
                                         .task_id = "train",
                                         .try_id = "01890a5d-ac96-774b-bcce-b302",
                                         .try_number = 1};
        struct buf basic = {}, bearer = {}, personal = {};
        char token[AUTH_STORE_TOKEN_SIZE];
        struct auth_token_key *key = NULL;
        struct auth_store *store = NULL;
        struct auth_check *c = NULL;
        struct errmsg em = {};

        if (!mkdtemp(dir))
                die(dir, "cannot make it");
        (void) snprintf(path, sizeof(path), "%s/auth.db", dir);
        if (auth_store_open(path, AUTH_STORE_CREATE, o.clock, o.entropy, &em, &store) < 0 ||
            auth_store_user_insert(store, "bob", "correct horse", AUTH_USER, &em) != 0 ||
            auth_store_token_insert(store, "bob", "bench", AUTH_USER, 0, token) != 0 ||
            auth_token_key_new((const unsigned char *) (char[AUTH_TOKEN_KEY_BYTES]){"key"}, &key) <
                    0)
                die(path, em.text);
        o.store = store;
        o.key = key;
        (void) buf_add_str(&basic, "Basic ");
        (void) base64_encode(&basic, "bob:correct horse", 17, 0);
        (void) buf_add_str(&bearer, "Bearer ");
        (void) auth_token_sign(key, &task, &bearer);
        (void) buf_printf(&personal, "Bearer %s", token);
        if (auth_check_new(&o, &c) < 0)
                die("auth_check", "out of memory");
        bench(c, "peer (own uid)", &(struct auth_check_request){.is_unix = true, .uid = geteuid()},
              100000);
        bench(c, "peer (a user)", &(struct auth_check_request){.is_unix = true, .uid = 5000},
              50000);
        bench(c, "task token", &(struct auth_check_request){.authorization = bearer.data}, 50000);
        bench(c, "password, known from lately",
              &(struct auth_check_request){.authorization = basic.data}, 50000);
        bench(c, "personal token", &(struct auth_check_request){.authorization = personal.data},
              50000);
        auth_check_free(c);
        auth_token_key_free(key);
        auth_store_free(store);
        buf_done(&basic);
        buf_done(&bearer);
        buf_done(&personal);
        (void) fileio_rm_rf(dir);
        return 0;
}
