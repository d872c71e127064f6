#include "daemons/tracking/logged_models_search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/filter_check.h"
#include "daemons/tracking/logged_models_sql.h"
#include "lib/base/str.h"

static const char *column_of(const char *key) {
        if (str_eq(key, "creation_timestamp"))
                return "creation_timestamp_ms";
        if (str_eq(key, "last_updated_timestamp"))
                return "last_updated_timestamp_ms";
        return key;
}

static int status_of(struct refusal *r, const char *name, int64_t *ret) {
        static const char *const names[] = {"UNSPECIFIED", "PENDING", "READY", "FAILED"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(names[i], name)) {
                        *ret = (int64_t) i;
                        return 0;
                }
        return refusal_invalid(r, "Unknown model status in filter: '%s'", name);
}

static int add_status(struct search_sql *sql, const struct filter_clause *c, struct refusal *r) {
        const char *const *names = c->kind == FILTER_LIST ? c->list : &c->text;
        size_t n = c->kind == FILTER_LIST ? c->n_list : 1;
        int64_t *numbers = arena_zalloc_array(r->arena, n + 1, sizeof(*numbers));
        int x;

        if (!numbers)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                x = status_of(r, names[i], &numbers[i]);
                if (x != 0)
                        return x;
        }
        if (c->op == FILTER_NE || c->op == FILTER_NOT_IN)
                search_sql_add(sql, "NOT ");
        search_sql_in_i64(sql, "logged_models.status", numbers, n);
        return 0;
}

static void add_dataset(struct search_sql *sql, const struct logged_models_search_dataset *d) {
        search_sql_add(sql, "(m.dataset_name = ");
        search_sql_text(sql, d->name);
        if (d->digest) {
                search_sql_add(sql, " AND m.dataset_digest = ");
                search_sql_text(sql, d->digest);
        }
        search_sql_add(sql, ")");
}

static void add_datasets(struct search_sql *sql, const struct logged_models_search *q) {
        if (q->n_datasets == 0)
                return;
        search_sql_add(sql, " AND (");
        for (size_t i = 0; i < q->n_datasets; i++) {
                search_sql_add(sql, i ? " OR " : "");
                add_dataset(sql, &q->datasets[i]);
        }
        search_sql_add(sql, ")");
}

/* The model's latest value of a metric, by step, time and value; NULL when it has none. */
static void add_latest(struct search_sql *sql, const struct logged_models_search *q,
                       const char *metric, const struct logged_models_search_dataset *dataset) {
        search_sql_add(sql, "(SELECT m.metric_value FROM logged_model_metrics m WHERE m.model_id = "
                            "logged_models.model_id AND m.metric_name = ");
        search_sql_text(sql, metric);
        add_datasets(sql, q);
        if (dataset && dataset->name) {
                search_sql_add(sql, " AND ");
                add_dataset(sql, dataset);
        }
        search_sql_add(sql, " ORDER BY m.metric_step DESC, m.metric_timestamp_ms DESC, "
                            "m.metric_value DESC LIMIT 1)");
}

static void add_key_value(struct search_sql *sql, const struct filter_clause *c, const char *what) {
        char column[32];

        search_sql_add(sql,
                       "EXISTS (SELECT 1 FROM logged_model_%ss v WHERE v.model_id = "
                       "logged_models.model_id AND v.%s_key = ",
                       what, what);
        search_sql_text(sql, c->key);
        search_sql_add(sql, " AND ");
        snprintf(column, sizeof(column), "v.%s_value", what);
        search_sql_compare(sql, column, c);
        search_sql_add(sql, ")");
}

static int add_clause(struct search_sql *sql, const struct logged_models_search *q,
                      const struct filter_clause *c, struct refusal *r) {
        char column[64];

        search_sql_add(sql, " AND ");
        switch (c->entity) {
        case FILTER_ATTRIBUTE:
                if (str_eq(c->key, "status"))
                        return add_status(sql, c, r);
                snprintf(column, sizeof(column), "logged_models.%s", column_of(c->key));
                search_sql_compare(sql, column, c);
                break;
        case FILTER_METRIC:
                add_latest(sql, q, c->key, NULL);
                search_sql_add(sql, " ");
                search_sql_compare(sql, "", c);
                break;
        case FILTER_PARAM:
                add_key_value(sql, c, "param");
                break;
        case FILTER_TAG:
                add_key_value(sql, c, "tag");
                break;
        case FILTER_DATASET:
                assert(!"logged models have no datasets in filters");
        }
        return 0;
}

static bool in_list(const char *key, const char *const *list) {
        for (; *list; list++)
                if (str_eq(*list, key))
                        return true;
        return false;
}

static int add_attribute_key(struct search_sql *sql, const struct logged_models_search_order *o,
                             struct refusal *r, const char **ret_name) {
        const struct filter_check_family *f = filter_check_family(FILTER_LOGGED_MODELS);

        if (strchr(o->field, '.'))
                return refusal_invalid(
                        r, "Invalid order by field name: %s. Only metrics are supported.",
                        o->field);
        if (!in_list(o->field, f->order_by))
                return refusal_set(r, REFUSAL_ATTRIBUTE_NOT_FOUND,
                                   "Invalid order by field name: %s", o->field);
        *ret_name = filter_check_alias(FILTER_LOGGED_MODELS, o->field);
        search_sql_add(sql,
                       "{||logged_models.%s IS NULL, }logged_models.%s%s{ NULLS LAST| NULLS "
                       "LAST|}, ",
                       column_of(*ret_name), column_of(*ret_name),
                       o->descending ? " DESC" : " ASC");
        return 0;
}

static int add_order(struct search_sql *sql, const struct logged_models_search *q,
                     struct refusal *r) {
        bool by_creation = false, by_id = false;
        int x;

        search_sql_add(sql, " ORDER BY ");
        for (size_t i = 0; i < q->n_order; i++) {
                const struct logged_models_search_order *o = &q->order[i];
                const char *metric = str_after(o->field, "metrics."), *name = NULL;

                if (metric) {
                        search_sql_add(sql, "{||%s}", o->descending ? "" : "-");
                        add_latest(sql, q, metric, &o->dataset);
                        search_sql_add(sql, "{%s NULLS LAST|%s NULLS LAST| DESC}, ",
                                       o->descending ? " DESC" : " ASC",
                                       o->descending ? " DESC" : " ASC");
                        continue;
                }
                x = add_attribute_key(sql, o, r, &name);
                if (x != 0)
                        return x;
                by_creation = by_creation || str_eq(name, "creation_timestamp");
                by_id = by_id || str_eq(name, "model_id");
        }
        if (!by_creation)
                search_sql_add(sql, "logged_models.creation_timestamp_ms DESC, ");
        search_sql_add(sql, "%s", by_id ? "1" : "logged_models.model_id");
        return 0;
}

int logged_models_search_build(const struct logged_models_search *q, struct refusal *r,
                               struct search_sql *sql) {
        struct filter filter;
        bool by_metric = false;
        int x = filter_parse(FILTER_LOGGED_MODELS, q->filter, r, &filter);

        if (x != 0)
                return x;
        search_sql_add(sql, "SELECT " LOGGED_MODELS_SQL_COLUMNS
                            " FROM logged_models WHERE logged_models.lifecycle_stage != 'deleted' "
                            "AND ");
        search_sql_in_i64(sql, "logged_models.experiment_id", q->experiment_ids,
                          q->n_experiment_ids);
        access_restrict(r->access, ACCESS_EXPERIMENT, "logged_models.experiment_id", true, sql);
        for (size_t i = 0; i < filter.n; i++) {
                x = add_clause(sql, q, &filter.clauses[i], r);
                if (x != 0)
                        return x;
                by_metric = by_metric || filter.clauses[i].entity == FILTER_METRIC;
        }
        if (q->n_datasets > 0 && !by_metric) {
                search_sql_add(sql, " AND EXISTS (SELECT 1 FROM logged_model_metrics m WHERE "
                                    "m.model_id = logged_models.model_id");
                add_datasets(sql, q);
                search_sql_add(sql, ")");
        }
        x = add_order(sql, q, r);
        if (x == 0)
                search_sql_page(sql, q->limit, q->offset);
        return x;
}
