/* auth_store_db.h: the connection behind auth_store.h. Private to lib/auth. */
#pragma once

#include <pthread.h>

#include "lib/auth/auth_store.h"
#include "lib/db/db.h"

struct auth_store {
        char *path;
        unsigned flags; /* enum auth_store_flags */
        const struct clock *clock;
        struct entropy *entropy;

        pthread_mutex_t lock; /* of what follows; recursive */
        struct db *db;        /* NULL: the file was not there at the last look */
        usec_t look_again_at; /* monotonic */
};

#define DB_STATEMENT(name, sql) AUTH_STORE_SQL_##name,
enum {
#include "lib/auth/auth_store.def"
};
#undef DB_STATEMENT

void auth_store_db_init_lock(struct auth_store *s);

/* Opens the file and sets s->db. */
int auth_store_db_open(struct auth_store *s, struct errmsg *em);

/* Locks, and gives the statement; *ret_stmt is NULL when there is no database (yet). 0 or -errno:
 * then nothing is locked. */
int auth_store_db_begin(struct auth_store *s, size_t row, struct db_stmt **ret_stmt);
/* Resets the statement and unlocks. */
void auth_store_db_end(struct auth_store *s, struct db_stmt *stmt);

/* Runs an INSERT, UPDATE or DELETE whose values are bound, and ends: 0, AUTH_STORE_ABSENT when it
 * changed no row, AUTH_STORE_EXISTS or -errno. */
int auth_store_db_change(struct auth_store *s, struct db_stmt *stmt);

/* Changes that are one: what follows on this thread is in one transaction, until _all_end() writes
 * it (r = 0), or undoes it. 0; or -errno, then nothing has begun. _all_end() gives `r`, or why it
 * could not be written. */
int auth_store_db_all(struct auth_store *s);
int auth_store_db_all_end(struct auth_store *s, int r);

/* Reads the row at hand into *ret: 0 or -errno. */
typedef int auth_store_db_read_fn(struct db_stmt *stmt, struct arena *a, void *ret);

/* The row of a statement whose values are bound, and ends: 0, AUTH_STORE_ABSENT or -errno. */
int auth_store_db_row(struct auth_store *s, struct db_stmt *stmt, struct arena *a,
                      auth_store_db_read_fn *read, void *ret);
/* All its rows, as elements of `size` bytes in the arena, and ends: 0 or -errno. No row, or no
 * database yet: *ret is NULL and *ret_n 0. */
int auth_store_db_rows(struct auth_store *s, struct db_stmt *stmt, struct arena *a,
                       auth_store_db_read_fn *read, size_t size, void **ret, size_t *ret_n);
