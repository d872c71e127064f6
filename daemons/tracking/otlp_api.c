#include "daemons/tracking/otlp_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/otlp_proto.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/traces_spans.h"
#include "lib/base/str.h"
#include "lib/net/http_gzip.h"
#include "lib/net/http_request.h"

enum {
        UNPACKED_MAX = 64 * 1024 * 1024,
        SPANS_MAX = 10000, /* a request */
};

#define TYPE_PROTO "application/x-protobuf"
#define TYPE_JSON "application/json"

struct export {
        int64_t experiment_id;
        const char *run_id; /* traces whose root is here are tied to it; may be NULL */
        struct span_in *spans;
        size_t n;
};

/* {"detail": …}: how this one endpoint of MLflow's refuses. */
static int reply_detail(struct http_request *req, int status, const char *text) {
        struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "detail", text);
        json_write_end(&w);
        json_write_finish(&w);
        return http_request_reply_json(req, status, &out);
}

static int by_trace(const void *a, const void *b) {
        const struct span_in *x = a, *y = b;
        int c = strcmp(x->trace_id, y->trace_id);

        if (c != 0)
                return c;
        return (x->span.start_at_ns > y->span.start_at_ns) -
               (x->span.start_at_ns < y->span.start_at_ns);
}

static size_t count(const struct json *root) {
        const struct json *rs, *ss;
        size_t n = 0;

        json_each (rs, json_get(root, "resourceSpans")) {
                json_each (ss, json_get(rs, "scopeSpans")) {
                        const struct json *spans = json_get(ss, "spans");

                        n += json_is(spans, JSON_ARRAY) ? spans->len : 0;
                }
        }
        return n;
}

static int read_spans(struct arena *a, const struct json *root, struct export *ret) {
        const struct json *rs, *ss, *s, *resource;
        int r;

        json_each (rs, json_get(root, "resourceSpans")) {
                resource = json_get(json_get(rs, "resource"), "attributes");
                json_each (ss, json_get(rs, "scopeSpans")) {
                        json_each (s, json_get(ss, "spans")) {
                                r = span_in_read(a, s, resource, &ret->spans[ret->n]);
                                if (r < 0)
                                        return r;
                                ret->n++;
                        }
                }
        }
        if (ret->n > 1)
                qsort(ret->spans, ret->n, sizeof(*ret->spans), by_trace);
        return 0;
}

static int run_export(struct job *j, struct db *db) {
        const struct export *in = j->in;
        struct experiment e;
        struct run run;
        char id[24];
        int r;

        snprintf(id, sizeof(id), "%" PRId64, in->experiment_id);
        r = experiments_sql_need(db, &j->refusal, id, EXPERIMENTS_SQL_ANY, &e);
        for (size_t i = 0, n; r == 0 && i < in->n; i += n) {
                for (n = 1;
                     i + n < in->n && str_eq(in->spans[i + n].trace_id, in->spans[i].trace_id);)
                        n++;
                r = traces_spans_log(j, db, in->experiment_id, in->spans + i, n);
        }
        if (r != 0 || !in->run_id)
                return r;
        /* Spans are kept whether the run is there or not. */
        r = runs_sql_need(db, &j->refusal, in->run_id, &run);
        for (size_t i = 0; r == 0 && i < in->n; i++)
                if (!in->spans[i].span.parent_id)
                        r = traces_sql_tie(db, j->tracking->entropy, in->spans[i].trace_id, "run",
                                           in->run_id, tracking_now_ms(j->tracking));
        return r == REFUSED ? 0 : r;
}

/* 0 with the body's tree; a status with *ret_detail; or -errno. */
static int read_body(struct http_request *req, const char *type, struct json **ret,
                     const char **ret_detail) {
        const char *encoding = http_request_header(req, "Content-Encoding");
        _cleanup_buf_ struct buf unpacked = {};
        const char *data = req->body;
        size_t size = req->body_size;
        int r;

        if (!str_empty(encoding)) {
                *ret_detail = "Failed to decompress gzip payload";
                if (!str_eq_fold(encoding, "gzip") && !str_eq_fold(encoding, "deflate")) {
                        *ret_detail = arena_printf(req->arena, "Unsupported Content-Encoding: %s",
                                                   encoding);
                        return *ret_detail ? 400 : -ENOMEM;
                }
                if (str_eq_fold(encoding, "deflate"))
                        *ret_detail = "Failed to decompress deflate payload";
                r = http_gzip_unpack(data, size, UNPACKED_MAX, &unpacked);
                if (r < 0)
                        return r == -ENOMEM ? r : r == -E2BIG ? 413 : 400;
                data = buf_cstr(&unpacked);
                size = unpacked.len;
        }
        r = str_eq(type, TYPE_JSON) ? json_parse_copy(req->arena, data, size, ret, NULL)
                                    : otlp_proto_parse(req->arena, data, size, ret);
        *ret_detail = "Invalid OpenTelemetry format";
        if (r < 0)
                return r == -ENOMEM ? r : 400;
        *ret_detail = "Invalid OpenTelemetry format - no spans found";
        return json_first(json_get(*ret, "resourceSpans")) ? 0 : 400;
}

static int export(struct http_request *req, const char *type, struct export *in) {
        const char *detail = "";
        struct json *root = NULL;
        size_t n;
        int r = read_body(req, type, &root, &detail);

        if (r != 0)
                return r < 0 ? r : reply_detail(req, r, detail);
        n = count(root);
        if (n > SPANS_MAX)
                return reply_detail(req, 413, "A request has at most 10000 spans");
        in->spans = arena_zalloc_array(req->arena, n + 1, sizeof(*in->spans));
        r = in->spans ? read_spans(req->arena, root, in) : -ENOMEM;
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return reply_detail(req, 422, "Cannot convert OpenTelemetry span to MLflow span");
        return HTTP_LATER;
}

static int reply_proto(struct http_request *req) {
        return http_request_reply_static(req, 200, TYPE_PROTO, "", 0);
}

static int reply_json(struct http_request *req) {
        return http_request_reply_static(req, 200, TYPE_JSON, "{}", 2);
}

int otlp_api_export(struct http_request *req) {
        const char *type = http_request_content_type(req);
        const char *experiment = http_request_header(req, "x-mlflow-experiment-id");
        struct export in = {.run_id = http_request_header(req, "x-mlflow-run-id")};
        struct ask q;
        const char *text;
        int r;

        if (!experiment)
                return reply_detail(req, 422,
                                    "The header x-mlflow-experiment-id is missing: it "
                                    "says which experiment the traces belong to");
        ask_open_query(&q, req);
        ask_check(&q, field_check_experiment_id(&q.refusal, experiment, &in.experiment_id));
        r = q.result == 0 ? access_check_experiment(&q.refusal, in.experiment_id) : 0;
        if (r != 0) { /* before anything is said about the body */
                ask_check(&q, r);
                return job_refuse(&q);
        }
        if (!str_eq(type, TYPE_PROTO) && !str_eq(type, TYPE_JSON)) {
                text = http_request_header(req, "Content-Type");
                text = arena_printf(req->arena,
                                    "Invalid Content-Type: %s. Expected: " TYPE_PROTO
                                    " or " TYPE_JSON,
                                    text ? text : "None");
                return text ? reply_detail(req, 400, text) : -ENOMEM;
        }
        r = export(req, type, &in);
        if (r != HTTP_LATER)
                return r;
        q.reply = str_eq(type, TYPE_PROTO) ? reply_proto : reply_json;
        return job_write(&q, run_export, &in);
}
