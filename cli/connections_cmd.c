/* onebox connections: lists, shows, sets and deletes connections; gives a running task the URI of
 * one; makes a new key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/stdin_text.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/net/http_call.h"

#define BASE "/api/v2/connections"

struct connections_words {
        struct cli_words words;
        char *description;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct connections_words, description, 0, STRING, "TEXT", "what it is for, with set")
        CLI_ROWS(struct connections_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox connections",
        .args = "[get ID | set ID URI|JSON|- | delete ID | uri ID | rotate-key]",
        .summary = "List connections; show, set or delete one; inside a task: print its URI",
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
        table_column(&t, "ID", TABLE_LEFT);
        table_column(&t, "TYPE", TABLE_LEFT);
        table_column(&t, "HOST", TABLE_LEFT);
        table_column(&t, "LOGIN", TABLE_LEFT);
        table_column(&t, "SCHEMA", TABLE_LEFT);
        table_column(&t, "DESCRIPTION", TABLE_LEFT);
        json_each (v, json_get(answer, "connections"))
                table_row(&t, show_text(v, "connection_id"), show_text(v, "conn_type"),
                          show_text(v, "host"), show_text(v, "login"), show_text(v, "schema"),
                          show_text(v, "description"));
        return table_print(&t, "there are no connections", stdout) < 0 ? cli_oom(c) : 0;
}

static int get(struct cli *c, const char *id) {
        const char *path = cli_call_path(c, "api", "v2", "connections", id, NULL);
        const struct json *answer;
        int r = path ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);

        return r < 0 ? r : cli_call_print(c, answer);
}

static int send(struct cli *c, const char *method, const char *path, const struct buf *body,
                const struct json **ret) {
        return cli_call_json(c,
                             &(struct cli_call){.daemon = "scheduler",
                                                .method = method,
                                                .target = path,
                                                .body = body ? body->data : NULL,
                                                .body_size = body ? body->len : 0},
                             ret);
}

static int set(struct cli *c, const char *id, const char *value, const char *description) {
        const char *path = cli_call_path(c, "api", "v2", "connections", id, NULL);
        _cleanup_buf_ struct buf b = {};
        const struct json *answer;
        struct json_write w;
        int r = stdin_text_or(c, value, &value);

        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "connection_id", id);
        json_write_kv_str(&w, "uri", value);
        if (description)
                json_write_kv_str(&w, "description", description);
        json_write_end(&w);
        if (json_write_finish(&w) < 0 || !path)
                return cli_oom(c);
        r = send(c, "PATCH", path, &b, &answer);
        return r == -ENOENT ? send(c, "POST", BASE, &b, &answer) : r;
}

/* What the task's own token opens, over the scheduler's socket. */
static int uri(struct cli *c, const char *id) {
        const char *token = getenv("MLFLOW_TRACKING_TOKEN"), *sock = getenv("ONEBOX_SOCKET");
        const char *path = cli_call_path(c, "internal", "secrets", "connections", id, NULL);
        struct http_call_answer a = {};
        struct json *j;
        int r;

        if (str_empty(token) || str_empty(sock))
                return errmsg_fail(&c->em, -EINVAL,
                                   "only a running task may ask for it: ONEBOX_SOCKET and "
                                   "MLFLOW_TRACKING_TOKEN are its own");
        if (!path)
                return cli_oom(c);
        r = http_call(&(struct http_call){.address = arena_printf(&c->arena, "unix:%s", sock),
                                          .target = path,
                                          .token = token},
                      &a, &c->em);
        if (r == 0 &&
            json_parse_copy(&c->arena, a.body.data ? a.body.data : "", a.body.len, &j, NULL) < 0)
                r = errmsg_fail(&c->em, -EPROTO, "the scheduler's answer is no JSON");
        if (r == 0 && a.status != 200)
                r = errmsg_fail(&c->em, a.status == 404 ? -ENOENT : -EACCES, "%s",
                                show_text(j, "detail"));
        if (r == 0)
                puts(show_text(j, "uri"));
        http_call_answer_done(&a);
        return r;
}

static int rotate(struct cli *c) {
        const struct json *answer;
        int64_t n = 0;
        int r = send(c, "POST", "/api/onebox/v1/secrets/rotate", NULL, &answer);

        if (r < 0)
                return r;
        (void) json_want_i64(answer, "resealed", &n, NULL);
        if (c->json)
                return cli_call_print(c, answer);
        printf("%lld variables and connections are sealed by the new key\n", (long long) n);
        return 0;
}

static int delete (struct cli *c, const char *id) {
        const char *path = cli_call_path(c, "api", "v2", "connections", id, NULL);
        const struct json *answer;

        return path ? send(c, "DELETE", path, NULL, &answer) : cli_oom(c);
}

static int of_one(struct cli *c, const char *verb, const char *id) {
        if (str_eq(verb, "get"))
                return get(c, id);
        if (str_eq(verb, "uri"))
                return uri(c, id);
        if (str_eq(verb, "delete"))
                return delete (c, id);
        return errmsg_fail(&c->em, -EINVAL, "%s", spec.args);
}

int connections_cmd(struct cli *c, int argc, char **argv) {
        static struct connections_words w;
        int r = cli_start(c, &spec, argc, argv, &w);
        const char *verb = r == 0 ? cli_arg(c, 0) : NULL;

        if (r != 0 || !verb)
                return r != 0 ? r : list(c);
        if (c->n_args == 2)
                return of_one(c, verb, cli_arg(c, 1));
        if (str_eq(verb, "set") && c->n_args == 3)
                return set(c, cli_arg(c, 1), cli_arg(c, 2), w.description);
        if (str_eq(verb, "rotate-key") && c->n_args == 1)
                return rotate(c);
        return errmsg_fail(&c->em, -EINVAL, "%s", spec.args);
}
