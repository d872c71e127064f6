/* fuzz_filter: whatever a filter or order_by string is, it is refused in words or becomes SQL that
 * the database takes. The first byte chooses the family;
 * from "a" on it is a question about many traces, with two filters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/evaluation_datasets_search.h"
#include "daemons/tracking/experiments_search.h"
#include "daemons/tracking/issues_search.h"
#include "daemons/tracking/logged_models_search.h"
#include "daemons/tracking/registry_search.h"
#include "daemons/tracking/runs_search.h"
#include "daemons/tracking/trace_metrics.h"
#include "daemons/tracking/traces_search.h"
#include "daemons/tracking/tracking_schema.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t ids[] = {0, 1};

static struct db *database(void) {
        static char path[] = "/tmp/onebox-fuzz-XXXXXX";
        static struct db *db;
        struct errmsg em = {};
        char uri[64];

        if (db)
                return db;
        if (!mkdtemp(path))
                abort();
        snprintf(uri, sizeof(uri), "sqlite:///%s/f.db", path);
        if (tracking_schema_ensure(uri, "x:/", 1, &em) < 0 || db_open(uri, 0, &em, &db) < 0)
                abort();
        (void) fileio_rm_rf(path);
        return db;
}

static int build_runs(const char *filter, const char *order, struct refusal *r,
                      struct search_sql *sql) {
        struct runs_search q = {.experiment_ids = ids, .n_experiment_ids = 2};
        struct runs_search_plan plan = {.driver = -1};
        int x = runs_search_parse(&q, filter, &order, order != NULL, r);

        if (x != 0)
                return x;
        if (q.n_order > 0 && runs_search_can_walk(&q.order[0], true))
                plan.part = RUNS_SEARCH_WITH_VALUE;
        if (q.filter.n > 0 && runs_search_can_drive(&q.filter.clauses[0]))
                plan.driver = 0;
        runs_search_build(&q, &plan, sql);
        search_sql_page(sql, 10, 0);
        return 0;
}

static int build_traces(const char *filter, const char *order, struct refusal *r,
                        struct search_sql *sql) {
        struct traces_search q = {.experiment_ids = ids, .n_experiment_ids = 2};
        int x = traces_search_parse(&q, filter, &order, order != NULL, r);

        if (x != 0)
                return x;
        traces_search_build(&q, sql);
        search_sql_page(sql, 10, 0);
        return 0;
}

static int build_metrics(uint8_t view, const char *filter, const char *order, struct refusal *r,
                         struct search_sql *sql) {
        static const char *const metrics[] = {"trace_count", "latency", "assessment_value"};
        const char *filters[] = {filter, order};
        struct trace_metrics m = {
                .view = (enum trace_metrics_view)(TRACE_METRICS_TRACES + view % 3),
                .metric = metrics[view % 3],
                .filters = filters,
                .n_filters = order ? 2 : 1,
                .experiment_ids = ids,
                .n_experiment_ids = 2,
                .interval_s = 60,
                .from_ms = 1,
                .until_ms = 2,
        };
        int x = trace_metrics_check(&m, r);

        return x != 0 ? x : trace_metrics_build(&m, r, sql);
}

/* An order_by that begins with a '=' is a page's token. */
static int build_issues(const char *filter, const char *order, struct refusal *r,
                        struct search_sql *sql) {
        bool is_token = order && *order == '=';
        const char *orders[] = {order};
        const struct issues_page_query q = {
                .filter = filter, .order_by = orders, .n_order_by = order && !is_token};
        struct issues_search s;
        struct issues_page p;
        int x = issues_page_parse(&q, is_token ? order + 1 : NULL, r, &p);

        if (x == 0)
                x = issues_search_read(&q, &p, r, &s);
        if (x != 0)
                return x;
        s.limit = 10;
        return issues_search_build(&s, r, sql);
}

static int build(uint8_t family, const char *filter, const char *order, struct refusal *r,
                 struct search_sql *sql) {
        const char *orders[] = {order};
        const struct registry_search registry = {
                .filter = filter, .order_by = orders, .n_order_by = order != NULL, .limit = 10};
        const struct experiments_search experiments = {
                .filter = filter, .order_by = orders, .n_order_by = order != NULL, .limit = 10};
        const struct evaluation_datasets_search datasets = {
                .filter = filter, .order_by = orders, .n_order_by = order != NULL, .limit = 10};
        const struct logged_models_search_order by = {.field = order};
        const struct logged_models_search logged = {.experiment_ids = ids,
                                                    .n_experiment_ids = 2,
                                                    .filter = filter,
                                                    .order = &by,
                                                    .n_order = order != NULL,
                                                    .limit = 10};

        if (family >= 0xc0)
                return build_issues(filter, order, r, sql);
        if (family >= 0x80)
                return evaluation_datasets_search_build(&datasets, r, sql);
        if (family >= 'a')
                return build_metrics((uint8_t) (family - 'a'), filter, order, r, sql);
        switch (family % 6) {
        case 0:
                return build_runs(filter, order, r, sql);
        case 1:
                return experiments_search_build(&experiments, r, sql);
        case 2:
                return registry_search_models(&registry, r, sql);
        case 3:
                return registry_search_versions(&registry, r, sql);
        case 4:
                return build_traces(filter, order, r, sql);
        default:
                return logged_models_search_build(&logged, r, sql);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct search_sql sql;
        struct db_stmt *s = NULL;
        struct refusal r = {};
        struct arena a;
        char *filter, *order;
        int x;

        if (size < 1 || size > 4096)
                return 0;
        arena_init(&a, 0);
        r.arena = &a;
        filter = arena_strndup(&a, (const char *) data + 1, size - 1);
        order = strchr(filter, '\n'); /* what follows the first line is an order_by */
        if (order)
                *order++ = 0;
        search_sql_init(&sql, &a);
        x = build(data[0], filter, order, &r, &sql);
        if (x == REFUSED && (!r.text || !*r.text))
                abort();
        if (x < 0)
                abort();
        if (x == 0) {
                if (search_sql_prepare(&sql, database(), &s) < 0 || db_step(s) < 0)
                        abort();
                db_reset(s);
        }
        search_sql_done(&sql);
        arena_done(&a);
        return 0;
}
