/* onebox connections: lists, shows, sets, tests and deletes connections; gives a running task the
 * URI of one; makes a new key. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/probe_try.h"
#include "cli/sealed.h"
#include "cli/show.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

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
        .args = "[get ID | set ID URI|JSON|- | test ID | delete ID | uri ID | rotate-key]",
        .summary = "List connections; show, set, test or delete one; inside a task: print its URI",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 3,
};

static const struct sealed_column columns[] = {
        {"ID", "connection_id"}, {"TYPE", "conn_type"}, {"HOST", "host"},
        {"LOGIN", "login"},      {"SCHEMA", "schema"},  {"DESCRIPTION", "description"}};
static const struct sealed_noun noun = {"connections", "connection_id", "uri", columns,
                                        ARRAY_SIZE(columns)};

static int rotate(struct cli *c) {
        const struct json *answer;
        int64_t n = 0;
        int r = sealed_send(c, "POST", "/api/onebox/v1/secrets/rotate", NULL, &answer);

        if (r < 0)
                return r;
        (void) json_want_i64(answer, "resealed", &n, NULL);
        if (c->json)
                return cli_call_print(c, answer);
        printf("%lld variables and connections are sealed by the new key\n", (long long) n);
        return 0;
}

static int get(struct cli *c, const char *id) {
        const struct json *answer;
        int r = sealed_get(c, &noun, id, &answer);

        return r < 0 ? r : cli_call_print(c, answer);
}

/* As it is kept; what comes of it is the answer: exit 1 when it is bad. */
static int test(struct cli *c, const char *id) {
        _cleanup_buf_ struct buf b = {};
        const struct json *answer;
        struct json_write w;
        bool good = false;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "connection_id", id);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        r = sealed_send(c, "POST", "/api/v2/connections/test", &b, &answer);
        if (r < 0)
                return r;
        (void) json_want_bool(answer, "status", &good, NULL);
        if (c->json)
                r = cli_call_print(c, answer);
        else
                printf("%s\n", show_text(answer, "message"));
        return r < 0 ? r : good ? 0 : CLI_BAD;
}

static int of_one(struct cli *c, const char *verb, const char *id) {
        if (str_eq(verb, "get") || str_eq(verb, "show"))
                return get(c, id);
        if (str_eq(verb, "test"))
                return test(c, id);
        if (str_eq(verb, "uri"))
                return sealed_print_in_task(c, &noun, id);
        if (str_eq(verb, "delete"))
                return sealed_delete(c, &noun, id);
        return cli_usage(c, &spec);
}

int connections_cmd(struct cli *c, int argc, char **argv) {
        static struct connections_words w;
        int r = cli_start(c, &spec, argc, argv, &w);
        const char *verb = r == 0 ? cli_arg(c, 0) : NULL;

        if (r != 0 || !verb)
                return r != 0 ? r : sealed_list(c, &noun);
        if (c->n_args == 2)
                return of_one(c, verb, cli_arg(c, 1));
        if (str_eq(verb, "set") && c->n_args == 3)
                return sealed_set(c, &noun, cli_arg(c, 1), cli_arg(c, 2), w.description);
        if (str_eq(verb, "probe") && c->n_args == 1) /* the try of a test */
                return probe_try_run(c);
        if (str_eq(verb, "rotate-key") && c->n_args == 1)
                return rotate(c);
        return cli_usage(c, &spec);
}
