/* Calls to the Admin API, against a server in this process: path, headers, body, tries. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/base/errmsg.h"

#include "lib/gcp/sqladmin.h"
#include "lib/net/http_server.h"
#include "lib/net/loop.h"

static struct loop *loop;
static struct sqladmin_answer got;
static char got_why[512], got_engine[64], got_cert[64];
static bool is_over;

static struct {
        char target[512], body[4096], agent[200], project[100], authorization[100];
        int status;
        unsigned n_calls, n_failing;
} seen;

static int answer(struct http_request *req) {
        snprintf(seen.target, sizeof seen.target, "%s", req->target);
        snprintf(seen.body, sizeof seen.body, "%s", req->body);
        snprintf(seen.agent, sizeof seen.agent, "%s", http_request_header(req, "User-Agent") ?: "");
        snprintf(seen.project, sizeof seen.project, "%s",
                 http_request_header(req, "X-Goog-User-Project") ?: "");
        snprintf(seen.authorization, sizeof seen.authorization, "%s",
                 http_request_header(req, "Authorization") ?: "");
        seen.n_calls++;
        if (seen.n_failing > 0) {
                seen.n_failing--;
                return http_request_reply(req, seen.status, "application/json",
                                          "{\"error\":{\"message\":\"no\"}}", 26);
        }
        if (strstr(req->target, "generateEphemeralCert"))
                return http_request_reply(req, 200, "application/json",
                                          "{\"ephemeralCert\":{\"cert\":\"PEM\"}}", 32);
        return http_request_reply(req, 200, "application/json",
                                  "{\"databaseVersion\":\"MYSQL_8_0\"}", 31);
}

static const struct http_route routes[] = {
        HTTP_ROUTE(HTTP_ANY, "/{rest...}", answer, 0,
                   HTTP_INLINE | HTTP_KEEP_RAW | HTTP_ANY_ORIGIN),
};

static void on_done(void *ctx, const struct sqladmin_answer *a) {
        got = *a;
        snprintf(got_why, sizeof got_why, "%s", a->why);
        snprintf(got_engine, sizeof got_engine, "%s", a->settings ? a->settings->engine : "");
        snprintf(got_cert, sizeof got_cert, "%s", a->cert_pem ?: "");
        is_over = true;
}

static void run(void) {
        for (is_over = false; !is_over;)
                assert_true(loop_turn(loop, 30 * USEC_PER_SEC) >= 0);
}

struct world {
        struct http_server *server;
        struct sqladmin *api;
};

static int setup(void **state) {
        struct http_server_options o = {};
        struct http_listen_options lo = {.no_host_check = true};
        struct world *w = calloc(1, sizeof *w);
        struct http_listen *l;
        struct errmsg em = {};
        char endpoint[100];
        struct sqladmin_options so = {
                .endpoint = endpoint, .user_agent = "me/1", .quota_project = "quota"};

        assert_int_equal(loop_new(&loop), 0);
        o.loop = loop;
        assert_int_equal(http_listen_open("127.0.0.1:0", &lo, &l, &em), 0);
        assert_int_equal(http_server_new(&o, routes, ARRAY_SIZE(routes), &w->server, &em), 0);
        snprintf(endpoint, sizeof endpoint, "http://%s/base", http_listen_address(l));
        assert_int_equal(http_server_listen(w->server, l), 0);
        assert_int_equal(sqladmin_new(loop, &so, &w->api), 0);
        memset(&seen, 0, sizeof seen);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        struct world *w = *state;

        sqladmin_free(w->api);
        http_server_free(w->server);
        loop_free(loop);
        free(w);
        return 0;
}

static void test_settings_call(void **state) {
        struct world *w = *state;

        assert_int_equal(
                sqladmin_get_settings(w->api, "TOKEN", "example.com:p 9", "i", on_done, NULL, NULL),
                0);
        run();
        assert_int_equal(got.r, 0);
        assert_string_equal(got_engine, "MYSQL_8_0");
        assert_string_equal(seen.target, "/base/sql/v1beta4/projects/example.com:p%209/instances/i/"
                                         "connectSettings?alt=json&prettyPrint=false");
        assert_string_equal(seen.agent, "me/1");
        assert_string_equal(seen.project, "quota");
        assert_string_equal(seen.authorization, "Bearer TOKEN");
}

static void test_cert_call(void **state) {
        struct world *w = *state;

        assert_int_equal(
                sqladmin_make_cert(w->api, "T", "p", "i", "KEY\n", "LOGIN", on_done, NULL, NULL),
                0);
        run();
        assert_int_equal(got.r, 0);
        assert_string_equal(got_cert, "PEM");
        assert_string_equal(seen.target, "/base/sql/v1beta4/projects/p/instances/i:"
                                         "generateEphemeralCert?alt=json&prettyPrint=false");
        assert_string_equal(seen.body, "{\"access_token\":\"LOGIN\",\"public_key\":\"KEY\\n\"}");
        assert_int_equal(
                sqladmin_make_cert(w->api, "T", "p", "i", "KEY", NULL, on_done, NULL, NULL), 0);
        run();
        assert_string_equal(seen.body, "{\"public_key\":\"KEY\"}");
}

static void test_resolve_call(void **state) {
        struct world *w = *state;

        assert_int_equal(
                sqladmin_resolve(w->api, NULL, "r", "a.b.r.sql.goog.", on_done, NULL, NULL), 0);
        run();
        assert_string_equal(seen.target, "/base/sql/v1beta4/locations/r/dns/a.b.r.sql.goog.:"
                                         "resolveConnectSettings?alt=json&prettyPrint=false");
        assert_string_equal(seen.authorization, "");
}

/* 5xx is asked again; all else is the answer. */
static void test_tries(void **state) {
        struct world *w = *state;

        seen.status = 503;
        seen.n_failing = 1;
        assert_int_equal(sqladmin_get_settings(w->api, "T", "p", "i", on_done, NULL, NULL), 0);
        run();
        assert_int_equal(got.r, 0);
        assert_int_equal(seen.n_calls, 2);
        seen.status = 403;
        seen.n_failing = 1;
        assert_int_equal(sqladmin_get_settings(w->api, "T", "p", "i", on_done, NULL, NULL), 0);
        run();
        assert_int_equal(got.r, -EIO);
        assert_int_equal(got.status, 403);
        assert_string_equal(got_why, "googleapi: Error 403: no");
        assert_int_equal(seen.n_calls, 3);
}

static void test_cancel(void **state) {
        struct world *w = *state;
        struct sqladmin_call *c = NULL;

        assert_int_equal(sqladmin_get_settings(w->api, "T", "p", "i", on_done, NULL, &c), 0);
        sqladmin_call_cancel(c);
        sqladmin_call_cancel(NULL);
        /* One that is freed with its owner is no leak. */
        assert_int_equal(sqladmin_get_settings(w->api, "T", "p", "i", on_done, NULL, &c), 0);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                world_test(test_settings_call), world_test(test_cert_call),
                world_test(test_resolve_call),  world_test(test_tries),
                world_test(test_cancel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
