/* absent.h: what a request wants of Cloud Storage that this server does not do, and whose doing a
 * client would rely on: refused by name, never taken and left undone. */
#pragma once

#include "daemons/bucketd/gcs_error.h"

struct http_request;
struct json;

/* 0, or REFUSED. resource: of a bucket or an object, or NULL. */
int absent_check(struct http_request *req, const struct json *resource, struct refused *no);
