#include "tests/unit/base_test.h"

#include "daemons/launcher/launcher_ask.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define ASK(rest) "{\"try_id\":\"" ID "\"" rest "}"

static int setup(void **state) {
        static struct arena a;

        arena_init(&a, 0);
        *state = &a;
        return 0;
}

static int teardown(void **state) {
        arena_done(*state);
        return 0;
}

static int start(struct arena *a, const char *text, struct launcher_ask *ret, struct errmsg *em) {
        return launcher_ask_parse_start(a, arena_strdup(a, text), strlen(text), ret, em);
}

static void the_least(void **state) {
        struct launcher_ask ask;

        assert_int_equal(start(*state, ASK(""), &ask, NULL), 0);
        assert_string_equal(ask.try_id, ID);
        assert_null(ask.user);
        assert_int_equal(ask.grace_for, 10 * USEC_PER_SEC);
        assert_int_equal(ask.limits.memory_max_bytes, 0);
}

static void everything(void **state) {
        struct launcher_ask ask;

        assert_int_equal(start(*state,
                               ASK(",\"user\":\"anna\",\"grace_s\":0,\"limits\":{"
                                   "\"memory_max_bytes\":1048576,\"cpu_quota_percent\":150,"
                                   "\"cpu_weight\":1,\"io_weight\":10000,\"tasks_max\":4}"),
                               &ask, NULL),
                         0);
        assert_string_equal(ask.user, "anna");
        assert_int_equal(ask.grace_for, 0);
        assert_int_equal(ask.limits.memory_max_bytes, 1048576);
        assert_int_equal(ask.limits.cpu_quota_percent, 150);
        assert_int_equal(ask.limits.cpu_weight, 1);
        assert_int_equal(ask.limits.io_weight, 10000);
        assert_int_equal(ask.limits.tasks_max, 4);
}

static void nothing_else_gets_through(void **state) {
        static const struct {
                const char *text, *says;
        } rows[] = {
                {"", "line 1"},
                {"[]", "object"},
                {"{}", "try_id"},
                {"{\"try_id\":\"../../etc\"}", "UUID"},
                {"{\"try_id\":\"01890A5D-AC96-774B-BCCE-B302099A8057\"}", "UUID"},
                {"{\"try_id\":\"" ID "x\"}", "UUID"},
                {"{\"try_id\":7}", "try_id"},
                {ASK(",\"command\":\"id\""), "command"},
                {ASK(",\"user\":0"), "user"},
                {ASK(",\"grace_s\":-1"), "grace_s"},
                {ASK(",\"grace_s\":3601"), "grace_s"},
                {ASK(",\"grace_s\":\"1\""), "grace_s"},
                {ASK(",\"limits\":[]"), "limits"},
                {ASK(",\"limits\":{\"ExecStart\":\"x\"}"), "ExecStart"},
                {ASK(",\"limits\":{\"memory_max_bytes\":1}"), "memory_max_bytes"},
                {ASK(",\"limits\":{\"cpu_weight\":10001}"), "cpu_weight"},
                {ASK(",\"limits\":{\"tasks_max\":-1}"), "tasks_max"},
                {ASK(",\"limits\":{\"io_weight\":1.5}"), "io_weight"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct launcher_ask ask = {.user = "untouched"};
                struct errmsg em = {};

                assert_int_equal(start(*state, rows[i].text, &ask, &em), -EINVAL);
                assert_says(em, rows[i].says);
                assert_string_equal(ask.user, "untouched");
        }
}

static void a_stop_has_an_id_only(void **state) {
        char good[] = ASK(""), bad[] = ASK(",\"user\":\"x\"");
        struct launcher_ask ask;
        struct errmsg em;

        assert_int_equal(launcher_ask_parse_stop(*state, good, strlen(good), &ask, &em), 0);
        assert_string_equal(ask.try_id, ID);
        assert_int_equal(launcher_ask_parse_stop(*state, bad, strlen(bad), &ask, &em), -EINVAL);
        assert_says(em, "user");
}

static void users(void **state) {
        char *const list[] = {(char *) "anna", (char *) "root", (char *) "0", NULL};

        (void) state;
        assert_true(launcher_ask_user_allowed("onebox-tasks", "onebox-tasks", NULL));
        assert_true(launcher_ask_user_allowed("anna", "onebox-tasks", list));
        assert_false(launcher_ask_user_allowed("bert", "onebox-tasks", list));
        assert_false(launcher_ask_user_allowed("root", "onebox-tasks", list));
        assert_false(launcher_ask_user_allowed("root", "root", list));
        assert_false(launcher_ask_user_allowed("0", "onebox-tasks", list));
        assert_false(launcher_ask_user_allowed("", "", list));
        assert_false(launcher_ask_user_allowed(NULL, NULL, list));
}

#define ask_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ask_test(the_least),
                ask_test(everything),
                ask_test(nothing_else_gets_through),
                ask_test(a_stop_has_an_id_only),
                cmocka_unit_test(users),
        };

        return cmocka_run_group_tests_name("launcher_ask", tests, NULL, NULL);
}
