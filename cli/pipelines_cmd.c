/* onebox pipelines: what the scheduler knows, and pausing it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/compiled.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

struct pipelines_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct pipelines_words)};
static const struct options_spec spec = {
        .program = "onebox pipelines",
        .args = "[pause PIPELINE | resume PIPELINE | compile DIR]",
        .summary = "List pipelines with their schedules and last runs; pause or resume one; say "
                   "what would come of a directory",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 2,
};

static int set_paused(struct cli *c, const char *dag, bool paused) {
        const char *body = paused ? "{\"is_paused\": true}" : "{\"is_paused\": false}";
        struct cli_call call = {
                .daemon = "scheduler",
                .method = "PATCH",
                .target = cli_call_path(c, "api", "v2", "dags", dag, NULL),
                .body = body,
                .body_size = strlen(body),
        };
        const struct json *answer;
        int r = cli_call_json(c, &call, &answer);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        printf("%s is %s\n", dag, paused ? "paused: no runs start by its schedule" : "active");
        return 0;
}

static const struct json *last_run(struct cli *c, const char *dag) {
        const char *path = cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", NULL);
        const struct json *answer;

        path = cli_call_query(c, path, "limit", "1");
        path = cli_call_query(c, path, "order_by", "-run_after");
        if (!path || cli_call_get(c, "scheduler", path, &answer) < 0)
                return NULL;
        return json_at(json_get(answer, "dag_runs"), 0);
}

static void add_row(struct cli *c, struct table *t, const struct json *dag, usec_t now) {
        const char *id = show_text(dag, "dag_id");
        const struct json *run = last_run(c, id);
        bool paused = json_is(json_get(dag, "is_paused"), JSON_TRUE);

        table_row(t, id, show_text(dag, "timetable_summary"),
                  paused ? "paused" : show_relative(&c->arena, dag, "next_dagrun_run_after", now),
                  run ? show_text(run, "state") : "-",
                  run ? show_relative(&c->arena, run, "start_date", now) : "-",
                  run ? show_span(&c->arena, run, "start_date", "end_date", now) : "-",
                  show_text(dag, "description"));
}

static int print_pipelines(struct cli *c, const struct json *answer) {
        usec_t now = clock_now(clock_system());
        const struct json *dag;
        struct table t;

        table_init(&t, &c->arena, c->colour);
        table_column(&t, "PIPELINE", TABLE_LEFT);
        table_column(&t, "SCHEDULE", TABLE_LEFT);
        table_column(&t, "NEXT", TABLE_LEFT);
        table_column(&t, "LAST RUN", TABLE_LEFT);
        table_column(&t, "STARTED", TABLE_LEFT);
        table_column(&t, "TOOK", TABLE_RIGHT);
        table_column(&t, "WHAT IT DOES", TABLE_TEXT);
        json_each (dag, json_get(answer, "dags"))
                add_row(c, &t, dag, now);
        if (table_print(&t, NULL, stdout) < 0)
                return cli_oom(c);
        if (t.n_rows == 0)
                printf("no pipelines yet: put a directory with a liminal.yml into %s/pipelines\n",
                       c->paths.state_dir);
        return 0;
}

/* Files that are no pipelines; returns how many. */
static int print_errors(struct cli *c) {
        const struct json *answer, *e;
        int n = 0;

        if (cli_call_get(c, "scheduler", "/api/v2/importErrors?limit=100", &answer) < 0)
                return 0;
        json_each (e, json_get(answer, "import_errors"))
                printf("%s%s\n", n++ ? "" : "\nnot understood:\n", show_text(e, "stack_trace"));
        return n;
}

static int act(struct cli *c, const char *verb, const char *what) {
        if (what && str_eq(verb, "compile"))
                return compiled_show(c, what);
        if (what && (str_eq(verb, "pause") || str_eq(verb, "resume")))
                return set_paused(c, what, str_eq(verb, "pause"));
        return errmsg_fail(&c->em, -EINVAL,
                           "use `onebox pipelines`, `… pause PIPELINE`, `… resume PIPELINE` or "
                           "`… compile DIR`");
}

int pipelines_cmd(struct cli *c, int argc, char **argv) {
        static struct pipelines_words w;
        const struct json *answer;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args > 0)
                return act(c, cli_arg(c, 0), cli_arg(c, 1));
        r = cli_call_get(c, "scheduler", "/api/v2/dags?limit=500&order_by=dag_id", &answer);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        r = print_pipelines(c, answer);
        if (r < 0)
                return r;
        return print_errors(c) > 0 ? CLI_BAD : 0;
}
