/* artifact_stream.h: a download from a store that has no descriptors: a thread reads ahead into two
 * buffers of ARTIFACT_FLOW_BLOCK, the loop's thread sends. */
#pragma once

#include "lib/net/http_request.h"

struct store;
struct store_get;

/* Replies with the object, or the range asked for; get is taken, also on failure. */
int artifact_stream_reply(struct http_request *req, struct store *store, struct store_get *get,
                          struct http_request_file *file);
