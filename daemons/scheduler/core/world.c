#include "daemons/scheduler/core/world.h"

#include <errno.h>

#include "daemons/scheduler/core/world_index.h"
#include "daemons/scheduler/core/world_maps.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DEFAULT_POOL "default_pool"
#define DEFAULT_POOL_SLOTS 128

static const char *const stop_names[_WORLD_STOP_MAX] = {
        [WORLD_STOP_NONE] = "none",
        [WORLD_STOP_TIMEOUT] = "timeout",
        [WORLD_STOP_RUN_TIMEOUT] = "run_timeout",
        [WORLD_STOP_CLEARED] = "cleared",
        [WORLD_STOP_MARKED] = "marked",
};

int world_init(struct world *w, unsigned parallelism) {
        assert(parallelism > 0);
        *w = (struct world){.parallelism = parallelism};
        TAILQ_INIT(&w->dags);
        TAILQ_INIT(&w->pools);
        TAILQ_INIT(&w->active);
        TAILQ_INIT(&w->settle);
        TAILQ_INIT(&w->retry);
        TAILQ_INIT(&w->expand);
        TAILQ_INIT(&w->live);
        TAILQ_INIT(&w->resources);
        TAILQ_INIT(&w->backfills);
        strmap_init(&w->dag_map, NULL);
        return world_put_pool(w, DEFAULT_POOL, DEFAULT_POOL_SLOTS);
}

/* --- DAGs ------------------------------------------------------------------------------------- */

int world_put_dag(struct world *w, struct dag *d, const struct zone *zone, struct world_dag **ret,
                  struct errmsg *em) {
        struct world_dag *wd = world_get_dag(w, d->id);
        struct timetable tt;
        int r;

        r = timetable_init(&tt, d, zone, em);
        if (r < 0)
                return r;
        if (!wd) {
                wd = mem_new(struct world_dag);
                if (!wd || strmap_add(&w->dag_map, d->id, wd) < 0) {
                        mem_free(wd);
                        return -ENOMEM;
                }
                LIST_INIT(&wd->runs);
                wd->paused = wd->shown_paused = d->paused_at_creation;
                TAILQ_INSERT_TAIL(&w->dags, wd, in_world);
        }
        dag_ref(d);
        dag_unref(wd->spec);
        wd->spec = d;
        wd->timetable = tt;
        wd->gone = false;
        wd->next_known = false;
        *ret = wd;
        return 0;
}

struct world_dag *world_get_dag(const struct world *w, const char *dag_id) {
        return strmap_get(&w->dag_map, dag_id);
}

void world_set_last(struct world_dag *wd, const struct timetable_run *last) {
        wd->last = *last;
        wd->has_last = true;
        wd->next_known = false;
}

void world_set_paused(struct world_dag *wd, bool paused) {
        wd->paused = paused;
        wd->next_known = false;
}

void world_show_paused(struct world_dag *wd) {
        wd->shown_paused = wd->paused;
}

int world_next_run(struct world_dag *wd, usec_t now, struct timetable_run *ret) {
        if (!wd->next_known || (wd->has_next && wd->next.run_after_at <= now)) {
                const struct timetable_run *last = wd->has_last ? &wd->last : NULL;

                wd->has_next = timetable_next(&wd->timetable, last, now, &wd->next) == 0;
                wd->next_known = true;
        }
        if (!wd->has_next)
                return 1;
        assert(wd->next.interval_end_at <= wd->next.run_after_at);
        *ret = wd->next;
        return 0;
}

usec_t world_next_due(struct world *w, usec_t now) {
        usec_t at = USEC_INFINITY;
        struct world_dag *wd;

        TAILQ_FOREACH(wd, &w->dags, in_world) {
                struct timetable_run next;

                if (!wd->gone && !wd->paused && world_next_run(wd, now, &next) == 0)
                        at = MIN(at, next.run_after_at);
        }
        return at;
}

/* --- pools ------------------------------------------------------------------------------------ */

int world_put_pool(struct world *w, const char *name, unsigned n_slots) {
        struct world_pool *p = world_get_pool(w, name);

        if (!p) {
                p = mem_new(struct world_pool);
                if (!p)
                        return -ENOMEM;
                p->name = mem_strdup(name);
                if (!p->name) {
                        mem_free(p);
                        return -ENOMEM;
                }
                TAILQ_INSERT_TAIL(&w->pools, p, in_world);
        }
        p->n_slots = n_slots;
        return 0;
}

struct world_pool *world_get_pool(const struct world *w, const char *name) {
        struct world_pool *p;

        TAILQ_FOREACH(p, &w->pools, in_world)
        if (str_eq(p->name, name))
                return p;
        return NULL;
}

static void free_pool(struct world *w, struct world_pool *p) {
        TAILQ_REMOVE(&w->pools, p, in_world);
        mem_free(p->name);
        mem_free(p);
}

int world_remove_pool(struct world *w, const char *name) {
        struct world_pool *p = world_get_pool(w, name);

        if (!p)
                return -ENOENT;
        if (p->n_used > 0 || str_eq(name, DEFAULT_POOL))
                return -EBUSY;
        free_pool(w, p);
        return 0;
}

int world_put_resource(struct world *w, const char *name, unsigned n) {
        struct world_resource *res = world_get_resource(w, name);

        assert(n <= 64);
        if (!res) {
                res = mem_new(struct world_resource);
                if (!res || !(res->name = mem_strdup(name))) {
                        mem_free(res);
                        return -ENOMEM;
                }
                TAILQ_INSERT_TAIL(&w->resources, res, in_world);
        }
        res->n = n;
        return 0;
}

struct world_resource *world_get_resource(const struct world *w, const char *name) {
        struct world_resource *res;

        TAILQ_FOREACH(res, &w->resources, in_world)
        if (str_eq(res->name, name))
                return res;
        return NULL;
}

struct world_backfill *world_get_backfill(const struct world *w, int64_t id) {
        struct world_backfill *b;

        TAILQ_FOREACH(b, &w->backfills, in_world)
        if (b->id == id)
                return b;
        return NULL;
}

struct world_backfill *world_put_backfill(struct world *w, int64_t id) {
        struct world_backfill *b = world_get_backfill(w, id);

        if (!b && (b = mem_new(struct world_backfill))) {
                b->id = id;
                b->max_active_runs = 1;
                TAILQ_INSERT_TAIL(&w->backfills, b, in_world);
        }
        return b;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* What runs of one DAG are ordered by. */
static usec_t order_at(const struct world_run *run) {
        return run->when.logical_at != USEC_INFINITY ? run->when.logical_at
                                                     : run->when.run_after_at;
}

/* Latest first; of equal ones the later arrival first. */
static void sort_in(struct world_run *run) {
        struct world_run *other, *before = NULL;

        LIST_REMOVE(run, in_dag);
        LIST_FOREACH(other, &run->dag->runs, in_dag) {
                if (order_at(other) <= order_at(run))
                        break;
                before = other;
        }
        if (before)
                LIST_INSERT_AFTER(before, run, in_dag);
        else
                LIST_INSERT_HEAD(&run->dag->runs, run, in_dag);
}

static void init_task(struct world_task *t, struct world_run *run, const struct dag_task *spec) {
        *t = (struct world_task){
                .state = TASK_NONE,
                .max_tries = spec->retries,
                .queued_at = USEC_INFINITY,
                .started_at = USEC_INFINITY,
                .ended_at = USEC_INFINITY,
                .retry_at = USEC_INFINITY,
                .poking_since = USEC_INFINITY,
                .run = run,
                .spec = spec,
                .map_index = -1,
                .all = t,
                .needs_expand = spec->expand != NULL,
                .counts = {.n_upstream = (unsigned) spec->n_upstream},
        };
        for (size_t i = 0; i < spec->n_upstream; i++)
                t->counts.n_setup += run->spec->tasks[spec->upstream[i]].is_setup;
}

static void free_run(struct world_run *run) {
        for (size_t i = 0; run->tasks && i < run->spec->n_tasks; i++) {
                if (run->tasks[i].maps)
                        world_maps_free(&run->tasks[i]);
                mem_free(run->tasks[i].skips);
        }
        dag_unref(run->spec);
        mem_free(run->tasks);
        mem_free(run->conf);
        mem_free(run->id);
        mem_free(run);
}

int world_restore_run(struct world *w, struct world_dag *wd, struct dag *spec, const char *run_id,
                      struct world_run **ret) {
        struct world_run *run;

        if (world_get_run(wd, run_id))
                return -EEXIST;
        run = mem_new(struct world_run);
        if (!run)
                return -ENOMEM;
        run->spec = dag_ref(spec);
        run->id = mem_strdup(run_id);
        run->tasks = mem_zalloc_array(spec->n_tasks + 1, sizeof(*run->tasks));
        if (!run->id || !run->tasks) {
                free_run(run);
                return -ENOMEM;
        }
        run->dag = wd;
        run->seq = w->next_seq++;
        run->queued_at = run->started_at = run->ended_at = USEC_INFINITY;
        for (size_t i = 0; i < spec->n_tasks; i++)
                init_task(&run->tasks[i], run, &spec->tasks[i]);
        run->n_all = (unsigned) spec->n_tasks;
        LIST_INSERT_HEAD(&wd->runs, run, in_dag);
        *ret = run;
        return 0;
}

int world_restore_run_done(struct world *w, struct world_run *run) {
        assert(!run->indexed);
        sort_in(run);
        return world_index_add_run(w, run);
}

struct world_run *world_get_run(const struct world_dag *wd, const char *run_id) {
        struct world_run *run;

        LIST_FOREACH(run, &wd->runs, in_dag)
        if (str_eq(run->id, run_id))
                return run;
        return NULL;
}

struct world_task *world_get_task(const struct world_run *run, const char *task_id, int map_index) {
        const struct dag_task *spec = dag_get_task(run->spec, task_id);

        assert(!spec || spec->index < run->spec->n_tasks);
        if (spec && map_index >= 0 && (unsigned) map_index < run->tasks[spec->index].n_maps)
                return run->tasks[spec->index].maps[map_index];
        return spec && map_index == -1 ? &run->tasks[spec->index] : NULL;
}

struct world_task *world_walk_next(const struct world_run *run, struct world_walk *walk) {
        while (walk->i < run->spec->n_tasks) {
                struct world_task *t = &run->tasks[walk->i];

                if (t->is_expanded && walk->map < t->n_maps)
                        return t->maps[walk->map++];
                walk->i++;
                walk->map = 0;
                if (!t->is_expanded)
                        return t;
        }
        return NULL;
}

static bool has_date(const struct world_run *run) {
        return run->when.logical_at != USEC_INFINITY;
}

struct world_run *world_prev_run(const struct world_run *run) {
        struct world_run *prev = LIST_NEXT(run, in_dag);

        if (!has_date(run))
                return NULL;
        while (prev && !has_date(prev))
                prev = LIST_NEXT(prev, in_dag);
        return prev;
}

struct world_run *world_next_of(const struct world_run *run) {
        struct world_run *next = NULL, *other;

        if (!has_date(run))
                return NULL;
        LIST_FOREACH(other, &run->dag->runs, in_dag) {
                if (other == run)
                        return next;
                if (has_date(other))
                        next = other;
        }
        assert(!"a run stands in the list of its DAG");
        return NULL;
}

bool world_may_forget_run(const struct world_run *run) {
        const struct world_run *next;

        if (!run_state_is_finished(run->state) || run->n_live > 0)
                return false;
        if (!run->dag->spec->uses_past || !has_date(run))
                return true;
        next = world_next_of(run);
        return next && run_state_is_finished(next->state);
}

void world_forget_run(struct world *w, struct world_run *run) {
        assert(run->n_live == 0 || run->indexed);
        world_index_remove_run(w, run);
        LIST_REMOVE(run, in_dag);
        free_run(run);
}

void world_sweep(struct world *w, struct world_dag *wd) {
        struct world_run *run = LIST_FIRST(&wd->runs), *older;

        for (; run; run = older) {
                older = LIST_NEXT(run, in_dag);
                if (world_may_forget_run(run))
                        world_forget_run(w, run);
        }
}

unsigned world_task_failures(const struct world_task *t) {
        unsigned retries = t->spec->retries, spared = t->max_tries - MIN(t->max_tries, retries);

        assert(spared <= t->max_tries);
        return t->try_number - MIN(t->try_number, spared);
}

const char *world_stop_name(enum world_stop s) {
        assert(s < _WORLD_STOP_MAX);
        return stop_names[s];
}

int world_stop_parse(const char *name, enum world_stop *ret) {
        for (enum world_stop s = 0; s < _WORLD_STOP_MAX; s++)
                if (str_eq(stop_names[s], name)) {
                        *ret = s;
                        return 0;
                }
        return 1;
}

void world_done(struct world *w) {
        struct world_resource *res;
        struct world_backfill *b;
        struct world_dag *wd;
        struct world_pool *p;

        while ((wd = TAILQ_FIRST(&w->dags))) {
                while (!LIST_EMPTY(&wd->runs))
                        world_forget_run(w, LIST_FIRST(&wd->runs));
                TAILQ_REMOVE(&w->dags, wd, in_world);
                dag_unref(wd->spec);
                mem_free(wd);
        }
        assert(w->n_live == 0 && w->n_ready == 0);
        while ((p = TAILQ_FIRST(&w->pools)))
                free_pool(w, p);
        while ((res = TAILQ_FIRST(&w->resources))) {
                TAILQ_REMOVE(&w->resources, res, in_world);
                mem_free(res->name);
                mem_free(res);
        }
        while ((b = TAILQ_FIRST(&w->backfills))) {
                TAILQ_REMOVE(&w->backfills, b, in_world);
                mem_free(b);
        }
        strmap_done(&w->dag_map);
        mem_free(w->ready);
        *w = (struct world){};
}
