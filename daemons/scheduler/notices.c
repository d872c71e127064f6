#include "daemons/scheduler/notices.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/tries_sql.h"
#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_client.h"
#include "lib/net/loop.h"

#define PAUSE_MIN_FOR (500 * USEC_PER_MSEC)
#define PAUSE_MAX_FOR (60 * USEC_PER_SEC)

/* One notice of a round. */
struct notice {
        struct notices *n;
        char try_id[WORLD_ID_SIZE];
        struct buf body;
        struct http_client_call *call;
        bool told;
};

struct notices {
        struct scheduler *s;
        char *socket_path;
        struct notice round[NOTICES_MAX];
        size_t n_round, n_open; /* of the round; still without an answer */
        usec_t pause_for;
        struct loop_source *timer;
        struct engine_job job; /* writes what the round has told */
};

static void next_round(struct notices *n);

static void round_clear(struct notices *n) {
        for (size_t i = 0; i < n->n_round; i++) {
                http_client_call_cancel(n->round[i].call);
                buf_done(&n->round[i].body);
        }
        n->n_round = n->n_open = 0;
}

static int run_told(struct scheduler *s, struct engine_job *job) {
        struct notices *n = container_of(job, struct notices, job);
        int r = 0;

        for (size_t i = 0; i < n->n_round && r >= 0; i++)
                if (n->round[i].told)
                        r = tries_sql_set_told(s->db, n->round[i].try_id);
        return r;
}

static void wait_and_try(struct notices *n) {
        loop_source_arm_in(n->timer, n->pause_for);
        n->pause_for = MIN(n->pause_for * 2, PAUSE_MAX_FOR);
}

static void done_told(struct scheduler *s, struct engine_job *job, int r) {
        struct notices *n = container_of(job, struct notices, job);
        bool all = r >= 0;

        for (size_t i = 0; i < n->n_round; i++)
                all = all && n->round[i].told;
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

static void on_answer(void *ctx, struct http_client_call *call,
                      const struct http_client_answer *a) {
        struct notice *notice = ctx;
        struct notices *n = notice->n;

        notice->call = NULL;
        /* what tracking refuses it will refuse for ever; what it cannot do now, later */
        notice->told = a->error >= 0 && a->status < 500 && a->status != 429;
        if (notice->told && a->status >= 400)
                log_warning("tracking refused to hear of try %s: status %d", notice->try_id,
                            a->status);
        if (--n->n_open == 0)
                round_over(n);
}

/* The status of the runs a try leaves open, in MLflow's words. */
static const char *run_status(const char *result) {
        enum world_result r = WORLD_RESULT_FAILED;

        (void) world_apply_result_parse(result, &r);
        return r == WORLD_RESULT_SUCCESS || r == WORLD_RESULT_SKIPPED       ? "FINISHED"
               : r == WORLD_RESULT_INTERRUPTED || r == WORLD_RESULT_STOPPED ? "KILLED"
                                                                            : "FAILED";
}

static int notice_send(struct notices *n, const struct tries_sql_untold *row) {
        struct notice *notice = &n->round[n->n_round];
        char url[128];
        struct json_write w;
        int r;

        *notice = (struct notice){.n = n};
        str_copy(notice->try_id, sizeof(notice->try_id), row->try_id);
        json_write_init(&w, &notice->body, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "status", run_status(row->result));
        json_write_kv_str(&w, "state", row->result);
        json_write_kv_str(&w, "dag_id", row->dag_id);
        json_write_kv_str(&w, "run_id", row->run_id);
        json_write_kv_str(&w, "task_id", row->task_id);
        json_write_kv_i64(&w, "try_number", row->try_number);
        json_write_end(&w);
        r = json_write_finish(&w);
        snprintf(url, sizeof(url), "http://localhost/internal/tries/%s/ended", row->try_id);
        if (r >= 0)
                r = http_client_start(n->s->client,
                                      &(struct http_client_request){
                                              .method = "POST",
                                              .url = url,
                                              .unix_path = n->socket_path,
                                              .body = notice->body.data,
                                              .body_size = notice->body.len,
                                              .done = on_answer,
                                              .ctx = notice,
                                              .max_body = 64 * 1024,
                                              .total_for = 30 * USEC_PER_SEC,
                                      },
                                      &notice->call);
        if (r < 0) {
                buf_done(&notice->body);
                return r;
        }
        n->n_round++;
        n->n_open++;
        return 0;
}

static void next_round(struct notices *n) {
        struct tries_sql_untold *rows;
        size_t n_rows;
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = tries_sql_untold(n->s->db, NOTICES_MAX, &a, &rows, &n_rows);
        for (size_t i = 0; r >= 0 && i < n_rows; i++)
                r = notice_send(n, &rows[i]);
        arena_done(&a);
        if (r < 0) {
                log_errno(r, "tracking cannot be told of ended tries");
                if (n->n_open == 0)
                        wait_and_try(n);
        }
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct notices *n = ctx;

        if (n->n_round == 0)
                next_round(n);
        return 0;
}

void notices_kick(struct scheduler *s) {
        struct notices *n = s->notices;

        /* a round under way or a pause looks into the database again when it is over */
        if (n->n_round == 0 && n->pause_for == PAUSE_MIN_FOR)
                loop_source_arm_in(n->timer, 20 * USEC_PER_MSEC);
}

int notices_new(struct scheduler *s, struct notices **ret) {
        struct notices *n = mem_new(struct notices);
        int r;

        if (!n)
                return -ENOMEM;
        n->s = s;
        n->pause_for = PAUSE_MIN_FOR;
        n->socket_path = s->conf->tracking ? mem_strdup(s->conf->tracking)
                                           : paths_runtime(s->paths, "tracking.sock");
        r = n->socket_path
                    ? loop_timer_in(s->loop, USEC_PER_SEC, USEC_PER_MSEC, on_timer, n, &n->timer)
                    : -ENOMEM;
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
        mem_free(n->socket_path);
        mem_free(n);
        return NULL;
}
