/* object_batch: many calls in one (POST /batch/storage/v1), as Google's clients send deletes and
 * metadata.
 *
 * Each call inside goes through the front door as one of its own: by the daemon's own listener, on
 * one thread that does nothing else, so that a worker never waits for a worker. Batches queue up to
 * OBJECT_BATCH_QUEUE; more are refused with 503. */
#pragma once

#include "lib/base/errmsg.h"

struct bucketd;
struct http_request;
struct object_batch;

enum { OBJECT_BATCH_QUEUE = 64 };

int object_batch_new(struct object_batch **ret);
/* Where the daemon answers: unix listeners are preferred, since a unit may have no network. */
int object_batch_at(struct object_batch *b, const char *address);
/* Those that wait are cut off. While the server is still there. NULL is fine. */
struct object_batch *object_batch_free(struct object_batch *b);

int object_batch_post(struct http_request *req);
