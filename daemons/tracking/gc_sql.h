/* gc_sql.h: deleted runs, logged models and experiments, and their removal for good. */
#pragma once

#include "lib/base/arena.h"
#include "lib/db/db.h"

extern const struct db_set gc_sql_set;

enum gc_kind { GC_RUN, GC_MODEL, GC_EXPERIMENT };

struct gc_item {
        enum gc_kind kind;
        const char *id;        /* of an experiment its name */
        int64_t experiment_id; /* of an experiment */
        const char *uri;       /* where its artifacts are */
        int64_t deleted_at_ms; /* -1: never said */
        bool is_deleted;
        const char *kept; /* why it stays; NULL = it may go */
};
struct gc_list {
        struct arena *arena;
        struct gc_item *items;
        size_t n, cap;
};
/* The item of this kind and id that is in the list; NULL. */
struct gc_item *gc_sql_find(struct gc_list *l, enum gc_kind kind, const char *id);

/* Adds those that were deleted at before_ms or earlier, at most n_max. */
int gc_sql_deleted(struct db *db, enum gc_kind kind, int64_t before_ms, size_t n_max,
                   struct gc_list *l);
/* Adds one by its id (of an experiment its number). DB_DONE: there is none; DB_ROW. */
int gc_sql_one(struct db *db, enum gc_kind kind, const char *id, struct gc_list *l);
/* Adds all runs of an experiment that are not in the list yet, at most n_max. */
int gc_sql_runs_of(struct db *db, int64_t experiment_id, size_t n_max, struct gc_list *l);

/* Removes it with all that hangs on it. 1: it is not deleted (any more), or an experiment still has
 * runs, models or a scorer that a guardrail judges by: nothing was done. */
int gc_sql_remove(struct db *db, const struct gc_item *item);
