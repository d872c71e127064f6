/* scheduler_api.h: every route of the daemon, and how a request becomes a change.
 *
 * A changing handler checks what it can, fills a scheduler_api_job in the request's arena and
 * submits it; its run() checks against the world and applies; the answer follows the commit.
 * Threads: HTTP_INLINE rows the loop's, HTTP_WORKER rows a pool's. */
#pragma once

#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/scheduler.h"
#include "lib/net/http_request.h"

extern const struct http_route scheduler_api_routes[];
extern const size_t scheduler_api_n_routes;

#define ROUTE(method, path, handler, role, flags) int handler(struct http_request *req);
#include "daemons/scheduler/scheduler_routes.def"
#undef ROUTE

static inline struct scheduler *scheduler_api_of(const struct http_request *req) {
        return req->ctx;
}

/* A change on its way. Answers of run(): 0 done: `reply` is called; 404, 409, 400…: an error with
 * `text`. */
struct scheduler_api_job {
        struct engine_job job;
        struct http_request *req;
        int (*run)(struct scheduler *s, struct scheduler_api_job *j);
        int (*reply)(struct scheduler *s, struct scheduler_api_job *j);
        struct errmsg text;

        /* what the change is about; each handler uses its part */
        const char *dag_id, *run_id, *task_id;
        int map_index;
        const struct json *body;
        const char *conf, *note, *user;
        struct timetable_run when;
        bool flag;
        int64_t row; /* of the run */
        enum run_state run_state;
        enum task_state task_state;
        const char **task_ids;
        size_t n_task_ids;
        void *extra;
};

/* A job with `req`, and dag_id, run_id and task_id of the path; NULL: no memory (has replied). */
struct scheduler_api_job *scheduler_api_job_new(struct http_request *req);
/* Submits it. As a handler. */
int scheduler_api_job_submit(struct scheduler_api_job *j);
/* For run(): sets the text and gives `status`. */
int scheduler_api_job_refuse(struct scheduler_api_job *j, int status, const char *fmt, ...)
        _printf_(3, 4);
/* For run(): adds a line to the event log for what the job does. */
int scheduler_api_job_log(struct scheduler *s, const struct scheduler_api_job *j, const char *event,
                          const char *extra);

/* For run(): the run in the world, read from the database when it has left the memory. 0 and the
 * run, 404 (refused), -errno. */
int scheduler_api_job_run(struct scheduler *s, struct scheduler_api_job *j, struct world_run **ret);

/* For handlers that look at the world: `handle` is called now, or when the world is not ahead of
 * the disk any more (engine.h). As a handler. */
int scheduler_api_landed(struct http_request *req, int (*handle)(struct http_request *req));

/* This thread's reading connection, or NULL: has replied. */
struct db *scheduler_api_reader(struct http_request *req);
