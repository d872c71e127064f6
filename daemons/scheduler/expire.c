#include "daemons/scheduler/expire.h"

#include <errno.h>

#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/db/db.h"
#include "lib/net/loop.h"

#define FIRST_FOR USEC_PER_MINUTE
#define MORE_FOR USEC_PER_SEC

struct expire {
        struct scheduler *s;
        struct loop_source *timer;
        bool running; /* a batch is under way */
};

struct batch {
        struct engine_job job;
        usec_t before_at;
        int64_t gone[EXPIRE_MAX]; /* rows */
        size_t n_gone, n_found;
};

/* May it go from the world, where it still is? Then it does. */
static bool leaves_world(struct scheduler *s, const struct dag_runs_sql_old *old) {
        struct world_dag *wd = world_get_dag(&s->world, old->dag_id);
        struct world_run *run = wd ? world_get_run(wd, old->run_id) : NULL;

        if (!run)
                return true;
        if (!world_may_forget_run(run))
                return false;
        world_forget_run(&s->world, run);
        return true;
}

static int run_batch(struct scheduler *s, struct engine_job *job) {
        struct batch *b = container_of(job, struct batch, job);
        struct dag_runs_sql_old *old;
        struct arena a;
        int r;

        arena_init(&a, 0);
        b->n_gone = 0;
        r = dag_runs_sql_old(s->db, b->before_at, EXPIRE_MAX, &a, &old, &b->n_found);
        for (size_t i = 0; r >= 0 && i < b->n_found; i++) {
                if (!leaves_world(s, &old[i]))
                        continue;
                r = dag_runs_sql_delete(s->db, old[i].id);
                b->gone[b->n_gone++] = old[i].id;
        }
        if (r >= 0)
                r = event_logs_sql_expire(s->db, b->before_at);
        arena_done(&a);
        return MIN(r, 0);
}

static void done_batch(struct scheduler *s, struct engine_job *job, int r) {
        struct batch *b = container_of(job, struct batch, job);
        struct expire *x = s->expire;
        bool more = r >= 0 && b->n_gone == EXPIRE_MAX;

        for (size_t i = 0; r >= 0 && i < b->n_gone; i++)
                xcom_forget_run(s, b->gone[i]);
        if (r >= 0 && b->n_gone > 0)
                log_info("%zu runs older than [scheduler] keep_runs removed", b->n_gone);
        if (r < 0 && r != -ECANCELED)
                log_errno(r, "old runs cannot be removed now");
        mem_free(b);
        if (!x)
                return;
        x->running = false;
        if (more)
                loop_source_arm_in(x->timer, MORE_FOR);
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct expire *x = ctx;
        struct scheduler *s = x->s;
        struct batch *b = x->running ? NULL : mem_new(struct batch);
        usec_t at = clock_now(s->clock);

        loop_source_arm_in(x->timer, s->conf->tidy_every);
        if (!b)
                return 0;
        b->before_at = at > s->conf->keep_runs ? at - s->conf->keep_runs : 0;
        b->job.run = run_batch;
        b->job.done = done_batch;
        if (engine_submit(s, &b->job) < 0)
                mem_free(b);
        else
                x->running = true;
        return 0;
}

int expire_new(struct scheduler *s, struct expire **ret) {
        struct expire *x = mem_new(struct expire);
        int r = 0;

        if (!x)
                return -ENOMEM;
        x->s = s;
        if (s->conf->keep_runs != USEC_INFINITY)
                r = loop_timer_in(s->loop, MIN(s->conf->tidy_every, FIRST_FOR), USEC_PER_SEC,
                                  on_timer, x, &x->timer);
        if (r < 0) {
                mem_free(x);
                return r;
        }
        *ret = x;
        return 0;
}

struct expire *expire_free(struct expire *x) {
        if (x)
                loop_source_free(x->timer);
        mem_free(x);
        return NULL;
}
