/* tries_sql.h: the table tries: one row a try, with what it used and how it ended.
 * `told` says whether tracking has heard of its end. Threads: the connection's. */
#pragma once

#include "daemons/scheduler/core/world_apply.h"
#include "daemons/scheduler/spool_end.h"
#include "lib/db/db.h"

struct arena;

extern const struct db_set tries_sql_set;

/* The columns a reader of tries wants, for lists made at run time. */
#define TRIES_COLUMNS                                                                          \
        "y.try_id, y.task_id, y.map_index, y.try_number, y.result, y.unix_user, y.queued_at, " \
        "y.started_at, y.ended_at, y.exit_code, y.signal, y.message, y.cpu_user_s, "           \
        "y.cpu_system_s, y.peak_memory_bytes, y.read_bytes, y.written_bytes, y.log_bytes, y.oom"

int tries_sql_insert(struct db *db, int64_t dag_run, const struct world_task *t,
                     const char *boot_id, const char *user);
int tries_sql_set_started(struct db *db, const char *try_id, usec_t at);

/* `end` NULL: nobody could say how (lost with the power, cancelled); then `at` is when we knew. */
int tries_sql_set_ended(struct db *db, const char *try_id, enum world_result result, usec_t at,
                        const struct spool_end *end, const char *message);

/* The boot in which a try was handed out, in ret[size]; 1 when there is no such try. */
int tries_sql_get_boot(struct db *db, const char *try_id, char *ret, size_t size);

struct tries_sql_whose {
        const char *dag_id, *run_id, *task_id;
        int64_t map_index, try_number;
};

/* Whose try it is, in `a`. 0; 1: there is no such try; -errno. */
int tries_sql_whose(struct db *db, const char *try_id, struct arena *a,
                    struct tries_sql_whose *ret);

struct tries_sql_untold {
        const char *try_id, *task_id, *dag_id, *run_id;
        const char *begun;  /* tracked_body.h; NULL: it is told, or has no run of its own */
        const char *result; /* NULL: it has not ended */
        int64_t try_number;
        usec_t started_at, ended_at; /* USEC_INFINITY: not known */
        double cpu_s;                /* these are -1 when not known */
        int64_t peak_memory_bytes, read_bytes, written_bytes;
};

/* At most `limit` tries of whose run of their own or end tracking has not heard, oldest first, in
 * `a`. */
int tries_sql_untold(struct db *db, size_t limit, struct arena *a, struct tries_sql_untold **ret,
                     size_t *ret_n);
int tries_sql_set_told(struct db *db, const char *try_id);
