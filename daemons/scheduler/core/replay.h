/* After a restart: what the spool says about each try, against what the world (restored from the
 * database) believes. Pure comparison; the daemon gathers the facts and carries the answers out.
 *
 * | spool                        | the task's current, live try      | any other try           |
 * |------------------------------|-----------------------------------|-------------------------|
 * | acked                        | (nothing)                         | (nothing)               |
 * | end.json                     | take the end                      | acknowledge             |
 * | lock held                    | adopt (and note that it started)  | stop it: an old try     |
 * | started, no lock, no end     | interrupted                       | acknowledge             |
 * | spec only                    | start again: O_EXCL makes it safe | cancel                  |
 * | no directory                 | queued: start; running: interrupted | –                     |
 * | names no task                | –                                 | lost+found              |
 *
 * A run that is finished and forgotten is not in the world: its tries are "any other". */
#pragma once

#include "daemons/scheduler/core/world_apply.h"

/* One directory of the spool. */
struct replay_fact {
        char try_id[WORLD_ID_SIZE];
        const char *dag_id; /* from spec.json; NULL when that cannot be read */
        const char *run_id;
        const char *task_id;
        int map_index; /* -1: not mapped */
        bool is_acked;
        bool is_locked;  /* the shim lives */
        bool is_started; /* the `started` file is there */
        bool has_end;
        usec_t started_at; /* USEC_INFINITY when not known */
        usec_t ended_at;
        enum world_result result; /* when has_end */
};

enum replay_action_kind {
        REPLAY_NOTHING,
        REPLAY_APPLY,  /* apply the event, then acknowledge the directory if there is one */
        REPLAY_ADOPT,  /* apply the event if there is one, watch the shim; when task->stop is set,
                        * ask it to stop again */
        REPLAY_START,  /* write the spec if it is not there, send the start (again) */
        REPLAY_STOP,   /* have the shim stopped: nobody wants this try any more */
        REPLAY_CANCEL, /* make `started` ourselves so that it can never start, acknowledge */
        REPLAY_ACKNOWLEDGE, /* nothing to learn from it */
        REPLAY_LOST_FOUND,  /* move the directory aside */
};

struct replay_action {
        enum replay_action_kind kind;
        const struct replay_fact *fact; /* NULL: the spool has no directory for the task's try */
        struct world_task *task;        /* NULL when not known */
        bool has_event;
        struct world_event event; /* borrows the task's try_id */
};

/* Compares all facts with all live tasks of the world. *ret is from mem_alloc. 0 or -ENOMEM. */
int replay_compare(struct world *w, const struct replay_fact *facts, size_t n_facts, usec_t now,
                   struct replay_action **ret, size_t *ret_n);

/* The same for one directory: a report that arrives while running, or a shim that vanished. */
void replay_compare_one(struct world *w, const struct replay_fact *fact, usec_t now,
                        struct replay_action *ret);
