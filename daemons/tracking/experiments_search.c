#include "daemons/tracking/experiments_search.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/order_parse.h"
#include "lib/base/str.h"

#define TAG_OF_ROW \
        "SELECT 1 FROM experiment_tags t WHERE t.experiment_id = experiments.experiment_id"

static int add_clause(struct search_sql *sql, const struct filter_clause *c) {
        char column[64];
        int64_t ids[1];

        search_sql_add(sql, " AND ");
        if (c->entity == FILTER_TAG) {
                search_sql_add(sql, "%sEXISTS (" TAG_OF_ROW " AND ",
                               c->op == FILTER_IS_NULL ? "NOT " : "");
                search_sql_same_text(sql, "t.\"key\"", true, c->key);
                if (c->op != FILTER_IS_NULL && c->op != FILTER_IS_NOT_NULL) {
                        search_sql_add(sql, " AND ");
                        search_sql_compare(sql, "t.value", c);
                }
                search_sql_add(sql, ")");
                return 0;
        }
        snprintf(column, sizeof(column), "experiments.%s", c->key);
        if (c->kind != FILTER_LIST || !str_eq(c->key, "experiment_id")) {
                search_sql_compare(sql, column, c);
                return 0;
        }
        /* The ids of a list were seen to be numbers. */
        search_sql_add(sql, "%s(", c->op == FILTER_NOT_IN ? "NOT " : "");
        for (size_t i = 0; i < c->n_list; i++) {
                if (str_to_i64(c->list[i], ids) < 0)
                        return -EINVAL;
                search_sql_add(sql, i ? " OR " : "");
                search_sql_in_i64(sql, column, ids, 1);
        }
        search_sql_add(sql, ")");
        return 0;
}

static int add_order(const struct experiments_search *q, struct refusal *r,
                     struct search_sql *sql) {
        static const char *const newest[] = {"creation_time DESC", "experiment_id ASC"};
        const char *const *order = q->n_order_by ? q->order_by : newest;
        size_t n = q->n_order_by ? q->n_order_by : ARRAY_SIZE(newest);
        bool by_id = false;
        struct order_key k;
        int x;

        search_sql_add(sql, " ORDER BY ");
        for (size_t i = 0; i < n; i++) {
                x = order_parse(FILTER_EXPERIMENTS, order[i], r, &k);
                if (x != 0)
                        return x;
                search_sql_add(sql, "%sexperiments.%s%s", i ? ", " : "", k.key,
                               k.descending ? " DESC" : "");
                by_id = by_id || str_eq(k.key, "experiment_id");
        }
        if (!by_id)
                search_sql_add(sql, ", experiments.experiment_id DESC");
        return 0;
}

int experiments_search_build(const struct experiments_search *q, struct refusal *r,
                             struct search_sql *sql) {
        static const char *const stages[] = {
                [EXPERIMENTS_SEARCH_ALL] = "",
                [EXPERIMENTS_SEARCH_ACTIVE] = " AND experiments.lifecycle_stage = 'active'",
                [EXPERIMENTS_SEARCH_DELETED] = " AND experiments.lifecycle_stage = 'deleted'",
        };
        struct filter filter;
        int x = filter_parse(FILTER_EXPERIMENTS, q->filter, r, &filter);

        if (x != 0)
                return x;
        search_sql_add(sql, "SELECT %s FROM experiments WHERE experiments.workspace = 'default'%s",
                       q->count ? "COUNT(*)" : EXPERIMENTS_SQL_COLUMNS, stages[q->view]);
        access_restrict(r->access, ACCESS_EXPERIMENT, "experiments.experiment_id", true, sql);
        for (size_t i = 0; i < filter.n; i++) {
                x = add_clause(sql, &filter.clauses[i]);
                if (x != 0)
                        return x;
        }
        if (q->count)
                return 0;
        x = add_order(q, r, sql);
        if (x == 0)
                search_sql_page(sql, q->limit, q->offset);
        return x;
}
