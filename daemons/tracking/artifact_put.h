/* artifact_put.h: an upload on its way into a store.
 *
 * The loop's thread only copies; a thread of the upload's own writes, so that receiving and storing
 * go side by side and a slow bucket holds up nobody else. What fits one buffer needs no thread. Two
 * buffers of ARTIFACT_FLOW_BLOCK: when both are full the client waits. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct artifact_put;
struct http_request;
struct store;
struct store_info;

/* Begins it: as store_put_begin(). The store outlives it. */
int artifact_put_begin(struct http_request *req, struct store *store, const char *name,
                       struct errmsg *em, struct artifact_put **ret);
/* On the loop's thread: 0, HTTP_PAUSE (req is resumed), or what keeps it from being stored. */
int artifact_put_chunk(struct artifact_put *p, const void *data, size_t size);
/* On any thread that may block, when all has come: stores and frees it. */
int artifact_put_commit(struct artifact_put *p, struct errmsg *em);
/* On the loop's thread: drops and frees it; does not block. NULL is fine. */
void artifact_put_abort(struct artifact_put *p);
