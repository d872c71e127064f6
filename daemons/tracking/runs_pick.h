/* runs_pick.h: which runs fulfil the clauses of a search that ask for a value or a dataset, worked
 * out in memory: the values of each clause are read once from their index and all meet by hashing
 * (run_set.h). A statement then asks for each run it comes upon (onebox_pick(), db_set_pick())
 * instead of looking up a value for each clause. For SQLite.
 */
#pragma once

#include "daemons/tracking/run_set.h"
#include "daemons/tracking/runs_search.h"

struct runs_pick {
        struct run_set set;
        uint8_t *n_met;    /* clauses that each run of the set fulfils, if it is one of the left */
        uint8_t n_clauses; /* asked so far */
        bool excludes;     /* every run but those of the set */
        size_t n_left;     /* runs that fulfil all, unless `excludes` */
};

enum {
        RUNS_PICK_MAX = 200000,        /* runs in the set */
        RUNS_PICK_OUTSIDE_MAX = 50000, /* so many more are passed than others are read */
        RUNS_PICK_FEW_MAX = 3000,      /* so few are looked up, whatever the order */
        RUNS_PICK_NOT = 1,             /* these are too many, or not to be picked here */
};

void runs_pick_done(struct runs_pick *p);

/* Is there something to pick by? What the runs' own rows tell is, when they come in the order of
 * values: else each that comes is looked up. */
bool runs_pick_can(const struct runs_search *q);

/* All that the clauses tell (of runs' own rows only where that makes few of many), of which number
 * `first` is read first, the one that finds the fewest
 * (-1: any). 0, RUNS_PICK_NOT or -errno. */
int runs_pick_read(struct runs_pick *p, struct db *db, struct arena *a, const struct runs_search *q,
                   ssize_t first);

/* The runs of the experiments in the view, whatever the clauses tell: they, or, should those be
 * few, every run but the others (what is asked for is a run's, as the tables' foreign keys have
 * it). 0, RUNS_PICK_NOT or -errno. */
int runs_pick_read_scope(struct runs_pick *p, struct db *db, struct arena *a,
                         const struct runs_search *q);

/* db_set_pick()'s. */
bool runs_pick_has(void *pick, const char *id, size_t n_bytes);

/* The ids of what is left as a JSON array, in the arena; NULL: no memory. Not of what excludes. */
const char *runs_pick_list(const struct runs_pick *p, struct arena *a);

/* For who makes the set otherwise: its index and counts, each clause on a value that no other was
 * asked with, and whether run number `run` fulfils all. 0, RUNS_PICK_NOT or -errno. */
int runs_pick_start(struct runs_pick *p);
int runs_pick_ask(struct runs_pick *p, struct db *db, struct arena *a, const struct runs_search *q,
                  size_t clause);
bool runs_pick_is_left(const struct runs_pick *p, size_t run);
