/* Addresses as texts: both families, and what is none. */
#include "tests/unit/net_test_cmocka.h"

#include <arpa/inet.h>
#include <errno.h>

#include "lib/net/sock_addr.h"

static void test_both_families(void **state) {
        static const struct {
                const char *text, *host;
                int family;
                uint16_t port;
        } rows[] = {
                {"127.0.0.1:80", "127.0.0.1", AF_INET, 80},
                {"localhost:65535", "127.0.0.1", AF_INET, 65535},
                {"0.0.0.0:0", "0.0.0.0", AF_INET, 0},
                {"[::1]:5000", "::1", AF_INET6, 5000},
                {"[2001:db8:1111:2222:3333:4444:5555:6666]:1",
                 "2001:db8:1111:2222:3333:4444:5555:6666", AF_INET6, 1},
                {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:1",
                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6, 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool is_six = rows[i].family == AF_INET6;
                char host[INET6_ADDRSTRLEN];
                union sock_addr a;
                socklen_t size = 0;

                assert_int_equal(sock_addr_parse_tcp(rows[i].text, &a, &size), 0);
                assert_int_equal(a.sa.sa_family, rows[i].family);
                assert_int_equal(size, is_six ? sizeof a.in6 : sizeof a.in);
                assert_int_equal(ntohs(is_six ? a.in6.sin6_port : a.in.sin_port), rows[i].port);
                assert_non_null(
                        inet_ntop(rows[i].family,
                                  is_six ? (void *) &a.in6.sin6_addr : (void *) &a.in.sin_addr,
                                  host, sizeof host));
                assert_string_equal(host, rows[i].host);
        }
}

static void test_what_is_none(void **state) {
        static const char *const rows[] = {
                "",
                ":80",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:65536",
                "127.0.0.1:x",
                "127.0.0:1",
                "name.example:1",
                "::1:80",
                "[::1:80",
                "[]:80",
                "[::1]x:80",
                "[localhost]:80",
                "127.0.0.1 :1",
                "[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]:1",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                union sock_addr a;
                socklen_t size;

                if (sock_addr_parse_tcp(rows[i], &a, &size) != -EINVAL)
                        fail_msg("\"%s\" is taken for an address", rows[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_families),
                cmocka_unit_test(test_what_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
