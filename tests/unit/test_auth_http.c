/* The glue to lib/net's before hook; the request's accessors are played by this file. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>

#include "lib/auth/auth_http.h"
#include "lib/auth/auth_unix.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_listen.h"
#include "lib/net/http_request.h"

static struct {
        const char *authorization, *user, *role, *mode;
        struct http_listen_options policy;
        int status;
        char challenge[128], message[512];
} played;

const char *http_request_header(const struct http_request *req, const char *name) {
        return str_eq(name, "Authorization")    ? played.authorization
               : str_eq(name, "X-Onebox-User")  ? played.user
               : str_eq(name, "X-Onebox-Role")  ? played.role
               : str_eq(name, "Sec-Fetch-Mode") ? played.mode
                                                : NULL;
}

const char *http_request_cookie(const struct http_request *req, const char *name) {
        return NULL;
}

int http_request_set_header(struct http_request *req, const char *name, const char *value) {
        if (str_eq(name, "WWW-Authenticate"))
                return str_copy(played.challenge, sizeof(played.challenge), value);
        return 0;
}

int http_request_reply_error(struct http_request *req, int status, const char *fmt, ...) {
        va_list ap;

        played.status = status;
        va_start(ap, fmt);
        (void) vsnprintf(played.message, sizeof(played.message), fmt, ap);
        va_end(ap);
        return 0;
}

const struct http_listen_options *http_listen_policy(const struct http_listen *l) {
        return &played.policy;
}

static int by_uid(uid_t uid, struct auth_unix_user *ret_user) {
        *ret_user = (struct auth_unix_user){.uid = uid, .name = "ann", .role = AUTH_USER};
        return 0;
}

static int check(const struct http_peer *peer, enum auth_role needed, bool is_off,
                 enum auth_role *ret_role) {
        static struct clock_fake clock;
        static struct entropy_fake entropy;
        struct auth_check_options o = {.clock = &clock.clock,
                                       .entropy = &entropy.entropy,
                                       .is_off = is_off,
                                       .unix_by_uid = by_uid};
        _cleanup_(auth_check_freep) struct auth_check *c = NULL;
        struct http_route route = {.min_role = (int) needed};
        struct http_request req = {.route = &route, .peer = peer};
        struct arena a;
        int r;

        clock_fake_init(&clock, 1800000000 * USEC_PER_SEC);
        entropy_fake_init(&entropy, 1);
        assert_int_equal(auth_check_new(&o, &c), 0);
        arena_init(&a, 0);
        req.arena = &a;
        played.status = 0;
        played.challenge[0] = '\0';
        r = auth_http_check(c, &req);
        *ret_role = req.identity ? req.identity->role : AUTH_NONE;
        arena_done(&a);
        return r;
}

static const struct http_peer unix_peer = {.kind = HTTP_PEER_UNIX, .uid = 5001};
static const struct http_peer loopback = {
        .kind = HTTP_PEER_TCP, .uid = (uid_t) -1, .address = "127.0.0.1"};
static const struct http_peer remote = {
        .kind = HTTP_PEER_TCP, .uid = (uid_t) -1, .address = "10.0.0.1"};

static int reset(void **state) {
        memset(&played, 0, sizeof(played));
        played.policy.trust_peer = true;
        return 0;
}

static void test_a_peer_with_its_role(void **state) {
        enum auth_role role;

        assert_int_equal(check(&unix_peer, AUTH_USER, false, &role), 0);
        assert_int_equal(role, AUTH_USER);
        assert_int_equal(check(&unix_peer, AUTH_OP, false, &role), HTTP_LATER);
        assert_int_equal(played.status, 403);
        assert_non_null(strstr(played.message, "ann has the role user, this needs op"));
        played.policy.trust_peer = false;
        assert_int_equal(check(&unix_peer, AUTH_VIEWER, false, &role), HTTP_LATER);
        assert_int_equal(played.status, 401);
}

static void test_nobody(void **state) {
        enum auth_role role;

        assert_int_equal(check(&loopback, AUTH_VIEWER, false, &role), HTTP_LATER);
        assert_int_equal(played.status, 401);
        assert_true(str_starts(played.challenge, "Basic "));
        played.mode = "cors";
        assert_int_equal(check(&loopback, AUTH_VIEWER, false, &role), HTTP_LATER);
        assert_true(str_starts(played.challenge, "Session "));
        assert_int_equal(check(&loopback, AUTH_NONE, false, &role), 0); /* for everybody */
        played.authorization = "Bearer nonsense";
        assert_int_equal(check(&loopback, AUTH_NONE, false, &role), 0);
}

static void test_authentication_off(void **state) {
        enum auth_role role;

        assert_int_equal(check(&loopback, AUTH_ADMIN, true, &role), 0);
        assert_int_equal(role, AUTH_ADMIN);
        assert_int_equal(check(&remote, AUTH_VIEWER, true, &role), HTTP_LATER);
        assert_int_equal(played.status, 401);
}

static void test_headers_of_a_forwarder_do_not_count_over_tcp(void **state) {
        enum auth_role role;

        played.user = "root";
        played.role = "admin";
        assert_int_equal(check(&loopback, AUTH_VIEWER, false, &role), HTTP_LATER);
        assert_int_equal(check(&unix_peer, AUTH_VIEWER, false, &role), 0);
        assert_int_equal(role, AUTH_USER); /* ann's own */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_a_peer_with_its_role, reset),
                cmocka_unit_test_setup(test_nobody, reset),
                cmocka_unit_test_setup(test_authentication_off, reset),
                cmocka_unit_test_setup(test_headers_of_a_forwarder_do_not_count_over_tcp, reset),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
