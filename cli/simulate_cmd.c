/* onebox simulate: the scheduler's own decisions on a virtual clock, night after night, with tasks
 * that take random times and fail. What happens here happens on the machine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/compiled.h"
#include "cli/table.h"
#include "daemons/scheduler/core/sim.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/base/zone_file.h"

#define POOL_SLOTS 128
#define MAPS_MAX 5 /* instances of a task that is mapped over another's values */

struct simulate_words {
        struct cli_words words;
        uint64_t nights, seed, fail, parallelism;
        usec_t night_at, night_for, task_min, task_max;
        char *from;
        bool verbose;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct simulate_words, nights, 'n', UINT, "N", "how many (30)")
        OPTIONS_ROW(struct simulate_words, from, 0, STRING, "TIME", "the first moment (now)")
        OPTIONS_ROW(struct simulate_words, night_at, 0, SPAN, "SPAN",
                    "when the machine goes off, after midnight UTC (20h); infinity: never")
        OPTIONS_ROW(struct simulate_words, night_for, 0, SPAN, "SPAN", "how long it is off (10h)")
        OPTIONS_ROW(struct simulate_words, task_min, 0, SPAN, "SPAN", "shortest task (1s)")
        OPTIONS_ROW(struct simulate_words, task_max, 0, SPAN, "SPAN", "longest task (10min)")
        OPTIONS_ROW(struct simulate_words, fail, 0, UINT, "PERCENT", "tries that fail (5)")
        OPTIONS_ROW(struct simulate_words, parallelism, 0, UINT, "N", "tasks at once (32)")
        OPTIONS_ROW(struct simulate_words, seed, 's', UINT, "N", "other dice (1)")
        OPTIONS_ROW(struct simulate_words, verbose, 'v', BOOL, NULL, "tell every event")
        CLI_ROWS(struct simulate_words)
};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox simulate",
        .args = "[DIR]",
        .summary = "Play nights ahead with the pipelines of this machine, or of a directory",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 1,
};

/* What became of one pipeline. */
struct tally {
        const char *dag_id;
        uint64_t n_runs, n_success, n_failed, n_tries, n_interrupted;
        usec_t longest_for; /* from when a run was due to its end */
};

struct play {
        struct cli *c;
        struct world world;
        struct zone **zones;
        struct tally *tallies;
        size_t n, n_zones;
        bool verbose;
};

static struct tally *tally_of(struct play *p, const struct world_run *run) {
        for (size_t i = 0; run && i < p->n; i++)
                if (str_eq(p->tallies[i].dag_id, run->spec->id))
                        return &p->tallies[i];
        return NULL;
}

static void tell(const struct play *p, const struct sim_fact *f) {
        static const char *const words[] = {
                [SIM_RUN_CREATED] = "run made",  [SIM_RUN_FINISHED] = "run ended",
                [SIM_TRY_STARTED] = "try begun", [SIM_TRY_ENDED] = "try ended",
                [SIM_TASK_SETTLED] = "settled",  [SIM_NIGHT] = "--- night",
                [SIM_MORNING] = "--- morning",   [SIM_TASK_EXPANDED] = "mapped",
                [SIM_DEADLINE_MISSED] = "late",
        };
        char when[TIMESTAMP_SIZE];

        printf("%s  %-12s %s", timestamp_print(f->at, TIMESTAMP_SECONDS | TIMESTAMP_SPACE, when),
               words[f->what], f->run ? f->run->id : "");
        if (f->task)
                printf(" %s", f->task->spec->id);
        if (f->what == SIM_RUN_FINISHED)
                printf(" %s", run_state_name(f->run_state));
        if (f->what == SIM_TRY_ENDED || f->what == SIM_TASK_SETTLED)
                printf(" %s", task_state_name(f->task_state));
        putchar('\n');
}

static void count(struct tally *t, const struct sim_fact *f) {
        usec_t due = f->run->when.run_after_at;

        switch (f->what) {
        case SIM_RUN_CREATED:
                t->n_runs++;
                break;
        case SIM_RUN_FINISHED:
                t->n_success += f->run_state == RUN_SUCCESS;
                t->n_failed += f->run_state == RUN_FAILED;
                if (f->at > due)
                        t->longest_for = MAX(t->longest_for, f->at - due);
                break;
        case SIM_TRY_ENDED:
                t->n_tries++;
                t->n_interrupted += f->result == WORLD_RESULT_STOPPED;
                break;
        default:
                break;
        }
}

static int on_fact(void *user, const struct sim_fact *f) {
        struct play *p = user;
        struct tally *t = tally_of(p, f->run);

        if (p->verbose && !p->c->json)
                tell(p, f);
        if (t)
                count(t, f);
        return 0;
}

/* Of a counted resource as many as the greediest task takes. */
static int put_resources(struct play *p, const struct dag_resources *ask) {
        int r = 0;

        for (size_t i = 0; i < ask->n_leases && r >= 0; i++) {
                const struct world_resource *res =
                        world_get_resource(&p->world, ask->leases[i].name);

                if (!res || res->n < ask->leases[i].n)
                        r = world_put_resource(&p->world, ask->leases[i].name, ask->leases[i].n);
        }
        return r;
}

static int put_missing_pool(struct play *p, const char *name) {
        fprintf(stderr,
                "onebox simulate: there is no pool \"%s\" here, where its tasks would wait for it "
                "(onebox pools set %s N); it is taken to have %d slots\n",
                name, name, POOL_SLOTS);
        return world_put_pool(&p->world, name, POOL_SLOTS);
}

/* One compiled DAG becomes one of the world's, its pools with it. */
static int put_dag(struct play *p, const struct json *j) {
        _cleanup_(dag_unrefp) struct dag *dag = NULL;
        _cleanup_buf_ struct buf text = {};
        struct world_dag *wd;
        struct json_write w;
        int r;

        json_write_init(&w, &text, 0);
        json_write_node(&w, j);
        if (json_write_finish(&w) < 0)
                return cli_oom(p->c);
        r = dag_parse(text.data, text.len, &dag, &p->c->em);
        if (r >= 0)
                r = zone_file_load(dag->timezone, &p->zones[p->n], &p->c->em);
        for (size_t i = 0; r >= 0 && i < dag->n_tasks; i++)
                if (!world_get_pool(&p->world, dag->tasks[i].pool))
                        r = put_missing_pool(p, dag->tasks[i].pool);
        for (size_t i = 0; r >= 0 && i < dag->n_tasks; i++)
                r = put_resources(p, &dag->tasks[i].resources);
        if (r >= 0)
                r = world_put_dag(&p->world, dag, p->zones[p->n], &wd, &p->c->em);
        if (r < 0)
                return r;
        p->tallies[p->n].dag_id = arena_strdup(&p->c->arena, dag->id);
        p->n++;
        return p->tallies[p->n - 1].dag_id ? 0 : cli_oom(p->c);
}

/* The pools of this machine; one that is named and not there is said and taken for a wide one. */
static int put_pools(struct play *p) {
        const struct json *answer, *pool;
        int r = cli_call_get(p->c, "scheduler", "/api/v2/pools?limit=1000", &answer);

        json_each (pool, json_get(answer, "pools")) {
                const char *name = NULL;
                int64_t slots = 0;

                if (r < 0 || json_want_str(pool, "name", &name, NULL) < 0 ||
                    json_want_i64(pool, "slots", &slots, NULL) < 0 || !name)
                        continue;
                /* -1 is a pool without an end */
                r = world_put_pool(&p->world, name, slots < 0 ? 1u << 20 : (unsigned) slots);
        }
        return r;
}

static int put_dags(struct play *p, const char *dir) {
        const struct json *answer, *dags, *dag;
        int r = compiled_get(p->c, dir, &answer);

        if (r >= 0)
                r = put_pools(p);
        if (r < 0)
                return r;
        if (json_first(json_get(answer, "errors")))
                return errmsg_fail(&p->c->em, -EINVAL, "%s: onebox pipelines%s%s says all",
                                   json_first(json_get(answer, "errors"))->str,
                                   dir ? " compile " : "", dir ? dir : "");
        dags = json_get(answer, "dags");
        if (!json_first(dags))
                return errmsg_fail(&p->c->em, -ENOENT, "%s: no pipelines",
                                   dir ? dir : "the directories of pipelines");
        p->zones = arena_zalloc_array(&p->c->arena, dags->len, sizeof(*p->zones));
        p->n_zones = dags->len;
        p->tallies = arena_zalloc_array(&p->c->arena, dags->len, sizeof(*p->tallies));
        if (!p->zones || !p->tallies)
                return cli_oom(p->c);
        json_each (dag, dags) {
                r = put_dag(p, dag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int print_json(const struct play *p, const struct sim_summary *s) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_array(&w, "pipelines");
        for (size_t i = 0; i < p->n; i++) {
                const struct tally *t = &p->tallies[i];

                json_write_object(&w);
                json_write_kv_str(&w, "pipeline", t->dag_id);
                json_write_kv_u64(&w, "runs", t->n_runs);
                json_write_kv_u64(&w, "success", t->n_success);
                json_write_kv_u64(&w, "failed", t->n_failed);
                json_write_kv_u64(&w, "tries", t->n_tries);
                json_write_kv_u64(&w, "interrupted", t->n_interrupted);
                json_write_kv_f64(&w, "longest_s", (double) t->longest_for / USEC_PER_SEC);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_u64(&w, "stuck", s->n_stuck);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(p->c);
        puts(buf_cstr(&b));
        return 0;
}

static const char *number(const struct play *p, uint64_t n) {
        return arena_printf(&p->c->arena, "%llu", (unsigned long long) n);
}

static int print_tallies(const struct play *p, const struct sim_summary *s) {
        char span[TIMESTAMP_SIZE];
        struct table t;

        table_init(&t, &p->c->arena, p->c->colour);
        table_column(&t, "PIPELINE", TABLE_LEFT);
        table_column(&t, "RUNS", TABLE_RIGHT);
        table_column(&t, "SUCCESS", TABLE_RIGHT);
        table_column(&t, "FAILED", TABLE_RIGHT);
        table_column(&t, "TRIES", TABLE_RIGHT);
        table_column(&t, "CUT OFF BY A NIGHT", TABLE_RIGHT);
        table_column(&t, "LATEST END AFTER", TABLE_RIGHT);
        for (size_t i = 0; i < p->n; i++) {
                const struct tally *y = &p->tallies[i];

                table_row(&t, y->dag_id, number(p, y->n_runs), number(p, y->n_success),
                          number(p, y->n_failed), number(p, y->n_tries),
                          number(p, y->n_interrupted),
                          arena_strdup(&p->c->arena, timestamp_span_print(y->longest_for, span)));
        }
        if (table_print(&t, NULL, stdout) < 0)
                return cli_oom(p->c);
        if (s->n_stuck > 0)
                printf("\n%lu runs can never go on: they depend on a past that failed\n",
                       s->n_stuck);
        return 0;
}

static int run(struct play *p, const struct sim_config *config) {
        struct sim_summary summary;
        int r = put_dags(p, cli_arg(p->c, 0));

        if (r < 0)
                return r;
        r = sim_run(&p->world, config, on_fact, p, &summary);
        if (r < 0)
                return cli_oom(p->c);
        return p->c->json ? print_json(p, &summary) : print_tallies(p, &summary);
}

int simulate_cmd(struct cli *c, int argc, char **argv) {
        static struct simulate_words w = {
                .nights = 30,
                .seed = 1,
                .fail = 5,
                .parallelism = 32,
                .night_at = 20 * USEC_PER_HOUR,
                .night_for = 10 * USEC_PER_HOUR,
                .task_min = USEC_PER_SEC,
                .task_max = 10 * USEC_PER_MINUTE,
        };
        struct play p = {.c = c};
        struct sim_config config;
        usec_t from = clock_now(clock_system());
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (w.from && timestamp_parse(w.from, &from) < 0)
                return errmsg_fail(
                        &c->em, -EINVAL,
                        "--from: 2026-01-02 or 2026-01-02T03:04 is a time, \"%s\" is not", w.from);
        if (w.nights > 3660 || w.fail > 100 || w.parallelism < 1 || w.parallelism > 10000 ||
            w.task_max < w.task_min)
                return errmsg_fail(&c->em, -EINVAL,
                                   "at most 3660 nights, 100 percent, 10000 tasks "
                                   "at once, and task-min within task-max");
        config = (struct sim_config){
                .seed = w.seed,
                .start_at = from,
                .n_nights = (unsigned) w.nights,
                .night_at_for = w.night_at,
                .night_for = w.night_for,
                .task_min_for = w.task_min,
                .task_max_for = w.task_max,
                .fail_percent = (unsigned) w.fail,
                .maps_max = MAPS_MAX,
        };
        p.verbose = w.verbose;
        if (world_init(&p.world, (unsigned) w.parallelism) < 0)
                return cli_oom(c);
        r = run(&p, &config);
        world_done(&p.world);
        for (size_t i = 0; p.zones && i < p.n_zones; i++)
                zone_free(p.zones[i]);
        return r;
}
