/* What went into a span and came out of it, from the attributes and events of other conventions. */
#include "daemons/tracking/span_says.h"

#include "tests/unit/tracking_test.h"

static struct span_in read_span(struct tracking_test *t, const char *rest) {
        const char *text = arena_printf(&t->arena,
                                        "{\"traceId\":\"00000000000000000000000000000001\","
                                        "\"spanId\":\"0000000000000002\",\"name\":\"n\",%s}",
                                        rest);
        struct json *root;
        struct span_in s;

        assert_non_null(text);
        assert_int_equal(json_parse_copy(&t->arena, text, strlen(text), &root, NULL), 0);
        assert_int_equal(span_in_read(&t->arena, root, NULL, &s), 0);
        return s;
}

static void test_events(void **state) {
        struct span_in s = read_span(
                *state, "\"events\":[{\"name\":\"gen_ai.user.message\",\"attributes\":[{\"key\":"
                        "\"content\",\"value\":{\"stringValue\":\"\u00e4\"}}]},{\"name\":"
                        "\"gen_ai.choice\",\"attributes\":[{\"key\":\"content\",\"value\":{"
                        "\"stringValue\":\"{\\\"a\\\":1}\"}}]},{},5]");

        assert_string_equal(span_in_attribute(&s, "mlflow.spanInputs"),
                            "[{\"role\": \"user\", \"content\": \"\\u00e4\"}]");
        assert_string_equal(span_in_attribute(&s, "mlflow.spanOutputs"),
                            "[{\"role\": \"assistant\", \"content\": {\"a\": 1}}]");
}

/* The digits of a pattern stand for any number, and only for one. */
static void test_patterns(void **state) {
        struct span_in s =
                read_span(*state, "\"attributes\":[{\"key\":\"gen_ai.prompt..content\",\"value\":{"
                                  "\"stringValue\":\"no\"}},{\"key\":\"gen_ai.prompt.12.content\","
                                  "\"value\":{\"stringValue\":\"yes\"}}]");

        assert_string_equal(span_in_attribute(&s, "mlflow.spanInputs"), "\"yes\"");
}

static void test_chat_of_attributes(void **state) {
        struct span_in s = read_span(
                *state, "\"attributes\":[{\"key\":\"ai.operationId\",\"value\":{\"stringValue\":"
                        "\"ai.streamText.doStream\"}},{\"key\":\"ai.prompt.tools\",\"value\":{"
                        "\"arrayValue\":{\"values\":[{\"stringValue\":\"{\\\"t\\\":1}\"}]}}},"
                        "{\"key\":\"ai.response.text\",\"value\":{\"stringValue\":\"a\"}}]");

        assert_string_equal(span_in_attribute(&s, "mlflow.spanInputs"),
                            "{\"tools\": [{\"t\": 1}]}");
        assert_string_equal(span_in_attribute(&s, "mlflow.spanOutputs"), "{\"text\": \"a\"}");
        assert_string_equal(span_in_attribute(&s, SPAN_SAYS_FORMAT), "vercel_ai");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_events),
                tracking_test(test_patterns),
                tracking_test(test_chat_of_attributes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
