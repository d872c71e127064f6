/* log_text: see log_text.h. */
#include "cli/log_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "lib/base/str.h"

static const char *log_path(struct cli *c, const struct log_text *l) {
        const char *number = arena_printf(&c->arena, "%lld", (long long) l->try_number);
        const char *path, *map_index, *task = show_task_split(&c->arena, l->task, &map_index);

        if (!number || !task)
                return NULL;
        path = cli_call_path(c, "api", "v2", "dags", l->dag, "dagRuns", l->run, "taskInstances",
                             task, "logs", number, NULL);
        path = cli_call_query(c, path, "map_index", map_index);
        return cli_call_query(c, path, "token", l->token);
}

/* "10:31:02.123" of an ISO time. */
static const char *time_of_day(const struct json *line) {
        const char *at = show_text(line, "timestamp");

        return strlen(at) > 23 ? at + 11 : "            ";
}

static void print_line(const struct log_text *l, const struct json *line) {
        const char *stream = show_text(line, "stream"), *colour = "";

        if (l->colour)
                colour = str_eq(stream, "stderr")   ? "\x1b[33m"
                         : str_eq(stream, "onebox") ? "\x1b[2m"
                                                    : "";
        printf("%s%s%.12s  %s%s%s%s\n", l->prefix ? l->prefix : "", l->colour ? "\x1b[2m" : "",
               time_of_day(line), l->colour ? "\x1b[0m" : "", colour, show_text(line, "event"),
               *colour ? "\x1b[0m" : "");
}

/* The answer's lines and its token. 0, or negative with c->em. */
static int fetch(struct cli *c, struct log_text *l, const struct json **ret_lines) {
        const char *path = log_path(c, l), *token;
        const struct json *answer;
        int r;

        if (!path)
                return cli_oom(c);
        r = cli_call_get(c, "scheduler", path, &answer);
        if (r < 0)
                return r;
        *ret_lines = json_get(answer, "content");
        if (json_str(json_get(answer, "continuation_token"), &token) == 0)
                l->token = token;
        return 0;
}

int log_text_print_more(struct cli *c, struct log_text *l) {
        const struct json *lines, *line;
        size_t n = 0;
        int r = fetch(c, l, &lines);

        if (r < 0)
                return r;
        json_each (line, lines) {
                print_line(l, line);
                n++;
        }
        fflush(stdout);
        return n == 0;
}

int log_text_tail(struct cli *c, const char *dag, const char *run, const struct json *task,
                  size_t n_lines) {
        struct log_text l = {
                .dag = dag,
                .run = run,
                .task = show_text(task, "task_id"),
                .colour = c->colour,
                .prefix = "          | ",
        };
        const struct json *lines, *line;
        size_t i = 0;
        int r;

        if (json_i64(json_get(task, "try_number"), &l.try_number) != 0)
                return 0;
        r = fetch(c, &l, &lines);
        if (r < 0)
                return r;
        json_each (line, lines) {
                if (i++ + n_lines >= lines->len)
                        print_line(&l, line);
        }
        return 0;
}
