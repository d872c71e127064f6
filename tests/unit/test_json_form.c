/* What a form fills in is what json_write writes. */
#include "tests/unit/base_test.h"

#include <errno.h>
#include <math.h>

#include "lib/base/json_form.h"

static const double values[] = {0, -0.0, 1.5, 1e300, NAN, HUGE_VAL, -HUGE_VAL, 1.0 / 3};

static void plainly(struct json_write *w) {
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                json_write_object(w);
                json_write_kv_str(w, "key", "a \"quoted\" \xc3\xa9");
                json_write_kv_f64(w, "value", values[i]);
                json_write_kv_object(w, "inner");
                json_write_kv_i64(w, "step", INT64_MIN + (int64_t) i);
                json_write_end(w);
                json_write_kv_null(w, "end");
                json_write_end(w);
        }
}

static void by_form(struct json_write *w) {
        struct json_form f _cleanup_(json_form_done);

        json_form_init(&f, w);
        json_write_object(&f.w);
        json_write_kv_str(&f.w, "key", "a \"quoted\" \xc3\xa9");
        json_write_key(&f.w, "value");
        json_form_gap(&f);
        json_write_kv_object(&f.w, "inner");
        json_write_key(&f.w, "step");
        json_form_gap(&f);
        json_write_end(&f.w);
        json_write_kv_null(&f.w, "end");
        json_write_end(&f.w);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                json_form_next(&f);
                json_form_f64(&f, values[i]);
                json_form_i64(&f, INT64_MIN + (int64_t) i);
        }
}

static void write_all(struct buf *out, unsigned flags, void (*items)(struct json_write *w)) {
        struct json_write w;

        json_write_init(&w, out, flags);
        json_write_object(&w);
        json_write_kv_i64(&w, "before", 1);
        json_write_kv_items(&w, "list");
        items(&w);
        items(&w);
        json_write_end(&w);
        json_write_kv_i64(&w, "after", 2);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
}

static void test_same_text(void **state) {
        static const unsigned flags[] = {0, JSON_WRITE_PRETTY, JSON_WRITE_SPACED,
                                         JSON_WRITE_ASCII | JSON_WRITE_PRETTY};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
                _cleanup_buf_ struct buf a = {}, b = {};

                write_all(&a, flags[i], plainly);
                write_all(&b, flags[i], by_form);
                assert_string_equal(buf_cstr(&a), buf_cstr(&b));
        }
}

/* Nothing is left of a list of which no item was written. */
static void test_no_items(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct json_form f _cleanup_(json_form_done) = {};
        struct json_write w;

        (void) state;
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_items(&w, "list");
        json_form_init(&f, &w);
        json_write_object(&f.w);
        json_write_key(&f.w, "n");
        json_form_gap(&f);
        json_write_end(&f.w);
        json_write_end(&w);
        json_write_end(&w);
        assert_string_equal(buf_cstr(&out), "{}");
}

static void test_errors_stick(void **state) {
        _cleanup_buf_ struct buf out = {.limit = 20};
        struct json_write w;

        (void) state;
        json_write_init(&w, &out, 0);
        json_write_array(&w);
        by_form(&w);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_text),
                cmocka_unit_test(test_no_items),
                cmocka_unit_test(test_errors_stick),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
