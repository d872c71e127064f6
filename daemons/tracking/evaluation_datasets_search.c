#include "daemons/tracking/evaluation_datasets_search.h"

#include <stdio.h>

#include "daemons/tracking/evaluation_datasets_sql.h"
#include "daemons/tracking/order_parse.h"

static void add_clause(struct search_sql *sql, const struct filter_clause *c) {
        char column[64];

        search_sql_add(sql, " AND ");
        if (c->entity == FILTER_TAG) {
                search_sql_add(sql, "EXISTS (SELECT 1 FROM evaluation_dataset_tags t WHERE "
                                    "t.dataset_id = d.dataset_id AND t.\"key\" = ");
                search_sql_text(sql, c->key);
                search_sql_add(sql, " AND ");
                search_sql_compare(sql, "t.value", c);
                search_sql_add(sql, ")");
                return;
        }
        snprintf(column, sizeof(column), "d.%s", c->key);
        search_sql_compare(sql, column, c);
}

static int add_order(const struct evaluation_datasets_search *q, struct refusal *r,
                     struct search_sql *sql) {
        struct order_key k;
        int x;

        search_sql_add(sql, " ORDER BY ");
        if (q->n_order_by == 0)
                search_sql_add(sql, "d.created_time DESC, ");
        for (size_t i = 0; i < q->n_order_by; i++) {
                x = order_parse(FILTER_EVALUATION_DATASETS, q->order_by[i], r, &k);
                if (x != 0)
                        return x;
                search_sql_add(sql, "d.%s%s, ", k.key, k.descending ? " DESC" : "");
        }
        search_sql_add(sql, "d.dataset_id DESC");
        return 0;
}

int evaluation_datasets_search_build(const struct evaluation_datasets_search *q, struct refusal *r,
                                     struct search_sql *sql) {
        struct filter filter;
        int x = filter_parse(FILTER_EVALUATION_DATASETS, q->filter, r, &filter);

        if (x != 0)
                return x;
        search_sql_add(sql, "SELECT " EVALUATION_DATASETS_SQL_COLUMNS
                            " FROM evaluation_datasets d WHERE d.workspace = 'default'");
        if (q->n_experiments > 0) {
                search_sql_add(sql, " AND EXISTS (SELECT 1 FROM entity_associations e WHERE "
                                    "e.source_type = 'evaluation_dataset' AND e.source_id = "
                                    "d.dataset_id AND e.destination_type = 'experiment' AND ");
                search_sql_in_text(sql, "e.destination_id", q->experiments, q->n_experiments);
                search_sql_add(sql, ")");
        }
        for (size_t i = 0; i < filter.n; i++)
                add_clause(sql, &filter.clauses[i]);
        x = add_order(q, r, sql);
        if (x == 0)
                search_sql_page(sql, q->limit, q->offset);
        return x;
}
