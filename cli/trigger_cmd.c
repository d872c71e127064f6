/* onebox trigger: a run of a pipeline now, with its parameters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/follow.h"
#include "cli/show.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

struct trigger_words {
        struct cli_words words;
        bool follow;
        char *conf;
        char *note;
        char *run_id;
        char *logical_date;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct trigger_words, follow, 'f', BOOL, NULL,
                    "show the run as it happens; exit 1 when it fails")
                OPTIONS_ROW(struct trigger_words, conf, 0, STRING, "JSON",
                            "parameters as a JSON object") OPTIONS_ROW(struct trigger_words, note,
                                                                       0, STRING, "TEXT",
                                                                       "a note on the run")
                        OPTIONS_ROW(struct trigger_words, run_id, 0, STRING, "ID", "the run's name")
                                OPTIONS_ROW(struct trigger_words, logical_date, 0, STRING, "TIME",
                                            "the date it is for") CLI_ROWS(struct trigger_words)};
static const struct options_spec spec = {
        .program = "onebox trigger",
        .args = "PIPELINE [KEY=VALUE]…",
        .summary = "Start a run of a pipeline now; KEY=VALUE are its parameters",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 100,
};

/* A number, true, false or null as such, all else as text. */
static void write_value(struct cli *c, struct json_write *w, const char *value) {
        struct json *j;

        if (json_parse_copy(&c->arena, value, strlen(value), &j, NULL) >= 0 &&
            j->type != JSON_STRING)
                json_write_node(w, j);
        else
                json_write_str(w, value);
}

static int write_pairs(struct cli *c, struct json_write *w) {
        for (size_t i = 1; i < c->n_args; i++) {
                const char *equals = strchr(c->args[i], '=');
                char *key;

                if (!equals || equals == c->args[i])
                        return errmsg_fail(&c->em, -EINVAL, "\"%s\" is not KEY=VALUE", c->args[i]);
                key = arena_strndup(&c->arena, c->args[i], (size_t) (equals - c->args[i]));
                if (!key)
                        return cli_oom(c);
                json_write_key(w, key);
                write_value(c, w, equals + 1);
        }
        return 0;
}

/* --conf's object, then the pairs of the command line. */
static int write_conf(struct cli *c, const char *text, struct json_write *w) {
        const struct json *pair;
        struct errmsg em = {};
        struct json *conf = NULL;

        if (text && json_parse_copy(&c->arena, text, strlen(text), &conf, &em) < 0)
                return errmsg_fail(&c->em, -EINVAL, "--conf: %s", em.text);
        if (conf && conf->type != JSON_OBJECT)
                return errmsg_fail(&c->em, -EINVAL, "--conf must be a JSON object, not %s",
                                   json_type_name(conf));
        json_write_kv_object(w, "conf");
        json_each (pair, conf)
                json_write_kv_node(w, pair->key, pair);
        if (write_pairs(c, w) < 0)
                return -EINVAL;
        json_write_end(w);
        return 0;
}

static int make_body(struct cli *c, const struct trigger_words *t, struct buf *body) {
        struct json_write w;

        json_write_init(&w, body, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "logical_date", t->logical_date);
        if (t->run_id)
                json_write_kv_str(&w, "dag_run_id", t->run_id);
        if (t->note)
                json_write_kv_str(&w, "note", t->note);
        if (write_conf(c, t->conf, &w) < 0)
                return -EINVAL;
        json_write_end(&w);
        return json_write_finish(&w) < 0 ? cli_oom(c) : 0;
}

/* A run of a paused pipeline waits, and whoever follows it would not know for what. */
static void tell_paused(struct cli *c, const char *dag) {
        const char *path = cli_call_path(c, "api", "v2", "dags", dag, NULL);
        const struct json *answer;
        bool is_paused = false;

        if (path && cli_call_get(c, "scheduler", path, &answer) == 0 &&
            json_bool(json_get(answer, "is_paused"), &is_paused) == 0 && is_paused)
                printf("%s is paused: the run waits until `onebox pipelines resume %s`\n", dag,
                       dag);
        (void) fflush(stdout);
}

int trigger_cmd(struct cli *c, int argc, char **argv) {
        static struct trigger_words w;
        _cleanup_buf_ struct buf body = {};
        const struct json *run;
        const char *dag, *id;
        struct cli_call call;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        dag = cli_arg(c, 0);
        r = make_body(c, &w, &body);
        if (r < 0)
                return r;
        call = (struct cli_call){
                .daemon = "scheduler",
                .target = cli_call_path(c, "api", "v2", "dags", dag, "dagRuns", NULL),
                .body = body.data,
                .body_size = body.len,
        };
        r = cli_call_json(c, &call, &run);
        if (r < 0)
                return r;
        if (c->json && !w.follow)
                return cli_call_print(c, run);
        id = show_text(run, "dag_run_id");
        if (!c->json) {
                printf("%s %s\n", dag, id);
                tell_paused(c, dag);
        }
        if (w.follow)
                return follow_run(c, dag, id);
        printf("onebox runs %s %s · onebox logs -f %s %s\n", dag, id, dag, id);
        return 0;
}
