#include "daemons/tracking/registry_search.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/model_versions_sql.h"
#include "daemons/tracking/order_parse.h"
#include "daemons/tracking/registered_models_sql.h"
#include "lib/base/str.h"

enum { ORDER_MAX = 16 };

static const char *column_of(const char *key) {
        static const struct {
                const char *key, *column;
        } rows[] = {
                {"source_path", "source"},
                {"version_number", "version"},
                {"creation_timestamp", "creation_time"},
                {"last_updated_timestamp", "last_updated_time"},
                {"timestamp", "last_updated_time"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_eq(rows[i].key, key))
                        return rows[i].column;
        return key;
}

static bool is_prompt_tag(const struct filter_clause *c) {
        return c->entity == FILTER_TAG && str_eq(c->key, REGISTERED_MODELS_SQL_PROMPT);
}

/* Only the first clause on the tag decides. */
static bool asks_for_prompts(const struct filter *f) {
        for (size_t i = 0; i < f->n; i++) {
                const struct filter_clause *c = &f->clauses[i];

                if (is_prompt_tag(c) && c->kind == FILTER_TEXT)
                        return (c->op == FILTER_EQ && str_eq_fold(c->text, "true")) ||
                               (c->op == FILTER_NE && str_eq_fold(c->text, "false"));
        }
        return false;
}

/* `table` is registered_model or model_version. */
static void add_clauses(struct search_sql *sql, const struct filter *f, const char *table) {
        bool prompts = asks_for_prompts(f), versions = str_eq(table, "model_version");
        char column[64];

        for (size_t i = 0; i < f->n; i++) {
                const struct filter_clause *c = &f->clauses[i];

                if (is_prompt_tag(c) && !prompts)
                        continue;
                search_sql_add(sql, " AND ");
                if (c->entity == FILTER_ATTRIBUTE) {
                        snprintf(column, sizeof(column), "%ss.%s", table, column_of(c->key));
                        search_sql_compare(sql, column, c);
                        continue;
                }
                search_sql_add(sql,
                               "EXISTS (SELECT 1 FROM %s_tags t WHERE t.workspace = 'default' AND "
                               "t.name = %ss.name%s AND ",
                               table, table,
                               versions ? " AND t.version = model_versions.version" : "");
                search_sql_same_text(sql, "t.\"key\"", true, c->key);
                search_sql_add(sql, " AND ");
                search_sql_compare(sql, "t.value", c);
                search_sql_add(sql, ")");
        }
        if (!prompts)
                search_sql_add(sql,
                               " AND NOT EXISTS (SELECT 1 FROM %s_tags t WHERE t.workspace = "
                               "'default' AND t.name = %ss.name AND t.\"key\" = "
                               "'" REGISTERED_MODELS_SQL_PROMPT "' AND t.value = 'true')",
                               table, table);
}

static int add_order(struct search_sql *sql, enum filter_family family,
                     const struct registry_search *q, const char *table, struct refusal *r) {
        struct order_key keys[ORDER_MAX];
        bool by_name = false, by_version = false;
        int x;

        if (q->n_order_by > ORDER_MAX)
                return refusal_invalid(r, "`order_by` contains more than %d fields", ORDER_MAX);
        search_sql_add(sql, " ORDER BY ");
        for (size_t i = 0; i < q->n_order_by; i++) {
                x = order_parse(family, q->order_by[i], r, &keys[i]);
                if (x != 0)
                        return x;
                search_sql_add(sql, "%ss.%s%s, ", table, column_of(keys[i].key),
                               keys[i].descending ? " DESC" : "");
                by_name = by_name || str_eq(keys[i].key, "name");
                by_version = by_version || str_eq(keys[i].key, "version_number");
        }
        x = order_parse_unique(keys, q->n_order_by, r);
        if (x != 0)
                return x;
        if (!by_name)
                search_sql_add(sql, "%ss.name, ", table);
        search_sql_add(sql, family == FILTER_MODEL_VERSIONS && !by_version
                                    ? "model_versions.version DESC"
                                    : "1");
        return 0;
}

/* Models and prompts are one table, and what is granted on the ones says nothing of the others. */
static void restrict_names(const struct access *a, const char *name, struct search_sql *sql) {
        static const char *const kinds[] = {ACCESS_MODEL, ACCESS_PROMPT};

        if (!a)
                return;
        search_sql_add(sql, " AND (");
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                search_sql_add(sql,
                               "%s%sEXISTS (SELECT 1 FROM registered_model_tags own WHERE "
                               "own.workspace = 'default' AND own.name = %s AND own.\"key\" = ",
                               i > 0 ? " OR " : "", i > 0 ? "" : "NOT ", name);
                search_sql_text(sql, REGISTERED_MODELS_SQL_PROMPT);
                search_sql_add(sql, ")");
                access_restrict(a, kinds[i], name, false, sql);
        }
        search_sql_add(sql, ")");
}

static int build(enum filter_family family, const struct registry_search *q, const char *table,
                 const char *columns, const char *alive, struct refusal *r,
                 struct search_sql *sql) {
        struct filter filter;
        int x = filter_parse(family, q->filter, r, &filter);

        if (x != 0)
                return x;
        search_sql_add(sql, "SELECT %s FROM %ss WHERE %ss.workspace = 'default'%s",
                       q->count ? "COUNT(*)" : columns, table, table, alive);
        restrict_names(r->access,
                       family == FILTER_MODEL_VERSIONS ? "model_versions.name"
                                                       : "registered_models.name",
                       sql);
        add_clauses(sql, &filter, table);
        if (q->count)
                return 0;
        x = add_order(sql, family, q, table, r);
        if (x == 0)
                search_sql_page(sql, q->limit, q->offset);
        return x;
}

int registry_search_models(const struct registry_search *q, struct refusal *r,
                           struct search_sql *sql) {
        return build(FILTER_REGISTERED_MODELS, q, "registered_model", REGISTERED_MODELS_SQL_COLUMNS,
                     "", r, sql);
}

int registry_search_versions(const struct registry_search *q, struct refusal *r,
                             struct search_sql *sql) {
        static const char *newest[] = {"last_updated_timestamp DESC", "name ASC",
                                       "version_number DESC"};
        struct registry_search ordered = *q;

        if (q->n_order_by == 0) {
                ordered.order_by = newest;
                ordered.n_order_by = ARRAY_SIZE(newest);
        }
        return build(FILTER_MODEL_VERSIONS, &ordered, "model_version", MODEL_VERSIONS_SQL_COLUMNS,
                     " AND model_versions.current_stage != 'Deleted_Internal'", r, sql);
}
