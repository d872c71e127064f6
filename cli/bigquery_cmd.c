/* onebox bigquery: how large and how old a table of BigQuery is. With --log-to it becomes metrics
 * of a run: what follows the end of a task that says its destination_table, as the user of its
 * pipeline. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/all_conf.h"
#include "cli/cli.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/gcp/bigquery_table.h"
#include "lib/gcp/token.h"
#include "lib/net/http_fetch.h"

#define ASK_FOR (20 * USEC_PER_SEC)
#define LOG_TRIES 7 /* the run is made behind the task's back: wait for it, two minutes at most */

struct bigquery_words {
        struct cli_words words;
        char *log_to;
};

static const struct options_row rows[] = {
        CLI_ROWS(struct bigquery_words){"log_to", 0, CONF_STRING,
                                        offsetof(struct bigquery_words, log_to), "RUN",
                                        "make it metrics of that run of $MLFLOW_TRACKING_URI"},
};
static const struct options_spec spec = {
        .program = "onebox bigquery",
        .args = "PROJECT.DATASET.TABLE",
        .summary = "Show the size, the rows and the age of a table of BigQuery",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 1,
};

/* --- asking -------------------------------------------------------------------------------------
 */

static int get_token(struct cli *c, struct token_value *ret) {
        static const char *const scopes[] = {BIGQUERY_TABLE_SCOPE, NULL};
        _cleanup_(token_unrefp) struct token *token = NULL;
        int r = token_new(&(struct token_options){.scopes = scopes}, &c->em, &token);

        return r < 0 ? r : token_get(token, ASK_FOR, ret, &c->em);
}

static int ask(struct cli *c, struct http_fetch *f, const char *table, struct bigquery_table *ret) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        _cleanup_token_value_ struct token_value token = {};
        _cleanup_buf_ struct buf url = {};
        const struct all_conf *conf;
        const char *why;
        int r = all_conf_load(c, &conf);

        if (r < 0)
                return r;
        r = bigquery_table_url(conf->scheduler.bigquery_endpoint, table, &url);
        if (r == -EINVAL)
                return errmsg_fail(&c->em, r, "\"%.200s\" is no table: name project.dataset.table",
                                   table);
        r = r < 0 ? cli_oom(c) : get_token(c, &token);
        if (r >= 0)
                r = http_fetch(f,
                               &(struct http_fetch_call){.url = buf_cstr(&url),
                                                         .token = token.text,
                                                         .max_body = 1 << 20,
                                                         .total_for = ASK_FOR},
                               &a, &c->em);
        if (r < 0)
                return r;
        if (a.status != 200) {
                why = bigquery_table_reason(&c->arena, buf_cstr(&a.body), a.body.len);
                return errmsg_fail(&c->em, a.status == 404 ? -ENOENT : -EACCES,
                                   "BigQuery answered %d: %.300s", a.status,
                                   why ? why : "without a reason");
        }
        r = bigquery_table_parse(&c->arena, a.body.data, a.body.len, ret, &c->em);
        if (r < 0)
                errmsg_prefix(&c->em, "BigQuery's answer");
        return r;
}

/* --- telling ------------------------------------------------------------------------------------
 */

struct figure {
        const char *key, *what;
        double value;
};

static void figures(const struct bigquery_table *t, struct figure ret[4]) {
        ret[0] = (struct figure){"table_size_bytes", "bytes", t->size_bytes};
        ret[1] = (struct figure){"num_rows", "rows", t->n_rows};
        ret[2] = (struct figure){"table_created_at", "created, seconds since 1970", t->created_s};
        ret[3] =
                (struct figure){"table_modified_at", "modified, seconds since 1970", t->modified_s};
}

static int print_json(const struct figure *list) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_PRETTY);
        json_write_object(&w);
        for (size_t i = 0; i < 4; i++)
                if (list[i].value >= 0)
                        json_write_kv_f64(&w, list[i].key, list[i].value);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        puts(buf_cstr(&out));
        return 0;
}

static int log_body(const char *run, const struct figure *list, struct buf *out) {
        int64_t now_ms = (int64_t) (clock_now(clock_system()) / USEC_PER_MSEC);
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "run_id", run);
        json_write_kv_array(&w, "metrics");
        for (size_t i = 0; i < 4; i++) {
                if (list[i].value < 0)
                        continue;
                json_write_object(&w);
                json_write_kv_str(&w, "key", list[i].key);
                json_write_kv_f64(&w, "value", list[i].value);
                json_write_kv_i64(&w, "timestamp", now_ms);
                json_write_kv_i64(&w, "step", 0);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w);
}

/* 0; -EAGAIN: not yet; other negative: never. */
static int log_once(struct cli *c, struct http_fetch *f, const char *url, const struct buf *body) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r = http_fetch(f,
                           &(struct http_fetch_call){.url = url,
                                                     .token = getenv("MLFLOW_TRACKING_TOKEN"),
                                                     .body = body->data,
                                                     .body_size = body->len,
                                                     .max_body = 1 << 20,
                                                     .total_for = ASK_FOR},
                           &a, &c->em);

        if (r < 0)
                return r == -EINVAL || r == -EKEYREJECTED ? r : -EAGAIN;
        if (a.status == 200)
                return 0;
        /* A run that is not there yet is 403 where not all may know that (access.h), else 404. */
        return errmsg_fail(&c->em,
                           a.status == 403 || a.status == 404 || a.status == 429 || a.status >= 500
                                   ? -EAGAIN
                                   : -EPROTO,
                           "the tracking server answered %d: %.300s", a.status, buf_cstr(&a.body));
}

static int log_to(struct cli *c, struct http_fetch *f, const char *run, const struct figure *list) {
        const char *server = getenv("MLFLOW_TRACKING_URI");
        _cleanup_buf_ struct buf body = {};
        const char *url;
        int r;

        if (str_empty(server))
                return errmsg_fail(&c->em, -EINVAL, "$MLFLOW_TRACKING_URI must be set");
        url = arena_printf(&c->arena, "%s/api/2.0/mlflow/runs/log-batch", server);
        if (!url || log_body(run, list, &body) < 0)
                return cli_oom(c);
        r = log_once(c, f, url, &body);
        for (unsigned i = 0; r == -EAGAIN && i < LOG_TRIES; i++) {
                sleep(1u << i);
                r = log_once(c, f, url, &body);
        }
        return r;
}

int bigquery_cmd(struct cli *c, int argc, char **argv) {
        static struct bigquery_words w;
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        struct bigquery_table t;
        struct figure list[4];
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (http_fetch_new(NULL, &f) < 0)
                return cli_oom(c);
        r = ask(c, f, cli_arg(c, 0), &t);
        if (r < 0)
                return r;
        figures(&t, list);
        if (w.log_to)
                return log_to(c, f, w.log_to, list);
        if (c->json)
                return print_json(list);
        for (size_t i = 0; i < 4; i++)
                if (list[i].value >= 0)
                        printf("%-18s %.0f (%s)\n", list[i].key, list[i].value, list[i].what);
        return 0;
}
