#include "daemons/tracking/trace_artifact_api.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/traces_sql.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

/* What clients that kept spans in files, up to MLflow 3.5, called them. */
#define DATA_NAME "traces.json"

struct wanted {
        const char *id;       /* of the trace */
        const char *location; /* of its files, once looked up */
        struct buf spans;     /* as a file of that name would have them */
        bool has_spans;       /* in the database */
};

static int write_spans(struct db *db, struct wanted *w) {
        DB_USE struct db_stmt *s = traces_sql_spans(db, w->id);
        const char *content;
        int r;

        buf_add_lit(&w->spans, "{\"spans\":[");
        while ((r = db_step(s)) == DB_ROW) {
                content = db_col_text(s, 0);
                if (w->has_spans)
                        buf_add_char(&w->spans, ',');
                w->has_spans = true;
                buf_add_str(&w->spans, content ? content : "{}");
        }
        buf_add_lit(&w->spans, "]}");
        return r < 0 ? r : buf_error(&w->spans);
}

static int find_location(struct ask *q, struct db *db, struct wanted *w) {
        int r = traces_sql_tag_get(db, w->id, "mlflow.artifactLocation", q->arena, &w->location);

        return r < 0 ? r : 0;
}

static int look_location(struct ask *q, struct db *db, void *ctx) {
        struct wanted *w = ctx;
        struct trace t;
        int r = traces_sql_need(db, &q->refusal, w->id, &t);

        return r == 0 ? find_location(q, db, w) : r;
}

static int look_spans(struct ask *q, struct db *db, void *ctx) {
        const char *kept = NULL;
        struct wanted *w = ctx;
        struct trace t;
        int r = traces_sql_get(db, w->id, q->arena, &t);

        if (r == DB_DONE)
                return refusal_set(&q->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Trace with ID %s is not found.", w->id);
        if (r == DB_ROW)
                r = access_check_experiment(&q->refusal, t.experiment_id);
        if (r == 0)
                r = find_location(q, db, w);
        if (r == 0)
                r = write_spans(db, w);
        if (r != 0 || w->has_spans)
                return r;
        r = traces_sql_tag_get(db, w->id, "mlflow.trace.spansLocation", q->arena, &kept);
        w->has_spans = r >= 0 && str_eq(kept, "TRACKING_STORE"); /* it has none */
        return r < 0 ? r : 0;
}

static int reply_file(struct ask *q, struct wanted *w, const char *file, const char *missing) {
        struct artifact_place place = {};

        artifact_reply_locate(q, w->location ? w->location : "", file, &place);
        place.missing = missing;
        return q->result != 0 ? job_refuse(q) : artifact_reply_file(q, &place, place.name);
}

static int reply_attachment(struct ask *q, struct wanted *w, const char *path) {
        const char *file = arena_printf(q->arena, "attachments/%s", path);

        if (!file)
                return -ENOMEM;
        if (!entropy_is_uuid(path))
                ask_check(q, refusal_set(&q->refusal, REFUSAL_ATTRIBUTE_NOT_FOUND,
                                         "Invalid attachment path: '%s'. Attachment path must be a "
                                         "valid UUID.",
                                         path));
        if (q->result == 0)
                job_look(q, look_location, w);
        return q->result != 0 ? job_refuse(q) : reply_file(q, w, file, NULL);
}

static int reply_spans(struct ask *q, struct wanted *w) {
        int r;

        job_look(q, look_spans, w);
        if (q->result != 0 || !w->has_spans) {
                buf_done(&w->spans);
                return q->result != 0 ? job_refuse(q)
                                      : reply_file(q, w, DATA_NAME,
                                                   "Trace data not found for path=" DATA_NAME);
        }
        r = http_request_set_header(q->req, "Content-Disposition",
                                    "attachment; filename=" DATA_NAME);
        if (r < 0) {
                buf_done(&w->spans);
                return r;
        }
        return http_request_reply_buf(q->req, 200, "text/plain", &w->spans);
}

int trace_artifact_api_get(struct http_request *req) {
        struct wanted w = {.id = http_request_query(req, "request_id")};
        const char *path = http_request_query(req, "path");
        struct ask q;

        ask_open_query(&q, req);
        if (str_empty(w.id))
                ask_check(&q, refusal_set(&q.refusal, REFUSAL_BAD_REQUEST,
                                          "Request must include the \"request_id\" query "
                                          "parameter."));
        if (q.result == 0 && !str_empty(path))
                ask_check(&q, artifact_uri_check_path(&q.refusal, path, &path));
        if (q.result != 0)
                return job_refuse(&q);
        return str_empty(path) ? reply_spans(&q, &w) : reply_attachment(&q, &w, path);
}
