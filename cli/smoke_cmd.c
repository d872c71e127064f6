/* onebox smoke: a small real use of every part, over the sockets that people use. It works in an
 * experiment of its own and removes its run at the end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define EXPERIMENT "onebox smoke"
#define API "/api/2.0/mlflow"
#define ARTIFACT_BYTES 65536

struct smoke_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct smoke_words)};
static const struct options_spec spec = {
        .program = "onebox smoke",
        .summary = "Try every part end to end: pages, scheduler, a tracked run, an artifact",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

struct smoke {
        struct cli *c;
        const char *experiment_id;
        const char *run_id;
        int64_t now_ms;
};

static int post(struct smoke *s, const char *target, const struct buf *body,
                const struct json **ret) {
        const struct json *ignored;
        struct cli_call call = {
                .daemon = "tracking", .target = target, .body = body->data, .body_size = body->len};

        return cli_call_json(s->c, &call, ret ? ret : &ignored);
}

/* {"key": "value", …} from pairs; NULL ends them. */
static int post_pairs(struct smoke *s, const char *target, const struct json **ret, ...)
        __attribute__((sentinel));
static int post_pairs(struct smoke *s, const char *target, const struct json **ret, ...) {
        _cleanup_buf_ struct buf body = {};
        struct json_write w;
        const char *key;
        va_list ap;

        json_write_init(&w, &body, 0);
        json_write_object(&w);
        va_start(ap, ret);
        while ((key = va_arg(ap, const char *)))
                json_write_kv_str(&w, key, va_arg(ap, const char *));
        va_end(ap);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(s->c);
        return post(s, target, &body, ret);
}

static int expect_200(struct smoke *s, const char *daemon, const char *target) {
        const char *body;
        size_t size;
        int status;
        int r = cli_call_raw(s->c, &(struct cli_call){.daemon = daemon, .target = target}, &status,
                             &body, &size);

        if (r < 0)
                return r;
        if (status != 200)
                return errmsg_fail(&s->c->em, -EREMOTEIO, "onebox-%s answers %s with HTTP %d",
                                   daemon, target, status);
        return 0;
}

/* --- steps --------------------------------------------------------------------------------- */

static int step_scheduler(struct smoke *s) {
        const struct json *answer;

        return cli_call_get(s->c, "scheduler", "/api/v2/dags?limit=1", &answer);
}

static int step_pages(struct smoke *s) {
        static const char *const pages[] = {"/health", "/", "/pipelines", "/experiments",
                                            "/api/v2/version"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(pages); i++)
                r = expect_200(s, "web", pages[i]);
        return r;
}

static int step_experiment(struct smoke *s) {
        const char *path =
                cli_call_query(s->c, API "/experiments/get-by-name", "experiment_name", EXPERIMENT);
        const struct json *answer;
        int r = path ? cli_call_get(s->c, "tracking", path, &answer) : cli_oom(s->c);

        if (r == -ENOENT && strstr(s->c->em.text, "HTTP 404")) {
                r = post_pairs(s, API "/experiments/create", &answer, "name", EXPERIMENT, NULL);
                return r < 0 ? r
                             : json_need_str(answer, "experiment_id", &s->experiment_id, &s->c->em);
        }
        if (r < 0)
                return r;
        return json_need_str(json_get(answer, "experiment"), "experiment_id", &s->experiment_id,
                             &s->c->em);
}

static int step_run(struct smoke *s) {
        _cleanup_buf_ struct buf body = {};
        const struct json *answer;
        struct json_write w;
        int r;

        json_write_init(&w, &body, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "experiment_id", s->experiment_id);
        json_write_kv_i64(&w, "start_time", s->now_ms);
        json_write_kv_str(&w, "run_name", "smoke");
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(s->c);
        r = post(s, API "/runs/create", &body, &answer);
        if (r < 0)
                return r;
        return json_need_str(json_get(json_get(answer, "run"), "info"), "run_id", &s->run_id,
                             &s->c->em);
}

static int step_batch(struct smoke *s) {
        _cleanup_buf_ struct buf body = {};
        struct json_write w;

        json_write_init(&w, &body, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "run_id", s->run_id);
        json_write_kv_array(&w, "metrics");
        for (int step = 0; step < 100; step++) {
                json_write_object(&w);
                json_write_kv_str(&w, "key", "loss");
                json_write_kv_f64(&w, "value", 1.0 / (step + 1));
                json_write_kv_i64(&w, "timestamp", s->now_ms + step);
                json_write_kv_i64(&w, "step", step);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_array(&w, "params");
        json_write_object(&w);
        json_write_kv_str(&w, "key", "alpha");
        json_write_kv_str(&w, "value", "0.5");
        json_write_end(&w);
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(s->c);
        return post(s, API "/runs/log-batch", &body, NULL);
}

/* What was written is found by its value, and is the same to the last bit. */
static int step_search(struct smoke *s) {
        _cleanup_buf_ struct buf body = {};
        const struct json *answer, *run, *metric;
        struct json_write w;
        double value = 0;
        int r;

        json_write_init(&w, &body, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "experiment_ids");
        json_write_str(&w, s->experiment_id);
        json_write_end(&w);
        json_write_kv_str(&w, "filter",
                          arena_printf(&s->c->arena,
                                       "metrics.loss < 0.011 and params.alpha = '0.5' and "
                                       "attributes.run_id = '%s'",
                                       s->run_id));
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(s->c);
        r = post(s, API "/runs/search", &body, &answer);
        if (r < 0)
                return r;
        run = json_at(json_get(answer, "runs"), 0);
        metric = json_at(json_get(json_get(run, "data"), "metrics"), 0);
        if (json_f64(json_get(metric, "value"), &value) != 0 || value != 1.0 / 100)
                return errmsg_fail(&s->c->em, -EBADMSG, "the run is not found by its metric");
        return 0;
}

/* Random bytes go up and must come down the same. */
static int step_artifact(struct smoke *s) {
        unsigned char *sent = arena_alloc(&s->c->arena, ARTIFACT_BYTES);
        struct cli_call call = {
                .daemon = "tracking",
                .method = "PUT",
                .target = arena_printf(&s->c->arena,
                                       "/api/2.0/mlflow-artifacts/artifacts/%s/%s/artifacts/"
                                       "smoke/data.bin",
                                       s->experiment_id, s->run_id),
                .content_type = "application/octet-stream",
                .body = sent,
                .body_size = ARTIFACT_BYTES,
        };
        const struct json *ignored;
        const char *got;
        size_t size;
        int status, r;

        if (!sent || !call.target)
                return cli_oom(s->c);
        r = entropy_fill(entropy_system(), sent, ARTIFACT_BYTES);
        if (r >= 0)
                r = cli_call_json(s->c, &call, &ignored);
        if (r < 0)
                return r;
        call = (struct cli_call){.daemon = "tracking", .target = call.target};
        r = cli_call_raw(s->c, &call, &status, &got, &size);
        if (r < 0)
                return r;
        if (status != 200 || size != ARTIFACT_BYTES || memcmp(got, sent, size) != 0)
                return errmsg_fail(&s->c->em, -EBADMSG,
                                   "the artifact came back different (HTTP %d, %zu bytes)", status,
                                   size);
        call.method = "DELETE";
        return cli_call_json(s->c, &call, &ignored);
}

static int step_finish(struct smoke *s) {
        int r = post_pairs(s, API "/runs/update", NULL, "run_id", s->run_id, "status", "FINISHED",
                           NULL);

        return r < 0 ? r : post_pairs(s, API "/runs/delete", NULL, "run_id", s->run_id, NULL);
}

static const struct {
        const char *name;
        int (*run)(struct smoke *s);
} steps[] = {
        {"the scheduler answers", step_scheduler},
        {"the pages are there, and pass on to the scheduler", step_pages},
        {"an experiment", step_experiment},
        {"a run", step_run},
        {"100 metrics and a parameter in one batch", step_batch},
        {"the run is found by them", step_search},
        {"an artifact goes up and comes down the same", step_artifact},
        {"the run ends and is removed", step_finish},
};

struct result {
        const char *name;
        const char *error; /* NULL: good */
        usec_t took_for;
};

static void print_result(const struct cli *c, const struct result *r) {
        const char *colour = !c->colour ? "" : r->error ? "\x1b[31m" : "\x1b[32m";
        char span[TIMESTAMP_SIZE];

        printf("%s%s%s  %-52s %10s\n", colour, r->error ? "✗" : "✓", *colour ? "\x1b[0m" : "",
               r->name, timestamp_span_print(r->took_for / 100 * 100, span));
        if (r->error)
                printf("   %s\n", r->error);
        fflush(stdout);
}

static int print_json(struct cli *c, const struct result *results, size_t n, bool good) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_bool(&w, "ok", good);
        json_write_kv_array(&w, "steps");
        for (size_t i = 0; i < n; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "name", results[i].name);
                json_write_kv_bool(&w, "ok", !results[i].error);
                json_write_kv_str(&w, "error", results[i].error);
                json_write_kv_f64(&w, "ms", (double) results[i].took_for / 1000);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

int smoke_cmd(struct cli *c, int argc, char **argv) {
        static struct smoke_words w;
        struct result results[ARRAY_SIZE(steps)];
        struct smoke s = {.c = c};
        size_t n = 0;
        bool good = true;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        s.now_ms = (int64_t) (clock_now(clock_system()) / USEC_PER_MSEC);
        for (; good && n < ARRAY_SIZE(steps); n++) {
                usec_t began = clock_mono(clock_system());

                good = steps[n].run(&s) >= 0;
                results[n] = (struct result){
                        .name = steps[n].name,
                        .error = good ? NULL : arena_strdup(&c->arena, c->em.text),
                        .took_for = clock_mono(clock_system()) - began,
                };
                if (!c->json)
                        print_result(c, &results[n]);
        }
        if (c->json) {
                r = print_json(c, results, n, good);
                if (r < 0)
                        return r;
        } else if (good) {
                printf("\nonebox works\n");
        }
        return !good;
}
