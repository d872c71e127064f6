/* compiled: see compiled.h. The files are found as the scheduler finds them: liminal.yml or
 * liminal.yaml anywhere below, names that begin with a dot left out. */
#include "cli/compiled.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/all_conf.h"
#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define FILE_MAX ((size_t) 4 * 1024 * 1024)
#define DEPTH_MAX 16

struct finder {
        struct cli *c;
        struct json_write *w;
        size_t n_files;
};

static int add_file(struct finder *f, const char *path) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = fileio_read(path, FILE_MAX, &text, &len);

        if (r == -EFBIG)
                return errmsg_fail(&f->c->em, r, "%s: a pipeline file has at most 4 MiB", path);
        if (r < 0)
                return errmsg_errno(&f->c->em, r, "%s", path);
        if (!utf8_valid(text, len) || memchr(text, 0, len))
                return errmsg_fail(&f->c->em, -EINVAL,
                                   "%s: is no text in UTF-8: save the file as UTF-8", path);
        json_write_object(f->w);
        json_write_kv_str(f->w, "path", path);
        json_write_key(f->w, "text");
        json_write_strn(f->w, text, len);
        json_write_end(f->w);
        f->n_files++;
        return 0;
}

static int walk(struct finder *f, const char *dir, unsigned depth) {
        _cleanup_(str_free_listp) char **names = NULL;
        int r = depth > DEPTH_MAX ? -ELOOP : fileio_list(dir, NULL, &names);

        if (r < 0)
                return errmsg_errno(&f->c->em, r, "%s", dir);
        for (char **name = names; *name && r >= 0; name++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *name);
                struct stat st;

                if (!path)
                        return cli_oom(f->c);
                if (**name == '.' || stat(path, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        r = walk(f, path, depth + 1);
                else if (str_eq(*name, "liminal.yml") || str_eq(*name, "liminal.yaml"))
                        r = add_file(f, path);
        }
        return r;
}

/* A directory that is not there has nothing. */
static int walk_if_there(struct finder *f, const char *dir) {
        if (!dir)
                return cli_oom(f->c);
        return access(dir, F_OK) < 0 && errno == ENOENT ? 0 : walk(f, dir, 0);
}

/* Everything the scheduler reads: its own, the configured, those from git. */
static int walk_configured(struct finder *f) {
        _cleanup_free_ char *own = paths_state(&f->c->paths, "pipelines");
        _cleanup_free_ char *git = paths_state(&f->c->paths, "gitsync/pipelines");
        const struct all_conf *conf;
        int r = all_conf_load(f->c, &conf);

        if (r >= 0)
                r = walk_if_there(f, own);
        for (char **dir = r < 0 ? NULL : conf->scheduler.pipelines; dir && *dir && r >= 0; dir++)
                r = walk_if_there(f, *dir);
        return r < 0 ? r : walk_if_there(f, git);
}

static int make_body(struct cli *c, const char *dir, struct buf *body) {
        struct json_write w;
        struct finder f = {.c = c, .w = &w};
        int r;

        json_write_init(&w, body, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "files");
        r = dir ? walk(&f, dir, 0) : walk_configured(&f);
        if (r < 0)
                return r;
        if (f.n_files == 0)
                return errmsg_fail(&c->em, -ENOENT, "%s: no liminal.yml below it",
                                   dir ? dir : "the directories of pipelines");
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w) < 0 ? cli_oom(c) : 0;
}

static const char *schedule_of(const struct json *dag) {
        const struct json *schedule = json_get(dag, "schedule");

        if (json_is(schedule, JSON_STRING))
                return schedule->str;
        return json_is(json_get(schedule, "cron"), JSON_STRING) ? show_text(schedule, "cron")
                                                                : show_text(schedule, "kind");
}

static int print_tables(struct cli *c, const struct json *answer) {
        const struct json *item;
        struct table t;

        table_init(&t, &c->arena, c->colour);
        table_column(&t, "WHAT", TABLE_LEFT);
        table_column(&t, "NAME", TABLE_LEFT);
        table_column(&t, "SCHEDULE", TABLE_LEFT);
        table_column(&t, "PARTS", TABLE_LEFT);
        json_each (item, json_get(answer, "dags")) {
                const struct json *tasks = json_get(item, "tasks");

                table_row(&t, "pipeline", show_text(item, "dag_id"), schedule_of(item),
                          arena_printf(&c->arena, "%u tasks", tasks ? tasks->len : 0));
        }
        json_each (item, json_get(answer, "services")) {
                const struct json *endpoints = json_get(item, "endpoints");

                table_row(&t, "service", show_text(item, "name"), "",
                          arena_printf(&c->arena, "%u endpoints", endpoints ? endpoints->len : 0));
        }
        return table_print(&t, "nothing comes of it", stdout) < 0 ? cli_oom(c) : 0;
}

static void print_messages(const struct cli *c, const struct json *list, const char *word,
                           const char *colour) {
        const struct json *text;

        json_each (text, list) {
                if (json_is(text, JSON_STRING))
                        printf("%s%s:%s %s\n", c->colour ? colour : "", word,
                               c->colour ? "\x1b[0m" : "", text->str);
        }
}

int compiled_get(struct cli *c, const char *dir, const struct json **ret) {
        _cleanup_buf_ struct buf body = {};
        struct cli_call call = {
                .daemon = "scheduler",
                .target = "/api/onebox/v1/pipelines/compile",
        };
        int r = make_body(c, dir, &body);

        if (r < 0)
                return r;
        call.body = body.data;
        call.body_size = body.len;
        return cli_call_json(c, &call, ret);
}

int compiled_show(struct cli *c, const char *dir) {
        const struct json *answer, *errors;
        int r = compiled_get(c, dir, &answer);

        if (r < 0)
                return r;
        errors = json_get(answer, "errors");
        if (c->json) {
                r = cli_call_print(c, answer);
        } else {
                r = print_tables(c, answer);
                print_messages(c, errors, "error", "\x1b[31m");
                print_messages(c, json_get(answer, "warnings"), "warning", "\x1b[33m");
        }
        if (r < 0)
                return r;
        return json_first(errors) ? CLI_BAD : 0;
}
