/* trace_usage.h: tokens and costs of traces in conditions: they have columns, and are asked for as
 * the metadata that clients gave.
 */
#pragma once

#include <stdbool.h>

struct search_sql;

/* Is the metadata of this key in columns? */
bool trace_usage_is(const char *key);

/* "… IS NOT NULL OR …" of the columns of `key` in `table`, or "… IS NULL AND …". */
void trace_usage_add_any(struct search_sql *sql, const char *table, const char *key, bool is);
/* A value is equal when it is the very text that such a trace's metadata has. */
void trace_usage_add_same(struct search_sql *sql, const char *table, const char *key,
                          const char *text);
