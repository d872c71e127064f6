/* onebox next: when pipelines run next, soonest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/clock.h"

struct next_words {
        struct cli_words words;
        uint64_t limit;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct next_words, limit, 'n', UINT, "N", "show the next N (20)")
                CLI_ROWS(struct next_words)};
static const struct options_spec spec = {
        .program = "onebox next",
        .args = "[PIPELINE]",
        .summary = "Show when pipelines run next, soonest first",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 1,
};

/* The list of the answer, whatever it is called. */
static const struct json *first_list(const struct json *answer) {
        const struct json *child;

        if (json_is(answer, JSON_ARRAY))
                return answer;
        json_each (child, answer) {
                if (child->type == JSON_ARRAY)
                        return child;
        }
        return NULL;
}

int next_cmd(struct cli *c, int argc, char **argv) {
        static struct next_words w = {.limit = 20};
        usec_t now = clock_now(clock_system());
        const struct json *answer, *item;
        const char *path;
        struct table t;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        path = cli_call_query(c, "/api/onebox/v1/next", "limit",
                              arena_printf(&c->arena, "%llu", (unsigned long long) w.limit));
        path = cli_call_query(c, path, "dag_id", cli_arg(c, 0));
        if (!path)
                return cli_oom(c);
        r = cli_call_get(c, "scheduler", path, &answer);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "WHEN", TABLE_LEFT);
        table_column(&t, "TIME", TABLE_LEFT);
        table_column(&t, "PIPELINE", TABLE_LEFT);
        json_each (item, first_list(answer))
                table_row(&t, show_relative(&c->arena, item, "run_after", now),
                          show_time(&c->arena, item, "run_after"), show_text(item, "dag_id"));
        return table_print(&t, "nothing is scheduled", stdout) < 0 ? cli_oom(c) : 0;
}
