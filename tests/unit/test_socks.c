/* SOCKS5, the client's side, byte for byte. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/socks.h"

static void test_urls(void **state) {
        struct socks_proxy p;

        assert_int_equal(socks_parse_url("socks5://proxy.example", &p), 0);
        assert_string_equal(p.host, "proxy.example");
        assert_int_equal(p.port, 1080);
        assert_false(p.has_user);
        assert_int_equal(socks_parse_url("socks5h://u%40x:p%3Aw@127.0.0.1:99/", &p), 0);
        assert_string_equal(p.user, "u@x");
        assert_string_equal(p.password, "p:w");
        assert_string_equal(p.host, "127.0.0.1");
        assert_int_equal(p.port, 99);
        assert_int_equal(socks_parse_url("socks5://[::1]:9", &p), 0);
        assert_string_equal(p.host, "::1");
        assert_int_equal(socks_parse_url("http://x", &p), -EINVAL);
        assert_int_equal(socks_parse_url("socks5://", &p), -EINVAL);
        assert_int_equal(socks_parse_url("socks5://h:0", &p), -EINVAL);
        assert_int_equal(socks_parse_url("socks5://h:x", &p), -EINVAL);
}

static void test_direct(void **state) {
        assert_true(socks_is_direct("10.0.0.0/8", "10.1.2.3"));
        assert_false(socks_is_direct("10.0.0.0/8", "11.1.2.3"));
        assert_true(socks_is_direct("a, 127.0.0.1 ,b", "127.0.0.1"));
        assert_true(socks_is_direct("*.example.com", "db.example.com"));
        assert_true(socks_is_direct(".example.com", "example.com"));
        assert_false(socks_is_direct("example.com", "db.example.com"));
        assert_false(socks_is_direct("", "x"));
        assert_false(socks_is_direct(NULL, "x"));
}

static int feed(struct socks *s, const char *in, size_t n, struct buf *out, struct errmsg *em) {
        int r = 1;

        buf_reset(out);
        for (size_t i = 0; i < n && r == 1; i++)
                r = socks_feed(s, (const uint8_t *) in + i, 1, out, em);
        return r;
}

static void test_without_a_password(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct socks_proxy p = {.host = "h", .port = 1};
        struct errmsg em = {};
        struct socks s;

        assert_int_equal(socks_begin(&s, &p, "10.0.0.3", 3307, &out), 0);
        assert_int_equal(out.len, 3);
        assert_memory_equal(out.data, "\5\1\0", 3);
        assert_int_equal(feed(&s, "\5\0", 2, &out, &em), 1);
        assert_int_equal(out.len, 10);
        assert_memory_equal(out.data, "\5\1\0\1\x0a\0\0\3\x0c\xeb", 10);
        assert_int_equal(feed(&s, "\5\0\0\1\0\0\0\0\0\0", 10, &out, &em), 0);
}

static void test_with_a_password_and_a_name(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct socks_proxy p = {.has_user = true, .user = "me", .password = "pw"};
        struct errmsg em = {};
        struct socks s;

        assert_int_equal(socks_begin(&s, &p, "db.example", 3307, &out), 0);
        assert_memory_equal(out.data, "\5\2\0\2", 4);
        assert_int_equal(feed(&s, "\5\2", 2, &out, &em), 1);
        assert_memory_equal(out.data, "\1\2me\2pw", 7);
        assert_int_equal(feed(&s, "\1\0", 2, &out, &em), 1);
        assert_memory_equal(out.data,
                            "\5\1\0\3\x0a"
                            "db.example\x0c\xeb",
                            17);
        assert_int_equal(feed(&s, "\5\0\0\3\1x\0\0", 8, &out, &em), 0);
}

static void test_refusals(void **state) {
        static const struct {
                const char *in;
                size_t size;
                int r;
                const char *says;
        } cases[] = {
                {"\4\0", 2, -EPROTO, "version"},
                {"\5\xff", 2, -EACCES, "authentication"},
                {"\5\2", 2, -EACCES, "authentication"}, /* not offered */
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buf_ struct buf out = {};
                struct socks_proxy p = {};
                struct errmsg em = {};
                struct socks s;

                assert_int_equal(socks_begin(&s, &p, "::1", 1, &out), 0);
                assert_int_equal(feed(&s, cases[i].in, cases[i].size, &out, &em), cases[i].r);
                assert_says(em, cases[i].says);
        }
}

static void test_not_connected(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct socks_proxy p = {};
        struct errmsg em = {};
        struct socks s;

        assert_int_equal(socks_begin(&s, &p, "::1", 1, &out), 0);
        assert_int_equal(feed(&s, "\5\0", 2, &out, &em), 1);
        assert_int_equal(out.len, 22);
        assert_int_equal(feed(&s, "\5\5\0\1\0\0\0\0\0\0", 10, &out, &em), -ECONNREFUSED);
        assert_says(em, "connection refused");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_urls),
                cmocka_unit_test(test_direct),
                cmocka_unit_test(test_without_a_password),
                cmocka_unit_test(test_with_a_password_and_a_name),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_not_connected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
