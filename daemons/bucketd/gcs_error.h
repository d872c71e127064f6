/* gcs_error.h: how Cloud Storage says no, in each of its tongues. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

struct http_request;

enum gcs_error {
        GCS_OK,
#define GCS_ERROR(name, status, reason, code) GCS_ERROR_##name,
#include "daemons/bucketd/gcs_error.def"
#undef GCS_ERROR
};

/* What functions answer besides 0 and -errno: refused, and `struct refused` says how. */
enum { REFUSED = 1 };

struct refused {
        enum gcs_error error;
        char text[1400]; /* names are up to 1024 bytes */
};

/* Sets the refusal and returns REFUSED. */
int gcs_error_set(struct refused *no, enum gcs_error error, const char *fmt, ...) _printf_(3, 4);
int gcs_error_no_bucket(struct refused *no);
int gcs_error_no_object(struct refused *no, const char *bucket, const char *object);
int gcs_error_condition(struct refused *no);

int gcs_error_status(enum gcs_error error);
/* Answers by the request's path: JSON, XML, or plain text for media. What a route returns. */
int gcs_error_reply(struct http_request *req, const struct refused *no);
/* The same for a negative errno of the disk or the database. */
int gcs_error_reply_errno(struct http_request *req, int r);
/* http_server_options.error_format */
const char *gcs_error_format(struct http_request *req, int status, const char *message,
                             struct buf *out);
