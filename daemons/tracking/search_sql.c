#include "daemons/tracking/search_sql.h"

#include <errno.h>
#include <string.h>

#include "lib/base/pattern.h"

struct search_sql_value {
        struct search_sql_value *next;
        enum filter_value_kind kind; /* TEXT, I64 or F64 */
        bool is_like;                /* a pattern of LIKE; a GLOB pattern for SQLite */
        bool twice;                  /* the text for MySQL asks for it twice */
        union {
                const char *text;
                int64_t i64;
                double f64;
        };
};

void search_sql_init(struct search_sql *s, struct arena *a) {
        *s = (struct search_sql){.arena = a};
        s->last = &s->first;
}

void search_sql_done(struct search_sql *s) {
        buf_done(&s->text);
}

void search_sql_add(struct search_sql *s, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&s->text, fmt, ap);
        va_end(ap);
}

/* `mark` is the text that asks for it. */
static struct search_sql_value *value(struct search_sql *s, enum filter_value_kind kind,
                                      const char *mark) {
        struct search_sql_value *v = arena_new(s->arena, struct search_sql_value);

        buf_add_str(&s->text, mark);
        if (!v) {
                s->error = -ENOMEM;
                return NULL;
        }
        v->kind = kind;
        *s->last = v;
        s->last = &v->next;
        s->n_values++;
        return v;
}

void search_sql_text(struct search_sql *s, const char *text) {
        struct search_sql_value *v = value(s, FILTER_TEXT, "?");

        if (v)
                v->text = text;
}

void search_sql_i64(struct search_sql *s, int64_t i64) {
        struct search_sql_value *v = value(s, FILTER_I64, "?");

        if (v)
                v->i64 = i64;
}

void search_sql_f64(struct search_sql *s, double f64) {
        struct search_sql_value *v = value(s, FILTER_F64, "{?|CAST(? AS DOUBLE PRECISION)|?}");

        if (v)
                v->f64 = f64;
}

/* A LIKE pattern as a GLOB pattern, which minds letter case whatever the connection is set to. */
static const char *glob_of(struct search_sql *s, const char *like) {
        char *glob = arena_alloc(s->arena, strlen(like) * 3 + 1), *p = glob;

        if (!glob) {
                s->error = -ENOMEM;
                return "";
        }
        for (; *like; like++) {
                if (*like == '%') {
                        *p++ = '*';
                } else if (*like == '_') {
                        *p++ = '?';
                } else if (strchr("*?[", *like)) {
                        *p++ = '[';
                        *p++ = *like;
                        *p++ = ']';
                } else {
                        *p++ = *like;
                }
        }
        *p = 0;
        return glob;
}

static void value_of(struct search_sql *s, const struct filter_clause *c) {
        switch (c->kind) {
        case FILTER_TEXT:
                search_sql_text(s, c->text);
                break;
        case FILTER_I64:
                search_sql_i64(s, c->i64);
                break;
        case FILTER_F64:
                search_sql_f64(s, c->f64);
                break;
        case FILTER_LIST:
        case FILTER_NOTHING:
                assert(!"a comparison with one value");
        }
}

/* Engines refuse the statement of a pattern they cannot read; it is found nowhere. */
static void compare_pattern(struct search_sql *s, const char *column, const char *text) {
        struct pattern *p = NULL;
        int r = pattern_compile(text, &p);

        pattern_free(p);
        if (r == -ENOMEM)
                s->error = r;
        if (r < 0) {
                search_sql_add(s, "1 = 0");
                return;
        }
        search_sql_add(s, "{%s REGEXP |%s ~ |CAST(%s AS BINARY) REGEXP BINARY }", column, column,
                       column);
        search_sql_text(s, text);
}

void search_sql_compare(struct search_sql *s, const char *column, const struct filter_clause *c) {
        static const char *const ops[] = {
                [FILTER_EQ] = "=",  [FILTER_NE] = "!=", [FILTER_LT] = "<",
                [FILTER_LE] = "<=", [FILTER_GT] = ">",  [FILTER_GE] = ">=",
        };

        if (c->op == FILTER_LIKE) {
                struct search_sql_value *v;

                search_sql_add(s, "%s ", column);
                v = value(s, FILTER_TEXT, "{GLOB ?|LIKE ?|LIKE BINARY ?}");
                if (v) {
                        v->text = c->text;
                        v->is_like = true;
                }
        } else if (c->op == FILTER_RLIKE) {
                compare_pattern(s, column, c->text);
        } else if (c->op == FILTER_ILIKE) {
                search_sql_add(s, "%s {LIKE|ILIKE|LIKE} ", column);
                search_sql_text(s, c->text);
        } else if (c->kind == FILTER_TEXT && (c->op == FILTER_EQ || c->op == FILTER_NE)) {
                search_sql_same_text(s, column, c->op == FILTER_EQ, c->text);
        } else if (c->op == FILTER_IN || c->op == FILTER_NOT_IN) {
                search_sql_add(s, "%s{||BINARY }", c->op == FILTER_NOT_IN ? "NOT " : "");
                search_sql_in_text(s, column, c->list, c->n_list);
        } else {
                assert((size_t) c->op < ARRAY_SIZE(ops));
                search_sql_add(s, "%s %s ", column, ops[c->op]);
                value_of(s, c);
        }
}

void search_sql_same_text(struct search_sql *s, const char *column, bool same, const char *text) {
        const char *op = same ? "=" : "!=";
        struct search_sql_value *v;

        search_sql_add(s, "{%s %s |%s %s |(%s %s ? %s BINARY %s %s }", column, op, column, op,
                       column, op, same ? "AND" : "OR", column, op);
        v = value(s, FILTER_TEXT, "?");
        search_sql_add(s, "{||)}");
        if (v) {
                v->text = text;
                v->twice = true;
        }
}

void search_sql_in_i64(struct search_sql *s, const char *column, const int64_t *values, size_t n) {
        if (n == 0) {
                search_sql_add(s, "1 = 0"); /* not every engine takes IN () */
                return;
        }
        search_sql_add(s, "%s IN (", column);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        search_sql_add(s, ",");
                {
                        struct search_sql_value *v =
                                value(s, FILTER_I64, "{?|CAST(? AS BIGINT)|?}");

                        if (v)
                                v->i64 = values[i];
                }
        }
        search_sql_add(s, ")");
}

void search_sql_in_text(struct search_sql *s, const char *column, const char *const *values,
                        size_t n) {
        if (n == 0) {
                search_sql_add(s, "1 = 0"); /* not every engine takes IN () */
                return;
        }
        search_sql_add(s, "%s IN (", column);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        search_sql_add(s, ",");
                search_sql_text(s, values[i]);
        }
        search_sql_add(s, ")");
}

void search_sql_page(struct search_sql *s, int64_t limit, int64_t offset) {
        search_sql_add(s, " LIMIT ");
        search_sql_i64(s, limit);
        search_sql_add(s, " OFFSET ");
        search_sql_i64(s, offset);
}

int search_sql_prepare(struct search_sql *s, struct db *db, struct db_stmt **ret) {
        struct db_stmt *stmt;
        enum db_dialect dialect = db_get_dialect(db);
        int param = 0, r = s->error ? s->error : buf_error(&s->text);

        if (r < 0)
                return r;
        r = db_prepare_dynamic(db, buf_cstr(&s->text), &stmt);
        if (r < 0)
                return r;
        for (const struct search_sql_value *v = s->first; v; v = v->next) {
                param++;
                if (v->twice && dialect == DB_MYSQL)
                        db_bind_text(stmt, param++, v->text);
                if (v->is_like && dialect == DB_SQLITE)
                        db_bind_text(stmt, param, glob_of(s, v->text));
                else if (v->kind == FILTER_TEXT)
                        db_bind_text(stmt, param, v->text);
                else if (v->kind == FILTER_I64)
                        db_bind_i64(stmt, param, v->i64);
                else
                        db_bind_f64(stmt, param, v->f64);
        }
        assert(param >= s->n_values);
        if (s->error) {
                db_reset(stmt);
                return s->error;
        }
        *ret = stmt;
        return 0;
}

int search_sql_number(struct search_sql *sql, struct db *db, int64_t *ret) {
        DB_USE struct db_stmt *s = NULL;
        int r = search_sql_prepare(sql, db, &s);

        if (r == 0)
                r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret = db_col_i64(s, 0);
        return 0;
}
