/* thrift.h: what a burst of work used is given back when it is over: pages of the database kept in
 * memory, what malloc() keeps of what was freed, and the code that only work needs. A machine of 1
 * GiB has better use for it. Threads: the loop's; thrift_rest() on any. */
#pragma once

#include <stdbool.h>

#include "lib/base/macros.h"

struct db;
struct db_readers;
struct loop;
struct thrift;

/* `quiet_for` without work, and it is given back: by the writer, and by the loop's own reader. */
int thrift_new(struct loop *l, struct db *db, struct db_readers *readers, usec_t quiet_for,
               struct thrift **ret);
struct thrift *thrift_free(struct thrift *t);
/* What else has something to give then. */
void thrift_set_also(struct thrift *t, void (*also)(void *ctx), void *ctx);
/* The reader of the thread that calls it, after its own work, is closed. */
void thrift_rest(struct thrift *t);
/* There was work. */
void thrift_look(struct thrift *t);
/* There is something to give back, or a reader to be closed, soon. NULL is fine. */
bool thrift_is_due(struct thrift *t);
/* How often memory was given back, and how many bytes of pages in all. */
unsigned thrift_count(const struct thrift *t, size_t *ret_bytes);
