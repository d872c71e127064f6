/* onebox gc: takes away for good, with its artifacts, what was deleted in the tracking server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

struct gc_words {
        struct cli_words words;
        char *older_than, *run_ids, *experiment_ids, *logged_model_ids;
        bool dry_run;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct gc_words, older_than, 0, STRING, "SPAN",
                    "only what was deleted so long ago, as 30d or 2d8h")
                OPTIONS_ROW(struct gc_words, run_ids, 0, STRING, "ID,…",
                            "these runs") OPTIONS_ROW(struct gc_words, experiment_ids, 0, STRING,
                                                      "ID,…", "these experiments, with their runs")
                        OPTIONS_ROW(struct gc_words, logged_model_ids, 0, STRING, "ID,…",
                                    "these logged models")
                                OPTIONS_ROW(struct gc_words, dry_run, 'n', BOOL, NULL,
                                            "only say what would go") CLI_ROWS(struct gc_words)};
static const struct options_spec spec = {
        .program = "onebox gc",
        .summary = "Take away for good, with its artifacts, what was deleted in the tracking "
                   "server: runs, logged models, experiments",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

static const struct {
        const char *list, *what, *id;
} kinds[] = {{"runs", "run", "run_id"},
             {"logged_models", "logged model", "model_id"},
             {"experiments", "experiment", "experiment_id"}};

static int write_ids(struct json_write *w, const char *key, const char *ids) {
        _cleanup_(str_free_listp) char **list = NULL;

        if (!ids)
                return 0;
        list = str_split(ids, ", ");
        if (!list)
                return -ENOMEM;
        json_write_kv_array(w, key);
        for (size_t i = 0; list[i]; i++)
                json_write_str(w, list[i]);
        json_write_end(w);
        return 0;
}

static int write_question(struct cli *c, const struct gc_words *w, struct buf *out) {
        usec_t older_for = 0;
        struct json_write json;
        int r = 0;

        if (w->older_than && str_to_span(w->older_than, &older_for) < 0)
                return errmsg_fail(&c->em, -EINVAL,
                                   "--older-than: \"%s\" is no span: say 30d, 8h or 2d8h5m20s",
                                   w->older_than);
        json_write_init(&json, out, 0);
        json_write_object(&json);
        if (w->older_than)
                json_write_kv_i64(&json, "older_than_ms", (int64_t) (older_for / USEC_PER_MSEC));
        json_write_kv_bool(&json, "dry_run", w->dry_run);
        r = write_ids(&json, "run_ids", w->run_ids);
        if (r >= 0)
                r = write_ids(&json, "experiment_ids", w->experiment_ids);
        if (r >= 0)
                r = write_ids(&json, "logged_model_ids", w->logged_model_ids);
        json_write_end(&json);
        return r < 0 ? r : json_write_finish(&json);
}

struct tally {
        size_t n_gone, n_kept;
};

/* "3d ago"; "at an unknown time". */
static const char *when_text(struct cli *c, const struct json *item) {
        usec_t now_at = clock_now(clock_system());
        char text[TIMESTAMP_SIZE];
        uint64_t ms;

        if (json_u64(json_get(item, "deleted_time"), &ms) != 0)
                return "at an unknown time";
        return arena_strdup(&c->arena, timestamp_relative_print(ms * 1000, now_at, text)) ?: "?";
}

static void print_item(struct cli *c, const struct gc_words *w, const char *what, const char *id,
                       const struct json *item) {
        const char *kept = NULL;

        (void) json_str(json_get(item, "kept"), &kept);
        if (kept)
                printf("%s %s stays: %s\n", what, id, kept);
        else
                printf("%s %s %s  (%s, deleted %s)\n", what, id,
                       w->dry_run ? "would go" : "is gone", show_text(item, "artifact_location"),
                       when_text(c, item));
}

static void print_batch(struct cli *c, const struct gc_words *w, const struct json *answer,
                        struct tally *t) {
        const struct json *item;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                json_each (item, json_get(answer, kinds[i].list)) {
                        if (json_get(item, "kept"))
                                t->n_kept++;
                        else
                                t->n_gone++;
                        if (!c->json)
                                print_item(c, w, kinds[i].what, show_text(item, kinds[i].id), item);
                }
}

static int ask_batch(struct cli *c, const struct gc_words *w, const struct buf *body,
                     struct tally *t, bool *ret_more) {
        struct cli_call call = {.daemon = "tracking",
                                .target = "/internal/gc",
                                .body = body->data,
                                .body_size = body->len};
        const struct json *answer;
        size_t n_before = t->n_gone;
        bool more = false;
        int r = cli_call_json(c, &call, &answer);

        if (r < 0)
                return r;
        print_batch(c, w, answer, t);
        (void) json_bool(json_get(answer, "more"), &more);
        /* What stays comes again: a batch of it alone is the end. */
        *ret_more = more && !w->dry_run && t->n_gone > n_before;
        return c->json ? cli_call_print(c, answer) : 0;
}

int gc_cmd(struct cli *c, int argc, char **argv) {
        static struct gc_words w;
        _cleanup_buf_ struct buf body = {};
        struct tally t = {};
        bool more = true;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r == CLI_DONE || r < 0)
                return r;
        r = write_question(c, &w, &body);
        while (r >= 0 && more)
                r = ask_batch(c, &w, &body, &t, &more);
        if (r < 0)
                return r;
        if (!c->json)
                printf("%zu %s, %zu stay\n", t.n_gone, w.dry_run ? "would go" : "gone", t.n_kept);
        return t.n_kept > 0 ? CLI_BAD : 0;
}
