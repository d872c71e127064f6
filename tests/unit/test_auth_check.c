/* Who makes a request: each kind of credential, their order, what is refused and how. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>

#include "lib/auth/auth_check.h"
#include "lib/auth/auth_store.h"
#include "lib/auth/auth_token.h"
#include "lib/auth/auth_unix.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

#define T0 (1800000000 * USEC_PER_SEC)

enum {
        WEB_UID = 4001,
        SCHEDULER_UID = 4002,
        ANN_UID = 5001,
        STRANGER_UID = 5002,
        UNKNOWN_UID = 5003
};

struct box {
        struct test_dir *dir;
        struct clock_fake clock;
        struct entropy_fake entropy;
        struct arena arena;
        struct auth_store *store;
        struct auth_token_key *key;
        struct auth_check *check;
        struct auth_identity who;
        struct auth_check_refusal refusal;
};

static int n_unix_lookups;

static const struct auth_unix_user unix_users[] = {
        {0, "root", AUTH_NONE},           {WEB_UID, "onebox-web", AUTH_NONE},
        {ANN_UID, "ann", AUTH_OP},        {SCHEDULER_UID, "onebox-scheduler", AUTH_NONE},
        {STRANGER_UID, "eve", AUTH_NONE},
};

static int fake_by_uid(uid_t uid, struct auth_unix_user *ret_user) {
        n_unix_lookups++;
        for (size_t i = 0; i < ARRAY_SIZE(unix_users); i++)
                if (unix_users[i].uid == uid) {
                        *ret_user = unix_users[i];
                        return 0;
                }
        return -ENOENT;
}

static int fake_by_name(const char *name, struct auth_unix_user *ret_user) {
        for (size_t i = 0; i < ARRAY_SIZE(unix_users); i++)
                if (str_eq(unix_users[i].name, name)) {
                        *ret_user = unix_users[i];
                        return 0;
                }
        return -ENOENT;
}

static struct auth_check *check_of(struct box *b, bool is_off) {
        static const uid_t services[] = {SCHEDULER_UID}, forwarders[] = {WEB_UID};
        struct auth_check_options o = {.store = b->store,
                                       .key = b->key,
                                       .clock = &b->clock.clock,
                                       .entropy = &b->entropy.entropy,
                                       .is_off = is_off,
                                       .service_uids = services,
                                       .n_service_uids = 1,
                                       .forwarder_uids = forwarders,
                                       .n_forwarder_uids = 1,
                                       .unix_by_uid = fake_by_uid,
                                       .unix_by_name = fake_by_name};
        struct auth_check *c = NULL;

        assert_int_equal(auth_check_new(&o, &c), 0);
        return c;
}

static int box_setup(void **state) {
        struct box *b = calloc(1, sizeof(*b));
        struct errmsg em = {};

        assert_non_null(b);
        test_dir_setup((void **) &b->dir);
        clock_fake_init(&b->clock, T0);
        entropy_fake_init(&b->entropy, 1);
        arena_init(&b->arena, 0);
        assert_ok(em, auth_store_open(b->dir->file, AUTH_STORE_CREATE, &b->clock.clock,
                                      &b->entropy.entropy, &em, &b->store));
        assert_ok(em, auth_store_user_insert(b->store, "bob", "correct horse", AUTH_USER, &em));
        assert_int_equal(auth_token_key_new((const unsigned char *) "0123456789abcdef0123456789abcd"
                                                                    "ef0123456789abcdef0123456789ab"
                                                                    "cdef",
                                            &b->key),
                         0);
        b->check = check_of(b, false);
        *state = b;
        return 0;
}

static int box_teardown(void **state) {
        struct box *b = *state;

        auth_check_free(b->check);
        auth_token_key_free(b->key);
        auth_store_free(b->store);
        arena_done(&b->arena);
        test_dir_teardown((void **) &b->dir);
        free(b);
        return 0;
}

#define BOXED(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

static int run(struct box *b, const struct auth_check_request *req) {
        memset(&b->who, 0, sizeof(b->who));
        memset(&b->refusal, 0, sizeof(b->refusal));
        return auth_check_run(b->check, req, &b->arena, &b->who, &b->refusal);
}

static const char *basic(struct box *b, const char *pair) {
        _cleanup_buf_ struct buf text = {};

        assert_int_equal(buf_add_str(&text, "Basic "), 0);
        assert_int_equal(base64_encode(&text, pair, strlen(pair), 0), 0);
        return arena_strdup(&b->arena, buf_cstr(&text));
}

static const char *bearer(struct box *b, const char *token) {
        return arena_printf(&b->arena, "Bearer %s", token);
}

static const char *task_token(struct box *b, const char *user) {
        struct auth_token_claims c = {.is_task = true,
                                      .user = user,
                                      .role = AUTH_USER,
                                      .issued_at = T0,
                                      .expires_at = T0 + USEC_PER_DAY,
                                      .dag_id = "d",
                                      .run_id = "r",
                                      .task_id = "t",
                                      .try_id = "try-1",
                                      .try_number = 2};
        _cleanup_buf_ struct buf text = {};

        assert_int_equal(auth_token_sign(b->key, &c, &text), 0);
        return arena_strdup(&b->arena, buf_cstr(&text));
}

static void assert_who(struct box *b, const char *name, enum auth_role role, enum auth_how how) {
        assert_string_equal(b->who.name, name);
        assert_int_equal(b->who.role, role);
        assert_int_equal(b->who.how, how);
}

static void assert_refused(struct box *b, const struct auth_check_request *req, int status) {
        assert_int_equal(run(b, req), AUTH_CHECK_REFUSED);
        assert_int_equal(b->refusal.status, status);
        assert_true(strlen(b->refusal.message) > 0);
        assert_null(b->who.name);
}

static void test_nothing_is_refused(void **state) {
        struct box *b = *state;

        assert_refused(b, &(struct auth_check_request){.is_loopback = true}, 401);
        assert_true(str_starts(b->refusal.challenge, "Basic "));
}

static void test_peers(void **state) {
        static const struct {
                uid_t uid;
                const char *name;
                enum auth_role role;
        } rows[] = {
                {0, "root", AUTH_ADMIN},
                {SCHEDULER_UID, "onebox-scheduler", AUTH_ADMIN},
                {WEB_UID, "onebox-web", AUTH_NONE},
                {ANN_UID, "ann", AUTH_OP},
                {STRANGER_UID, "eve", AUTH_NONE},
                {UNKNOWN_UID, "uid-5003", AUTH_NONE},
        };
        struct box *b = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(
                        run(b, &(struct auth_check_request){.is_unix = true, .uid = rows[i].uid}),
                        0);
                assert_who(b, rows[i].name, rows[i].role, AUTH_BY_PEER);
                assert_int_equal(b->who.uid, rows[i].uid);
        }
        assert_int_equal(run(b, &(struct auth_check_request){.is_unix = true, .uid = geteuid()}),
                         0);
        assert_int_equal(b->who.role, AUTH_ADMIN);
}

static void test_peer_lookups_are_remembered_for_a_while(void **state) {
        struct auth_check_request req = {.is_unix = true, .uid = ANN_UID};
        struct box *b = *state;

        n_unix_lookups = 0;
        for (int i = 0; i < 10; i++)
                assert_int_equal(run(b, &req), 0);
        assert_int_equal(n_unix_lookups, 1);
        clock_fake_advance(&b->clock, USEC_PER_MINUTE);
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(n_unix_lookups, 2);
}

static void test_a_peers_role_from_the_users_file(void **state) {
        struct auth_check_request req = {.is_unix = true, .uid = STRANGER_UID};
        struct box *b = *state;
        struct errmsg em = {};

        assert_ok(em, auth_store_user_insert(b->store, "eve", NULL, AUTH_VIEWER, &em));
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "eve", AUTH_VIEWER, AUTH_BY_PEER);
}

static void test_basic(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.authorization = basic(b, "bob:correct horse")};

        assert_int_equal(run(b, &req), 0);
        assert_who(b, "bob", AUTH_USER, AUTH_BY_PASSWORD);
        assert_int_equal(b->who.uid, (uid_t) -1);
        req.authorization = basic(b, "bob:wrong horse");
        assert_refused(b, &req, 401);
        req.authorization = basic(b, "none:correct horse");
        assert_refused(b, &req, 401);
        /* a given but wrong credential is never passed over */
        req = (struct auth_check_request){
                .is_unix = true, .uid = 0, .authorization = basic(b, "bob:wrong horse")};
        assert_refused(b, &req, 401);
}

static void test_malformed_headers(void **state) {
        static const char *const headers[] = {"",
                                              "Basic",
                                              "Basic ",
                                              "Basic !!!",
                                              "Bearer",
                                              "Bearer ",
                                              "Bearer x",
                                              "Digest a=b",
                                              "Basic Ym9i" /* no colon */,
                                              "bearer a.b.c"};
        struct box *b = *state;
        char *huge = arena_alloc(&b->arena, 10000);

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
                assert_refused(b, &(struct auth_check_request){.authorization = headers[i]}, 401);
        memset(huge, 'a', 9999);
        huge[9999] = '\0';
        assert_refused(b, &(struct auth_check_request){.authorization = huge}, 401);
}

static void test_headers_by_the_letter(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {};

        req.authorization = arena_printf(&b->arena, "  %s", basic(b, "bob:correct horse"));
        assert_int_equal(run(b, &req), 0);
        req.authorization =
                arena_printf(&b->arena, "bAsIc   %s", basic(b, "bob:correct horse") + 6);
        assert_int_equal(run(b, &req), 0);
        req.authorization = arena_printf(&b->arena, "Basix %s", basic(b, "bob:correct horse") + 6);
        assert_refused(b, &req, 401);
        assert_non_null(strstr(b->refusal.message, "must be"));
        req.authorization = "Bearex x";
        assert_refused(b, &req, 401);
        assert_non_null(strstr(b->refusal.message, "must be"));
        req.authorization = basic(b, "bob\xff:correct horse");
        assert_refused(b, &req, 401);
        assert_non_null(strstr(b->refusal.message, "base64"));
        req.authorization = "Basic Ym9iOmNvcnJlY3QgaG9yc2UAeA=="; /* bob:correct horse\0x */
        assert_refused(b, &req, 401);
        assert_non_null(strstr(b->refusal.message, "base64"));
}

static void test_without_users_and_key(void **state) {
        struct box *b = *state;
        struct auth_check_options o = {.clock = &b->clock.clock,
                                       .entropy = &b->entropy.entropy,
                                       .unix_by_uid = fake_by_uid,
                                       .unix_by_name = fake_by_name};
        struct auth_check_request req = {.authorization = basic(b, "bob:correct horse")};

        auth_check_free(b->check);
        assert_int_equal(auth_check_new(&o, &b->check), 0);
        assert_refused(b, &req, 401);
        req.authorization = bearer(b, task_token(b, "svc"));
        assert_refused(b, &req, 401);
        req.authorization = "Bearer onebox_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_refused(b, &req, 401);
        req = (struct auth_check_request){.is_unix = true,
                                          .uid = geteuid(),
                                          .forwarded_user = "bob",
                                          .forwarded_role = "op",
                                          .forwarded_task = task_token(b, "bob")};
        assert_refused(b, &req, 401);
        req = (struct auth_check_request){.is_unix = true, .uid = ANN_UID};
        assert_int_equal(run(b, &req), 0); /* the groups alone */
        assert_who(b, "ann", AUTH_OP, AUTH_BY_PEER);
}

static void test_verified_passwords_are_quick_until_changed(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.authorization = basic(b, "bob:correct horse")};
        struct errmsg em = {};

        /* many more than the throttle lets compute at once */
        for (int i = 0; i < 200; i++)
                assert_int_equal(run(b, &req), 0);
        assert_ok(em, auth_store_user_set_password(b->store, "bob", "another horse", &em));
        assert_refused(b, &req, 401);
        req.authorization = basic(b, "bob:another horse");
        assert_int_equal(run(b, &req), 0);
}

static void test_guessing_is_slowed_down(void **state) {
        struct box *b = *state;
        struct auth_check_request wrong = {.authorization = basic(b, "bob:wrong horse")};
        struct auth_check_request right = {.authorization = basic(b, "bob:correct horse")};

        for (int i = 0; i < 5; i++)
                assert_refused(b, &wrong, 401);
        assert_refused(b, &wrong, 429);
        assert_int_equal(b->refusal.retry_after_sec, 1);
        assert_null(b->refusal.challenge);
        assert_refused(b, &right, 429); /* not known yet: it has to wait too */
        clock_fake_advance(&b->clock, USEC_PER_SEC);
        assert_int_equal(run(b, &right), 0);
        for (int i = 0; i < 6; i++) {
                clock_fake_advance(&b->clock, USEC_PER_SEC);
                assert_int_equal(run(b, &wrong), AUTH_CHECK_REFUSED);
        }
        assert_int_equal(run(b, &right), 0); /* known from lately: nobody can lock bob out */
}

static void test_personal_tokens(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {};
        char token[AUTH_STORE_TOKEN_SIZE];

        assert_int_equal(auth_store_token_insert(b->store, "bob", "ci", AUTH_ADMIN, 0, token), 0);
        req.authorization = bearer(b, token);
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "bob", AUTH_USER, AUTH_BY_TOKEN); /* never more than the user */
        assert_int_equal(auth_store_user_set_role(b->store, "bob", AUTH_VIEWER), 0);
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(b->who.role, AUTH_VIEWER);
        req.authorization = basic(b, arena_printf(&b->arena, "bob:%s", token));
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "bob", AUTH_VIEWER, AUTH_BY_TOKEN);
        req.authorization = basic(b, arena_printf(&b->arena, "ann:%s", token));
        assert_refused(b, &req, 401);
        assert_int_equal(auth_store_user_delete(b->store, "bob"), 0);
        req.authorization = bearer(b, token);
        assert_refused(b, &req, 401);
        assert_true(str_starts(b->refusal.challenge, "Bearer "));
}

static void test_tasks(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_unix = true,
                                         .uid = STRANGER_UID,
                                         .authorization = bearer(b, task_token(b, "svc"))};

        assert_int_equal(run(b, &req), 0);
        assert_who(b, "svc", AUTH_USER, AUTH_BY_TASK);
        assert_string_equal(b->who.dag_id, "d");
        assert_string_equal(b->who.run_id, "r");
        assert_string_equal(b->who.task_id, "t");
        assert_string_equal(b->who.try_id, "try-1");
        assert_int_equal(b->who.try_number, 2);
        clock_fake_advance(&b->clock, USEC_PER_DAY);
        assert_refused(b, &req, 401);
        assert_non_null(strstr(b->refusal.message, "expired"));
}

static void test_login_and_session(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {};
        const char *token = NULL;
        struct errmsg em = {};

        assert_int_equal(
                auth_check_login(b->check, "bob", "wrong horse", &b->arena, &b->who, &b->refusal),
                AUTH_CHECK_REFUSED);
        assert_int_equal(
                auth_check_login(b->check, "bob", "correct horse", &b->arena, &b->who, &b->refusal),
                0);
        assert_int_equal(auth_check_session(b->check, &b->who, USEC_PER_HOUR, &b->arena, &token),
                         0);
        req.session_cookie = token;
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "bob", AUTH_USER, AUTH_BY_SESSION);
        req = (struct auth_check_request){.authorization = bearer(b, token)};
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(auth_store_user_set_role(b->store, "bob", AUTH_OP), 0);
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(b->who.role, AUTH_OP); /* what the user is now */
        clock_fake_advance(&b->clock, USEC_PER_SEC);
        assert_ok(em, auth_store_user_end_sessions(b->store, "bob"));
        assert_refused(b, &req, 401);
        clock_fake_advance(&b->clock, USEC_PER_SEC);
        assert_int_equal(
                auth_check_login(b->check, "bob", "correct horse", &b->arena, &b->who, &b->refusal),
                0);
        assert_int_equal(auth_check_session(b->check, &b->who, USEC_PER_HOUR, &b->arena, &token),
                         0);
        req.authorization = bearer(b, token);
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(auth_store_user_delete(b->store, "bob"), 0);
        assert_refused(b, &req, 401);
}

static void test_session_of_a_unix_user(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_unix = true, .uid = ANN_UID};
        const char *token = NULL;
        struct errmsg em = {};

        assert_int_equal(run(b, &req), 0);
        assert_int_equal(auth_check_session(b->check, &b->who, USEC_PER_HOUR, &b->arena, &token),
                         0);
        req = (struct auth_check_request){.session_cookie = token};
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "ann", AUTH_OP, AUTH_BY_SESSION);
        assert_ok(em, auth_store_user_insert(b->store, "ann", NULL, AUTH_VIEWER, &em));
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(b->who.role, AUTH_OP); /* the higher of the two */
        clock_fake_advance(&b->clock, USEC_PER_SEC);
        assert_int_equal(auth_store_user_end_sessions(b->store, "ann"), 0);
        assert_refused(b, &req, 401);
}

static void test_a_unix_session_expires(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_unix = true, .uid = ANN_UID};
        const char *token = NULL;

        assert_int_equal(run(b, &req), 0);
        assert_int_equal(auth_check_session(b->check, &b->who, USEC_PER_HOUR, &b->arena, &token),
                         0);
        req = (struct auth_check_request){.session_cookie = token};
        clock_fake_advance(&b->clock, USEC_PER_HOUR);
        assert_refused(b, &req, 401);
}

/* What another tunnel left in the browser hides nobody from the socket; over TCP it is wrong. */
static void test_a_strange_cookie_on_a_socket(void **state) {
        struct auth_check_request req = {.session_cookie = "eyJh.e30.x", .uid = ANN_UID};
        struct box *b = *state;

        assert_refused(b, &req, 401);
        req.is_unix = true;
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(b->who.how, AUTH_BY_PEER);
}

static void test_roots_session(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_unix = true, .uid = 0};
        const char *token = NULL;

        assert_int_equal(run(b, &req), 0);
        assert_int_equal(auth_check_session(b->check, &b->who, USEC_PER_HOUR, &b->arena, &token),
                         0);
        assert_int_equal(run(b, &(struct auth_check_request){.session_cookie = token}), 0);
        assert_who(b, "root", AUTH_ADMIN, AUTH_BY_SESSION);
}

static void test_no_session_for_tasks(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.authorization = bearer(b, task_token(b, "svc"))};
        const char *token = NULL;

        assert_int_equal(run(b, &req), 0);
        assert_int_equal(auth_check_session(b->check, &b->who, USEC_PER_HOUR, &b->arena, &token),
                         -EINVAL);
}

static void test_forwarded(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {
                .is_unix = true, .uid = WEB_UID, .forwarded_user = "bob", .forwarded_role = "op"};

        assert_int_equal(run(b, &req), 0);
        assert_who(b, "bob", AUTH_OP, AUTH_BY_FORWARDER);
        req.uid = geteuid();
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "bob", AUTH_OP, AUTH_BY_FORWARDER);
        req.forwarded_task = task_token(b, "bob");
        assert_int_equal(run(b, &req), 0);
        assert_string_equal(b->who.try_id, "try-1");
        req.forwarded_task = "x";
        assert_refused(b, &req, 401);
        req.forwarded_task = NULL;
        req.forwarded_role = "emperor";
        assert_refused(b, &req, 401);
        req.forwarded_role = NULL;
        assert_refused(b, &req, 401);
        req.forwarded_user = ""; /* nobody is logged in */
        req.forwarded_role = "none";
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "nobody", AUTH_NONE, AUTH_BY_FORWARDER);
        req.forwarded_role = "admin";
        assert_int_equal(run(b, &req), 0);
        assert_int_equal(b->who.role, AUTH_NONE);
}

static void test_what_is_passed_on_for_nobody_named(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_unix = true, .uid = geteuid(), .is_passed_on = true};

        assert_refused(b, &req, 401); /* and not our own uid's admin */
        req.uid = WEB_UID;
        assert_refused(b, &req, 401);
        req.forwarded_user = "nobody";
        req.forwarded_role = "none";
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "nobody", AUTH_NONE, AUTH_BY_FORWARDER);
        req = (struct auth_check_request){.is_unix = true, .uid = ANN_UID, .is_passed_on = true};
        assert_int_equal(run(b, &req), 0); /* a proxy of ann's own is ann */
        assert_who(b, "ann", AUTH_OP, AUTH_BY_PEER);
}

static void test_forwarding_is_for_forwarders(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_unix = true,
                                         .uid = STRANGER_UID,
                                         .forwarded_user = "root",
                                         .forwarded_role = "admin"};

        assert_int_equal(run(b, &req), 0);
        assert_who(b, "eve", AUTH_NONE, AUTH_BY_PEER);
        req.uid = SCHEDULER_UID; /* a service, but none that forwards */
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "onebox-scheduler", AUTH_ADMIN, AUTH_BY_PEER);
        req = (struct auth_check_request){.is_loopback = true,
                                          .uid = WEB_UID,
                                          .forwarded_user = "root",
                                          .forwarded_role = "admin"};
        assert_refused(b, &req, 401); /* over TCP there is no peer */
}

static void test_authentication_off(void **state) {
        struct box *b = *state;
        struct auth_check_request req = {.is_loopback = true};

        auth_check_free(b->check);
        b->check = check_of(b, true);
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "anonymous", AUTH_ADMIN, AUTH_BY_NOTHING);
        req.authorization = basic(b, "bob:wrong horse"); /* as `mlflow server` without auth */
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "anonymous", AUTH_ADMIN, AUTH_BY_NOTHING);
        req.authorization = bearer(b, task_token(b, "svc")); /* whose task it is still counts */
        assert_int_equal(run(b, &req), 0);
        assert_who(b, "svc", AUTH_USER, AUTH_BY_TASK);
        req = (struct auth_check_request){};
        assert_refused(b, &req, 401); /* from another machine */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                BOXED(test_nothing_is_refused),
                BOXED(test_peers),
                BOXED(test_peer_lookups_are_remembered_for_a_while),
                BOXED(test_a_peers_role_from_the_users_file),
                BOXED(test_basic),
                BOXED(test_malformed_headers),
                BOXED(test_headers_by_the_letter),
                BOXED(test_without_users_and_key),
                BOXED(test_verified_passwords_are_quick_until_changed),
                BOXED(test_guessing_is_slowed_down),
                BOXED(test_personal_tokens),
                BOXED(test_tasks),
                BOXED(test_login_and_session),
                BOXED(test_session_of_a_unix_user),
                BOXED(test_a_unix_session_expires),
                BOXED(test_a_strange_cookie_on_a_socket),
                BOXED(test_roots_session),
                BOXED(test_no_session_for_tasks),
                BOXED(test_forwarded),
                BOXED(test_what_is_passed_on_for_nobody_named),
                BOXED(test_forwarding_is_for_forwarders),
                BOXED(test_authentication_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
