#include "daemons/serving/service_api.h"

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define HTML "text/html; charset=utf-8"
#define ALLOW "GET, HEAD, OPTIONS, POST"
#define RETRY_AFTER_S "1"

/* --- endpoints ------------------------------------------------------------------------------- */

static void on_done(struct pyworker_pool_job *job, enum pyworker_pool_outcome outcome,
                    const struct pyworker_frame_message *m) {
        static const struct {
                int status;
                bool again; /* nothing was done: asking again does no harm */
                const char *text;
        } answers[] = {
                [PYWORKER_POOL_FULL] = {503, true, "too many requests are waiting: try again"},
                [PYWORKER_POOL_WAITED] = {503, true, "no worker was free in time: try again"},
                [PYWORKER_POOL_LOST] = {503, false,
                                        "the worker ended during the request: the log says why, "
                                        "and the function may have run"},
                [PYWORKER_POOL_TIMED_OUT] = {504, false, "the function took too long"},
                [PYWORKER_POOL_NO_WORKER] = {503, true,
                                             "the service cannot run its functions: see its log "
                                             "or /onebox/health"},
                [PYWORKER_POOL_ABANDONED] = {503, true, "nobody waited for the answer"},
        };
        struct http_request *req = job->ctx;

        if (outcome == PYWORKER_POOL_ANSWERED) {
                http_request_reply(req, m->status, m->content_type, m->body, m->body_size);
                return;
        }
        if (answers[outcome].again)
                http_request_set_header(req, "Retry-After", RETRY_AFTER_S);
        http_request_reply_error(req, answers[outcome].status, "%s", answers[outcome].text);
}

static bool is_abandoned(const struct pyworker_pool_job *job) {
        return http_request_gone(job->ctx);
}

static int call(struct http_request *req, const struct service_conf_endpoint *e) {
        struct service_api *api = req->ctx;
        struct pyworker_pool_job *job = arena_new(req->arena, struct pyworker_pool_job);

        if (!job)
                return -ENOMEM;
        *job = (struct pyworker_pool_job){
                .request = {.endpoint = e->path,
                            .method = req->method == HTTP_HEAD ? "GET" : req->method_name,
                            .content_type = http_request_content_type(req),
                            .body = req->body,
                            .body_size = req->body_size},
                .done = on_done,
                .abandoned = is_abandoned,
                .ctx = req,
        };
        /* The answer may come at once or from the loop later: either way exactly one reply. */
        pyworker_pool_submit(api->pool, job);
        return HTTP_LATER;
}

static const char *request_path(struct http_request *req) {
        const char *rest = http_request_param(req, "path");

        if (!rest)
                return str_empty(req->path) ? "/" : req->path;
        return arena_printf(req->arena, "/%s", rest);
}

static int handle_endpoint(struct http_request *req) {
        struct service_api *api = req->ctx;
        const char *path = request_path(req);
        const struct service_conf_endpoint *e;

        if (!path)
                return -ENOMEM;
        if (req->method == HTTP_OPTIONS ||
            (req->method != HTTP_GET && req->method != HTTP_HEAD && req->method != HTTP_POST)) {
                http_request_set_header(req, "Allow", ALLOW);
                if (req->method == HTTP_OPTIONS)
                        return http_request_reply_empty(req, 200);
                return http_request_reply_error(req, 405, "%s is not allowed here: " ALLOW,
                                                req->method_name);
        }
        e = service_conf_find(api->conf, path);
        if (e)
                return call(req, e);
        if (str_eq(path, "/favicon.ico"))
                return http_request_reply_empty(req, 204);
        return http_request_reply(req, 404, HTML, "Page not found.", STRLEN("Page not found."));
}

/* --- the daemon's own ------------------------------------------------------------------------- */

static int handle_health(struct http_request *req) {
        struct service_api *api = req->ctx;
        struct pyworker_pool_stats s;
        struct buf out = {};
        struct json_write w;
        bool ready;

        pyworker_pool_stats(api->pool, &s);
        ready = !api->draining && s.n_ready + s.n_busy > 0;
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "status", api->draining ? "stopping" : ready ? "ready" : "not ready");
        json_write_kv_str(&w, "service", api->conf->name);
        json_write_kv_u64(&w, "workers", s.n_workers);
        json_write_kv_u64(&w, "ready", s.n_ready + s.n_busy);
        json_write_kv_u64(&w, "queued", s.n_queued);
        json_write_kv_u64(&w, "restarts", s.n_restarts);
        if (*pyworker_pool_trouble(api->pool))
                json_write_kv_str(&w, "trouble", pyworker_pool_trouble(api->pool));
        json_write_end(&w);
        if (json_write_finish(&w) < 0) {
                buf_done(&out);
                return -ENOMEM;
        }
        return http_request_reply_json(req, ready ? 200 : 503, &out);
}

static void add_metric(struct buf *out, const char *name, const char *type, const char *help,
                       const char *service, uint64_t value) {
        buf_printf(out, "# HELP onebox_serving_%s %s\n# TYPE onebox_serving_%s %s\n", name, help,
                   name, type);
        buf_printf(out, "onebox_serving_%s{service=\"%s\"} %llu\n", name, service,
                   (unsigned long long) value);
}

static int handle_metrics(struct http_request *req) {
        struct service_api *api = req->ctx;
        const struct service_conf_endpoint *own = service_conf_find(api->conf, "/metrics");
        const char *name = api->conf->name;
        struct pyworker_pool_stats s;
        struct buf out = {};

        if (own)
                return call(req, own);
        pyworker_pool_stats(api->pool, &s);
        http_server_metrics(api->server, &out);
        add_metric(&out, "workers", "gauge", "Workers wanted.", name, s.n_workers);
        add_metric(&out, "workers_ready", "gauge", "Workers that can answer.", name,
                   s.n_ready + s.n_busy);
        add_metric(&out, "workers_busy", "gauge", "Workers with a request.", name, s.n_busy);
        add_metric(&out, "queued", "gauge", "Requests waiting for a worker.", name, s.n_queued);
        add_metric(&out, "restarts_total", "counter", "Workers ended.", name, s.n_restarts);
        add_metric(&out, "answers_total", "counter", "Answers of functions.", name, s.n_answered);
        add_metric(&out, "timeouts_total", "counter", "Requests that ran too long.", name,
                   s.n_timed_out);
        add_metric(&out, "lost_total", "counter", "Requests whose worker ended.", name, s.n_lost);
        add_metric(&out, "refused_total", "counter", "Requests beyond the queue.", name,
                   s.n_refused_full);
        return http_request_reply_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}

const struct http_route service_api_routes[] = {
#define ROUTE(method, path, handler, flags) {HTTP_##method, path, handler, 0, flags, 0, NULL, NULL},
#include "daemons/serving/service_routes.def"
#undef ROUTE
};
const size_t service_api_n_routes = ARRAY_SIZE(service_api_routes);
