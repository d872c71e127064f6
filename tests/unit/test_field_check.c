#include "daemons/tracking/field_check.h"
#include "lib/base/utf8.h"
#include "tests/unit/tracking_test.h"

static char *repeat(const char *s, size_t n) {
        struct buf b = {};

        while (n-- > 0)
                buf_add_str(&b, s);
        return buf_take(&b, NULL);
}

static void test_name(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;
        static const char *const good[] = {"a", "a/b", "a b.c-d_e:f", "é", "日本", "a..", "0"};
        static const char *const bad[] = {"a#b",   "a\nb",   "a\"",  "😀",  "a\xc2\xa0",
                                          ".",     "..",     "../a", "/a", "a//b",
                                          "a/./b", "a/../b", "a/",   "",   "a/.."};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_int_equal(field_check_name(r, "key", good[i]), 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_refused(t, field_check_name(r, "key", bad[i]),
                               "for parameter 'key' supplied");
        assert_refused(t, field_check_name(r, "p", "a/../../b"), "would resolve to '../b'");
        assert_refused(t, field_check_name(r, "p", "/../a"), "would resolve to '/a'");
        assert_refused(t, field_check_name(r, "p", "///a"), "would resolve to '/a'");
        assert_refused(t, field_check_name(r, "p", "a/.."), "would resolve to '.'");
}

static void test_lengths(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;
        char *key = repeat("é", 250), *longer = repeat("é", 251), *value = repeat("ü", 6001);
        const char *cut = value;

        assert_int_equal(field_check_metric(r, "", key, 1, 0), 0);
        assert_refused(t, field_check_metric(r, "", longer, 1, 0),
                       "'Metric name' exceeds the maximum length of 250 characters");
        assert_refused(t, field_check_metric(r, "metrics[0]", "a", 0.5, -1),
                       "Invalid value -1 for parameter 'metrics[0].timestamp' supplied: metric 'a' "
                       "(value=0.5)");
        assert_int_equal(field_check_param(r, "", "k", &cut), 0);
        assert_int_equal(utf8_count(cut, strlen(cut)), FIELD_CHECK_PARAM_MAX);
        assert_int_equal(strlen(cut), 2 * FIELD_CHECK_PARAM_MAX);
        assert_refused(t, field_check_tag(r, "tags[1]", longer, &cut),
                       "'tags[1].key' exceeds the maximum length of 250");
        free(key);
        free(longer);
        free(value);
}

static void test_ids(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;
        int64_t n;

        assert_int_equal(field_check_experiment_id(r, "12", &n), 0);
        assert_int_equal(n, 12);
        assert_refused(t, field_check_experiment_id(r, "x", &n), "Invalid experiment ID 'x'");
        assert_int_equal(field_check_run_id(r, "run_id", "0a-_9"), 0);
        assert_refused(t, field_check_run_id(r, "run_id", "a/b"), "Invalid value \"a/b\"");
        assert_refused(t, field_check_run_id(r, "run_id", "-a"), "Invalid value");
        assert_refused(t, field_check_run_id(r, "run_id", ""), "Invalid value");
        assert_refused(t, field_check_model_version(r, "1x", &n), "must be an integer, got '1x'");
}

static void test_models(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;

        assert_int_equal(field_check_model_name(r, "My model é"), 0);
        assert_refused(t, field_check_model_name(r, " "), "Missing value");
        assert_refused(t, field_check_model_name(r, NULL), "Missing value");
        assert_refused(t, field_check_model_name(r, "a:b"), "cannot contain '/' or ':'");
        assert_refused(t, field_check_model_name(r, ".."), "would resolve to '..'");
        assert_int_equal(field_check_alias(r, "Best_1-x"), 0);
        assert_refused(t, field_check_alias(r, "a b"), "Invalid alias name: 'a b'");
        assert_refused(t, field_check_alias(r, ""), "cannot be empty");
        assert_refused(t, field_check_alias_reserved(r, "LATEST"), "is reserved");
        assert_refused(t, field_check_alias_reserved(r, "v1"),
                       "Version alias name 'v1' is reserved");
        assert_int_equal(field_check_alias_reserved(r, "v1a"), 0);
        assert_int_equal(field_check_alias_reserved(r, "v"), 0);
        assert_refused(t, field_check_logged_model_name(r, "a.b"), "Invalid model name ('a.b')");
}

static void test_batch_and_pages(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;

        assert_int_equal(field_check_batch(r, "tags", 100, 100), 0);
        assert_refused(t, field_check_batch(r, "tags", 100, 101),
                       "at most 100 tags. Got 101 tags.");
        assert_refused(t, field_check_max_results(r, 0), "must be a positive integer");
        assert_refused(t, field_check_max_results(r, 50001), "must be at most 50000");
        assert_int_equal(field_check_max_results(r, 50000), 0);
}

static void test_repr(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;

        assert_string_equal(field_check_repr(a, "a"), "'a'");
        assert_string_equal(field_check_repr(a, "it's"), "\"it's\"");
        assert_string_equal(field_check_repr(a, "'\""), "'\\'\"'");
        assert_string_equal(field_check_repr(a, "a\n\\\x01é"), "'a\\n\\\\\\x01é'");
}

static void test_no_name(void **state) {
        struct tracking_test *t = *state;
        struct refusal r = {.arena = &t->arena};
        const char *value = "v";

        assert_int_equal(field_check_name(&r, "key", NULL), REFUSED);
        assert_int_equal(field_check_tag(&r, "", NULL, &value), REFUSED);
}

static void test_metric_dataset(void **state) {
        struct tracking_test *t = *state;
        struct refusal r = {.arena = &t->arena};

        assert_int_equal(field_check_metric_dataset(&r, NULL, ""), 0);
        assert_int_equal(field_check_metric_dataset(&r, "d", "x"), 0);
        assert_int_equal(field_check_metric_dataset(&r, "d", NULL), REFUSED);
        assert_int_equal(field_check_metric_dataset(&r, "", "x"), REFUSED);
        assert_non_null(strstr(r.text, "Both dataset_name and dataset_digest"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_name),
                tracking_test(test_lengths),
                tracking_test(test_ids),
                tracking_test(test_models),
                tracking_test(test_batch_and_pages),
                tracking_test(test_repr),
                tracking_test(test_metric_dataset),
                tracking_test(test_no_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
