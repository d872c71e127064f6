#include "daemons/scheduler/restore.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/backfills_sql.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/live_replay.h"
#include "daemons/scheduler/machine.h"
#include "daemons/scheduler/pools_sql.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/zone_file.h"

int restore_zone(struct scheduler *s, const char *name, const struct zone **ret,
                 struct errmsg *em) {
        struct zone *z = strmap_get(&s->zones, name);
        int r;

        if (!z && str_eq(name, "UTC")) {
                *ret = zone_utc();
                return 0;
        }
        if (!z) {
                r = zone_file_load(name, &z, em);
                if (r < 0)
                        return r == -ENOMEM ? r : -EINVAL;
                r = strmap_set(&s->zones, name, z);
                if (r < 0) {
                        zone_free(z);
                        return r;
                }
        }
        *ret = z;
        return 0;
}

int restore_put_dag(struct scheduler *s, const char *body, int64_t version, struct world_dag **ret,
                    struct errmsg *em) {
        _cleanup_(dag_unrefp) struct dag *d = NULL;
        const struct zone *zone;
        struct world_dag *wd;
        int r;

        r = dag_parse(body, strlen(body), &d, em);
        if (r >= 0)
                r = restore_zone(s, d->timezone, &zone, em);
        if (r >= 0)
                r = world_put_dag(&s->world, d, zone, &wd, em);
        if (r < 0)
                return r;
        wd->user = (void *) (intptr_t) version;
        if (ret)
                *ret = wd;
        return 0;
}

static int put_dags(struct scheduler *s, struct arena *a) {
        struct dags_sql_row *rows;
        size_t n;
        int r;

        r = dags_sql_list(s->db, a, &rows, &n);
        for (size_t i = 0; i < n && r >= 0; i++) {
                struct world_dag *wd;
                struct errmsg em;

                r = restore_put_dag(s, rows[i].body, rows[i].version, &wd, &em);
                if (r == -EINVAL) {
                        log_error("DAG \"%s\" is left out: %s", rows[i].dag_id, em.text);
                        r = 0;
                        continue;
                }
                if (r < 0)
                        return r;
                world_set_paused(wd, rows[i].is_paused);
                world_show_paused(wd);
                wd->gone = rows[i].is_gone;
                wd->version_at = rows[i].version_at;
                if (rows[i].has_last)
                        world_set_last(wd, &rows[i].last);
        }
        return r;
}

/* The version a run began with: the current one by reference, an older one parsed anew. */
static int run_spec(struct scheduler *s, struct world_dag *wd, const struct dag_runs_sql_row *row,
                    struct arena *a, struct dag **ret) {
        const char *body;
        struct errmsg em;
        int r;

        if (row->version == scheduler_dag_version(wd)) {
                *ret = dag_ref(wd->spec);
                return 0;
        }
        r = dags_sql_version_get(s->db, row->dag_id, row->version, a, &body);
        if (r != 0)
                return r < 0 ? r : -EUCLEAN;
        r = dag_parse(body, strlen(body), ret, &em);
        if (r == -EINVAL)
                log_error("version %lld of DAG \"%s\": %s", (long long) row->version, row->dag_id,
                          em.text);
        return r;
}

static void fill(struct world_run *run, const struct dag_runs_sql_row *row) {
        run->state = row->state;
        run->type = row->type;
        run->when = row->when;
        run->queued_at = row->queued_at;
        run->started_at = row->started_at;
        run->ended_at = row->ended_at;
        run->missed_deadlines = row->missed_deadlines;
        run->ignores_past = row->ignores_past;
        run->user = (void *) (intptr_t) row->id;
}

int restore_run(struct scheduler *s, struct world_dag *wd, const struct dag_runs_sql_row *row,
                struct world_run **ret) {
        _cleanup_(dag_unrefp) struct dag *spec = NULL;
        struct world_run *run = world_get_run(wd, row->run_id);
        struct arena a;
        int r;

        if (run) {
                *ret = run;
                return 0;
        }
        arena_init(&a, 0);
        r = run_spec(s, wd, row, &a, &spec);
        arena_done(&a);
        if (r >= 0)
                r = world_restore_run(&s->world, wd, spec, row->run_id, &run);
        if (r < 0)
                return r;
        fill(run, row);
        if (row->backfill && !(run->backfill = world_put_backfill(&s->world, row->backfill)))
                return -ENOMEM;
        if (row->conf && !(run->conf = mem_strdup(row->conf)))
                return -ENOMEM;
        r = task_instances_sql_load(s->db, row->id, run);
        if (r >= 0)
                r = world_restore_run_done(&s->world, run);
        if (r >= 0)
                *ret = run;
        return r;
}

static int put_run(void *ctx, const struct dag_runs_sql_row *row) {
        struct scheduler *s = ctx;
        struct world_dag *wd = world_get_dag(&s->world, row->dag_id);
        struct world_run *run;
        int r = wd ? restore_run(s, wd, row, &run) : -EUCLEAN;

        if (r == -EUCLEAN || r == -EINVAL) {
                log_error("run \"%s\" of DAG \"%s\" cannot be read and is left as it is",
                          row->run_id, row->dag_id);
                return 0;
        }
        return r;
}

/* Runs may depend on finished ones. */
static int put_past(struct scheduler *s, struct arena *a) {
        struct world_dag *wd;
        int r = 0;

        TAILQ_FOREACH(wd, &s->world.dags, in_world) {
                if (wd->spec->uses_past)
                        r = dag_runs_sql_past(s->db, wd->spec->id, a, put_run, s);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The shim keeps a try's time limit; the world's is for a shim that does not. How long we were away
 * nobody knows, so a run's limit counts anew: better late than falsely failed. */
static void set_limits(struct scheduler *s) {
        s->world.timeout_slack_for = s->conf->stop_grace + 10 * USEC_PER_SEC;
        s->world.booted_at = s->started_at;
}

static unsigned parallelism(const struct scheduler_conf *conf) {
        return conf->parallelism > 0 ? (unsigned) MIN(conf->parallelism, UINT64_C(100000))
                                     : machine_parallelism();
}

static int put_backfill(void *ctx, const struct backfills_sql_row *row) {
        struct world_backfill *b = world_put_backfill(ctx, row->id);

        if (!b)
                return -ENOMEM;
        b->max_active_runs = row->max_active_runs;
        b->paused = row->is_paused;
        return 0;
}

static int put_pool(void *ctx, const struct pools_sql_row *row) {
        struct world *w = ctx;
        int r = world_put_pool(w, row->name, row->n_slots);

        if (r >= 0)
                world_get_pool(w, row->name)->include_deferred = row->include_deferred;
        return r;
}

int restore_world(struct scheduler *s, struct errmsg *em) {
        struct arena a;
        int r;

        if (s->has_world)
                world_done(&s->world);
        s->has_world = false;
        r = world_init(&s->world, parallelism(s->conf));
        if (r < 0)
                return errmsg_fail(em, r, "no memory");
        s->has_world = true;
        set_limits(s);
        arena_init(&a, 0);
        r = machine_resources(s->conf->resources, &s->world, em);
        if (r >= 0)
                r = pools_sql_each(s->db, put_pool, &s->world);
        if (r >= 0)
                r = backfills_sql_open(s->db, &a, put_backfill, &s->world);
        if (r >= 0)
                r = put_dags(s, &a);
        if (r >= 0)
                r = dag_runs_sql_open(s->db, &a, put_run, s);
        if (r >= 0)
                r = put_past(s, &a);
        arena_done(&a);
        if (r < 0)
                return errmsg_errno(em, r, "cannot read the state from the database");
        return live_replay(s, em);
}
