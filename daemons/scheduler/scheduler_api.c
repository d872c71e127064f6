#include "daemons/scheduler/scheduler_api.h"

#include <errno.h>

#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/restore.h"
#include "lib/auth/auth_identity.h"
#include "lib/db/db_readers.h"

enum { BODY_MAX = 4 << 20 };

const struct http_route scheduler_api_routes[] = {
#define ROUTE(m, p, h, r, f) \
        {.method = HTTP_##m, \
         .path = p,          \
         .handle = h,        \
         .min_role = r,      \
         .flags = f,         \
         .max_body = BODY_MAX},
#include "daemons/scheduler/scheduler_routes.def"
#undef ROUTE
};
const size_t scheduler_api_n_routes = ARRAY_SIZE(scheduler_api_routes);

static int job_run(struct scheduler *s, struct engine_job *job) {
        struct scheduler_api_job *j = container_of(job, struct scheduler_api_job, job);

        return j->run(s, j);
}

static void job_done(struct scheduler *s, struct engine_job *job, int r) {
        struct scheduler_api_job *j = container_of(job, struct scheduler_api_job, job);
        struct http_request *req = j->req;

        if (r < 0)
                http_request_reply_error(req, 503, "the change could not be written: %s",
                                         errmsg_strerror(r));
        else if (r >= 400)
                http_request_reply_error(req, r, "%s", j->text.text);
        else if (j->reply(s, j) < 0)
                http_request_reply_error(req, 500, "done, but the answer could not be made");
}

struct scheduler_api_job *scheduler_api_job_new(struct http_request *req) {
        struct scheduler_api_job *j = arena_new(req->arena, struct scheduler_api_job);

        if (!j) {
                http_request_reply_error(req, 500, "no memory");
                return NULL;
        }
        j->job.run = job_run;
        j->job.done = job_done;
        j->req = req;
        j->dag_id = http_request_param(req, "dag_id");
        j->run_id = http_request_param(req, "run_id");
        j->task_id = http_request_param(req, "task_id");
        j->map_index = -1;
        j->user = req->identity ? req->identity->name : "anonymous";
        j->when.logical_at = j->when.interval_start_at = USEC_INFINITY;
        j->when.interval_end_at = j->when.run_after_at = USEC_INFINITY;
        return j;
}

int scheduler_api_job_submit(struct scheduler_api_job *j) {
        if (engine_submit(scheduler_api_of(j->req), &j->job) < 0)
                return http_request_reply_error(j->req, 503,
                                                "too many changes wait: come back in a second");
        return HTTP_LATER;
}

int scheduler_api_job_refuse(struct scheduler_api_job *j, int status, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(&j->text, fmt, ap);
        va_end(ap);
        return status;
}

int scheduler_api_job_log(struct scheduler *s, const struct scheduler_api_job *j, const char *event,
                          const char *extra) {
        return event_logs_sql_insert(s->db, &(struct event_logs_sql_row){.at = clock_now(s->clock),
                                                                         .event = event,
                                                                         .dag_id = j->dag_id,
                                                                         .run_id = j->run_id,
                                                                         .task_id = j->task_id,
                                                                         .map_index = -1,
                                                                         .owner = j->user,
                                                                         .extra = extra});
}

int scheduler_api_job_run(struct scheduler *s, struct scheduler_api_job *j,
                          struct world_run **ret) {
        struct world_dag *wd = world_get_dag(&s->world, j->dag_id);
        struct dag_runs_sql_row row;
        int r;

        if (!wd)
                return scheduler_api_job_refuse(j, 404, "DAG \"%s\" was not found", j->dag_id);
        r = dag_runs_sql_get(s->db, j->dag_id, j->run_id, j->req->arena, &row);
        if (r == 0)
                r = restore_run(s, wd, &row, ret);
        if (r == 1)
                return scheduler_api_job_refuse(j, 404, "DAG \"%s\" has no run \"%s\"", j->dag_id,
                                                j->run_id);
        if (r == -EINVAL || r == -EUCLEAN)
                return scheduler_api_job_refuse(j, 409,
                                                "the version of DAG \"%s\" that run \"%s\" began "
                                                "with cannot be read",
                                                j->dag_id, j->run_id);
        return r;
}

struct waiting {
        struct engine_wait wait;
        struct http_request *req;
        int (*handle)(struct http_request *req);
};

static void on_landed(struct scheduler *s, struct engine_wait *wait) {
        struct waiting *w = container_of(wait, struct waiting, wait);
        struct http_request *req = w->req;
        int r;

        if (engine_is_ahead(s))
                r = http_request_reply_error(req, 503, "onebox-scheduler ends");
        else
                r = w->handle(req);
        if (r < 0 && http_request_reply_error(req, 500, "%s", errmsg_strerror(r)) < 0)
                http_request_reply_cut(req);
}

int scheduler_api_landed(struct http_request *req, int (*handle)(struct http_request *req)) {
        struct scheduler *s = scheduler_api_of(req);
        struct waiting *w;

        if (!engine_is_ahead(s))
                return handle(req);
        w = arena_new(req->arena, struct waiting);
        if (!w)
                return -ENOMEM;
        *w = (struct waiting){.wait.landed = on_landed, .req = req, .handle = handle};
        engine_when_landed(s, &w->wait);
        return HTTP_LATER;
}

struct db *scheduler_api_reader(struct http_request *req) {
        struct db *db;

        if (db_readers_get(scheduler_api_of(req)->readers, &db) >= 0)
                return db;
        http_request_reply_error(req, 503, "no database connection is free");
        return NULL;
}
