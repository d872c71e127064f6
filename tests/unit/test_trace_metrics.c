/* Questions about many traces as SQL. */
#include "daemons/tracking/trace_metrics.h"

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "tests/unit/tracking_test.h"

static const int64_t experiments[] = {3};

/* The statement, or the refusal. Good until the next one. */
static const char *build(const struct trace_metrics *m) {
        static struct arena a;
        static bool used;
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct refusal r = {};
        int x;

        if (used)
                arena_done(&a);
        used = true;
        arena_init(&a, 0);
        r.arena = &a;
        search_sql_init(&sql, &a);
        x = trace_metrics_check(m, &r);
        if (x == 0)
                x = trace_metrics_build(m, &r, &sql);
        return x == 0 ? arena_strdup(&a, buf_cstr(&sql.text)) : r.text;
}

static struct trace_metrics ask(enum trace_metrics_view view, const char *metric, unsigned how) {
        return (struct trace_metrics){.view = view,
                                      .metric = metric,
                                      .how = how,
                                      .experiment_ids = experiments,
                                      .n_experiment_ids = 1,
                                      .from_ms = INT64_MIN,
                                      .until_ms = INT64_MAX};
}

static void test_statement(void **state) {
        struct trace_metrics m = ask(TRACE_METRICS_TRACES, "latency", TRACE_METRICS_AVG);
        const char *dimensions[] = {"trace_name"};

        assert_non_null(strstr(build(&m), "SELECT t.execution_time_ms AS v FROM trace_info t WHERE "
                                          "t.experiment_id IN ("));
        assert_true(str_ends(build(&m), " AND t.execution_time_ms IS NOT NULL ORDER BY v"));
        m.dimensions = dimensions;
        m.n_dimensions = 1;
        m.interval_s = 60;
        m.from_ms = 5;
        m.until_ms = INT64_MAX - 1;
        assert_non_null(strstr(build(&m), "SELECT t.timestamp_ms - t.timestamp_ms % 60000 AS b, "
                                          "t.trace_name AS d0, t.execution_time_ms AS v FROM "));
        assert_non_null(strstr(build(&m), "AND t.trace_name IS NOT NULL AND t.timestamp_ms >= "));
        assert_non_null(strstr(build(&m), " AND t.timestamp_ms < "));
        assert_true(str_ends(build(&m), " ORDER BY b, d0, v"));
        /* No time of a span is so late: there is no bound then, and no overflow. */
        m = ask(TRACE_METRICS_SPANS, "total_cost", TRACE_METRICS_SUM);
        m.from_ms = INT64_MIN + 1;
        m.until_ms = INT64_MAX - 1;
        assert_null(strstr(build(&m), "start_time_unix_nano"));
}

static void test_refused(void **state) {
        static const struct {
                const char *filter, *message;
        } rows[] = {
                {"trace.status", "Invalid clause(s) in filter string: trace.status"},
                {"trace.status = 'a' AND trace.status = 'b'", "Invalid clause(s) in filter"},
                {"status = 'a'", "Invalid identifier 'status'."},
                {"trace.status != 'a'", "Invalid comparator: '!='"},
                {"trace.status = 5", "Expected a quoted string value for status value"},
                {"span.name = 'a'", "Filtering by span is only supported for SPANS view type"},
                {"", "Invalid clause(s)"},
        };
        struct trace_metrics m = ask(TRACE_METRICS_TRACES, "trace_count", TRACE_METRICS_COUNT);
        const char *filter[1];

        m.filters = filter;
        m.n_filters = 1;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                filter[0] = rows[i].filter;
                if (!strstr(build(&m), rows[i].message))
                        fail_msg("%s: %s", rows[i].filter, build(&m));
        }
        m.n_filters = 0;
        m.how = TRACE_METRICS_SUM;
        assert_string_equal(build(&m), "Found invalid aggregation_type(s): ['SUM']. Supported "
                                       "aggregation types: ['COUNT']");
        m.metric = "nope";
        assert_non_null(strstr(build(&m), "metric_name must be one of ['trace_count', "));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_statement),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
