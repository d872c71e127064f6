/* onebox backfill: runs of past dates: asks for them, lists, pauses, resumes and cancels them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define BASE "/api/v2/backfills"

struct backfill_words {
        struct cli_words words;
        char *from, *to, *reprocess, *conf;
        uint64_t max_active_runs;
        bool dry_run, backwards;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct backfill_words, from, 0, STRING, "TIME", "the first date")
        OPTIONS_ROW(struct backfill_words, to, 0, STRING, "TIME", "the last date")
        OPTIONS_ROW(struct backfill_words, max_active_runs, 0, UINT, "N", "runs at once (10)")
        OPTIONS_ROW(struct backfill_words, reprocess, 0, STRING, "none|failed|completed", "which of the runs that are there run again (none)")
        OPTIONS_ROW(struct backfill_words, conf, 0, STRING, "JSON", "conf of the runs")
        OPTIONS_ROW(struct backfill_words, backwards, 0, BOOL, NULL, "the last date first")
        OPTIONS_ROW(struct backfill_words, dry_run, 0, BOOL, NULL, "only say which dates")
        CLI_ROWS(struct backfill_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox backfill",
        .args = "[PIPELINE --from TIME --to TIME | pause ID | unpause ID | cancel ID]",
        .summary = "Run past dates of a pipeline; list backfills; pause, unpause or cancel one",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 2,
};

static int list(struct cli *c) {
        const struct json *answer, *b;
        struct table t;
        int r = cli_call_get(c, "scheduler", BASE "?limit=1000", &answer);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "ID", TABLE_RIGHT);
        table_column(&t, "PIPELINE", TABLE_LEFT);
        table_column(&t, "FROM", TABLE_LEFT);
        table_column(&t, "TO", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        json_each (b, json_get(answer, "backfills")) {
                bool done = json_is(json_get(b, "completed_at"), JSON_STRING);
                bool paused = json_is(json_get(b, "is_paused"), JSON_TRUE);
                int64_t id = 0;

                (void) json_want_i64(b, "id", &id, NULL);
                table_row(&t, arena_printf(&c->arena, "%lld", (long long) id),
                          show_text(b, "dag_id"), show_time(&c->arena, b, "from_date"),
                          show_time(&c->arena, b, "to_date"),
                          done     ? "completed"
                          : paused ? "paused"
                                   : "running");
        }
        return table_print(&t, "there are no backfills", stdout) < 0 ? cli_oom(c) : 0;
}

static int change(struct cli *c, const char *id, const char *verb) {
        const char *path = cli_call_path(c, "api", "v2", "backfills", id, verb, NULL);
        const struct json *answer;

        if (!path)
                return cli_oom(c);
        return cli_call_json(
                c, &(struct cli_call){.daemon = "scheduler", .method = "PUT", .target = path},
                &answer);
}

static int write_ask(struct cli *c, const struct backfill_words *w, const char *dag,
                     struct buf *out) {
        struct json_write j;
        struct json *conf;

        json_write_init(&j, out, 0);
        json_write_object(&j);
        json_write_kv_str(&j, "dag_id", dag);
        json_write_kv_str(&j, "from_date", w->from);
        json_write_kv_str(&j, "to_date", w->to);
        json_write_kv_bool(&j, "run_backwards", w->backwards);
        json_write_kv_str(&j, "reprocess_behavior", w->reprocess ? w->reprocess : "none");
        json_write_kv_u64(&j, "max_active_runs", w->max_active_runs);
        if (w->conf) {
                int r = json_parse_copy(&c->arena, w->conf, strlen(w->conf), &conf, &c->em);

                if (r < 0) {
                        errmsg_prefix(&c->em, "--conf");
                        return r;
                }
                json_write_key(&j, "dag_run_conf");
                json_write_node(&j, conf);
        }
        json_write_end(&j);
        return json_write_finish(&j) < 0 ? cli_oom(c) : 0;
}

static int create(struct cli *c, const struct backfill_words *w, const char *dag) {
        _cleanup_buf_ struct buf b = {};
        const struct json *answer, *item;
        int64_t id = 0;
        int r;

        if (!w->from || !w->to)
                return errmsg_fail(
                        &c->em, -EINVAL,
                        "--from and --to are needed: onebox backfill %s --from DATE --to DATE; "
                        "all of them: onebox backfill",
                        dag);
        r = write_ask(c, w, dag, &b);
        if (r >= 0)
                r = cli_call_json(c,
                                  &(struct cli_call){.daemon = "scheduler",
                                                     .target = w->dry_run ? BASE "/dry_run" : BASE,
                                                     .body = b.data,
                                                     .body_size = b.len},
                                  &answer);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        if (!w->dry_run) {
                (void) json_want_i64(answer, "id", &id, NULL);
                printf("backfill %lld begins\n", (long long) id);
        }
        json_each (item, w->dry_run ? json_get(answer, "backfills") : NULL)
                puts(show_text(item, "logical_date"));
        return 0;
}

int backfill_cmd(struct cli *c, int argc, char **argv) {
        static struct backfill_words w = {.max_active_runs = 10};
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args == 0)
                return list(c);
        if (c->n_args == 1)
                return create(c, &w, cli_arg(c, 0));
        if (str_eq(cli_arg(c, 0), "pause") || str_eq(cli_arg(c, 0), "unpause") ||
            str_eq(cli_arg(c, 0), "cancel"))
                return change(c, cli_arg(c, 1), cli_arg(c, 0));
        return cli_usage(c, &spec);
}
