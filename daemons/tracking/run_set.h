/* run_set.h: ids of runs, each with a number, found by hashing. In memory only, 50 bytes or less
 * for each.
 */
#pragma once

#include <sys/types.h>

#include "lib/base/macros.h"

struct arena;
struct db_stmt;

struct run_set_id {
        char text[32]; /* padded with NULs: compared as one */
};

/* Where a run's number is found by the hash of its id. */
struct run_set_slot {
        uint32_t hash, number; /* number + 1; 0: free */
};

struct run_set {
        struct run_set_id *ids; /* by number */
        struct run_set_slot *slots;
        size_t n, ids_max, n_slots;
};

enum { RUN_SET_NOT = 1 }; /* no id that has room here */

void run_set_done(struct run_set *s);

/* Adds the id in column 0 under the next number; none is looked for before run_set_index(). 0,
 * RUN_SET_NOT or -ENOMEM. */
int run_set_add(struct run_set *s, struct db_stmt *row);
/* All ids are there. 0 or -ENOMEM. */
int run_set_index(struct run_set *s);

/* The number, -1: it is not there. */
ssize_t run_set_find(const struct run_set *s, const char *id, size_t n_bytes);

/* The ids of `n` runs by their numbers as a JSON array, in the arena; NULL: no memory. */
const char *run_set_list(const struct run_set *s, const uint32_t *numbers, size_t n,
                         struct arena *a);

/* Runs that a statement names, with a place each: looked for some at a time, so that the memory of
 * one is on its way while others are looked at. */
struct run_set_batch {
        struct {
                struct run_set_id id;
                uint32_t hash;
                int64_t place;
        } rows[64];
        size_t n;
};

/* The row's run, by its id in column 0, joins the batch with that place. False: it is full now. An
 * id that cannot be in a set joins no batch. */
bool run_set_join(const struct run_set *s, struct run_set_batch *b, struct db_stmt *row,
                  int64_t place);
/* each() with the number of each run of the batch that is in the set; the batch is empty then. */
void run_set_meet(const struct run_set *s, struct run_set_batch *b,
                  void (*each)(void *ctx, size_t number, int64_t place), void *ctx);
