#include "daemons/tracking/issues_check.h"
#include "tests/unit/tracking_test.h"

static const struct json *parse(struct tracking_test *t, const char *text) {
        struct json *j;

        assert_int_equal(json_parse_copy(&t->arena, text, strlen(text), &j, NULL), 0);
        return j;
}

/* `n` times the text. */
static const char *many(struct tracking_test *t, const char *text, size_t n) {
        char *all = arena_alloc(&t->arena, n * strlen(text) + 1), *p = all;

        assert_non_null(all);
        for (; n > 0; n--)
                p = stpcpy(p, text);
        *p = '\0';
        return all;
}

static void test_words(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;

        assert_int_equal(issues_check_status(r, NULL), 0);
        assert_int_equal(issues_check_status(r, "rejected"), 0);
        assert_refused(t, issues_check_status(r, "it's"), "Invalid issue status: \"it's\"");
        assert_refused(t, issues_check_status(r, "high"), "status: 'high'");
        assert_int_equal(issues_check_severity(r, "not_an_issue"), 0);
        assert_refused(t, issues_check_severity(r, ""), "Invalid issue severity: ''");
}

/* Characters are counted, not bytes. */
static void test_lengths(void **state) {
        struct tracking_test *t = *state;
        struct refusal *r = &t->refusal;
        const char *list[101];

        assert_int_equal(issues_check_name(r, many(t, "ü", 250)), 0);
        assert_refused(t, issues_check_name(r, many(t, "x", 251)), "1 to 250");
        assert_refused(t, issues_check_name(r, ""), "1 to 250");
        assert_int_equal(issues_check_actor(r, "created_by", many(t, "ü", 255)), 0);
        assert_refused(t, issues_check_actor(r, "created_by", many(t, "x", 256)),
                       "Invalid created_by");
        for (size_t i = 0; i < 101; i++)
                list[i] = "x";
        assert_int_equal(issues_check_list(r, "categories", list, 100), 0);
        assert_refused(t, issues_check_list(r, "categories", list, 101), "categories must");
        list[1] = "";
        assert_refused(t, issues_check_list(r, "categories", list, 2), "nonempty");
}

static void test_id(void **state) {
        struct tracking_test *t = *state;
        static const char *const wrong[] = {"", "iss-", "abc", "iss-a b", "iss-ü", "Iss-a"};

        assert_int_equal(issues_check_id(&t->refusal, NULL), 0);
        assert_int_equal(issues_check_id(&t->refusal, "iss-aZ_9-"), 0);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_refused(t, issues_check_id(&t->refusal, wrong[i]), "iss-*");
        assert_refused(t, issues_check_id(&t->refusal, many(t, "iss-xxxxx", 5)), "36");
}

static void test_seen(void **state) {
        struct tracking_test *t = *state;
        static const char *const wrong[] = {
                "-1", "1.5", "2.0", "true", "\"x\"", "[]", "9223372036854775808"};
        int64_t ms = -1;

        assert_int_equal(issues_check_seen(&t->refusal, NULL, &ms), 0);
        assert_int_equal(issues_check_seen(&t->refusal, parse(t, "null"), &ms), 0);
        assert_int_equal(ms, -1);
        assert_int_equal(issues_check_seen(&t->refusal, parse(t, "0"), &ms), 0);
        assert_int_equal(ms, 0);
        assert_int_equal(issues_check_seen(&t->refusal, parse(t, "\"17\""), &ms), 0);
        assert_int_equal(ms, 17);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_refused(t, issues_check_seen(&t->refusal, parse(t, wrong[i]), &ms),
                               "nonnegative");
}

static void test_metadata(void **state) {
        struct tracking_test *t = *state;
        static const char *const wrong[] = {"[]", "5", "{\"a\":5}", "{\"\":\"x\"}"};
        static const char *const keys[] = {"b", "a"};
        const struct json *fine = parse(t, "{\"a\":\"\"}");

        assert_int_equal(issues_check_metadata(&t->refusal, NULL), 0);
        assert_int_equal(issues_check_metadata(&t->refusal, fine), 0);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_refused(t, issues_check_metadata(&t->refusal, parse(t, wrong[i])),
                               "string map");
        assert_int_equal(issues_check_apart(&t->refusal, fine, keys, 1), 0);
        assert_int_equal(issues_check_apart(&t->refusal, NULL, keys, 2), 0);
        assert_refused(t, issues_check_apart(&t->refusal, fine, keys, 2), "same key");
}

static void test_category_hash(void **state) {
        struct tracking_test *t = *state;
        const char *hash = issues_check_category_hash(&t->arena, " Öl\n");

        assert_int_equal(strlen(hash), 64);
        assert_string_equal(issues_check_category_hash(&t->arena, "öL"), hash);
        assert_string_not_equal(issues_check_category_hash(&t->arena, "o"), hash);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_words),    tracking_test(test_lengths),
                tracking_test(test_id),       tracking_test(test_seen),
                tracking_test(test_metadata), tracking_test(test_category_hash),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
