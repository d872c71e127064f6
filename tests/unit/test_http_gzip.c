/* gzip: negotiation, and that zlib reads what we wrote. */
#include "tests/unit/net_test_cmocka.h"

#include <zlib.h>

#include "lib/net/http_gzip.h"

static void test_negotiation(void **state) {
        assert_true(http_gzip_accepted("gzip"));
        assert_true(http_gzip_accepted("gzip, deflate, br"));
        assert_true(http_gzip_accepted("br;q=1.0, GZIP;q=0.8, *;q=0.1"));
        assert_true(http_gzip_accepted("*"));
        assert_true(http_gzip_accepted("deflate, *;q=0.5"));
        assert_true(http_gzip_accepted("gzip;q=0.001"));
        assert_false(http_gzip_accepted("gzip;q=0"));
        assert_false(http_gzip_accepted("gzip;q=0.000, *"));
        assert_false(http_gzip_accepted("gzip; q=0.0"));
        assert_false(http_gzip_accepted("*;q=0"));
        assert_false(http_gzip_accepted("identity"));
        assert_false(http_gzip_accepted("x-gzip2"));
        assert_false(http_gzip_accepted(""));
        assert_false(http_gzip_accepted(NULL));
}

static void test_types(void **state) {
        assert_true(http_gzip_worthwhile("application/json"));
        assert_true(http_gzip_worthwhile("application/json; charset=utf-8"));
        assert_true(http_gzip_worthwhile("text/html"));
        assert_true(http_gzip_worthwhile("Text/Plain"));
        assert_false(http_gzip_worthwhile("text/event-stream"));
        assert_false(http_gzip_worthwhile("application/jsonx"));
        assert_false(http_gzip_worthwhile("application/octet-stream"));
        assert_false(http_gzip_worthwhile("image/png"));
        assert_false(http_gzip_worthwhile(""));
}

/* Unpacks what should be `size` bytes, whole. */
static void check_unpack(const struct buf *packed, const char *data, size_t size) {
        char *out = malloc(size + 1);
        z_stream z = {.next_in = (Bytef *) packed->data,
                      .avail_in = (uInt) packed->len,
                      .next_out = (Bytef *) out,
                      .avail_out = (uInt) size + 1};

        assert_non_null(out);
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, size);
        assert_int_equal(z.avail_in, 0);
        assert_memory_equal(out, data, size);
        inflateEnd(&z);
        free(out);
}

static void test_pack(void **state) {
        static const size_t sizes[] = {0, 1, 1000, 16 * 1024, 16 * 1024 + 1, 300000};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
                for (int level = 1; level <= 9; level += 4) {
                        _cleanup_buf_ struct buf in = {}, out = {};

                        for (size_t k = 0; k < sizes[i]; k++)
                                buf_add_char(&in, (char) (k * k >> 3));
                        assert_int_equal(http_gzip_pack(in.data, in.len, level, &out), 0);
                        check_unpack(&out, in.data, in.len);
                }
}

static void test_stream(void **state) {
        _cleanup_buf_ struct buf in = {}, out = {};
        struct http_gzip *g;

        assert_int_equal(http_gzip_new(3, &g), 0);
        for (unsigned i = 0; i < 3000; i++) {
                char line[32];
                int n = snprintf(line, sizeof line, "line %u\n", i);
                size_t before = out.len;

                buf_add(&in, line, (size_t) n);
                assert_int_equal(http_gzip_feed(g, line, (size_t) n, i % 100 == 0, false, &out), 0);
                if (i % 100 == 0)
                        assert_true(out.len > before);
        }
        assert_int_equal(http_gzip_feed(g, NULL, 0, false, true, &out), 0);
        http_gzip_free(g);
        check_unpack(&out, in.data, in.len);
}

static void test_unpack(void **state) {
        _cleanup_buf_ struct buf in = {}, packed = {}, out = {};

        for (size_t k = 0; k < 100000; k++)
                buf_add_char(&in, (char) (k * k >> 5));
        assert_int_equal(http_gzip_pack(in.data, in.len, 5, &packed), 0);
        assert_int_equal(http_gzip_unpack(packed.data, packed.len, in.len, &out), 0);
        assert_int_equal(out.len, in.len);
        assert_memory_equal(out.data, in.data, in.len);
        buf_reset(&out);
        assert_int_equal(http_gzip_unpack(packed.data, packed.len, in.len - 1, &out), -E2BIG);
        buf_reset(&out);
        assert_int_equal(http_gzip_unpack(packed.data, packed.len - 9, in.len, &out), -EINVAL);
        buf_reset(&out);
        assert_int_equal(http_gzip_unpack("what", 4, 100, &out), -EINVAL);
        assert_int_equal(http_gzip_unpack("", 0, 100, &out), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_negotiation), cmocka_unit_test(test_types),
                cmocka_unit_test(test_pack),        cmocka_unit_test(test_stream),
                cmocka_unit_test(test_unpack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
