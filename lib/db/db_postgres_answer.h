/* db_postgres_answer.h: what a failure of PostgreSQL is in db.h's words. Private to lib/db. */
#pragma once

/* `sqlstate`: five characters, or NULL when the connection is gone. DB_CONFLICT or -errno. */
int db_postgres_answer(const char *sqlstate);
