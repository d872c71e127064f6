/* db_readers.h: a reading connection for each thread that asks.
 *
 * Owns: at most DB_READERS_MAX connections. A thread gets the same one each time; when the thread
 * ends, its connection waits for the next new thread. A read sees the last commit and never waits
 * for the writer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/macros.h"

struct db;
struct db_config;
struct db_readers;
struct errmsg;

enum { DB_READERS_MAX = 128 };

/* Opens the first connection at once, so that a bad file or statement stops the start. */
int db_readers_new(const struct db_config *config, struct errmsg *em,
                   struct db_readers **ret_readers);

/* No thread may use one of its connections any more. */
struct db_readers *db_readers_free(struct db_readers *r);
DEFINE_CLEANUP(struct db_readers *, db_readers_free)

/* What this thread's connection keeps of pages is given back: how many bytes. */
size_t db_readers_trim(struct db_readers *r);

/* This thread's connection is closed, until it asks again. False: it has none, or is using it. */
bool db_readers_close(struct db_readers *r);

/* So are those of all other threads: nothing of theirs is left to close. */
bool db_readers_are_closed(struct db_readers *r);

/* This thread's connection, borrowed. -EMFILE: DB_READERS_MAX threads hold one. */
int db_readers_get(struct db_readers *r, struct db **ret_db);
