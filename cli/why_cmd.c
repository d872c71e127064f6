/* onebox why: the scheduler's reason why something does not go on. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/latest.h"
#include "cli/show.h"
#include "lib/base/str.h"

struct why_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct why_words)};
static const struct options_spec spec = {
        .program = "onebox why",
        .args = "PIPELINE [RUN|latest] [TASK]",
        .summary = "Say in plain words why a pipeline, a run or a task does not go on",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 3,
};

static int ask(struct cli *c, const char *run, const char *task, const struct json **ret) {
        const char *path = cli_call_query(c, "/api/onebox/v1/why", "dag_id", cli_arg(c, 0));
        const char *map_index = NULL;

        if (task && !(task = show_task_split(&c->arena, task, &map_index)))
                return cli_oom(c);
        path = cli_call_query(c, path, "run_id", run);
        path = cli_call_query(c, path, "task_id", task);
        path = cli_call_query(c, path, "map_index", map_index);
        return path ? cli_call_get(c, "scheduler", path, ret) : cli_oom(c);
}

/* The word names no run: then it is a task of the latest one. */
static int ask_of_task(struct cli *c, const char *task, const struct json **ret) {
        const char *run;
        int r = latest_run(c, cli_arg(c, 0), NULL, &run);

        if (r < 0)
                return r;
        r = ask(c, run, task, ret);
        return r != -ENOENT
                       ? r
                       : errmsg_fail(
                                 &c->em, r,
                                 "the pipeline %s has no run %s, and its latest run no such task",
                                 cli_arg(c, 0), task);
}

int why_cmd(struct cli *c, int argc, char **argv) {
        static struct why_words w;
        const char *run = NULL;
        const struct json *answer;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args > 1) {
                r = latest_run(c, cli_arg(c, 0), cli_arg(c, 1), &run);
                if (r < 0)
                        return r;
        }
        r = ask(c, run, cli_arg(c, 2), &answer);
        if (r == -ENOENT && c->n_args == 2 && run == cli_arg(c, 1))
                r = ask_of_task(c, run, &answer);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        printf("%s\n", show_text(answer, "text"));
        return 0;
}
