/* Spans in other conventions' words: what becomes MLflow's, and that MLflow's own words stand. */
#include "daemons/tracking/span_translate.h"

#include "lib/base/str.h"
#include "tests/unit/tracking_test.h"

#define HEAD                                                                                 \
        "{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"0000000000000002\"," \
        "\"name\":\"n\",\"attributes\":["

#define TEXT(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define NUMBER(key, value) "{\"key\":\"" key "\",\"value\":{\"intValue\":\"" value "\"}}"

static struct span_in read_span(struct tracking_test *t, const char *attributes) {
        const char *text = arena_printf(&t->arena, HEAD "%s]}", attributes);
        struct json *root;
        struct span_in s;

        assert_non_null(text);
        assert_int_equal(json_parse_copy(&t->arena, text, strlen(text), &root, NULL), 0);
        assert_int_equal(span_in_read(&t->arena, root, NULL, &s), 0);
        return s;
}

static void test_words_of_others(void **state) {
        struct span_in s = read_span(
                *state,
                TEXT("openinference.span.kind", "LLM") "," TEXT("input.value", "hi") "," NUMBER(
                        "llm.token_count.prompt", "3") "," TEXT("llm.token_count.completion", "4"));

        assert_string_equal(span_in_attribute(&s, "mlflow.spanType"), "\"LLM\"");
        assert_string_equal(span_in_attribute(&s, "mlflow.spanInputs"), "\"hi\"");
        assert_string_equal(span_in_attribute(&s, "mlflow.chat.tokenUsage"),
                            "{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}");
        assert_null(span_in_attribute(&s, "mlflow.spanOutputs"));
        assert_null(s.span.type); /* the column has what the span said itself */
}

static void test_own_words_stand(void **state) {
        struct span_in s = read_span(
                *state, TEXT("mlflow.spanType", "\\\"TOOL\\\"") "," TEXT(
                                "mlflow.spanInputs",
                                "\\\"mine\\\"") "," TEXT("openinference.span.kind",
                                                         "LLM") "," TEXT("input.value", "theirs"));

        assert_string_equal(span_in_attribute(&s, "mlflow.spanType"), "\"TOOL\"");
        assert_string_equal(span_in_attribute(&s, "mlflow.spanInputs"), "\"mine\"");
        assert_string_equal(s.span.type, "TOOL");
}

static void test_nothing_said(void **state) {
        struct span_in s = read_span(*state, TEXT("input.value", "") "," TEXT("other", "x"));

        for (const struct span_in_attribute *x = s.attributes; x; x = x->next)
                assert_true(str_eq(x->key, "input.value") || str_eq(x->key, "other") ||
                            str_eq(x->key, "mlflow.traceRequestId"));
}

/* Counts at the end of what fits: no sum that wraps around. */
static void test_great_counts(void **state) {
        struct span_in s = read_span(
                *state, NUMBER("gen_ai.usage.input_tokens", "9223372036854775807") "," NUMBER(
                                "gen_ai.usage.output_tokens", "9223372036854775807"));

        assert_string_equal(span_in_attribute(&s, "mlflow.chat.tokenUsage"),
                            "{\"input_tokens\": 9223372036854775807, \"output_tokens\": "
                            "9223372036854775807}");
        s = read_span(*state, TEXT("span.type", "llm_request") "," NUMBER(
                                      "input_tokens",
                                      "9223372036854775807") "," NUMBER("cache_read_tokens", "5"));
        assert_string_equal(
                span_in_attribute(&s, "mlflow.chat.tokenUsage"),
                "{\"input_tokens\": 9223372036854775807, \"cache_read_input_tokens\": 5}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_words_of_others),
                tracking_test(test_own_words_stand),
                tracking_test(test_nothing_said),
                tracking_test(test_great_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
