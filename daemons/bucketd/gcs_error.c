/* gcs_error: see gcs_error.h. */
#include "daemons/bucketd/gcs_error.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/bucketd/bucket_call.h"
#include "lib/base/errmsg.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

static const struct {
        int status;
        const char *reason, *code;
} rows[] = {
        [GCS_OK] = {200, "", ""},
#define GCS_ERROR(name, status, reason, code) [GCS_ERROR_##name] = {status, reason, code},
#include "daemons/bucketd/gcs_error.def"
#undef GCS_ERROR
};

int gcs_error_set(struct refused *no, enum gcs_error error, const char *fmt, ...) {
        va_list ap;

        no->error = error;
        va_start(ap, fmt);
        (void) vsnprintf(no->text, sizeof(no->text), fmt, ap);
        va_end(ap);
        return REFUSED;
}

int gcs_error_no_bucket(struct refused *no) {
        return gcs_error_set(no, GCS_ERROR_NO_BUCKET, "The specified bucket does not exist.");
}

int gcs_error_no_object(struct refused *no, const char *bucket, const char *object) {
        return gcs_error_set(no, GCS_ERROR_NO_OBJECT, "No such object: %s/%s", bucket, object);
}

int gcs_error_condition(struct refused *no) {
        return gcs_error_set(no, GCS_ERROR_CONDITION,
                             "At least one of the pre-conditions you specified did not hold.");
}

int gcs_error_status(enum gcs_error error) {
        assert(error < ARRAY_SIZE(rows));
        return rows[error].status;
}

static const char *write_json(int status, const char *reason, const char *message,
                              bool is_condition, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_object(&w, "error");
        json_write_kv_i64(&w, "code", status);
        json_write_kv_str(&w, "message", message);
        json_write_kv_array(&w, "errors");
        json_write_object(&w);
        json_write_kv_str(&w, "message", message);
        json_write_kv_str(&w, "domain", "global");
        json_write_kv_str(&w, "reason", reason);
        if (is_condition) {
                json_write_kv_str(&w, "locationType", "header");
                json_write_kv_str(&w, "location", "If-Match");
        }
        json_write_end(&w);
        json_write_end(&w);
        json_write_end(&w);
        json_write_end(&w);
        return "application/json; charset=UTF-8";
}

static const char *write_xml(const char *code, const char *message, struct buf *out) {
        buf_add_lit(out, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>");
        buf_add_str(out, code);
        buf_add_lit(out, "</Code><Message>");
        buf_add_markup(out, message);
        buf_add_lit(out, "</Message></Error>");
        return "application/xml; charset=UTF-8";
}

static const char *write_as(struct http_request *req, enum gcs_error error, int status,
                            const char *message, struct buf *out) {
        const char *path = req->path;

        if (str_starts(path, "/download/") ||
            (str_starts(path, "/storage/") && str_eq(http_request_query(req, "alt"), "media"))) {
                buf_add_str(out, message);
                return "text/html; charset=UTF-8";
        }
        if (str_starts(path, "/storage/") || str_starts(path, "/upload/") ||
            str_starts(path, "/batch") || str_starts(path, "/_onebox/"))
                return write_json(status, rows[error].reason, message, error == GCS_ERROR_CONDITION,
                                  out);
        return write_xml(rows[error].code, message, out);
}

int gcs_error_reply(struct http_request *req, const struct refused *no) {
        _cleanup_buf_ struct buf out = {};
        int status = gcs_error_status(no->error);
        const char *type;

        if (req->method == HTTP_HEAD || no->error == GCS_ERROR_UNCHANGED)
                return bucket_call_reply_empty(req, status);
        type = write_as(req, no->error, status, no->text, &out);
        return bucket_call_reply(req, status, type, &out);
}

int gcs_error_reply_errno(struct http_request *req, int r) {
        struct refused no;

        if (r == -ENOSPC || r == -EDQUOT)
                gcs_error_set(&no, GCS_ERROR_NO_SPACE,
                              "The bucket server's disk is full: nothing was stored. Free some "
                              "space there and try again.");
        else if (r == -EAGAIN || r == -EBUSY || r == -ESHUTDOWN || r == -EMFILE || r == -ENOMEM)
                gcs_error_set(&no, GCS_ERROR_UNAVAILABLE, "The server is busy: %s. Try again.",
                              errmsg_strerror(r));
        else
                gcs_error_set(&no, GCS_ERROR_INTERNAL, "Internal error: %s.", errmsg_strerror(r));
        return gcs_error_reply(req, &no);
}

const char *gcs_error_format(struct http_request *req, int status, const char *message,
                             struct buf *out) {
        enum gcs_error error = GCS_ERROR_INTERNAL;

        for (size_t i = 1; i < ARRAY_SIZE(rows); i++)
                if (rows[i].status == status) {
                        error = (enum gcs_error) i;
                        break;
                }
        return write_as(req, error, status, message, out);
}
