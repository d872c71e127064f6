#include "daemons/tracking/filter_parse.h"
#include "tests/unit/tracking_test.h"

static int parse(struct tracking_test *t, enum filter_family family, const char *text,
                 struct filter *ret) {
        return filter_parse(family, text, &t->refusal, ret);
}

/* The only clause of a text that must parse. */
static struct filter_clause one(struct tracking_test *t, enum filter_family family,
                                const char *text) {
        struct filter f;

        if (parse(t, family, text, &f) != 0)
                fail_msg("%s: %s", text, t->refusal.text);
        assert_int_equal(f.n, 1);
        return f.clauses[0];
}

static void refused(struct tracking_test *t, enum filter_family family, const char *text,
                    const char *words) {
        struct filter f;

        assert_refused(t, parse(t, family, text, &f), words);
}

static void test_runs(void **state) {
        struct tracking_test *t = *state;
        struct filter_clause c;
        struct filter f;

        assert_int_equal(parse(t, FILTER_RUNS, NULL, &f), 0);
        assert_int_equal(f.n, 0);
        assert_int_equal(parse(t, FILTER_RUNS, "AND and", &f), 0);
        assert_int_equal(f.n, 0);
        c = one(t, FILTER_RUNS, "metrics.`a b` >= -1.5e2");
        assert_int_equal(c.entity, FILTER_METRIC);
        assert_string_equal(c.key, "a b");
        assert_int_equal(c.op, FILTER_GE);
        assert_true(c.kind == FILTER_F64 && c.f64 == -150);
        c = one(t, FILTER_RUNS, "param.lr iLike \"A%\"");
        assert_int_equal(c.entity, FILTER_PARAM);
        assert_int_equal(c.op, FILTER_ILIKE);
        assert_string_equal(c.text, "A%");
        c = one(t, FILTER_RUNS, "Created > 12");
        assert_string_equal(c.key, "start_time");
        assert_true(c.kind == FILTER_I64 && c.i64 == 12);
        c = one(t, FILTER_RUNS, "run_id not in ('a', \"b\\n\\u00e9\" 'c',)");
        assert_int_equal(c.op, FILTER_NOT_IN);
        assert_int_equal(c.n_list, 2);
        assert_string_equal(c.list[1], "b\né"
                                       "c");
        c = one(t, FILTER_RUNS, "tags.x IS NOT NULL");
        assert_int_equal(c.op, FILTER_IS_NOT_NULL);
        assert_int_equal(c.kind, FILTER_NOTHING);
        c = one(t, FILTER_RUNS, "params.a = 'it''s'");
        assert_string_equal(c.text, "it''s");
        c = one(t, FILTER_RUNS, "metrics.a > 1e999");
        assert_true(c.f64 > 1e308);
        assert_int_equal(
                parse(t, FILTER_RUNS, "metrics.a=1 params.b='c' AND datasets.name='d'", &f), 0);
        assert_int_equal(f.n, 3);
        assert_int_equal(f.clauses[2].entity, FILTER_DATASET);
}

static void test_runs_refused(void **state) {
        struct tracking_test *t = *state;
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"metrics.a > 1 OR x", "Invalid clause(s) in filter string: 'OR', 'x'"},
                {"x y", "Invalid clause(s) in filter string: 'x y'"},
                {"5  x AND z", "Invalid clause(s) in filter string: '5  x', 'z'"},
                {"x metrics.a = 1", "Invalid clause(s) in filter string: 'x'"},
                {"'a' x", "Invalid clause(s) in filter string: ''a'', 'x'"},
                {" \t", "Invalid filter ' \t'. Could not be parsed."},
                {"metrics.a > 'x'", "Expected numeric value type for metric. Found 'x'"},
                {"params.a = 1", "Expected a quoted string value for parameter"},
                {"tags.a = b", "Parameter value is either not quoted"},
                {"foo = 'x'", "Invalid attribute key 'foo' specified. Valid keys are '{'run_id'"},
                {"bar.x = 'y'", "Invalid entity type 'bar'"},
                {"dataset.x = 'y'", "Invalid dataset key 'x'"},
                {"start_time = 'x'",
                 "Expected numeric value type for numeric attribute: start_time"},
                {"metrics.a LIKE 'x'", "Expected numeric value type"},
                {"metrics.a == 1", "Invalid comparator '==' not one of '{'>'"},
                {"params.a > 'x'", "Invalid comparator '>' not one of '{'!=', '='"},
                {"status IN ('a')", "Only ['run_id'] attributes support"},
                {"run_id IN ()", "got empty list"},
                {"run_id IN (1)", "got different type in list: (1)"},
                {"run_id IN (x)", "got ill-formed list"},
                {"run_id IN ('a' , )x", "Invalid clause(s)"},
                {"run_id = ('a')", "Invalid comparator '=' for a list"},
                {"metrics.a IS NULL",
                 "IS NULL / IS NOT NULL is only supported for tags and params"},
                {"'x' = params.a", "Expected 'Identifier' found ''x''"},
                {"metrics.a > 1; b", "Search filter contained multiple expression"},
                {"(metrics.a > 1)", "Invalid clause(s) in filter string: '(metrics.a > 1)'"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                refused(t, FILTER_RUNS, rows[i].text, rows[i].words);
}

static void test_other_families(void **state) {
        struct tracking_test *t = *state;
        struct filter_clause c;

        c = one(t, FILTER_EXPERIMENTS, "experiment_id = '12'");
        assert_true(c.kind == FILTER_I64 && c.i64 == 12);
        c = one(t, FILTER_MODEL_VERSIONS, "version_number >= '3'");
        assert_true(c.kind == FILTER_I64 && c.i64 == 3);
        c = one(t, FILTER_LOGGED_MODELS, "creation_time > 5");
        assert_string_equal(c.key, "creation_timestamp");
        c = one(t, FILTER_LOGGED_MODELS, "params.p IN ('a', 'b')");
        assert_int_equal(c.n_list, 2);
        c = one(t, FILTER_RUNS, "run_id IN ((('a', ((\"b)\")) )))");
        assert_int_equal(c.n_list, 2);
        assert_string_equal(c.list[0], "a");
        assert_string_equal(c.list[1], "b)");
        refused(t, FILTER_RUNS, "run_id IN (('a', 'b'), 'c')", "got different type in list");
        refused(t, FILTER_RUNS, "run_id IN (('a' 'b') 'c')", "got ill-formed list");
        refused(t, FILTER_RUNS, "run_id IN ((()))", "got empty list");
        refused(t, FILTER_EXPERIMENTS, "experiment_id = 'x'", "must be a valid integer");
        refused(t, FILTER_EXPERIMENTS, "experiment_id > '1'",
                "Invalid comparator for experiment_id");
        refused(t, FILTER_EXPERIMENTS, "creation_time > 5.5",
                "Invalid value for numeric attribute");
        refused(t, FILTER_EXPERIMENTS, "params.x = 'y'", "Valid entity types are ('attribute',");
        refused(t, FILTER_EXPERIMENTS, "name IS NULL",
                "only supported for tags, not for attribute");
        refused(t, FILTER_REGISTERED_MODELS, "`name` = 'x'", "Invalid attribute key '`name`'");
        refused(t, FILTER_REGISTERED_MODELS, "tags.a IS NULL", "not supported for registered");
        refused(t, FILTER_MODEL_VERSIONS, "name = 5", "support comparison with numeric values");
        refused(t, FILTER_MODEL_VERSIONS, "version_number LIKE 'x'",
                "Invalid comparator for attribute");
        refused(t, FILTER_LOGGED_MODELS, "metric.a > 1", "Invalid entity type: 'metric'");
        refused(t, FILTER_LOGGED_MODELS, "metrics.a > 'x'", "Expected numeric value");
        refused(t, FILTER_LOGGED_MODELS, "params.a > 'x'",
                "Invalid comparison operator for params.a");
        refused(t, FILTER_LOGGED_MODELS, "status LIKE 'x'",
                "Invalid comparison operator for status");
}

static void test_limits(void **state) {
        struct tracking_test *t = *state;
        struct buf text = {};
        struct filter f;

        for (int i = 0; i < FILTER_CLAUSES_MAX; i++)
                buf_add_str(&text, "metrics.a > 1 AND ");
        assert_int_equal(parse(t, FILTER_RUNS, buf_cstr(&text), &f), 0);
        assert_int_equal(f.n, FILTER_CLAUSES_MAX);
        buf_add_str(&text, "metrics.a > 1");
        refused(t, FILTER_RUNS, buf_cstr(&text), "at most 200 clauses");
        buf_done(&text);
        buf_add_str(&text, "run_id IN ('a'");
        for (int i = 0; i < FILTER_LIST_MAX; i++)
                buf_add_str(&text, ",'a'");
        buf_add_str(&text, ")");
        refused(t, FILTER_RUNS, buf_cstr(&text), "more than 10000 values");
        buf_done(&text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_runs),
                tracking_test(test_runs_refused),
                tracking_test(test_other_families),
                tracking_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
