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
        .args = "PIPELINE [RUN|latest [TASK]]",
        .summary = "Say in plain words why a pipeline, a run or a task does not go on",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 3,
};

int why_cmd(struct cli *c, int argc, char **argv) {
        static struct why_words w;
        const char *path, *run = NULL;
        const struct json *answer;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args > 1) {
                r = latest_run(c, cli_arg(c, 0), cli_arg(c, 1), &run);
                if (r < 0)
                        return r;
        }
        path = cli_call_query(c, "/api/onebox/v1/why", "dag_id", cli_arg(c, 0));
        path = cli_call_query(c, path, "run_id", run);
        path = cli_call_query(c, path, "task_id", cli_arg(c, 2));
        if (!path)
                return cli_oom(c);
        r = cli_call_get(c, "scheduler", path, &answer);
        if (r == -ENOENT && c->n_args == 2) {
                int there = latest_need(c, cli_arg(c, 0), run);

                return there < 0 ? there : r;
        }
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        printf("%s\n", show_text(answer, "text"));
        return 0;
}
