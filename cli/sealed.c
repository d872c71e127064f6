#include "cli/sealed.h"

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

enum { COLUMNS_MAX = 8 };

static const char *path_of(struct cli *c, const struct sealed_noun *noun, const char *name) {
        return cli_call_path(c, "api", "v2", noun->plural, name, NULL);
}

static void add_row(struct table *t, const struct sealed_noun *noun, const struct json *v) {
        const char *cell[COLUMNS_MAX] = {};

        for (size_t i = 0; i < noun->n_columns && i < COLUMNS_MAX; i++)
                cell[i] = show_text(v, noun->columns[i].key);
        table_row(t, cell[0], cell[1], cell[2], cell[3], cell[4], cell[5], cell[6], cell[7]);
}

int sealed_list(struct cli *c, const struct sealed_noun *noun) {
        const char *path = path_of(c, noun, NULL), *none;
        const struct json *answer, *v;
        struct table t;
        int r;

        path = path ? cli_call_query(c, path, "limit", "1000") : NULL;
        none = arena_printf(&c->arena, "there are no %s", noun->plural);
        r = path && none ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        for (size_t i = 0; i < noun->n_columns; i++)
                table_column(&t, noun->columns[i].title, i > 0 ? TABLE_TEXT : TABLE_LEFT);
        json_each (v, json_get(answer, noun->plural))
                add_row(&t, noun, v);
        return table_print(&t, none, stdout) < 0 ? cli_oom(c) : 0;
}

int sealed_get(struct cli *c, const struct sealed_noun *noun, const char *name,
               const struct json **ret) {
        const char *path = path_of(c, noun, name);

        return path ? cli_call_get(c, "scheduler", path, ret) : cli_oom(c);
}

int sealed_send(struct cli *c, const char *method, const char *path, const struct buf *body,
                const struct json **ret) {
        return cli_call_json(c,
                             &(struct cli_call){.daemon = "scheduler",
                                                .method = method,
                                                .target = path,
                                                .body = body ? body->data : NULL,
                                                .body_size = body ? body->len : 0},
                             ret);
}

int sealed_set(struct cli *c, const struct sealed_noun *noun, const char *name, const char *value,
               const char *description) {
        const char *path = path_of(c, noun, name), *base = path_of(c, noun, NULL);
        _cleanup_buf_ struct buf b = {};
        const struct json *answer;
        struct json_write w;
        int r = stdin_text_or(c, value, &value);

        if (r < 0)
                return r;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, noun->name_key, name);
        json_write_kv_str(&w, noun->value_key, value);
        if (description)
                json_write_kv_str(&w, "description", description);
        json_write_end(&w);
        if (json_write_finish(&w) < 0 || !path || !base)
                return cli_oom(c);
        r = sealed_send(c, "PATCH", path, &b, &answer);
        return r == -ENOENT ? sealed_send(c, "POST", base, &b, &answer) : r;
}

int sealed_delete(struct cli *c, const struct sealed_noun *noun, const char *name) {
        const char *path = path_of(c, noun, name);
        const struct json *answer;

        return path ? sealed_send(c, "DELETE", path, NULL, &answer) : cli_oom(c);
}

bool sealed_in_task(void) {
        return !str_empty(getenv("MLFLOW_TRACKING_TOKEN")) && !str_empty(getenv("ONEBOX_SOCKET"));
}

int sealed_print_in_task(struct cli *c, const struct sealed_noun *noun, const char *name) {
        const char *path = cli_call_path(c, "internal", "secrets", noun->plural, name, NULL);
        struct http_call_answer a = {};
        struct json *j;
        int r;

        if (!sealed_in_task())
                return errmsg_fail(&c->em, -EINVAL,
                                   "only a running task may ask for it: ONEBOX_SOCKET and "
                                   "MLFLOW_TRACKING_TOKEN are its own");
        if (!path)
                return cli_oom(c);
        r = http_call(&(struct http_call){.address = arena_printf(&c->arena, "unix:%s",
                                                                  getenv("ONEBOX_SOCKET")),
                                          .target = path,
                                          .token = getenv("MLFLOW_TRACKING_TOKEN")},
                      &a, &c->em);
        if (r == 0 &&
            json_parse_copy(&c->arena, a.body.data ? a.body.data : "", a.body.len, &j, NULL) < 0)
                r = errmsg_fail(&c->em, -EPROTO, "the scheduler's answer is no JSON");
        if (r == 0 && a.status != 200)
                r = errmsg_fail(&c->em, a.status == 404 ? -ENOENT : -EACCES, "%s",
                                show_text(j, "detail"));
        if (r == 0)
                puts(show_text(j, noun->value_key));
        http_call_answer_done(&a);
        return r;
}
