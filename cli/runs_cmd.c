/* onebox runs: the runs of a pipeline (or all), or the tasks of one run. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/latest.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

struct runs_words {
        struct cli_words words;
        uint64_t limit;
        char *state;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct runs_words, limit, 'n', UINT, "N", "show the last N (20)")
                OPTIONS_ROW(struct runs_words, state, 's', STRING, "STATE",
                            "only those in this state") CLI_ROWS(struct runs_words)};
static const struct options_spec spec = {
        .program = "onebox runs",
        .args = "[PIPELINE [RUN]]",
        .summary = "List runs, newest first; with a run (or \"latest\"), its tasks",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 2,
};

/* What an empty list means: there is no such pipeline (negative, with c->em), or what to do. */
static int explain_none(struct cli *c, const struct runs_words *w, const char *dag,
                        const char **ret) {
        const struct json *answer;
        const char *path = cli_call_path(c, "api", "v2", "dags", dag, NULL);
        int r = 0;

        *ret = w->state ? "no runs in this state" : "no runs yet: onebox trigger PIPELINE";
        if (str_eq(dag, "~"))
                return 0;
        r = path ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);
        if (r >= 0 && !w->state)
                *ret = arena_printf(&c->arena, "no runs yet: onebox trigger %s", dag);
        return r < 0 ? r : *ret ? 0 : cli_oom(c);
}

static int list_runs(struct cli *c, const struct runs_words *w, const char *dag) {
        const char *path = cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", NULL);
        usec_t now = clock_now(clock_system());
        const struct json *answer, *run;
        const char *none = NULL;
        struct table t;
        int r;

        path = cli_call_query(c, path, "limit",
                              arena_printf(&c->arena, "%llu", (unsigned long long) w->limit));
        path = cli_call_query(c, path, "order_by", "-run_after");
        path = cli_call_query(c, path, "state", w->state);
        if (!path)
                return cli_oom(c);
        r = cli_call_get(c, "scheduler", path, &answer);
        if (r >= 0 && !json_at(json_get(answer, "dag_runs"), 0))
                r = explain_none(c, w, dag, &none);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "PIPELINE", TABLE_LEFT);
        table_column(&t, "RUN", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        table_column(&t, "STARTED", TABLE_LEFT);
        table_column(&t, "TOOK", TABLE_RIGHT);
        json_each (run, json_get(answer, "dag_runs"))
                table_row(&t, show_text(run, "dag_id"), show_text(run, "dag_run_id"),
                          show_text(run, "state"), show_relative(&c->arena, run, "start_date", now),
                          show_span(&c->arena, run, "start_date", "end_date", now));
        return table_print(&t, none, stdout) < 0 ? cli_oom(c) : 0;
}

/* The run itself, in a line or two; tells too when there is none of that name. */
static int print_run(struct cli *c, const char *dag, const char *id) {
        const char *path = cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", id, NULL);
        const struct json *run, *pair;
        int r = path ? cli_call_get(c, "scheduler", path, &run) : cli_oom(c);

        if (r < 0 || c->json)
                return r;
        printf("%s %s: %s", dag, id, show_text(run, "state"));
        if (json_is(json_get(run, "start_date"), JSON_STRING))
                printf(" after %s", show_span(&c->arena, run, "start_date", "end_date",
                                              clock_now(clock_system())));
        putchar('\n');
        json_each (pair, json_get(run, "conf")) {
                printf("  %s = %s\n", pair->key,
                       show_any(&c->arena, json_get(run, "conf"), pair->key));
        }
        putchar('\n');
        return 0;
}

static int list_tasks(struct cli *c, const char *dag, const char *run) {
        const char *path =
                cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", run, "taskInstances", NULL);
        usec_t now = clock_now(clock_system());
        const struct json *answer, *task;
        struct table t;
        int r;

        path = cli_call_query(c, path, "limit", "1000");
        r = path ? print_run(c, dag, run) : cli_oom(c);
        if (r >= 0)
                r = cli_call_get(c, "scheduler", path, &answer);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "TASK", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        table_column(&t, "TRY", TABLE_RIGHT);
        table_column(&t, "STARTED", TABLE_LEFT);
        table_column(&t, "TOOK", TABLE_RIGHT);
        table_column(&t, "NOTE", TABLE_TEXT);
        json_each (task, json_get(answer, "task_instances"))
                table_row(&t, show_task(&c->arena, task), show_text(task, "state"),
                          show_any(&c->arena, task, "try_number"),
                          show_relative(&c->arena, task, "start_date", now),
                          show_span(&c->arena, task, "start_date", "end_date", now),
                          show_text(task, "note"));
        return table_print(&t, "no tasks", stdout) < 0 ? cli_oom(c) : 0;
}

int runs_cmd(struct cli *c, int argc, char **argv) {
        static struct runs_words w = {.limit = 20};
        const char *dag, *run;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        dag = cli_arg(c, 0);
        if (c->n_args < 2)
                return list_runs(c, &w, dag ? dag : "~");
        r = latest_run(c, dag, cli_arg(c, 1), &run);
        return r < 0 ? r : list_tasks(c, dag, run);
}
