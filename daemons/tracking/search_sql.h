/* search_sql.h: an SQL text that grows together with its values.
 *
 * Everything lives in an arena; the first failure sticks and is told by search_sql_prepare().
 */
#pragma once

#include "daemons/tracking/filter_parse.h"
#include "lib/base/buf.h"
#include "lib/db/db.h"

struct search_sql_value;

struct search_sql {
        struct arena *arena;
        struct buf text;
        struct search_sql_value *first, **last;
        int n_values;
        int error;
};

void search_sql_init(struct search_sql *s, struct arena *a);
void search_sql_done(struct search_sql *s);

/* Adds a piece of SQL. */
void search_sql_add(struct search_sql *s, const char *fmt, ...) _printf_(2, 3);

/* Add "?" and its value. Text is borrowed until the statement was used. */
void search_sql_text(struct search_sql *s, const char *value);
void search_sql_i64(struct search_sql *s, int64_t value);
void search_sql_f64(struct search_sql *s, double value);

/* Adds `column` compared as the clause says, e.g. "t.value != ?". LIKE minds letter case, ILIKE
 * does not, on every engine. RLIKE is a regular expression of the engine; SQLite's is ours
 * (lib/base/pattern.h). Not for IS NULL and IS NOT NULL. */
void search_sql_compare(struct search_sql *s, const char *column, const struct filter_clause *c);

/* "column = ?" (or != where not `same`), letter case minded on every engine. */
void search_sql_same_text(struct search_sql *s, const char *column, bool same, const char *text);
/* Adds "column IN (?, …)"; an empty list matches nothing. */
void search_sql_in_i64(struct search_sql *s, const char *column, const int64_t *values, size_t n);
void search_sql_in_text(struct search_sql *s, const char *column, const char *const *values,
                        size_t n);

/* Adds " LIMIT ? OFFSET ?". */
void search_sql_page(struct search_sql *s, int64_t limit, int64_t offset);

/* The statement with its values bound; db_reset() it. 0 or -errno. */
int search_sql_prepare(struct search_sql *s, struct db *db, struct db_stmt **ret);
/* The one number that it selects. 0 or -errno. */
int search_sql_number(struct search_sql *sql, struct db *db, int64_t *ret);
