#include "fuse-gcs/attrs.h"

#include "tests/unit/base_test.h"

static struct attrs *parse(const char *metadata) {
        _cleanup_buf_ struct buf text = {};
        struct gcs_object o;
        struct errmsg em;
        struct attrs *a;
        struct arena arena;

        buf_printf(&text,
                   "{\"name\":\"x\",\"generation\":\"5\",\"size\":\"3\",\"contentType\":\"t/t\","
                   "\"updated\":\"2026-01-02T03:04:05.5Z\",\"metadata\":%s}",
                   metadata);
        arena_init(&arena, 0);
        assert_int_equal(gcs_object_parse(&arena, text.data, text.len, &o, &em), 0);
        a = attrs_new(&o);
        assert_non_null(a);
        arena_done(&arena);
        return a;
}

static void test_mtime(void **state) {
        static const struct {
                const char *metadata;
                time_t s;
                long ns;
        } rows[] = {
                {"{}", 1767323045, 500000000},
                {"{\"gcsfuse_mtime\":\"2001-09-09T01:46:40.123456789Z\"}", 1000000000, 123456789},
                {"{\"goog-reserved-file-mtime\":\"1000000001\"}", 1000000001, 0},
                {"{\"gcsfuse_mtime\":\"nonsense\"}", 1767323045, 500000000},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct attrs *a = parse(rows[i].metadata);

                assert_int_equal(a->mtime.tv_sec, rows[i].s);
                assert_int_equal(a->mtime.tv_nsec, rows[i].ns);
                assert_int_equal(a->size, 3);
                assert_string_equal(a->content_type, "t/t");
                attrs_unref(a);
        }
}

static void test_symlinks(void **state) {
        struct attrs *a = parse("{\"gcsfuse_symlink_target\":\"to\"}");
        struct attrs *b = parse("{\"goog-reserved-file-is-symlink\":\"true\"}");

        assert_true(a->is_symlink);
        assert_string_equal(a->target, "to");
        assert_true(b->is_symlink);
        assert_null(b->target);
        attrs_unref(a);
        attrs_unref(b);
}

/* What others put there stays; the times are ours. */
static void test_metadata(void **state) {
        struct attrs *a = parse("{\"k\":\"v\",\"gcsfuse_mtime\":\"2001-01-01T00:00:00Z\"}");
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(attrs_print_metadata(&out, a, (struct timespec){1000000000, 5}), 0);
        assert_string_equal(out.data,
                            "{\"k\":\"v\",\"gcsfuse_mtime\":\"2001-09-09T01:46:40.000000005Z\","
                            "\"goog-reserved-file-mtime\":\"1000000000\"}");
        attrs_unref(a);
}

static void test_times(void **state) {
        char text[ATTRS_TIME_SIZE];
        struct timespec t = {};

        attrs_print_time((struct timespec){1000000000, 0}, text);
        assert_string_equal(text, "2001-09-09T01:46:40Z");
        attrs_print_time((struct timespec){-5, 7}, text);
        assert_string_equal(text, "1970-01-01T00:00:00Z");
        assert_int_equal(attrs_parse_time("2001-09-09T01:46:40.1Z", &t), 0);
        assert_int_equal(t.tv_nsec, 100000000);
        assert_int_equal(attrs_parse_time("x", &t), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mtime),
                cmocka_unit_test(test_symlinks),
                cmocka_unit_test(test_metadata),
                cmocka_unit_test(test_times),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
