#include "tests/unit/base_test.h"

#include "daemons/launcher/launcher_carry.h"

static int parse(struct arena *a, const char *text, struct launcher_carry *ret, struct errmsg *em) {
        struct json *j;

        assert_int_equal(json_parse_copy(a, text, strlen(text), &j, NULL), 0);
        return launcher_carry_parse(a, j, ret, em);
}

static void everything(void **state) {
        struct launcher_carry c;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(
                parse(&a,
                      "{\"binds\":[{\"name\":\"v\",\"source\":\"/srv/v\",\"path\":\"/mnt/v\","
                      "\"read_only\":true}],\"secrets\":[{\"name\":\"s\",\"source\":\"/etc/s\"},"
                      "{\"name\":\"t\",\"source\":\"/etc/t\",\"path\":\"/mnt/"
                      "t\",\"encrypted\":true}],"
                      "\"devices\":[\"/dev/nvidia0\"],\"runtime_max_s\":2.5}",
                      &c, NULL),
                0);
        assert_int_equal(c.n_binds, 1);
        assert_string_equal(c.binds[0].source, "/srv/v");
        assert_string_equal(c.binds[0].path, "/mnt/v");
        assert_true(c.binds[0].read_only);
        assert_int_equal(c.n_secrets, 2);
        assert_null(c.secrets[0].path);
        assert_false(c.secrets[0].encrypted);
        assert_string_equal(c.secrets[1].path, "/mnt/t");
        assert_true(c.secrets[1].encrypted);
        assert_string_equal(c.devices[0], "/dev/nvidia0");
        assert_int_equal(c.runtime_max_for, 2500000);
        assert_int_equal(parse(&a, "{}", &c, NULL), 0);
        assert_int_equal(c.n_binds + c.n_secrets + c.n_devices + c.runtime_max_for, 0);
        arena_done(&a);
}

static void nothing_else_gets_through(void **state) {
        static const struct {
                const char *text, *says;
        } rows[] = {
                {"{\"binds\":{}}", "binds"},
                {"{\"binds\":[1]}", "objects"},
                {"{\"binds\":[{\"name\":\"v\",\"source\":\"/a\"}]}", "path"},
                {"{\"binds\":[{\"name\":\"v\",\"source\":\"a\",\"path\":\"/b\"}]}", "absolute"},
                {"{\"binds\":[{\"name\":\"v\",\"source\":\"/a/../b\",\"path\":\"/b\"}]}", "source"},
                {"{\"binds\":[{\"name\":\"v\",\"source\":\"/a\",\"path\":\"/b/\"}]}", "path"},
                {"{\"binds\":[{\"name\":\"v/\",\"source\":\"/a\",\"path\":\"/b\"}]}", "name"},
                {"{\"binds\":[{\"name\":\"v\",\"source\":\"/a\\nx\",\"path\":\"/b\"}]}", "source"},
                {"{\"binds\":[{\"name\":\"v\",\"source\":\"/a\",\"path\":\"/b\",\"x\":1}]}", "x"},
                {"{\"secrets\":[{\"name\":\"../s\",\"source\":\"/a\"}]}", "name"},
                {"{\"secrets\":[{\"name\":\"s\",\"source\":\"/a\"},{\"name\":\"s\",\"source\":\"/"
                 "b\"}]}",
                 "twice"},
                {"{\"secrets\":[{\"name\":\"s\",\"source\":\"/a\",\"path\":\"b\"}]}", "path"},
                {"{\"devices\":[\"/etc/passwd\"]}", "/dev"},
                {"{\"devices\":[\"/dev/../etc\"]}", "/dev"},
                {"{\"devices\":[1]}", "devices"},
                {"{\"runtime_max_s\":-1}", "runtime_max_s"},
                {"{\"runtime_max_s\":1e10}", "runtime_max_s"},
                {"{\"devices\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"
                 "}",
                 "more than"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct launcher_carry c;
                struct errmsg em = {};
                struct arena a;

                arena_init(&a, 0);
                if (parse(&a, rows[i].text, &c, &em) != -EINVAL)
                        fail_msg("%s gets through", rows[i].text);
                assert_says(em, rows[i].says);
                arena_done(&a);
        }
}

static void targets(void **state) {
        static const char *const good[] = {"/mnt/v",    "/app",       "/secret/x",       "/srv",
                                           "/etcetera", "/data/anna", "/var/lib/onebox2"};
        static const char *const bad[] = {"/",
                                          "/etc",
                                          "/etc/ssl",
                                          "/usr/bin",
                                          "/proc",
                                          "/dev/shm",
                                          "/run/onebox",
                                          "/run",
                                          "/var/lib",
                                          "/var",
                                          "/var/lib/onebox/tasks",
                                          "mnt",
                                          "/lib/x",
                                          "/var/lib/onebox"};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!launcher_carry_is_target(good[i], "/var/lib/onebox", "/run/onebox"))
                        fail_msg("%s is refused", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (launcher_carry_is_target(bad[i], "/var/lib/onebox", "/run/onebox"))
                        fail_msg("%s is allowed", bad[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(everything),
                                           cmocka_unit_test(nothing_else_gets_through),
                                           cmocka_unit_test(targets)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
