/* upload_resumable.h: the requests of a resumable upload: its start, its pieces, its question. */
#pragma once

#include "daemons/bucketd/upload.h"

/* The loop's thread. 0, REFUSED, HTTP_LATER: answered, -errno. */
int upload_resumable_begin(struct upload *u, const char *id, struct refused *no);
int upload_resumable_chunk(struct upload *u, const void *data, size_t size);
/* The body ends early: what came of it is kept. */
void upload_resumable_abort(struct upload *u);

/* A worker's thread. What a route returns. */
int upload_resumable_end(struct upload *u);
int upload_resumable_start(struct upload *u);
/* DELETE of one that has begun. */
int upload_resumable_cancel(struct http_request *req);
