/* object_headers.h: an object in headers: what a reader of its bytes learns of it. */
#pragma once

#include "daemons/bucketd/object.h"

struct http_request;

/* ETag, x-goog-generation, x-goog-hash and the like. 0 or -errno. */
int object_headers_set(struct http_request *req, const struct object *o);
/* The XML API's entity tag without quotes: the MD5 in hex, else from the CRC32C. md5: base64, "" or
 * NULL. NULL: out of memory. */
const char *object_headers_etag(struct arena *a, const char *md5, uint32_t crc32c);
/* And those of the content: Cache-Control, Content-Encoding …; with `xml` x-goog-meta-*. */
int object_headers_set_content(struct http_request *req, const struct object *o, bool xml);
