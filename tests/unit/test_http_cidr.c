/* Networks. */
#include "tests/unit/net_test_cmocka.h"

#include <arpa/inet.h>

#include "lib/net/http_cidr.h"

static bool contains(const char *list, const char *address) {
        struct sockaddr_storage ss = {};
        struct http_cidr_list l;

        assert_int_equal(http_cidr_parse_list(list, &l), 0);
        if (strchr(address, ':')) {
                struct sockaddr_in6 *a = (struct sockaddr_in6 *) &ss;

                a->sin6_family = AF_INET6;
                assert_int_equal(inet_pton(AF_INET6, address, &a->sin6_addr), 1);
        } else {
                struct sockaddr_in *a = (struct sockaddr_in *) &ss;

                a->sin_family = AF_INET;
                assert_int_equal(inet_pton(AF_INET, address, &a->sin_addr), 1);
        }
        return http_cidr_contains(&l, (struct sockaddr *) &ss);
}

static void test_contains(void **state) {
        assert_true(contains("10.0.0.0/8", "10.255.1.2"));
        assert_false(contains("10.0.0.0/8", "11.0.0.0"));
        assert_true(contains("192.0.2.128/25", "192.0.2.129"));
        assert_false(contains("192.0.2.128/25", "192.0.2.127"));
        assert_true(contains("1.2.3.4", "1.2.3.4"));
        assert_false(contains("1.2.3.4", "1.2.3.5"));
        assert_true(contains("0.0.0.0/0", "8.8.8.8"));
        assert_false(contains("0.0.0.0/0", "::1"));
        assert_true(contains("fd00::/8, 10.0.0.0/8", "fd12::1"));
        assert_true(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert_false(contains("", "127.0.0.1"));
}

static void test_bad(void **state) {
        struct http_cidr_list l;
        char many[HTTP_CIDR_MAX * 8 + 16] = "";

        assert_int_equal(http_cidr_parse_list("10.0.0.0/33", &l), -EINVAL);
        assert_int_equal(http_cidr_parse_list("10.0.0.0/", &l), -EINVAL);
        assert_int_equal(http_cidr_parse_list("10.0.0/8", &l), -EINVAL);
        assert_int_equal(http_cidr_parse_list("fd00::/129", &l), -EINVAL);
        assert_int_equal(http_cidr_parse_list("example.org", &l), -EINVAL);
        for (size_t i = 0; i <= HTTP_CIDR_MAX; i++)
                strcat(many, "1.1.1.1 ");
        assert_int_equal(http_cidr_parse_list(many, &l), -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_contains),
                cmocka_unit_test(test_bad),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
