/* upload_publish.h: what has come becomes an object: one commit, then the answer. */
#pragma once

#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/condition.h"
#include "daemons/bucketd/object.h"

struct field_mask;

struct upload_publish {
        struct bucket_job job;
        struct object object; /* bucket, name, content type, attributes, and of its bytes: */
        struct condition condition;
        uint64_t size;
        uint32_t crc32c;
        const char *md5;       /* NULL: none */
        const void *data;      /* the bytes, or NULL: */
        uint64_t blob;         /* they are staged */
        const char *upload_id; /* of the resumable upload that ends so, or NULL */
        const struct field_mask *mask;
        bool in_headers; /* the answer is an XML one: empty, with headers */

        struct object result;
};

/* The request is answered when the object is durable. job.after may be set. What a route returns.
 */
int upload_publish(struct http_request *req, struct upload_publish *p);
