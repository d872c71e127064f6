/* object_headers.h: an object in headers: what a reader of its bytes learns of it. */
#pragma once

#include "daemons/bucketd/object.h"

struct http_request;

/* ETag, x-goog-generation, x-goog-hash and the like. 0 or -errno. */
int object_headers_set(struct http_request *req, const struct object *o);
/* And those of the content: Cache-Control, Content-Encoding …; with `xml` x-goog-meta-*. */
int object_headers_set_content(struct http_request *req, const struct object *o, bool xml);
