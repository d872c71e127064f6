/* ask: what is read from bodies and queries, and how what is wrong is told. */
#include "daemons/tracking/ask.h"

#include <math.h>

#include "lib/net/http_request.h"
#include "tests/unit/tracking_test.h"

/* A request whose body was parsed. */
static struct ask with_body(struct tracking_test *t, const char *body) {
        static struct http_request req;
        struct ask q = {.req = &req, .arena = &t->arena, .refusal = {.arena = &t->arena}};
        struct json *root;
        struct errmsg em = {};

        if (json_parse_copy(&t->arena, body, strlen(body), &root, &em) < 0)
                fail_msg("%s", em.text);
        q.body = root;
        return q;
}

#define assert_asked(q, words)                                                             \
        do {                                                                               \
                assert_int_equal((q).result, REFUSED);                                     \
                if (!strstr((q).refusal.text, (words)))                                    \
                        fail_msg("\"%s\" does not say \"%s\"", (q).refusal.text, (words)); \
        } while (0)

static void test_good(void **state) {
        struct ask q =
                with_body(*state, "{\"s\": \"é\", \"i\": \"-12\", \"j\": 1e3, \"f\": \"NaN\", "
                                  "\"g\": \"-Infinity\", \"h\": 2, \"b\": true, \"n\": null, "
                                  "\"e\": \"B\", \"l\": [\"x\", \"y\"], \"p\": [{\"key\": "
                                  "\"k\", \"value\": \"v\"}, {\"key\": \"only\"}]}");
        static const char *const names[] = {NULL, "A", "B"};
        int64_t i = 0;
        double f = 0;
        bool b = false;
        size_t n;

        assert_string_equal(ask_str(&q, "s", ASK_NEED), "é");
        assert_null(ask_str(&q, "n", 0));
        assert_null(ask_str(&q, "absent", 0));
        assert_string_equal(ask_text(&q, "absent"), "");
        assert_string_equal(ask_text(&q, "s"), "é");
        assert_true(ask_i64(&q, "i", 0, &i) && i == -12);
        assert_true(ask_i64(&q, "j", 0, &i) && i == 1000);
        assert_true(ask_f64(&q, "f", 0, &f) && isnan(f));
        assert_true(ask_f64(&q, "g", 0, &f) && isinf(f) && f < 0);
        assert_true(ask_f64(&q, "h", 0, &f) && f == 2);
        assert_true(ask_bool(&q, "b", &b) && b);
        assert_true(ask_enum(&q, "e", 0, names, 3, &i) && i == 2);
        assert_true(ask_enum(&q, "h", 0, names, 3, &i) && i == 2);
        assert_string_equal(ask_list(&q, "l", 0, &n)[1], "y");
        assert_int_equal(n, 2);
        assert_string_equal(ask_pairs(&q, "p", &n)[1].value, "");
        assert_int_equal(n, 2);
        assert_int_equal(q.result, 0);
}

/* Protobuf's JSON has other names for the same fields; what must be there has its own. */
static void test_camel(void **state) {
        struct ask q = with_body(*state, "{\"maxResults\": 5, \"runId\": \"r\", \"tags\": "
                                         "[{\"aValue\": \"v\"}], \"a__b\": 1, \"x_\": 2}");
        const struct json *tags;
        int64_t i = 0;
        size_t n;

        assert_true(ask_i64(&q, "max_results", 0, &i) && i == 5);
        assert_true(ask_i64(&q, "a__b", 0, &i) && i == 1);
        assert_true(ask_i64(&q, "x_", 0, &i) && i == 2);
        tags = ask_objects(&q, "tags", 0, &n);
        assert_string_equal(ask_item_str(&q, json_first(tags), "tags[0]", "a_value"), "v");
        assert_null(ask_get(q.body, "max_resultS"));
        assert_int_equal(q.result, 0);
        assert_null(ask_str(&q, "run_id", ASK_NEED));
        assert_asked(q, "Missing value for required parameter 'run_id'");
}

static void test_both_names(void **state) {
        struct ask q = with_body(*state, "{\"run_id\": \"a\", \"runId\": \"b\"}");

        assert_null(ask_str(&q, "run_id", ASK_NEED));
        assert_asked(q, "Request specifies both 'run_id' and 'runId'; provide only one of them.");
}

/* Who counts does not find what is not there. */
static void test_nth(void **state) {
        char path[ASK_NTH_SIZE];

        (void) state;
        assert_string_equal(ask_nth("tags", 0, path), "tags[0]");
        assert_string_equal(ask_nth("metrics", 1234, path), "metrics[1234]");
}

static void test_no_pairs(void **state) {
        struct ask q = with_body(*state, "{\"tags\": [{\"key\": 5, \"value\": \"v\"}]}");
        size_t n = 1;

        assert_null(ask_pairs(&q, "tags", &n));
        assert_int_equal(n, 0);
        assert_asked(q, "tags[0].key");
}

static void test_first_refusal_is_kept(void **state) {
        struct ask q = with_body(*state, "{\"a\": 5}");
        int64_t i = 7;

        assert_null(ask_str(&q, "a", ASK_NEED));
        assert_asked(q,
                     "Invalid value 5 for parameter 'a' supplied:  Hint: Value was of type 'int'.");
        assert_null(ask_str(&q, "b", ASK_NEED));
        assert_false(ask_i64(&q, "c", ASK_NEED, &i));
        ask_refuse_value(&q, "a");
        assert_asked(q, "parameter 'a'");
        assert_int_equal(i, 7);
}

static void test_refused(void **state) {
        static const char *const names[] = {NULL, "A"};
        struct ask q;
        int64_t i;
        double f;
        bool b;
        size_t n;

        q = with_body(*state, "{\"a\": \"\"}");
        ask_str(&q, "a", ASK_NEED);
        assert_asked(q, "Missing value for required parameter 'a'. See the API docs");
        q = with_body(*state, "{\"a\": 1.5}");
        ask_i64(&q, "a", 0, &i);
        assert_asked(
                q,
                "Invalid value 1.5 for parameter 'a' supplied:  Hint: Value was of type 'float'");
        q = with_body(*state, "{\"a\": 9223372036854775808}");
        ask_i64(&q, "a", 0, &i);
        assert_asked(q, "parameter 'a'");
        q = with_body(*state, "{\"a\": [1, {\"b\": \"é\"}]}");
        ask_f64(&q, "a", 0, &f);
        assert_asked(
                q, "Invalid value [1,{\"b\":\"\\u00e9\"}] for parameter 'a' supplied:  Hint: Value "
                   "was of type 'list'");
        q = with_body(*state, "{\"a\": \"x\"}");
        ask_bool(&q, "a", &b);
        assert_asked(q, "type 'str'");
        q = with_body(*state, "{\"a\": 0}");
        ask_enum(&q, "a", 0, names, 2, &i);
        assert_asked(q, "Invalid value 0");
        q = with_body(*state, "{\"a\": [\"x\", 1]}");
        ask_list(&q, "a", 0, &n);
        assert_asked(q, "Invalid value [\"x\",1]");
        q = with_body(*state, "{\"a\": [5]}");
        ask_pairs(&q, "a", &n);
        assert_asked(q, "Invalid value [5]");
        q = with_body(*state, "{\"a\": [{\"key\": 5}]}");
        ask_pairs(&q, "a", &n);
        assert_asked(q, "Invalid value 5 for parameter 'a[0].key'");
}

static void test_run_id(void **state) {
        struct ask q = with_body(*state, "{\"run_uuid\": \"u\"}");

        assert_string_equal(ask_run_id(&q), "u");
        q = with_body(*state, "{\"run_uuid\": \"u\", \"run_id\": \"r\"}");
        assert_string_equal(ask_run_id(&q), "r");
        q = with_body(*state, "{}");
        assert_null(ask_run_id(&q));
        assert_asked(q, "required parameter 'run_id'");
}

/* What is wrong before it is told first; then max_results, then the token. */
static void test_page(void **state) {
        struct ask q = with_body(*state, "{}");
        int64_t offset = 0;

        ask_page(&q, 5, NULL, &offset);
        assert_int_equal(q.result, 0);
        ask_page(&q, 5, "eyJvZmZzZXQiOiA3fQ==", &offset);
        assert_int_equal(q.result, 0);
        assert_int_equal(offset, 7);
        ask_offset(&q, "?", &offset);
        assert_asked(q, "Invalid page token");
        q = with_body(*state, "{}");
        ask_page(&q, 0, "?", &offset);
        assert_asked(q, "Invalid value 0 for parameter 'max_results'");
        q = with_body(*state, "{}");
        (void) ask_str(&q, "a", ASK_NEED);
        ask_page(&q, 0, "?", &offset);
        assert_asked(q, "required parameter 'a'");
        assert_int_equal(offset, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_good),       tracking_test(test_camel),
                tracking_test(test_both_names), tracking_test(test_nth),
                tracking_test(test_no_pairs),   tracking_test(test_first_refusal_is_kept),
                tracking_test(test_refused),    tracking_test(test_run_id),
                tracking_test(test_page),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
