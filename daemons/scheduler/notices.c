#include "daemons/scheduler/notices.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/notices_body.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/tracked_sql.h"
#include "daemons/scheduler/tries_sql.h"
#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_readers.h"
#include "lib/net/http_ask.h"
#include "lib/net/loop.h"

#define PAUSE_MIN_FOR (500 * USEC_PER_MSEC)
#define PAUSE_MAX_FOR (60 * USEC_PER_SEC)

/* One try of a round: first that it has begun, then its files, then that it has ended, each when
 * the one before was heard. */
struct notice {
        struct notices *n;
        struct tries_sql_untold row;
        char try_id[WORLD_ID_SIZE];
        const struct json *run, *file; /* of its beginning: what is still to be told */
        struct buf body;
        struct http_ask_call *call;
        bool began, ended;   /* heard */
        bool is_last;        /* the call under way tells the end */
        bool is_one_of_many; /* the round's one call tells its end */
        const char *refusal; /* why it has no run: goes into the event log */
};

struct notices {
        struct scheduler *s;
        struct http_ask *ask;
        struct notice *round;   /* NOTICES_MAX, while there is one */
        size_t n_round, n_open; /* of the round; not through */
        struct arena arena;     /* the round's */
        struct http_ask_call *many;
        usec_t pause_for;
        struct loop_source *timer;
        bool is_armed;
        struct engine_job job; /* writes what the round has told */
};

static void next_round(struct notices *n);

static void round_clear(struct notices *n) {
        http_ask_cancel(n->many);
        n->many = NULL;
        for (size_t i = 0; i < n->n_round; i++) {
                http_ask_cancel(n->round[i].call);
                buf_done(&n->round[i].body);
        }
        n->round = mem_free(n->round);
        arena_done(&n->arena);
        n->n_round = n->n_open = 0;
}

/* Where people look for what became of a run that is not there. */
static int log_refusal(struct scheduler *s, const struct notice *notice) {
        return event_logs_sql_insert(
                s->db, &(struct event_logs_sql_row){.at = clock_now(s->clock),
                                                    .event = "tracking_refused",
                                                    .dag_id = notice->row.dag_id,
                                                    .run_id = notice->row.run_id,
                                                    .task_id = notice->row.task_id,
                                                    .map_index = -1,
                                                    .try_number = notice->row.try_number,
                                                    .owner = "tracking",
                                                    .extra = notice->refusal});
}

static int run_told(struct scheduler *s, struct engine_job *job) {
        struct notices *n = container_of(job, struct notices, job);
        int r = 0;

        for (size_t i = 0; i < n->n_round && r >= 0; i++) {
                if (n->round[i].began)
                        r = tracked_sql_delete(s->db, n->round[i].try_id);
                if (r >= 0 && n->round[i].began && n->round[i].refusal)
                        r = log_refusal(s, &n->round[i]);
                if (r >= 0 && n->round[i].ended)
                        r = tries_sql_set_told(s->db, n->round[i].try_id);
        }
        return r;
}

/* All there was to tell of it. */
static bool is_through(const struct notice *notice) {
        return (notice->began || !notice->row.begun) && (notice->ended || !notice->row.result);
}

static void arm(struct notices *n, usec_t in_for) {
        n->is_armed = true;
        loop_source_arm_in(n->timer, in_for);
}

static void wait_and_try(struct notices *n) {
        arm(n, n->pause_for);
        n->pause_for = MIN(n->pause_for * 2, PAUSE_MAX_FOR);
}

static void done_told(struct scheduler *s, struct engine_job *job, int r) {
        struct notices *n = container_of(job, struct notices, job);
        bool all = r >= 0;

        for (size_t i = 0; i < n->n_round; i++)
                all = all && is_through(&n->round[i]);
        round_clear(n);
        if (r == -ECANCELED)
                return;
        if (!all) {
                wait_and_try(n);
                return;
        }
        n->pause_for = PAUSE_MIN_FOR;
        next_round(n);
}

static void round_over(struct notices *n) {
        n->job.run = run_told;
        n->job.done = done_told;
        if (engine_submit_lazy(n->s, &n->job) < 0) {
                round_clear(n);
                wait_and_try(n);
        }
}

static void go_on(struct notice *notice);

/* The "message" of MLflow's errors. */
static void refused(struct notice *notice, const struct http_ask_answer *a) {
        const char *message = NULL, *said = a->body ? buf_cstr(a->body) : "";
        struct arena arena;
        struct json *j;

        arena_init(&arena, 0);
        if (a->body && json_parse_copy(&arena, said, a->body->len, &j, NULL) >= 0)
                (void) json_want_str(j, "message", &message, NULL);
        if (!message)
                message = said;
        log_warning("tracking refused to hear of try %s: status %d: %.300s", notice->try_id,
                    a->status, message);
        if (notice->run)
                notice->refusal = arena_printf(&notice->n->arena, "%.300s", message);
        arena_done(&arena);
}

/* What tracking refuses it will refuse for ever; what it cannot do now, later. */
static bool is_for_later(const struct http_ask_answer *a) {
        return a->error < 0 || a->status >= 500 || a->status == 429;
}

static void on_answer(void *ctx, const struct http_ask_answer *a) {
        struct notice *notice = ctx;
        struct notices *n = notice->n;

        notice->call = NULL;
        if (is_for_later(a)) {
                if (--n->n_open == 0)
                        round_over(n);
                return;
        }
        if (a->status >= 400)
                refused(notice, a);
        if (notice->is_last) {
                notice->ended = true;
        } else if (notice->run) {
                notice->run = NULL;
                if (a->status >= 400) /* no run, no files */
                        notice->file = NULL;
        } else {
                notice->file = notice->file->next;
        }
        go_on(notice);
}

static int post(struct notice *notice, const char *target, const char *type, const void *body,
                size_t size) {
        struct notices *n = notice->n;

        return http_ask_start(n->ask,
                              &(struct http_ask_request){
                                      .method = "POST",
                                      .target = target,
                                      .content_type = type,
                                      .body = body,
                                      .body_size = size,
                                      .done = on_answer,
                                      .ctx = notice,
                                      .max_body = 64 * 1024,
                                      .total_for = 30 * USEC_PER_SEC,
                              },
                              &notice->call);
}

static int post_body(struct notice *notice, const char *what) {
        char target[128];

        snprintf(target, sizeof(target), "/internal/tries/%s/%s", notice->try_id, what);
        return post(notice, target, NULL, notice->body.data, notice->body.len);
}

static int tell_run(struct notice *notice) {
        struct json_write w;
        int r;

        json_write_init(&w, &notice->body, 0);
        json_write_node(&w, notice->run);
        r = json_write_finish(&w);
        return r < 0 ? r : post_body(notice, "began");
}

/* The run's id is the try's without its dashes. */
static int tell_file(struct notice *notice) {
        const struct json *text = json_get(notice->file, "text");
        const char *path = "", *p = notice->try_id;
        char target[512];
        size_t n;

        (void) json_str(json_get(notice->file, "path"), &path);
        n = (size_t) snprintf(target, sizeof(target),
                              "/ajax-api/2.0/mlflow/upload-artifact?path=%s&run_id=", path);
        assert(n + WORLD_ID_SIZE < sizeof(target)); /* tracked_body.h names them */
        for (; *p; p++)
                if (*p != '-')
                        target[n++] = *p;
        target[n] = 0;
        return post(notice, target, "application/octet-stream", text->str, text->len);
}

static int tell_end(struct notice *notice) {
        int r = notices_body_print(&notice->row, &notice->body);

        notice->is_last = true;
        return r < 0 ? r : post_body(notice, "ended");
}

/* The next thing to tell of a try; without one it is through. */
static void go_on(struct notice *notice) {
        struct notices *n = notice->n;
        int r;

        buf_reset(&notice->body);
        if (notice->run) {
                r = tell_run(notice);
        } else if (notice->file) {
                r = tell_file(notice);
        } else {
                notice->began = true;
                r = notice->row.result && !notice->ended ? tell_end(notice) : 1;
        }
        if (r < 0)
                log_errno(r, "tracking cannot be told of try %s", notice->try_id);
        if (r != 0 && --n->n_open == 0)
                round_over(n);
}

/* --- the ends of many in one call ---------------------------------------------------------------
 */

static bool has_only_an_end(const struct notice *notice) {
        return !notice->row.begun && notice->row.result;
}

/* When one of them was refused, each is told by itself. */
static void on_many(void *ctx, const struct http_ask_answer *a) {
        struct notices *n = ctx;
        bool is_refused = !is_for_later(a) && a->status >= 400;

        n->many = NULL;
        n->n_open++; /* until all of them have been looked at */
        for (size_t i = 0; i < n->n_round; i++) {
                struct notice *notice = &n->round[i];

                if (!notice->is_one_of_many)
                        continue;
                notice->is_one_of_many = false;
                notice->ended = !is_refused && !is_for_later(a);
                if (is_refused)
                        go_on(notice);
                else
                        n->n_open--;
        }
        if (--n->n_open == 0)
                round_over(n);
}

static int print_many(struct notices *n, struct buf *ret) {
        struct json_write w;

        json_write_init(&w, ret, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "tries");
        for (size_t i = 0; i < n->n_round; i++)
                if (n->round[i].is_one_of_many)
                        notices_body_write(&w, &n->round[i].row);
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w);
}

static int post_many(struct notices *n) {
        _cleanup_buf_ struct buf body = {};
        int r = print_many(n, &body);

        return r < 0 ? r
                     : http_ask_start(n->ask,
                                      &(struct http_ask_request){
                                              .method = "POST",
                                              .target = "/internal/tries/ended",
                                              .body = body.data,
                                              .body_size = body.len,
                                              .done = on_many,
                                              .ctx = n,
                                              .max_body = 64 * 1024,
                                              .total_for = 30 * USEC_PER_SEC,
                                      },
                                      &n->many);
}

static void tell_round(struct notices *n) {
        size_t n_all = n->n_round, n_ends = 0;

        for (size_t i = 0; i < n_all; i++)
                n_ends += has_only_an_end(&n->round[i]);
        for (size_t i = 0; n_ends > 1 && i < n_all; i++)
                n->round[i].is_one_of_many = has_only_an_end(&n->round[i]);
        if (n_ends > 1 && post_many(n) < 0)
                for (size_t i = 0; i < n_all; i++)
                        n->round[i].is_one_of_many = false;
        for (size_t i = 0; i < n_all; i++)
                if (!n->round[i].is_one_of_many)
                        go_on(&n->round[i]);
}

static int add(struct notices *n, const struct tries_sql_untold *row) {
        struct notice *notice = &n->round[n->n_round];
        struct errmsg em = {};
        struct json *body;
        int r;

        *notice = (struct notice){.n = n, .row = *row};
        str_copy(notice->try_id, sizeof(notice->try_id), row->try_id);
        if (row->begun) {
                r = json_parse_copy(&n->arena, row->begun, strlen(row->begun), &body, &em);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        log_warning("try %s gets no run: %s", notice->try_id, em.text);
                notice->run = r < 0 ? NULL : json_get(body, "run");
                notice->file = r < 0 ? NULL : json_first(json_get(body, "files"));
        }
        n->n_round++;
        n->n_open++;
        return 0;
}

static void next_round(struct notices *n) {
        struct tries_sql_untold *rows;
        size_t n_rows = 0;
        struct db *db;
        int r;

        arena_init(&n->arena, 0);
        r = db_readers_get(n->s->readers, &db);
        if (r >= 0)
                r = tries_sql_untold(db, NOTICES_MAX, &n->arena, &rows, &n_rows);
        if (r >= 0 && n_rows > 0 && !(n->round = mem_zalloc_array(NOTICES_MAX, sizeof(*n->round))))
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n_rows; i++)
                r = add(n, &rows[i]);
        if (r < 0) {
                log_errno(r, "tracking cannot be told of tries");
                round_clear(n);
                wait_and_try(n);
                return;
        }
        if (n->n_round == 0)
                round_clear(n);
        else
                tell_round(n);
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct notices *n = ctx;

        n->is_armed = false;
        if (n->n_round == 0)
                next_round(n);
        return 0;
}

void notices_kick(struct scheduler *s) {
        struct notices *n = s->notices;

        /* a round under way or a pause looks into the database again when it is over */
        if (n->n_round == 0 && n->pause_for == PAUSE_MIN_FOR)
                arm(n, 20 * USEC_PER_MSEC);
}

bool notices_are_through(const struct scheduler *s) {
        return s->notices->n_round == 0 && !s->notices->is_armed;
}

int notices_new(struct scheduler *s, struct notices **ret) {
        _cleanup_free_ char *path = s->conf->tracking ? mem_strdup(s->conf->tracking)
                                                      : paths_runtime(s->paths, "tracking.sock");
        struct notices *n = path ? mem_new(struct notices) : NULL;
        int r;

        if (!n)
                return -ENOMEM;
        n->s = s;
        n->pause_for = PAUSE_MIN_FOR;
        r = http_ask_new(s->loop, path, NOTICES_CALLS, &n->ask);
        n->is_armed = true;
        if (r >= 0)
                r = loop_timer_in(s->loop, USEC_PER_SEC, USEC_PER_MSEC, on_timer, n, &n->timer);
        if (r < 0) {
                notices_free(n);
                return r;
        }
        *ret = n;
        return 0;
}

struct notices *notices_free(struct notices *n) {
        if (!n)
                return NULL;
        round_clear(n);
        loop_source_free(n->timer);
        http_ask_free(n->ask);
        mem_free(n);
        return NULL;
}
