/* Which addresses are the public internet's; the answers are those of Python's ipaddress. */
#include "tests/unit/net_test_cmocka.h"

#include <arpa/inet.h>

#include "lib/net/http_public.h"

static bool is_public(const char *text) {
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        struct sockaddr_in four = {.sin_family = AF_INET};

        if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
                return http_public_address((const struct sockaddr *) &four);
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        return http_public_address((const struct sockaddr *) &six);
}

static void test_public(void **state) {
        static const char *const yes[] = {
                "8.8.8.8",         "192.0.32.8",      "100.63.255.255",       "172.32.0.1",
                "223.255.255.255", "2600::1",         "2001:4860:4860::8888", "::ffff:8.8.8.8",
                "2002:808:808::1", "64:ff9b::808:808"};

        for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
                if (!is_public(yes[i]))
                        fail_msg("%s is public", yes[i]);
}

static void test_special(void **state) {
        static const char *const no[] = {"0.0.0.0",
                                         "10.1.2.3",
                                         "100.64.0.1",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "169.254.169.254",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.0.0.1",
                                         "192.0.2.1",
                                         "192.168.1.1",
                                         "198.18.0.1",
                                         "198.51.100.1",
                                         "203.0.113.1",
                                         "224.0.0.1",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:169.254.169.254",
                                         "64:ff9b::7f00:1",
                                         "2002:7f00:1::",
                                         "fe80::1",
                                         "fc00::1",
                                         "fd12::1",
                                         "2001:db8::1",
                                         "2001::1",
                                         "ff02::1",
                                         "100::1"};
        struct sockaddr other = {.sa_family = AF_UNIX};

        for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
                if (is_public(no[i]))
                        fail_msg("%s is not public", no[i]);
        assert_false(http_public_address(&other));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_public),
                cmocka_unit_test(test_special),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
