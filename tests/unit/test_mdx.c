/* The metadata exchange, in every cut. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/mdx.h"
#include "lib/base/buf.h"

static void test_request(void **state) {
        uint8_t got[MDX_REQUEST_SIZE];

        mdx_request(MDX_TCP, got);
        assert_memory_equal(got, "CSQLMDEX\0\0\0\2\x10\1", MDX_REQUEST_SIZE);
        mdx_request(MDX_UNIX, got);
        assert_memory_equal(got, "CSQLMDEX\0\0\0\2\x10\3", MDX_REQUEST_SIZE);
}

/* What comes out when the stream comes in pieces of `step` bytes. */
static int filter(const char *in, size_t size, size_t step, struct buf *out, struct mdx_filter *f) {
        *f = (struct mdx_filter){};
        for (size_t at = 0; at < size;) {
                size_t n = MIN(step, size - at), taken = 0, held = 0;
                int r = mdx_filter_feed(f, (const uint8_t *) in + at, n, &taken, &held);

                if (r < 0)
                        return r;
                assert_true(taken <= n && held <= MDX_MAGIC_SIZE);
                buf_add(out, MDX_MAGIC, held);
                buf_add(out, in + at + taken, n - taken);
                at += n;
        }
        buf_add(out, MDX_MAGIC, mdx_filter_end(f));
        return 0;
}

static void expect(const char *in, size_t size, const char *out, size_t out_size, bool has_answer) {
        for (size_t step = 1; step <= size; step++) {
                _cleanup_buf_ struct buf got = {};
                struct mdx_filter f;

                assert_int_equal(filter(in, size, step, &got, &f), 0);
                if (got.len != out_size || memcmp(buf_cstr(&got), out, out_size) != 0)
                        fail_msg("in steps of %zu: %zu bytes came out of %zu", step, got.len, size);
                assert_int_equal(f.has_answer, has_answer);
        }
}

#define EXPECT(in, out, has) expect(in, sizeof(in) - 1, out, sizeof(out) - 1, has)

static void test_an_answer_is_taken_out(void **state) {
        EXPECT("CSQLMDEX\0\0\0\2\x08\1hello", "hello", true);
        EXPECT("CSQLMDEX\0\0\0\0hello", "hello", true);
        EXPECT("CSQLMDEX\0\0\0\5abcde", "", true);
}

static void test_payload_is_left_alone(void **state) {
        EXPECT("hello", "hello", false);
        EXPECT("CSQLMDEYhello", "CSQLMDEYhello", false);
        EXPECT("CCSQLMDEX", "CCSQLMDEX", false);
        EXPECT("CSQLM", "CSQLM", false);
        /* Only once: what follows an answer is payload, whatever it looks like. */
        EXPECT("CSQLMDEX\0\0\0\0CSQLMDEX\0\0\0\0", "CSQLMDEX\0\0\0\0", true);
}

static void test_a_message_too_long(void **state) {
        _cleanup_buf_ struct buf got = {};
        struct mdx_filter f;

        assert_int_equal(filter("CSQLMDEX\0\0\x40\x01x", 13, 13, &got, &f), -EPROTO);
        assert_int_equal(filter("CSQLMDEX\xff\xff\xff\xffx", 13, 1, &got, &f), -EPROTO);
        assert_int_equal(filter("CSQLMDEX\0\0\x40\x00x", 13, 13, &got, &f), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_an_answer_is_taken_out),
                cmocka_unit_test(test_payload_is_left_alone),
                cmocka_unit_test(test_a_message_too_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
