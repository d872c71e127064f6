/* onebox variables: lists, shows, sets and deletes variables. A value comes from standard input
 * where "-" stands for it: a command line is everybody's to read. Inside a task, get shows in clear
 * what the task's own token opens. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/sealed.h"
#include "cli/show.h"
#include "lib/base/str.h"

struct variables_words {
        struct cli_words words;
        char *description;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct variables_words, description, 0, STRING, "TEXT", "what it is for, with set")
        CLI_ROWS(struct variables_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox variables",
        .args = "[get KEY | set KEY VALUE|- | delete KEY]",
        .summary =
                "List variables; show, set or delete one. Secrets are shown as *** outside tasks",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 3,
};

static const struct sealed_column columns[] = {
        {"KEY", "key"}, {"VALUE", "value"}, {"DESCRIPTION", "description"}};
static const struct sealed_noun noun = {"variables", "key", "value", columns, ARRAY_SIZE(columns)};

static int get(struct cli *c, const char *key) {
        const struct json *answer;
        int r;

        if (sealed_in_task())
                return sealed_print_in_task(c, &noun, key);
        r = sealed_get(c, &noun, key, &answer);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        puts(show_text(answer, "value"));
        return 0;
}

int variables_cmd(struct cli *c, int argc, char **argv) {
        static struct variables_words w;
        int r = cli_start(c, &spec, argc, argv, &w);
        const char *verb = r == 0 ? cli_arg(c, 0) : NULL;

        if (r != 0 || !verb)
                return r != 0 ? r : sealed_list(c, &noun);
        if ((str_eq(verb, "get") || str_eq(verb, "show")) && c->n_args == 2)
                return get(c, cli_arg(c, 1));
        if (str_eq(verb, "set") && c->n_args == 3)
                return sealed_set(c, &noun, cli_arg(c, 1), cli_arg(c, 2), w.description);
        if (str_eq(verb, "delete") && c->n_args == 2)
                return sealed_delete(c, &noun, cli_arg(c, 1));
        return cli_usage(c, &spec);
}
