#include "daemons/tracking/gateway_proxy_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/ask.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/tracking.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_client.h"
#include "lib/net/http_request.h"
#include "lib/net/http_target.h"

#define TARGET "MLFLOW_DEPLOYMENTS_TARGET"
#define ENDPOINTS "api/2.0/endpoints"

enum { ANSWER_MAX = 16 << 20, WAIT_S = 600 }; /* a model may think for long */

struct gateway_proxy {
        struct http_client *client;
        char *target; /* without a slash at its end */
};

int gateway_proxy_api_new(struct loop *l, struct errmsg *em, struct gateway_proxy **ret) {
        const char *target = getenv(TARGET);
        struct gateway_proxy *p;
        size_t n;
        int r;

        *ret = NULL;
        if (str_empty(target))
                return 0;
        if (!str_starts(target, "http://") && !str_starts(target, "https://"))
                return errmsg_fail(em, -EINVAL, TARGET "=%s is no http:// or https:// URL", target);
        n = strlen(target);
        while (target[n - 1] == '/')
                n--;
        p = mem_zalloc(sizeof(*p));
        if (!p)
                return errmsg_errno(em, -ENOMEM, "cannot start");
        p->target = mem_strndup(target, n);
        r = p->target ? http_client_new(l, NULL, &p->client) : -ENOMEM;
        if (r < 0) {
                gateway_proxy_api_free(p);
                return errmsg_errno(em, r, "cannot start");
        }
        *ret = p;
        return 0;
}

struct gateway_proxy *gateway_proxy_api_free(struct gateway_proxy *p) {
        if (p) {
                http_client_free(p->client);
                mem_free(p->target);
                mem_free(p);
        }
        return NULL;
}

/* --- what is asked --------------------------------------------------------------------------- */

/* "gateway/NAME/invocations", and NAME is one. */
static bool is_invocation(const char *path) {
        const char *name = str_after(path, "gateway/");
        const char *slash = name ? strchr(name, '/') : NULL;

        return slash && slash != name && str_eq(slash, "/invocations") &&
               !str_starts(name, "../") && !str_starts(name, "./");
}

/* The path without slashes around it, as the target gets it; NULL: it may not be asked for. */
static const char *path_of(struct ask *q, const char *given) {
        size_t n = strlen(given);
        const char *path;
        char *encoded;

        while (n > 0 && given[n - 1] == '/')
                n--;
        for (; n > 0 && *given == '/'; n--)
                given++;
        path = arena_strndup(q->arena, given, n);
        if (!ask_check(q, path ? 0 : -ENOMEM))
                return NULL;
        if (q->req->method != HTTP_POST)
                return str_eq(path, ENDPOINTS) ? ENDPOINTS : NULL;
        if (!is_invocation(path))
                return NULL;
        encoded = arena_alloc(q->arena, 3 * n + 1);
        if (!ask_check(q, encoded ? 0 : -ENOMEM))
                return NULL;
        http_target_encode(encoded, path, n, "/:@");
        return encoded;
}

static const char *read_path(struct ask *q) {
        const char *given = ask_given(q, "gateway_path"), *path = NULL;

        if (q->result == 0 && !given)
                ask_check(q,
                          refusal_invalid(&q->refusal, "Deployments proxy request must specify a "
                                                       "gateway_path."));
        if (q->result == 0)
                path = path_of(q, given);
        if (q->result == 0 && !path)
                ask_check(q, refusal_invalid(&q->refusal, "Invalid gateway_path: %s for method: %s",
                                             given, q->req->method_name));
        return path;
}

/* The JSON to send along, in the request's memory. */
static int read_data(struct ask *q, const char **ret, size_t *ret_size) {
        const struct json *j = q->body ? json_get(q->body, "json_data") : NULL;
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        int r;

        *ret = NULL;
        *ret_size = 0;
        if (!j || json_is(j, JSON_NULL) || q->req->method != HTTP_POST)
                return 0;
        json_write_init(&w, &out, 0);
        json_write_node(&w, j);
        r = json_write_finish(&w);
        if (r < 0)
                return r;
        *ret = arena_strndup(q->arena, buf_cstr(&out), out.len);
        *ret_size = out.len;
        return *ret ? 0 : -ENOMEM;
}

/* --- what is answered ------------------------------------------------------------------------ */

static int reply_failed(struct http_request *req, const char *text) {
        struct buf out = {};

        refusal_write(REFUSAL_INTERNAL_ERROR, text, &out);
        return http_request_reply_json(req, refusal_status(REFUSAL_INTERNAL_ERROR), &out);
}

static int reply(struct http_request *req, const struct http_client_answer *a) {
        const char *body = a->body ? buf_cstr(a->body) : "", *text;
        struct errmsg em = {};
        struct json *root;

        if (a->error < 0) {
                text = a->text ? a->text : errmsg_strerror(a->error);
                text = arena_printf(req->arena,
                                    "The deployments server of " TARGET " does not answer: %s",
                                    text);
        } else if (a->status != 200) {
                text = arena_printf(req->arena,
                                    "Deployments proxy request failed with error code %d. Error "
                                    "message: %s",
                                    a->status, body);
        } else if (a->body &&
                   json_parse_copy(req->arena, a->body->data, a->body->len, &root, &em) == 0) {
                return http_request_reply_json(req, 200, a->body);
        } else {
                text = "The answer of the deployments server of " TARGET " is not JSON.";
        }
        return text ? reply_failed(req, text) : -ENOMEM;
}

static void on_answer(void *ctx, struct http_client_call *call,
                      const struct http_client_answer *a) {
        if (reply(ctx, a) < 0)
                http_request_reply_cut(ctx);
}

int gateway_proxy_api_ask(struct http_request *req) {
        static const char none[] = "{\"endpoints\":[]}\n";
        const struct tracking *t = req->ctx;
        struct http_client_request call = {
                .method = req->method_name,
                .done = on_answer,
                .ctx = req,
                .max_body = ANSWER_MAX,
                .stall_for = WAIT_S * USEC_PER_SEC,
        };
        struct http_client_call *started;
        const char *path, *data = NULL;
        struct ask q;
        int r;

        if (!t->gateway_proxy)
                return http_request_reply_static(req, 200, "application/json", none,
                                                 sizeof(none) - 1);
        if (req->method == HTTP_GET)
                ask_open_query(&q, req);
        else
                ask_open(&q, req);
        path = read_path(&q);
        if (q.result == 0)
                ask_check(&q, read_data(&q, &data, &call.body_size));
        if (q.result == 0)
                call.url = arena_printf(q.arena, "%s/%s", t->gateway_proxy->target, path);
        if (!ask_check(&q, call.url || q.result != 0 ? 0 : -ENOMEM))
                return job_refuse(&q);
        call.body = data;
        r = http_client_start(t->gateway_proxy->client, &call, &started);
        return r < 0 ? r : HTTP_LATER;
}
