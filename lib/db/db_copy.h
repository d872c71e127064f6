/* db_copy.h: rows of a table from one database into another, of any two engines.
 *
 * Rows are read in the order of the primary key, a page at a time, and each page is written
 * together with how far it went: a copy that was cut off goes on behind its last page. Nobody may
 * write to either meanwhile. The record stands in the table onebox_copy of the target.
 */
#pragma once

#include "lib/base/macros.h"

struct db;
struct db_catalog_table;
struct errmsg;

#define DB_COPY_RECORD "onebox_copy"

struct db_copy_sum {
        int64_t n_rows;
        uint64_t sum; /* of all values, whatever the order of the rows */
};

/* Makes the record unless it is there; *ret_new: nothing was copied yet. */
int db_copy_begin(struct db *to, bool *ret_new);

/* Copies what is missing of `t` (as the source has it). `told` (may be NULL) is called after each
 * page with the rows so far; negative ends the copy. -EEXIST: a row of the target is in the way. */
int db_copy_table(struct db *from, struct db *to, const struct db_catalog_table *t,
                  int (*told)(void *userdata, const char *table, int64_t n_rows), void *userdata,
                  struct errmsg *em);

/* Reads the whole table. */
int db_copy_sum(struct db *db, const struct db_catalog_table *t, struct db_copy_sum *ret);

/* Where ids are counted by the engine, the next one is behind the greatest. Then the record goes.
 */
int db_copy_end(struct db *to);
