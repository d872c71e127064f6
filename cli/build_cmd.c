/* onebox build: has the Python environments of a project's images built and waits for them; lists
 * those that are there, shows how one was built. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli_call.h"
#include "cli/compiled.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define LOOK_MSEC 500
#define URL "/api/onebox/v1/environments"

struct build_words {
        struct cli_words words;
        char *path, *log;
        bool list;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct build_words, path, 'p', STRING, "DIR", "the project; the current directory when left out")
        OPTIONS_ROW(struct build_words, list, 'l', BOOL, NULL, "list the environments that are there")
        OPTIONS_ROW(struct build_words, log, 0, STRING, "KEY", "show how this one was built")
        CLI_ROWS(struct build_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox build",
        .summary = "Build the Python environment of each image below a directory: its source's "
                   "requirements.txt, python_version and build_cmd. One that is there is not built "
                   "again",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

static int list(struct cli *c) {
        const struct json *answer, *v;
        struct table t;
        int r = cli_call_get(c, "scheduler", URL, &answer);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "KEY", TABLE_LEFT);
        table_column(&t, "IMAGE", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        table_column(&t, "SOURCE", TABLE_LEFT);
        table_column(&t, "WHAT WAS SAID", TABLE_TEXT);
        json_each (v, json_get(answer, "environments"))
                table_row(&t, show_text(v, "key"), show_text(v, "image"), show_text(v, "state"),
                          show_text(v, "source"), show_text(v, "message"));
        return table_print(&t, "no environment was built yet: all tasks use onebox's own", stdout) <
                               0
                       ? cli_oom(c)
                       : 0;
}

static int show_build_log(struct cli *c, const char *key) {
        const char *path =
                cli_call_path(c, "api", "onebox", "v1", "environments", key, "log", NULL);
        const char *body;
        size_t size;
        int status, r;

        if (!path)
                return cli_oom(c);
        r = cli_call_raw(c, &(struct cli_call){.daemon = "scheduler", .target = path}, &status,
                         &body, &size);
        if (r < 0)
                return r;
        if (status != 200)
                return errmsg_fail(&c->em, -ENOENT,
                                   "there is no environment \"%s\": see onebox build "
                                   "--list",
                                   key);
        fwrite(body, 1, size, stdout);
        return 0;
}

static int ask(struct cli *c, const struct json *environment, double since,
               const struct json **ret) {
        _cleanup_buf_ struct buf b = {};
        const struct json *item;
        struct json_write w;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_each (item, environment) {
                json_write_key(&w, item->key);
                json_write_node(&w, item);
        }
        if (since > 0)
                json_write_kv_f64(&w, "since", since);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        return cli_call_json(
                c,
                &(struct cli_call){
                        .daemon = "scheduler", .target = URL, .body = b.data, .body_size = b.len},
                ret);
}

/* 0; CLI_BAD: it cannot be built; negative. */
static int build_one(struct cli *c, const struct json *environment) {
        const char *image = show_text(environment, "image"), *state;
        const struct json *answer;
        double since = 0;
        bool told = false;
        int r;

        for (;;) {
                r = ask(c, environment, since, &answer);
                if (r < 0)
                        return r;
                state = show_text(answer, "state");
                (void) json_want_f64(answer, "since", &since, NULL);
                if (!str_eq(state, "waiting"))
                        break;
                if (!told)
                        fprintf(stderr, "%s: building %s …\n", image, show_text(answer, "key"));
                told = true;
                poll(NULL, 0, LOOK_MSEC);
        }
        if (str_eq(state, "failed")) {
                fprintf(stderr, "%s: cannot be built: %s\n  onebox build --log %s\n", image,
                        show_text(answer, "message"), show_text(answer, "key"));
                return CLI_BAD;
        }
        if (str_eq(state, "common"))
                printf("%s: needs nothing of its own, onebox's own environment serves\n", image);
        else
                printf("%s: %s (%s)\n", image, told ? "built" : "is there already",
                       show_text(answer, "key"));
        return 0;
}

static int build_task(struct cli *c, const struct json *task, struct strmap *seen) {
        const struct json *e = json_get(task, "environment");
        const char *name =
                e ? arena_printf(&c->arena, "%s %s", show_text(e, "image"), show_text(e, "source"))
                  : NULL;

        if (!name || strmap_has(seen, name))
                return 0;
        if (strmap_set(seen, name, (void *) name) < 0)
                return cli_oom(c);
        return build_one(c, e);
}

static int build_all(struct cli *c, const char *dir) {
        const struct json *compiled, *dag, *task;
        struct strmap seen = {};
        int worst = 0, r = compiled_get(c, dir, &compiled);

        if (r < 0)
                return r;
        json_each (dag, json_get(compiled, "dags"))
                json_each (task, json_get(dag, "tasks")) {
                        r = build_task(c, task, &seen);
                        if (r < 0)
                                break;
                        worst = MAX(worst, r);
                }
        if (r >= 0 && seen.n == 0)
                printf("no image with a source below %s: there is nothing to build\n", dir);
        strmap_done(&seen);
        return r < 0 ? r : worst;
}

int build_cmd(struct cli *c, int argc, char **argv) {
        static struct build_words w;
        char dir[PATH_MAX];
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (w.list)
                return list(c);
        if (w.log)
                return show_build_log(c, w.log);
        if (!realpath(w.path ? w.path : ".", dir))
                return errmsg_errno(&c->em, -errno, "%s", w.path ? w.path : ".");
        return build_all(c, dir);
}
