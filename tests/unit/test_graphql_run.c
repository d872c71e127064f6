/* What the requests of MLflow's pages come to, and how the others are refused. */
#include "daemons/tracking/graphql_run.h"

#include <stdio.h>

#include "lib/base/json.h"
#include "tests/unit/tracking_test.h"

static int n_asked;
static char last_input[16];

static int ask(void *ctx, int (*asked)(struct ask *q), const struct json *input, struct refusal *r,
               const struct json **ret) {
        static const char text[] =
                "{\"run\":{\"info\":{\"run_id\":\"r1\",\"status\":\"FINISHED\",\"start_time\":12,"
                "\"experiment_id\":\"7\"},\"data\":{\"metrics\":[{\"key\":\"m\",\"value\":\"NaN\","
                "\"step\":3},{\"key\":\"n\",\"value\":0.5}]}},\"experiment\":{\"name\":\"e\"}}";
        const struct json *id = json_get(input, "run_id");
        struct json *root;

        n_asked++;
        snprintf(last_input, sizeof(last_input), "%s", json_is(id, JSON_STRING) ? id->str : "");
        if (json_is(id, JSON_STRING) && strcmp(id->str, "nope") == 0)
                return refusal_invalid(r, "Run with id=nope not found");
        assert_int_equal(json_parse_copy(r->arena, text, strlen(text), &root, NULL), 0);
        *ret = root;
        return 0;
}

static void answers(const char *query, const char *operation, const char *variables,
                    const char *expected) {
        struct graphql_run run = {.query = query, .operation = operation, .ask = ask};
        _cleanup_buf_ struct buf out = {};
        struct json *given = NULL;
        struct arena a;

        arena_init(&a, 0);
        run.arena = &a;
        if (variables)
                assert_int_equal(json_parse_copy(&a, variables, strlen(variables), &given, NULL),
                                 0);
        run.variables = given;
        assert_int_equal(graphql_run(&run, &out), 0);
        assert_string_equal(buf_cstr(&out), expected);
        arena_done(&a);
}

static void refused(const char *query, const char *why) {
        _cleanup_buf_ struct buf expected = {};

        buf_printf(&expected, "{\"data\":null,\"errors\":[\"%s\"]}", why);
        n_asked = 0;
        answers(query, NULL, NULL, buf_cstr(&expected));
        assert_int_equal(n_asked, 0);
}

static void test_fields(void **state) {
        answers("{ mlflowGetRun(input: {runId: \"r1\"}) { run { info { status runId z: startTime "
                "endTime __typename } } apiError { code } } }",
                NULL, NULL,
                "{\"data\":{\"mlflowGetRun\":{\"apiError\":null,\"run\":{\"info\":{\"__typename\":"
                "\"MlflowRunInfo\",\"endTime\":\"0\",\"runId\":\"r1\",\"status\":\"FINISHED\","
                "\"z\":\"12\"}}}},\"errors\":null}");
        answers("{ mlflowGetRun(input: {runId: \"r1\"}) { run { data { metrics { value step } "
                "params { key } } inputs { modelInputs { modelId } } } } }",
                NULL, NULL,
                "{\"data\":{\"mlflowGetRun\":{\"run\":{\"data\":{\"metrics\":[{\"step\":\"3\","
                "\"value\":null},{\"step\":\"0\",\"value\":0.5}],\"params\":[]},\"inputs\":{"
                "\"modelInputs\":[]}}}},\"errors\":null}");
}

static void test_looked_up(void **state) {
        n_asked = 0;
        answers("{ mlflowGetRun(input: {runId: \"r1\"}) { run { experiment { name } } } }", NULL,
                NULL,
                "{\"data\":{\"mlflowGetRun\":{\"run\":{\"experiment\":{\"name\":\"e\"}}}},"
                "\"errors\":null}");
        assert_int_equal(n_asked, 2);
}

static void test_refusal_beside_data(void **state) {
        answers("{ a: mlflowGetRun(input: {runId: \"nope\"}) { run { info { runId } } } "
                "b: test(inputString: \"x\") { output } }",
                NULL, NULL,
                "{\"data\":{\"a\":null,\"b\":{\"output\":\"x\"}},\"errors\":[\"Run with id=nope "
                "not "
                "found\"]}");
}

static void test_variables(void **state) {
        static const char query[] = "query Q($d: MlflowGetRunInput!) { mlflowGetRun(input: $d) { "
                                    "run { info { runId } } "
                                    "} }";

        answers(query, "Q", "{\"d\":{\"runId\":\"r1\"}}",
                "{\"data\":{\"mlflowGetRun\":{\"run\":{\"info\":{\"runId\":\"r1\"}}}},\"errors\":"
                "null}");
        answers(query, NULL, "{\"d\":{\"runId\":5}}",
                "{\"data\":null,\"errors\":[\"Variable '$d' got invalid value 5 at 'd.runId'; "
                "String "
                "cannot represent a non string value: 5\"]}");
        answers("query Q($i: String = \"r9\") { mlflowGetRun(input: {runId: $i}) { run { info { "
                "runId } } } }",
                NULL, NULL,
                "{\"data\":{\"mlflowGetRun\":{\"run\":{\"info\":{\"runId\":\"r1\"}}}},\"errors\":"
                "null}");
        assert_string_equal(last_input, "r9");
}

static void test_fragments_merge(void **state) {
        answers("query Q { mlflowGetRun(input: {runId: \"r1\"}) { ...F ... on MlflowGetRunResponse "
                "{ "
                "run { info { status } } } } } fragment F on MlflowGetRunResponse { run { info { "
                "runId } } }",
                NULL, NULL,
                "{\"data\":{\"mlflowGetRun\":{\"run\":{\"info\":{\"runId\":\"r1\",\"status\":"
                "\"FINISHED\"}}}},\"errors\":null}");
}

static void test_refused(void **state) {
        refused("{ nope }", "Cannot query field 'nope' on type 'Query'.");
        refused("{ mlflowGetRun(input: {runId: 5}) { run { info { runId } } } }",
                "String cannot represent a non string value: 5");
        refused("{ test(inputString: \"a\") { ...F } } fragment F on Test { ...F }",
                "Cannot spread fragment 'F' within itself.");
        refused("{ test(inputString: \"a\") { output x: output } } fragment G on Test { output }",
                "Fragment 'G' is never used.");
        refused("{ test(inputString: \"a\") { x: output x: __typename } }",
                "Fields 'x' conflict because 'output' and '__typename' are different fields. Use "
                "different aliases on the fields to fetch both if this was intentional.");
        refused("query Q($a: String = $a) { test(inputString: $a) { output } }",
                "Syntax Error: Unexpected '$'.");
        refused("{ a ", "Syntax Error: Unexpected <EOF>.");
        refused("{ a(b: \\\"x) }", "Syntax Error: Invalid character, number or string.");
}

/* Fragments that double in one another must not cost what they would come to. */
static void test_no_explosion(void **state) {
        _cleanup_buf_ struct buf q = {};
        struct arena a;
        _cleanup_buf_ struct buf out = {};

        buf_add_str(&q, "{ test(inputString: \"a\") { ...F0 } }");
        for (int i = 0; i < 100; i++)
                buf_printf(&q, " fragment F%d on Test { ...F%d ...F%d ...F%d }", i, i + 1, i + 1,
                           i + 1);
        buf_add_str(&q, " fragment F100 on Test { output }");
        arena_init(&a, (size_t) 16 << 20);
        assert_int_equal(
                graphql_run(&(struct graphql_run){.arena = &a, .query = buf_cstr(&q), .ask = ask},
                            &out),
                0);
        assert_string_equal(buf_cstr(&out),
                            "{\"data\":{\"test\":{\"output\":\"a\"}},\"errors\":null}");
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_looked_up),
                cmocka_unit_test(test_refusal_beside_data),
                cmocka_unit_test(test_variables),
                cmocka_unit_test(test_fragments_merge),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_no_explosion),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
