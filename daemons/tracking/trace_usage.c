#include "daemons/tracking/trace_usage.h"

#include "daemons/tracking/search_sql.h"
#include "daemons/tracking/traces_json.h"
#include "daemons/tracking/traces_sql.h"
#include "lib/base/str.h"

bool trace_usage_is(const char *key) {
        return str_eq(key, TRACES_JSON_TOKENS) || str_eq(key, TRACES_JSON_COST);
}

void trace_usage_add_any(struct search_sql *sql, const char *table, const char *key, bool is) {
        bool tokens = str_eq(key, TRACES_JSON_TOKENS);
        const char *const *columns = tokens ? traces_sql_tokens : traces_sql_costs;

        for (size_t i = 0; i < (tokens ? TRACES_SQL_TOKENS : TRACES_SQL_COSTS); i++)
                search_sql_add(sql, "%s%s.%s IS %sNULL",
                               i == 0 ? ""
                               : is   ? " OR "
                                      : " AND ",
                               table, columns[i], is ? "NOT " : "");
}

static void add_columns(struct search_sql *sql, const char *table, bool tokens,
                        const struct trace *t) {
        const char *const *columns = tokens ? traces_sql_tokens : traces_sql_costs;
        const bool *has = tokens ? t->has_tokens : t->has_costs;

        for (size_t i = 0; i < (tokens ? TRACES_SQL_TOKENS : TRACES_SQL_COSTS); i++) {
                search_sql_add(sql, "%s%s.%s %s", i == 0 ? "" : " AND ", table, columns[i],
                               has[i] ? "IS NOT NULL" : "IS NULL");
                if (has[i])
                        search_sql_add(sql, " AND %s.%s = ", table, columns[i]);
                if (has[i] && tokens)
                        search_sql_i64(sql, t->tokens[i]);
                else if (has[i])
                        search_sql_f64(sql, t->costs[i]);
        }
}

void trace_usage_add_same(struct search_sql *sql, const char *table, const char *key,
                          const char *text) {
        _cleanup_buf_ struct buf canonical = {};
        bool tokens = str_eq(key, TRACES_JSON_TOKENS);
        struct trace t = {};
        int r = tokens ? traces_json_read_usage(sql->arena, text, &t)
                       : traces_json_read_cost(sql->arena, text, &t);

        if (r >= 0)
                r = tokens ? traces_json_usage(&t, &canonical) : traces_json_cost(&t, &canonical);
        if (r < 0)
                sql->error = r;
        if (r <= 0 || !str_eq(buf_cstr(&canonical), text)) {
                search_sql_add(sql, "1 = 0");
                return;
        }
        add_columns(sql, table, tokens, &t);
}
