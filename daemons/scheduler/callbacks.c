#include "daemons/scheduler/callbacks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "daemons/scheduler/callbacks_sql.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/spool_end.h"
#include "daemons/scheduler/tracked.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/loop.h"

#define LOOK_FOR (10 * USEC_PER_SEC)
#define TIMEOUT_FOR (5 * USEC_PER_MINUTE)

/* One on its way. */
struct callback {
        int64_t id;
        char try_id[WORLD_ID_SIZE];
        char *kind, *text, *facts, *user;
        bool begun, ending;
};

struct callbacks {
        struct scheduler *s;
        struct strmap live;    /* try → struct callback */
        struct engine_job job; /* begins some */
        bool submitted, more;
        struct loop_source *timer;
        char *program; /* onebox itself */
};

/* --- what follows -------------------------------------------------------------------------------
 */

static void write_facts(struct json_write *w, const struct world_event *e,
                        const struct world_run *run, const struct world_task *t, const char *event,
                        const char *state, const char *message) {
        char at[TIMESTAMP_SIZE];

        json_write_object(w);
        json_write_kv_str(w, "event", event);
        json_write_kv_str(w, "dag_id", run->spec->id);
        json_write_kv_str(w, "run_id", run->id);
        json_write_kv_str(w, "run_type", run_state_type_name(run->type));
        if (run->when.logical_at != USEC_INFINITY)
                json_write_kv_str(w, "logical_date",
                                  timestamp_print(run->when.logical_at, TIMESTAMP_AUTO, at));
        if (t) {
                json_write_kv_str(w, "task_id", t->spec->id);
                json_write_kv_i64(w, "map_index", t->map_index);
                json_write_kv_u64(w, "try_number", t->try_number);
                json_write_kv_u64(w, "max_tries", t->max_tries);
        }
        json_write_kv_str(w, "state", state);
        json_write_kv_str(w, "message", message);
        json_write_kv_str(w, "at", timestamp_print(e->at, TIMESTAMP_AUTO, at));
        json_write_end(w);
}

static int note_all(struct scheduler *s, const struct world_event *e, struct world_run *run,
                    const struct world_task *t, const struct dag_callbacks *list, const char *event,
                    const char *state, const char *message) {
        _cleanup_buf_ struct buf facts = {};
        struct json_write w;
        int r;

        if (list->n == 0)
                return 0;
        json_write_init(&w, &facts, 0);
        write_facts(&w, e, run, t, event, state, message);
        r = json_write_finish(&w);
        for (size_t i = 0; i < list->n && r >= 0; i++)
                r = callbacks_sql_insert(
                        s->db, &(struct callbacks_sql_row){
                                       .dag_run = scheduler_run_row(run),
                                       .task_id = t ? t->spec->id : NULL,
                                       .map_index = t ? t->map_index : -1,
                                       .event = event,
                                       .kind = dag_callback_kind_name(list->items[i].kind),
                                       .text = list->items[i].text,
                                       .facts = buf_cstr(&facts),
                                       .user = run->spec->user,
                                       .at = e->at});
        s->callbacks->more = true;
        return MIN(r, 0);
}

int callbacks_add_table(struct scheduler *s, const struct world_event *e, const char *table,
                        const char *facts) {
        const struct world_task *t = e->task;

        s->callbacks->more = true;
        return callbacks_sql_insert(
                s->db, &(struct callbacks_sql_row){.dag_run = scheduler_run_row(t->run),
                                                   .task_id = t->spec->id,
                                                   .map_index = t->map_index,
                                                   .event = dag_on_name(DAG_ON_SUCCESS),
                                                   .kind = CALLBACKS_TABLE,
                                                   .text = table,
                                                   .facts = facts,
                                                   .user = t->run->spec->user,
                                                   .at = e->at});
}

static int note_task(struct scheduler *s, const struct world_event *e, const char *message) {
        static const enum dag_on after[_TASK_STATE_MAX] = {
                [TASK_FAILED] = DAG_ON_FAILURE,
                [TASK_UP_FOR_RETRY] = DAG_ON_RETRY,
                [TASK_SKIPPED] = DAG_ON_SKIPPED,
        };
        const struct world_task *t = e->task;
        enum dag_on on = t->state == TASK_SUCCESS ? DAG_ON_SUCCESS : after[t->state];

        if (on == DAG_ON_SUCCESS && t->state != TASK_SUCCESS)
                return 0;
        return note_all(s, e, t->run, t, &t->spec->on[on], dag_on_name(on),
                        task_state_name(t->state), message);
}

int callbacks_note(struct scheduler *s, const struct world_event *e, const char *message) {
        const struct dag_deadline *d;
        enum dag_on on;

        switch (e->kind) {
        case WORLD_TRY_ENDED:
                return note_task(s, e, message);
        case WORLD_RUN_FINISHED:
                on = e->run_state == RUN_SUCCESS ? DAG_ON_SUCCESS : DAG_ON_FAILURE;
                return note_all(s, e, e->run, NULL, &e->run->spec->on[on], dag_on_name(on),
                                run_state_name(e->run_state), NULL);
        case WORLD_DEADLINE_MISSED:
                d = &e->run->spec->deadlines[e->index];
                return note_all(s, e, e->run, NULL, &d->callbacks, "deadline_missed",
                                run_state_name(e->run->state),
                                d->name ? d->name : "a deadline was missed");
        default:
                return 0;
        }
}

/* --- beginning ----------------------------------------------------------------------------------
 */

static void callback_free(void *p) {
        struct callback *c = p;

        mem_free(c->kind);
        mem_free(c->text);
        mem_free(c->facts);
        mem_free(c->user);
        mem_free(c);
}

static int add(struct callbacks *cs, const struct callbacks_sql_row *row, const char *try_id) {
        struct callback *c = mem_new(struct callback);

        if (!c)
                return -ENOMEM;
        c->id = row->id;
        str_copy(c->try_id, sizeof(c->try_id), try_id);
        c->kind = mem_strdup(row->kind);
        c->text = mem_strdup(row->text);
        c->facts = mem_strdup(row->facts);
        c->user = mem_strdup(row->user);
        if (!c->kind || !c->text || !c->facts || (row->user && !c->user) ||
            strmap_set(&cs->live, c->try_id, c) < 0) {
                callback_free(c);
                return -ENOMEM;
        }
        return 0;
}

static void write_command(struct callbacks *cs, struct json_write *w, const struct callback *c) {
        if (str_eq(c->kind, "command")) {
                json_write_kv_str(w, "cmd", c->text);
                return;
        }
        json_write_kv_array(w, "argv");
        json_write_str(w, cs->program);
        if (str_eq(c->kind, CALLBACKS_TABLE)) {
                tracked_put_table_args(w, c->facts, c->text);
        } else {
                json_write_str(w, "notify");
                json_write_str(w, c->kind);
        }
        json_write_end(w);
}

/* Its spec names no task: nobody takes it for one's. */
static int prepare(struct callbacks *cs, const struct callback *c) {
        _cleanup_buf_ struct buf spec = {};
        struct json_write w;
        int r;

        json_write_init(&w, &spec, 0);
        json_write_object(&w);
        json_write_kv_i64(&w, "version", 1);
        json_write_kv_str(&w, "try_id", c->try_id);
        json_write_kv_i64(&w, "callback", c->id);
        write_command(cs, &w, c);
        json_write_kv_object(&w, "env");
        json_write_kv_str(&w, "ONEBOX_CALLBACK", c->facts);
        json_write_kv_str(&w, "ONEBOX_CONFIG", cs->s->paths->config);
        json_write_kv_str(&w, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin");
        if (str_eq(c->kind, CALLBACKS_TABLE))
                tracked_put_table_env(cs->s, &w, c->facts);
        else if (!str_eq(c->kind, "command"))
                json_write_kv_str(&w, "ONEBOX_NOTIFY_TO", c->text);
        json_write_end(&w);
        json_write_kv_f64(&w, "timeout_s", (double) TIMEOUT_FOR / 1e6);
        json_write_kv_f64(&w, "grace_s", (double) cs->s->conf->stop_grace / 1e6);
        json_write_kv_u64(&w, "log_limit", 1 << 20);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : spool_prepare(cs->s->tasks_dir, c->try_id, spec.data, spec.len);
}

static void start(struct callbacks *cs, struct callback *c) {
        int r = prepare(cs, c);

        c->begun = true;
        if (r >= 0)
                r = launch_start(cs->s, c->try_id, c->user, NULL);
        if (r < 0)
                log_errno(r, "callback %lld waits", (long long) c->id);
        loop_source_arm_in(cs->timer, LOOK_FOR);
}

static int begin_one(void *ctx, const struct callbacks_sql_row *row) {
        struct callbacks *cs = ctx;
        char try_id[WORLD_ID_SIZE];
        int r = entropy_uuid7(cs->s->entropy, clock_now(cs->s->clock), try_id);

        return r < 0 ? r : add(cs, row, try_id);
}

/* Which begin is fixed before any of them does: a crash in between starts the same tries again. */
static int run_begin(struct scheduler *s, struct engine_job *job) {
        struct callbacks *cs = s->callbacks;
        size_t room = CALLBACKS_LIVE_MAX - MIN(cs->live.n, (size_t) CALLBACKS_LIVE_MAX);
        int r = callbacks_sql_open(s->db, false, room, begin_one, cs);
        struct strmap_entry *e;

        map_each (e, &cs->live) {
                const struct callback *c = e->value;

                if (r >= 0 && !c->begun)
                        r = callbacks_sql_start(s->db, c->id, c->try_id);
        }
        return MIN(r, 0);
}

static void done_begin(struct scheduler *s, struct engine_job *job, int r) {
        struct callbacks *cs = s->callbacks;
        struct strmap_entry *e;

        cs->submitted = false;
        if (r < 0) /* the batch is lost: callbacks_replay() reads them again */
                return;
        map_each (e, &cs->live) {
                struct callback *c = e->value;

                if (!c->begun)
                        start(cs, c);
        }
        loop_source_arm_in(cs->timer, LOOK_FOR);
}

void callbacks_kick(struct scheduler *s) {
        struct callbacks *cs = s->callbacks;

        if (!cs->more || cs->submitted || cs->live.n >= CALLBACKS_LIVE_MAX)
                return;
        cs->more = false;
        cs->job.run = run_begin;
        cs->job.done = done_begin;
        cs->submitted = engine_submit(s, &cs->job) >= 0;
        cs->more = !cs->submitted;
}

/* --- ending -------------------------------------------------------------------------------------
 */

struct ended_job {
        struct engine_job job;
        char try_id[WORLD_ID_SIZE];
};

static int run_ended(struct scheduler *s, struct engine_job *job) {
        return MIN(callbacks_sql_finish(s->db, container_of(job, struct ended_job, job)->try_id),
                   0);
}

static void done_ended(struct scheduler *s, struct engine_job *job, int r) {
        struct ended_job *j = container_of(job, struct ended_job, job);
        struct callback *c = strmap_get(&s->callbacks->live, j->try_id);

        if (r >= 0) {
                (void) spool_acknowledge(s->tasks_dir, j->try_id);
                strmap_remove(&s->callbacks->live, j->try_id);
                s->callbacks->more = true;
                callbacks_kick(s);
        } else if (c)
                c->ending = false;
        mem_free(j);
}

static void end(struct scheduler *s, struct callback *c, bool good, const char *text) {
        struct ended_job *j = mem_new(struct ended_job);

        if (!j)
                return;
        str_copy(j->try_id, sizeof(j->try_id), c->try_id);
        j->job.run = run_ended;
        j->job.done = done_ended;
        if (engine_submit(s, &j->job) < 0) {
                mem_free(j);
                return;
        }
        c->ending = true;
        log_struct(good ? LOG_INFO : LOG_WARNING, LOG_FIELDS({"ONEBOX_TRY", c->try_id}),
                   "callback %lld by %s: %s", (long long) c->id, c->kind, text);
}

bool callbacks_look(struct scheduler *s, const char *try_id) {
        struct callback *c = strmap_get(&s->callbacks->live, try_id);
        struct replay_fact fact = {};
        struct spool_end told;
        char text[512];
        struct arena a;
        int r;

        if (!c)
                return false;
        if (c->ending || !c->begun) /* or it is being fixed that it begins */
                return true;
        arena_init(&a, 0);
        r = spool_look(s->tasks_dir, try_id, &a, &fact, &told);
        arena_done(&a);
        if (r == 0 && fact.has_end) {
                spool_end_text(&told, text, sizeof(text));
                end(s, c, fact.result == WORLD_RESULT_SUCCESS, text);
        } else if (r == 0 && fact.is_started && !fact.is_locked)
                end(s, c, false, "cut off: it may have been told, or not");
        else if (r >= 0 && !fact.is_locked)
                start(s->callbacks, c);
        return true;
}

bool callbacks_refused(struct scheduler *s, const char *try_id, const char *reason) {
        struct callback *c = strmap_get(&s->callbacks->live, try_id);

        if (c && !c->ending)
                end(s, c, false, reason);
        return c != NULL;
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct callbacks *cs = ctx;
        char ids[CALLBACKS_LIVE_MAX * 2][WORLD_ID_SIZE];
        struct strmap_entry *e;
        size_t n = 0;

        map_each (e, &cs->live)
                if (n < ARRAY_SIZE(ids))
                        str_copy(ids[n++], WORLD_ID_SIZE, e->key);
        for (size_t i = 0; i < n; i++)
                (void) callbacks_look(cs->s, ids[i]);
        if (n > 0)
                loop_source_arm_in(cs->timer, LOOK_FOR);
        callbacks_kick(cs->s);
        return 0;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static int found_again(void *ctx, const struct callbacks_sql_row *row) {
        struct callbacks *cs = ctx;
        int r = row->try_id ? add(cs, row, row->try_id) : 1;

        if (r == 0)
                ((struct callback *) strmap_get(&cs->live, row->try_id))->begun = true;
        return MIN(r, 0);
}

int callbacks_replay(struct scheduler *s, struct errmsg *em) {
        struct callbacks *cs = s->callbacks;
        int r;

        strmap_clear(&cs->live);
        r = callbacks_sql_open(s->db, true, CALLBACKS_LIVE_MAX * 2, found_again, cs);
        if (r < 0)
                return errmsg_errno(em, r, "cannot read the callbacks");
        cs->more = true;
        loop_source_arm_in(cs->timer, USEC_PER_SEC);
        return 0;
}

static char *find_program(const struct paths *paths) {
        char *path = str_printf("%s/cli/onebox", paths->libexec_dir);

        if (path && access(path, X_OK) == 0)
                return path;
        mem_free(path);
        return mem_strdup("onebox");
}

const char *callbacks_program(const struct scheduler *s) {
        return s->callbacks->program;
}

int callbacks_new(struct scheduler *s, struct callbacks **ret) {
        struct callbacks *cs = mem_new(struct callbacks);
        int r;

        if (!cs)
                return -ENOMEM;
        cs->s = s;
        strmap_init(&cs->live, callback_free);
        cs->program = find_program(s->paths);
        r = cs->program ? loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_SEC, on_timer,
                                     cs, &cs->timer)
                        : -ENOMEM;
        if (r < 0) {
                callbacks_free(cs);
                return r;
        }
        *ret = cs;
        return 0;
}

struct callbacks *callbacks_free(struct callbacks *cs) {
        if (!cs)
                return NULL;
        loop_source_free(cs->timer);
        strmap_done(&cs->live);
        mem_free(cs->program);
        mem_free(cs);
        return NULL;
}
