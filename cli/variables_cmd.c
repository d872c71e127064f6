/* onebox variables: lists, shows, sets and deletes variables. A value comes from standard input
 * where
 * "-" stands for it: a command line is everybody's to read. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/stdin_text.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define BASE "/api/v2/variables"

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
        .summary = "List variables; show, set or delete one. Secrets are shown as ***",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 3,
};

static int list(struct cli *c) {
        const struct json *answer, *v;
        struct table t;
        int r = cli_call_get(c, "scheduler", BASE "?limit=1000", &answer);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "KEY", TABLE_LEFT);
        table_column(&t, "VALUE", TABLE_LEFT);
        table_column(&t, "DESCRIPTION", TABLE_LEFT);
        json_each (v, json_get(answer, "variables"))
                table_row(&t, show_text(v, "key"), show_text(v, "value"),
                          show_text(v, "description"));
        return table_print(&t, "there are no variables", stdout) < 0 ? cli_oom(c) : 0;
}

static int get(struct cli *c, const char *key) {
        const char *path = cli_call_path(c, "api", "v2", "variables", key, NULL);
        const struct json *answer;
        int r = path ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        puts(show_text(answer, "value"));
        return 0;
}

static int send(struct cli *c, const char *method, const char *path, const struct buf *body) {
        const struct json *answer;

        return cli_call_json(c,
                             &(struct cli_call){.daemon = "scheduler",
                                                .method = method,
                                                .target = path,
                                                .body = body ? body->data : NULL,
                                                .body_size = body ? body->len : 0},
                             &answer);
}

/* Changes it, or makes it when it is not there. */
static int set(struct cli *c, const char *key, const char *value, const char *description) {
        const char *path = cli_call_path(c, "api", "v2", "variables", key, NULL);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r = stdin_text_or(c, value, &value);

        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "key", key);
        json_write_kv_str(&w, "value", value);
        if (description)
                json_write_kv_str(&w, "description", description);
        json_write_end(&w);
        if (json_write_finish(&w) < 0 || !path)
                return cli_oom(c);
        r = send(c, "PATCH", path, &b);
        return r == -ENOENT ? send(c, "POST", BASE, &b) : r;
}

int variables_cmd(struct cli *c, int argc, char **argv) {
        static struct variables_words w;
        int r = cli_start(c, &spec, argc, argv, &w);
        const char *verb = r == 0 ? cli_arg(c, 0) : NULL, *path;

        if (r != 0 || !verb)
                return r != 0 ? r : list(c);
        if (str_eq(verb, "get") && c->n_args == 2)
                return get(c, cli_arg(c, 1));
        if (str_eq(verb, "set") && c->n_args == 3)
                return set(c, cli_arg(c, 1), cli_arg(c, 2), w.description);
        if (str_eq(verb, "delete") && c->n_args == 2) {
                path = cli_call_path(c, "api", "v2", "variables", cli_arg(c, 1), NULL);
                return path ? send(c, "DELETE", path, NULL) : cli_oom(c);
        }
        return errmsg_fail(&c->em, -EINVAL, "%s", spec.args);
}
