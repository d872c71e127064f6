/* onebox pools: lists, sets and deletes pools: how many tasks of a kind may run at once. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define BASE "/api/v2/pools"

struct pools_words {
        struct cli_words words;
        char *description;
        bool deferred;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct pools_words, description, 0, STRING, "TEXT", "what it is for, with set")
        OPTIONS_ROW(struct pools_words, deferred, 0, BOOL, NULL, "with set: tasks that wait for an event take a slot too")
        CLI_ROWS(struct pools_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox pools",
        .args = "[list | set NAME SLOTS | delete NAME]",
        .summary = "List pools and what their slots do; set one (SLOTS: a number, or infinite), or "
                   "delete it",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 3,
};

static int list(struct cli *c) {
        static const char *const columns[] = {"NAME",    "SLOTS", "RUNNING",    "QUEUED",
                                              "WAITING", "FREE",  "DESCRIPTION"};
        const struct json *answer, *p;
        struct table t;
        int r = cli_call_get(c, "scheduler", BASE "?limit=1000", &answer);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
                table_column(&t, columns[i],
                             i == 6  ? TABLE_TEXT
                             : i > 0 ? TABLE_RIGHT
                                     : TABLE_LEFT);
        json_each (p, json_get(answer, "pools"))
                table_row(&t, show_text(p, "name"), show_any(&c->arena, p, "slots"),
                          show_any(&c->arena, p, "running_slots"),
                          show_any(&c->arena, p, "queued_slots"),
                          show_any(&c->arena, p, "scheduled_slots"),
                          show_any(&c->arena, p, "open_slots"), show_text(p, "description"));
        return table_print(&t, "there are no pools", stdout) < 0 ? cli_oom(c) : 0;
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

static int write_body(const char *name, int64_t slots, const struct pools_words *w, bool is_new,
                      struct buf *b) {
        struct json_write out;

        json_write_init(&out, b, 0);
        json_write_object(&out);
        json_write_kv_str(&out, is_new ? "name" : "pool", name);
        json_write_kv_i64(&out, "slots", slots);
        if (w->description)
                json_write_kv_str(&out, "description", w->description);
        json_write_kv_bool(&out, "include_deferred", w->deferred);
        json_write_end(&out);
        return json_write_finish(&out);
}

/* Changes it, or makes it when it is not there. */
static int set(struct cli *c, const char *name, const char *slots, const struct pools_words *w) {
        const char *path = cli_call_path(c, "api", "v2", "pools", name, NULL), *mask;
        _cleanup_buf_ struct buf patch = {}, post = {};
        int64_t n = -1;
        int r;

        if (!str_eq(slots, "infinite") && (str_to_i64(slots, &n) < 0 || n < 0))
                return errmsg_fail(&c->em, -EINVAL,
                                   "\"%s\" is no number of slots: 0 and more, or infinite", slots);
        mask = w->description ? "slots,include_deferred,description" : "slots,include_deferred";
        path = path ? cli_call_query(c, path, "update_mask", mask) : NULL;
        if (!path || write_body(name, n, w, false, &patch) < 0 ||
            write_body(name, n, w, true, &post) < 0)
                return cli_oom(c);
        r = send(c, "PATCH", path, &patch);
        return r == -ENOENT ? send(c, "POST", BASE, &post) : r;
}

int pools_cmd(struct cli *c, int argc, char **argv) {
        static struct pools_words w;
        int r = cli_start(c, &spec, argc, argv, &w);
        const char *verb = r == 0 ? cli_arg(c, 0) : NULL, *path;

        if (r != 0)
                return r;
        if (!verb || (str_eq(verb, "list") && c->n_args == 1))
                return list(c);
        if (str_eq(verb, "set") && c->n_args == 3)
                return set(c, cli_arg(c, 1), cli_arg(c, 2), &w);
        if (str_eq(verb, "delete") && c->n_args == 2) {
                path = cli_call_path(c, "api", "v2", "pools", cli_arg(c, 1), NULL);
                return path ? send(c, "DELETE", path, NULL) : cli_oom(c);
        }
        return cli_usage(c, &spec);
}
