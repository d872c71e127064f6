/* db_sql.h: the one SQL text that stands in the source, in the words of each engine.
 *
 * The source is written for SQLite, with standard words where there are some. Translated are:
 *   ?                         PostgreSQL: $1, $2, …
 *   {sqlite|postgres|mysql}   the words of one engine, where no text serves all; may be empty
 *   ON CONFLICT … DO NOTHING  MySQL: ON DUPLICATE KEY UPDATE of the first column by itself
 *   ON CONFLICT … DO UPDATE SET a = excluded.a   MySQL: ON DUPLICATE KEY UPDATE a = VALUES(a)
 * Strings, quoted names and comments pass unchanged. The words in capitals as above.
 */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

struct buf;

struct db_sql_facts {
        int n_params;
        bool may_conflict; /* an INSERT or UPDATE that does not say what to do about a conflict */
        bool reads;        /* SELECT or WITH: may be run twice */
};

/* 0, -ENOMEM, or -EINVAL: a quote or brace is not closed. */
int db_sql_translate(const char *sql, enum db_dialect dialect, struct buf *out,
                     struct db_sql_facts *ret_facts);
