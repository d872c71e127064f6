#include "daemons/tracking/issues_search.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/filter_scan.h"
#include "daemons/tracking/issues_check.h"
#include "daemons/tracking/issues_sql.h"
#include "daemons/tracking/python_text.h"
#include "lib/base/str.h"

#define SEVERITY                                                                             \
        "CASE i.severity WHEN 'not_an_issue' THEN 0 WHEN 'low' THEN 1 WHEN 'medium' THEN 2 " \
        "WHEN 'high' THEN 3 ELSE -1 END"
#define STATUS                                                                               \
        "CASE i.status WHEN 'pending' THEN 0 WHEN 'rejected' THEN 1 WHEN 'resolved' THEN 2 " \
        "ELSE 3 END"

struct issues_search_clause {
        const char *column, *value;
        bool same;
};

struct issues_search_key {
        const char *sql;
        bool is_text, descending;
};

static const struct {
        const char *name, *sql;
} sortable[] = {
        {"name", "LOWER(i.name)"},
        {"status", STATUS},
        {"severity", SEVERITY},
        {"created_timestamp", "i.created_timestamp"},
        {"last_updated_timestamp", "i.last_updated_timestamp"},
        {"last_seen_timestamp", "COALESCE(i.last_seen_timestamp, i.created_timestamp)"},
};

/* --- the filter --- */

/* Without the quotes it may stand in. NULL: out of memory. */
static const char *bare(struct arena *a, const struct filter_word *w) {
        bool quoted = filter_lex_quoted(w->text, w->size, '\'') ||
                      filter_lex_quoted(w->text, w->size, '"');
        const char *text = arena_strndup(a, w->text + quoted, w->size - (quoted ? 2 : 0));

        return text ? python_text_strip(a, text) : NULL;
}

static int refuse_left(struct refusal *r, const struct filter_word *w) {
        return refusal_invalid(r,
                               "Invalid comparison: left side must be an identifier, got <class "
                               "'sqlparse.sql.%s'>",
                               w->kind == FILTER_GROUP ? "Parenthesis" : "Token");
}

static int clause_of(const struct filter_comparison *found, struct refusal *r,
                     struct issues_search_clause *ret) {
        const char *key = bare(r->arena, &found->left);

        if (found->op == FILTER_IS_NULL || found->op == FILTER_IS_NOT_NULL)
                return refusal_invalid(r, "Invalid comparison: expected 3 tokens, got 2");
        if (found->left.kind != FILTER_NAME)
                return refuse_left(r, &found->left);
        if (!key)
                return -ENOMEM;
        if (!str_eq(key, "status") && !str_eq(key, "source_run_id"))
                return refusal_invalid(r,
                                       "Invalid filter field '%s'. Supported fields: "
                                       "{'source_run_id', 'status'}",
                                       key);
        if (found->op != FILTER_EQ && found->op != FILTER_NE)
                return refusal_invalid(r,
                                       "Invalid comparator '%s'. Supported comparators: {'!=', "
                                       "'='}",
                                       found->op_text);
        *ret = (struct issues_search_clause){
                .column = str_eq(key, "status") ? "i.status" : "i.source_run_id",
                .value = bare(r->arena, &found->right),
                .same = found->op == FILTER_EQ,
        };
        return ret->value ? 0 : -ENOMEM;
}

static int read_filter(const char *text, struct refusal *r, struct issues_search *s) {
        const struct filter_comparison *found = NULL;
        struct issues_search_clause *clauses;
        int x = filter_scan(FILTER_EVALUATION_DATASETS, text, r, &found, &s->n_clauses);

        if (x != 0)
                return x;
        clauses = arena_zalloc_array(r->arena, s->n_clauses + 1, sizeof(*clauses));
        if (!clauses)
                return -ENOMEM;
        for (size_t i = 0; x == 0 && i < s->n_clauses; i++)
                x = clause_of(&found[i], r, &clauses[i]);
        s->clauses = clauses;
        return x;
}

/* --- the order --- */

/* The next word of a text, NULL at its end. */
static const char *word(char **at) {
        static const char blanks[] = " \t\n\v\f\r";
        char *begin = *at + strspn(*at, blanks), *end = begin + strcspn(begin, blanks);

        *at = *end ? end + 1 : end;
        *end = '\0';
        return *begin ? begin : NULL;
}

static int key_of(const char *order, struct refusal *r, struct issues_search_key *ret) {
        char *at = arena_strdup(r->arena, order);
        const char *name, *way;

        if (!at)
                return -ENOMEM;
        name = word(&at);
        way = word(&at);
        *ret = (struct issues_search_key){.is_text = name && str_eq(name, "name"),
                                          .descending = way && str_eq_fold(way, "DESC")};
        for (size_t i = 0; name && i < ARRAY_SIZE(sortable); i++)
                if (str_eq(sortable[i].name, name))
                        ret->sql = sortable[i].sql;
        if (ret->sql && !word(&at) && (!way || ret->descending || str_eq_fold(way, "ASC")))
                return 0;
        return refusal_invalid(r, "Invalid issue order_by: %s", field_check_repr(r->arena, order));
}

static int read_order(const struct issues_page_query *q, struct refusal *r,
                      struct issues_search *s) {
        static const struct issues_search_key id = {"i.issue_id", true, true};
        int x = 0;

        s->keys = arena_zalloc_array(r->arena, q->n_order_by + 1, sizeof(*s->keys));
        if (!s->keys)
                return -ENOMEM;
        for (size_t i = 0; x == 0 && i < q->n_order_by; i++)
                x = key_of(q->order_by[i], r, &s->keys[i]);
        s->keys[q->n_order_by] = id;
        s->n_keys = q->n_order_by > 0 ? q->n_order_by + 1 : 0;
        return x;
}

static int check_after(const struct issues_search *s, const struct json *after, struct refusal *r) {
        bool fine = !after || (s->n_keys > 0 && after->len == s->n_keys);
        const struct json *item;
        size_t i = 0;

        json_each (item, after) {
                fine = fine && s->keys[i].is_text == json_is(item, JSON_STRING);
                i++;
        }
        return fine ? 0 : refusal_invalid(r, "Invalid issue page token");
}

int issues_search_read(const struct issues_page_query *q, const struct issues_page *p,
                       struct refusal *r, struct issues_search *ret) {
        int x = 0;

        *ret = (struct issues_search){.query = q, .page = p};
        if (q->experiment_id)
                x = field_check_experiment_id(r, q->experiment_id, &ret->experiment_id);
        if (x == 0)
                x = read_filter(q->filter, r, ret);
        if (x == 0)
                x = read_order(q, r, ret);
        return x != 0 ? x : check_after(ret, p->after, r);
}

/* --- the SQL --- */

/* A part of the name, letter case aside; what a pattern would mean by its characters it does not.
 */
static int add_name(struct search_sql *sql, struct arena *a, const char *name) {
        char *pattern = arena_alloc(a, 2 * strlen(name) + 3), *p = pattern;

        if (!pattern)
                return -ENOMEM;
        *p++ = '%';
        for (; *name; name++) {
                if (strchr("%_!", *name))
                        *p++ = '!';
                *p++ = *name;
        }
        *p++ = '%';
        *p = '\0';
        search_sql_add(sql, " AND {LOWER(i.name) LIKE LOWER(|i.name ILIKE (|LOWER(i.name) LIKE "
                            "LOWER(}");
        search_sql_text(sql, pattern);
        search_sql_add(sql, ") ESCAPE '!'");
        return 0;
}

static int add_categories(struct search_sql *sql, struct arena *a,
                          const struct issues_page_query *q) {
        const char **hashes = arena_zalloc_array(a, q->n_categories + 1, sizeof(*hashes));

        for (size_t i = 0; hashes && i < q->n_categories; i++) {
                hashes[i] = issues_check_category_hash(a, q->categories[i]);
                if (!hashes[i])
                        return -ENOMEM;
        }
        if (!hashes)
                return -ENOMEM;
        search_sql_add(sql, " AND EXISTS (SELECT 1 FROM issue_categories c WHERE c.issue_id = "
                            "i.issue_id AND ");
        search_sql_in_text(sql, "c.category_hash", hashes, q->n_categories);
        search_sql_add(sql, ")");
        return 0;
}

static int add_where(const struct issues_search *s, struct refusal *r, struct search_sql *sql) {
        const struct issues_page_query *q = s->query;
        int x = 0;

        search_sql_add(sql, " WHERE 1 = 1");
        if (q->experiment_id) {
                search_sql_add(sql, " AND ");
                search_sql_in_i64(sql, "i.experiment_id", &s->experiment_id, 1);
        }
        for (size_t i = 0; i < s->n_clauses; i++) {
                search_sql_add(sql, " AND ");
                search_sql_same_text(sql, s->clauses[i].column, s->clauses[i].same,
                                     s->clauses[i].value);
        }
        if (q->name)
                x = add_name(sql, r->arena, q->name);
        if (q->n_statuses > 0) {
                search_sql_add(sql, " AND ");
                search_sql_in_text(sql, "i.status", q->statuses, q->n_statuses);
        }
        if (q->n_severities > 0) {
                search_sql_add(sql, " AND ");
                search_sql_in_text(sql, "i.severity", q->severities, q->n_severities);
        }
        return x == 0 && q->n_categories > 0 ? add_categories(sql, r->arena, q) : x;
}

static void add_value(struct search_sql *sql, const struct json *value) {
        int64_t n = 0;

        if (json_is(value, JSON_STRING)) {
                search_sql_text(sql, value->str);
                return;
        }
        (void) json_i64(value, &n); /* it is one, or it was no token */
        search_sql_add(sql, "{|CAST(|}");
        search_sql_i64(sql, n);
        search_sql_add(sql, "{| AS BIGINT)|}");
}

/* Behind the row with these keys: greater in the first one, or equal there and so on. */
static void add_after(const struct issues_search *s, struct search_sql *sql) {
        search_sql_add(sql, " AND (");
        for (size_t i = 0; i < s->n_keys; i++) {
                search_sql_add(sql, i > 0 ? " OR (" : "(");
                for (size_t k = 0; k <= i; k++) {
                        const struct issues_search_key *key = &s->keys[k];

                        search_sql_add(sql, "%s%s %s ", k > 0 ? " AND " : "", key->sql,
                                       k < i             ? "="
                                       : key->descending ? "<"
                                                         : ">");
                        add_value(sql, json_at(s->page->after, k));
                }
                search_sql_add(sql, ")");
        }
        search_sql_add(sql, ")");
}

static void add_order(const struct issues_search *s, struct search_sql *sql) {
        search_sql_add(sql, " ORDER BY ");
        for (size_t i = 0; i < s->n_keys; i++)
                search_sql_add(sql, "%s%s%s", i > 0 ? ", " : "", s->keys[i].sql,
                               s->keys[i].descending ? " DESC" : "");
        if (s->n_keys == 0)
                search_sql_add(sql, SEVERITY " DESC%s, i.created_timestamp DESC, i.issue_id DESC",
                               s->query->with_traces ? ", COALESCE(t.n, 0) DESC" : "");
}

int issues_search_count(const struct issues_search *s, struct refusal *r, struct search_sql *sql) {
        search_sql_add(sql, "SELECT COUNT(*) FROM issues i");
        return add_where(s, r, sql);
}

int issues_search_build(const struct issues_search *s, struct refusal *r, struct search_sql *sql) {
        bool traces = s->query->with_traces;
        int x;

        search_sql_add(sql, "SELECT " ISSUES_SQL_COLUMNS ", %s", traces ? "COALESCE(t.n, 0)" : "0");
        for (size_t i = 0; i < s->n_keys; i++)
                search_sql_add(sql, ", %s", s->keys[i].sql);
        search_sql_add(sql, " FROM issues i");
        if (traces)
                search_sql_add(sql, " LEFT JOIN (SELECT name, COUNT(DISTINCT trace_id) AS n FROM "
                                    "assessments WHERE assessment_type = 'issue' GROUP BY name) t "
                                    "ON t.name = i.issue_id");
        x = add_where(s, r, sql);
        if (x != 0)
                return x;
        if (s->page->after)
                add_after(s, sql);
        add_order(s, sql);
        search_sql_page(sql, s->limit, s->page->offset);
        return 0;
}

bool issues_search_is_text(const struct issues_search *s, size_t key) {
        return s->keys[key].is_text;
}
