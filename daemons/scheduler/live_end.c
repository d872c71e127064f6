#include "daemons/scheduler/live_end.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/scheduler/core/branch.h"
#include "daemons/scheduler/core/poke.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/live.h"
#include "daemons/scheduler/live_try.h"
#include "daemons/scheduler/remote_logs.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_request.h"

/* After a stop nobody here asked for, the machine may be on its way down: nothing new starts. */
#define NIGHT_FOR (3 * USEC_PER_SEC)

/* Not yet: of a task with poke_interval, which is asked again then. */
#define EXIT_COME_AGAIN 98

struct try_job {
        struct engine_job job;
        char try_id[WORLD_ID_SIZE];
        usec_t at;
        enum world_result result;
        bool has_end;
        struct spool_end end;
        char message[512];
        struct http_request *req;
};

static struct live_try *job_try(struct scheduler *s, const struct try_job *j) {
        return strmap_get(&s->live->tries, j->try_id);
}

/* --- begun --------------------------------------------------------------------------------------
 */

static int run_started(struct scheduler *s, struct engine_job *job) {
        struct try_job *j = container_of(job, struct try_job, job);
        struct live_try *t = job_try(s, j);
        struct world_task *task = t ? live_try_task(t) : NULL;

        if (!task || task->state != TASK_QUEUED)
                return 1;
        return engine_apply(s, &(struct world_event){.kind = WORLD_TRY_STARTED,
                                                     .at = j->at,
                                                     .task = task,
                                                     .try_id = j->try_id});
}

static void done_started(struct scheduler *s, struct engine_job *job, int r) {
        mem_free(container_of(job, struct try_job, job));
}

void live_end_started(struct live_try *t, usec_t at) {
        struct try_job *j = mem_new(struct try_job);

        if (!j)
                return;
        str_copy(j->try_id, sizeof(j->try_id), t->try_id);
        j->at = at;
        j->job.run = run_started;
        j->job.done = done_started;
        if (engine_submit_lazy(t->s, &j->job) < 0)
                mem_free(j);
}

/* --- ended --------------------------------------------------------------------------------------
 */

/* A stop that was not ours is a night. */
static enum world_result true_result(const struct try_job *j, const struct world_task *task) {
        if (j->result == WORLD_RESULT_STOPPED && task->stop == WORLD_STOP_NONE)
                return WORLD_RESULT_INTERRUPTED;
        if (j->result == WORLD_RESULT_FAILED && j->has_end && j->end.exit_code == EXIT_COME_AGAIN &&
            task->spec->poke_interval_for > 0)
                return poke_result(task, j->at);
        return j->result;
}

/* Why a sensor's look was the last, in place of its exit code. */
static void say_given_up(struct try_job *j, const struct world_task *task) {
        char since[TIMESTAMP_SIZE], span[TIMESTAMP_SIZE];

        snprintf(j->message, sizeof(j->message),
                 "not yet, and poke_timeout (%s) is over: it looks since %s",
                 timestamp_span_print(task->spec->poke_timeout_for, span),
                 timestamp_print(poke_since(task, j->at), TIMESTAMP_SECONDS, since));
}

/* What it has left for others, and what that decides. A value that cannot be taken is a failure. */
static int take_values(struct scheduler *s, struct try_job *j, const struct world_task *task,
                       unsigned **ret_skips, size_t *ret_n) {
        struct errmsg em = {};
        struct json *value;
        struct arena a;
        int r = xcom_take(s, task, j->try_id, &em);

        if (r == 0 && task->spec->decides != DAG_DECIDES_NOTHING) {
                arena_init(&a, 0);
                r = xcom_of_task(s, task->run, task->spec->id, XCOMS_SQL_RETURN, &a, &value, &em);
                if (r >= 0)
                        r = branch_skips(task->run->spec, task->spec, value, ret_skips, ret_n, &em);
                arena_done(&a);
        }
        if (r == -EINVAL) {
                j->result = WORLD_RESULT_FAILED;
                snprintf(j->message, sizeof(j->message), "%s", em.text);
                return 0;
        }
        return r;
}

static int run_end(struct scheduler *s, struct engine_job *job) {
        struct try_job *j = container_of(job, struct try_job, job);
        struct live_try *t = job_try(s, j);
        struct world_task *task = t ? live_try_task(t) : NULL;
        _cleanup_free_ unsigned *skips = NULL;
        enum world_result result;
        struct world_event e;
        int r;

        if (!task)
                return 1;
        result = true_result(j, task);
        if (result == WORLD_RESULT_INTERRUPTED && result != j->result)
                engine_hold(s, clock_now(s->clock) + NIGHT_FOR);
        else if (result != j->result && result != WORLD_RESULT_RESCHEDULED)
                say_given_up(j, task);
        j->result = result;
        e = (struct world_event){.kind = WORLD_TRY_ENDED,
                                 .at = j->at,
                                 .started_at = j->has_end ? j->end.started_at : 0,
                                 .task = task,
                                 .try_id = j->try_id,
                                 .again_at = j->at + task->spec->poke_interval_for};
        r = result == WORLD_RESULT_SUCCESS ? take_values(s, j, task, &skips, &e.n_skips) : 0;
        if (r < 0)
                return r;
        e.skips = skips;
        e.result = j->result;
        return engine_end_try(s, &e, j->has_end ? &j->end : NULL, j->message);
}

static void log_end(const struct try_job *j, const struct live_try *t) {
        log_struct(LOG_INFO,
                   LOG_FIELDS({"ONEBOX_DAG", t->dag_id}, {"ONEBOX_RUN", t->run_id},
                              {"ONEBOX_TASK", t->task_id}, {"ONEBOX_TRY", j->try_id}),
                   "try ended: %s: %s", world_apply_result_name(j->result), j->message);
}

static void done_end(struct scheduler *s, struct engine_job *job, int r) {
        struct try_job *j = container_of(job, struct try_job, job);
        struct live_try *t = job_try(s, j);

        if (r >= 0) {
                r = spool_acknowledge(s->tasks_dir, j->try_id);
                if (r < 0)
                        log_errno(r, "try %s cannot be acknowledged", j->try_id);
                remote_logs_queue(s, j->try_id);
                if (t)
                        log_end(j, t);
                live_forget(s, j->try_id);
                if (j->req)
                        http_request_reply(j->req, 200, "application/json", "{}", 2);
        } else {
                if (t)
                        t->ending = false;
                if (j->req)
                        http_request_reply_error(j->req, 503, "the end could not be recorded: %s",
                                                 errmsg_strerror(r));
        }
        mem_free(j);
}

void live_end_submit(struct live_try *t, enum world_result result, const struct spool_end *end,
                     const char *message, struct http_request *req) {
        struct try_job *j = mem_new(struct try_job);
        struct scheduler *s = t->s;

        if (j) {
                str_copy(j->try_id, sizeof(j->try_id), t->try_id);
                j->result = result;
                j->at = clock_now(s->clock);
                if (end) {
                        j->end = *end;
                        j->has_end = true;
                        if (end->started_at == USEC_INFINITY)
                                j->end.started_at = j->at;
                        if (end->ended_at != USEC_INFINITY)
                                j->at = end->ended_at;
                        spool_end_text(end, j->message, sizeof(j->message));
                } else {
                        snprintf(j->message, sizeof(j->message), "%s", message ? message : "");
                }
                j->req = req;
                j->job.run = run_end;
                j->job.done = done_end;
        }
        if (!j || engine_submit(s, &j->job) < 0) {
                mem_free(j);
                if (req)
                        http_request_reply_error(req, 503, "too much to record at once");
                return;
        }
        t->ending = true;
}

/* --- what nobody waits for ----------------------------------------------------------------------
 */

void live_end_orphan(struct scheduler *s, const struct replay_action *a) {
        const char *try_id = a->fact->try_id;
        int r = 0;

        switch (a->kind) {
        case REPLAY_STOP:
                r = launch_stop(s, try_id);
                break;
        case REPLAY_CANCEL:
                r = spool_cancel(s->tasks_dir, try_id);
                if (r >= 0)
                        r = spool_acknowledge(s->tasks_dir, try_id);
                break;
        case REPLAY_ACKNOWLEDGE:
                r = spool_acknowledge(s->tasks_dir, try_id);
                break;
        case REPLAY_LOST_FOUND:
                log_warning("spool: nobody knows try %s: moved to lost+found", try_id);
                r = spool_lose(s->tasks_dir, try_id);
                break;
        default:
                break;
        }
        if (r < 0 && r != -EEXIST)
                log_errno(r, "the spool of try %s cannot be tidied", try_id);
}
