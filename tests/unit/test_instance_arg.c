/* Instances with their own flags. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/instance_arg.h"

static struct instance_arg parse(const char *text) {
        struct instance_arg a;
        struct errmsg em = {};

        if (instance_arg_parse(text, false, &a, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        return a;
}

static void test_fields(void **state) {
        struct instance_arg a = parse("p:r:i");

        assert_string_equal(a.name, "p:r:i");
        assert_int_equal(a.port, 0);
        a = parse("p:r:i?address=0.0.0.0&port=7000&private-ip&unknown=1");
        assert_string_equal(a.address, "0.0.0.0");
        assert_int_equal(a.port, 7000);
        assert_int_equal(a.private_ip, INSTANCE_ARG_TRUE);
        assert_int_equal(a.iam, INSTANCE_ARG_UNSET);
        a = parse("p:r:i?unix-socket-path=%2Ftmp%2Fs+x&auto-iam-authn=F&psc=T");
        assert_string_equal(a.unix_socket_path, "/tmp/s x");
        assert_int_equal(a.iam, INSTANCE_ARG_FALSE);
        assert_int_equal(a.psc, INSTANCE_ARG_TRUE);
        assert_int_equal(parse("p:r:i?auto-iam-authn=").iam, INSTANCE_ARG_TRUE);
        assert_int_equal(parse("p:r:i?").port, 0);
        assert_int_equal(parse("p:r:i?&&port=1&").port, 1);
}

static void test_mistakes(void **state) {
        static const char *const bad[][2] = {
                {"p:r:i?port=x", "not a valid integer"},
                {"p:r:i?port=65536", "not a valid integer"},
                {"p:r:i?address=x", "not a valid IP address"},
                {"p:r:i?port=1&port=2", "only one value"},
                {"p:r:i?port=1&unix-socket=/x", "both port and unix-socket"},
                {"p:r:i?address=1.2.3.4&unix-socket-path=/x", "both address and unix-socket-path"},
                {"p:r:i?private-ip=1", "true or false"},
                {"p:r:i?private-ip&psc", "both private-ip and psc"},
                {"p:r:i?a=%zz", "could not parse query"},
                {"p:r:i?a;b", "could not parse query"},
                {"p:r:i?sql-data=true", "not supported"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct instance_arg a;
                struct errmsg em = {};

                if (instance_arg_parse(bad[i][0], false, &a, &em) != -EINVAL)
                        fail_msg("%s passes", bad[i][0]);
                assert_says(em, bad[i][1]);
        }
}

static void test_auto_ip(void **state) {
        struct instance_arg a;
        struct errmsg em = {};

        assert_int_equal(instance_arg_parse("p:r:i?private-ip", true, &a, &em), -EINVAL);
        assert_says(em, "--auto-ip");
        assert_int_equal(instance_arg_parse("p:r:i?private-ip=f", true, &a, &em), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_auto_ip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
