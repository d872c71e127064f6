/* tracking_db.h: the connections to the database, with the statements of all nouns prepared. */
#pragma once

#include <stdbool.h>

struct db;
struct db_readers;
struct db_writer;
struct errmsg;

/* `schema` is a connection to the same database, from tracking_schema_open(): asked here, and while
 * it is open its log need not be folded into the file and made anew. 0 or negative with `em`; then
 * nothing is open. */
int tracking_db_open(const char *uri, struct db *schema, struct errmsg *em,
                     struct db_writer **ret_writer, struct db_readers **ret_readers,
                     bool *ret_has_traces);
