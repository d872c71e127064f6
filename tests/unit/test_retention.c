/* A bucket's retention policy: what a client may make of it, and how long an object stays. */
#include "daemons/bucketd/retention.h"

#include "lib/base/arena.h"
#include "tests/unit/base_test.h"

static int merge(struct retention *r, const char *resource, bool is_whole, struct refused *no) {
        struct arena a;
        struct json *j;
        int n;

        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, resource, strlen(resource), &j, NULL), 0);
        n = retention_merge(r, j, is_whole, 77, no);
        arena_done(&a);
        return n;
}

static void test_merge(void **state) {
        static const struct {
                const char *resource;
                bool is_whole;
                int64_t period_s;
                usec_t effective_at;
        } cases[] = {
                {"{}", false, 60, 5},
                {"{}", true, 0, 77},
                {"{\"retentionPolicy\":null}", false, 0, 77},
                {"{\"retentionPolicy\":{}}", false, 60, 5},
                {"{\"retentionPolicy\":{}}", true, 0, 77},
                {"{\"retentionPolicy\":{\"retentionPeriod\":null}}", false, 0, 77},
                {"{\"retentionPolicy\":{\"retentionPeriod\":\"60\"}}", true, 60, 5},
                {"{\"retentionPolicy\":{\"retentionPeriod\":\"61\"}}", false, 61, 77},
                {"{\"retentionPolicy\":{\"retentionPeriod\":9}}", false, 9, 77},
                {"{\"retentionPolicy\":{\"retentionPeriod\":3155760000}}", false, RETENTION_MAX_S,
                 77},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct retention r = {.period_s = 60, .effective_at = 5};
                struct refused no = {};

                assert_int_equal(merge(&r, cases[i].resource, cases[i].is_whole, &no), 0);
                assert_int_equal(r.period_s, cases[i].period_s);
                assert_int_equal(r.effective_at, cases[i].effective_at);
                assert_false(r.is_locked);
        }
}

static void test_refused(void **state) {
        static const char *const bad[] = {"\"x\"", "\"-1\"", "3155760001", "true", "{}", "1.5"};
        static const char *const shorter[] = {"\"59\"", "0", "null"};
        struct retention r = {.period_s = 60, .effective_at = 5};
        struct refused no;
        char text[128];

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                snprintf(text, sizeof(text), "{\"retentionPolicy\":{\"retentionPeriod\":%s}}",
                         bad[i]);
                assert_int_equal(merge(&r, text, false, &no), REFUSED);
                assert_int_equal(no.error, GCS_ERROR_INVALID);
        }
        r.is_locked = true;
        for (size_t i = 0; i < ARRAY_SIZE(shorter); i++) {
                snprintf(text, sizeof(text), "{\"retentionPolicy\":{\"retentionPeriod\":%s}}",
                         shorter[i]);
                assert_int_equal(merge(&r, text, false, &no), REFUSED);
                assert_int_equal(no.error, GCS_ERROR_FORBIDDEN);
        }
        assert_int_equal(merge(&r, "{}", true, &no), REFUSED);
        assert_int_equal(r.period_s, 60);
        assert_int_equal(merge(&r, "{\"retentionPolicy\":{\"retentionPeriod\":61}}", false, &no),
                         0);
        assert_true(r.is_locked && r.period_s == 61);
}

static void test_round_trip(void **state) {
        const struct retention r = {.period_s = 3600, .effective_at = 5000000, .is_locked = true};
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        struct retention back;
        struct arena a;
        struct json *j;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        retention_write(&r, &w);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&out), "{\"retentionPolicy\":{\"retentionPeriod\":\"3600\","
                                            "\"effectiveTime\":\"1970-01-01T00:00:05.000Z\","
                                            "\"isLocked\":true}}");
        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, out.data, out.len, &j, NULL), 0);
        retention_read(json_get(j, "retentionPolicy"), &back);
        assert_true(back.period_s == 3600 && back.effective_at == 5000000 && back.is_locked);
        retention_read(NULL, &back);
        assert_true(back.period_s == 0 && !back.is_locked);
        arena_done(&a);
}

static void test_check(void **state) {
        struct refused no;

        assert_int_equal(retention_check(0, 5, 6, "b", "o", &no), 0);
        assert_int_equal(retention_check(10, 0, 6, "b", "o", &no), 0);
        assert_int_equal(retention_check(10, 5, 15, "b", "o", &no), 0);
        assert_int_equal(retention_check(10 * USEC_PER_SEC, 5, 6, "b", "o", &no), REFUSED);
        assert_int_equal(no.error, GCS_ERROR_RETAINED);
        assert_non_null(strstr(no.text, "Object 'b/o' is subject to"));
        assert_non_null(strstr(no.text, "1970-01-01T00:00:10.000Z"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_merge),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_check),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
