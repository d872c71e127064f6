/* engine.h: the one place where the world and the database change.
 *
 * Jobs queue up and run in batches: one transaction for all of a batch and for every decision that
 * follows from it, one commit, then the answers and effects (starts, stops, news). Nothing of a
 * batch is seen outside before its commit. A commit that fails loses the batch as a whole: its jobs
 * end with the error, and the world is read anew from the database, as at a start.
 *
 * The commit waits for the disk on a thread of its own (lib/db/db_committer.h): the batch flies,
 * and the loop goes on. Until it has landed the world is ahead of the disk and scheduler.db is
 * lent: jobs that come form the next batch; what is asked meanwhile is read by readers, who see
 * what is durable; whoever would act on the world, or tell facts of it, waits for the landing. Told
 * at once are what only files say (DAGs, their tasks and next dates) and counts of the moment
 * (status).
 *
 * Threads: the loop's. Limits: ENGINE_BATCH_MAX jobs and ENGINE_PASSES_MAX passes of plan_next() a
 * batch; what is left follows in the next turn. After a lost batch the next jobs go one by one. */
#pragma once

#include <sys/queue.h>

#include "daemons/scheduler/core/world_apply.h"

struct engine;
struct scheduler;
struct spool_end;

enum {
        ENGINE_BATCH_MAX = 512,
        ENGINE_PASSES_MAX = 200,
        ENGINE_QUEUE_MAX = 8192,
};

/* Embedded in what it is about; lives until done() was called. */
struct engine_job {
        /* In the transaction: checks, then applies and writes. 0 or positive is the job's own
         * answer (refusals included: nothing was changed then). Negative: the database or memory
         * failed, the batch is lost. */
        int (*run)(struct scheduler *s, struct engine_job *job);
        /* After the commit with run()'s answer, or with -errno when the batch was lost. Frees the
         * job. May submit others. */
        void (*done)(struct scheduler *s, struct engine_job *job, int r);
        STAILQ_ENTRY(engine_job) next;
        int result;
};

/* Who waits for the landing; its owner's, until landed() is called. */
struct engine_wait {
        void (*landed)(struct scheduler *s, struct engine_wait *wait); /* or the engine ends */
        STAILQ_ENTRY(engine_wait) next;
};

int engine_new(struct scheduler *s, struct engine **ret);
/* What flies lands first; jobs that wait end with -ECANCELED. */
struct engine *engine_free(struct engine *e);

/* Runs soon, with all others of this turn of the loop. -EAGAIN: too many wait (503). */
int engine_submit(struct scheduler *s, struct engine_job *job);
/* Runs with the next batch, or in 50 ms at the latest: for what nobody waits for. */
int engine_submit_lazy(struct scheduler *s, struct engine_job *job);
/* Asks for decisions without a job: at the start, when time has come, after a pause is lifted. */
void engine_kick(struct scheduler *s);

/* Is the world ahead of the disk: a batch flies, or one was lost and it was not read again yet? */
bool engine_is_ahead(const struct scheduler *s);
/* While it is: called when it is not any more, after the answers and before the next batch. */
void engine_when_landed(struct scheduler *s, struct engine_wait *wait);

/* Nothing starts until `until`: the machine may be on its way down. */
void engine_hold(struct scheduler *s, usec_t until);
/* Nothing starts any more. */
void engine_stop(struct scheduler *s);

/* For jobs, inside run(): applies the event, writes the rows it touched and remembers what has to
 * be done after the commit. Answers as world_apply(), or the database's error. */
int engine_apply(struct scheduler *s, const struct world_event *e);
/* The same for WORLD_RUN_CREATED with what only the row holds. -EEXIST: a run of that id is there
 * (nothing changed). */
int engine_create_run(struct scheduler *s, const struct world_event *e, const char *triggered_by,
                      const char *note);
/* The same for WORLD_TRY_ENDED with what the try used; end and message may be NULL. */
int engine_end_try(struct scheduler *s, const struct world_event *e, const struct spool_end *end,
                   const char *message);
