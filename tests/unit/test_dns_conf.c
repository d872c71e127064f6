/* resolv.conf and hosts. */
#include "tests/unit/base_test.h"

#include "lib/base/str.h"
#include "lib/net/dns_conf.h"

static void test_resolv_conf(void **state) {
        struct dns_conf c;

        dns_conf_parse("", &c);
        assert_int_equal(c.n_servers, 1);
        assert_string_equal(c.servers[0].address, "127.0.0.1");
        assert_int_equal(c.servers[0].port, 53);
        dns_conf_parse(
                "# x\nnameserver 10.0.0.1 # y\n;z\n  nameserver\t::1\nnameserver bad\n"
                "nameserver 127.0.0.1:5353\nnameserver 9.9.9.9\noptions timeout:2 attempts:9 x\n"
                "search example.com",
                &c);
        assert_int_equal(c.n_servers, 3);
        assert_string_equal(c.servers[1].address, "::1");
        assert_int_equal(c.servers[2].port, 5353);
        assert_int_equal(c.timeout_for, 2 * USEC_PER_SEC);
        assert_int_equal(c.n_attempts, 5);
}

static void test_hosts(void **state) {
        static const char text[] =
                "127.0.0.1 localhost\n# 1.1.1.1 db\nbad db\n10.0.0.1 x DB.Example\n"
                "::2 db.example # db2\n";
        char **list = NULL;

        assert_int_equal(dns_conf_find_host(text, "db.example.", &list), 0);
        assert_int_equal(str_count(list), 2);
        assert_string_equal(list[0], "10.0.0.1");
        assert_string_equal(list[1], "::2");
        str_free_list(list);
        list = NULL;
        assert_int_equal(dns_conf_find_host(text, "db2", &list), 0);
        assert_null(list);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_resolv_conf),
                cmocka_unit_test(test_hosts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
