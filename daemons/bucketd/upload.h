/* upload.h: an upload request from its header to its answer. */
#pragma once

#include <stdatomic.h>

#include "daemons/bucketd/content_range.h"
#include "daemons/bucketd/multipart.h"
#include "daemons/bucketd/upload_publish.h"
#include "daemons/bucketd/upload_sink.h"

struct http_request;
struct upload_session;

enum { UPLOAD_RESOURCE_MAX = 256 * 1024 /* bytes of an object resource */ };

struct upload {
        struct http_request *req;
        enum upload_mode {
                UPLOAD_MEDIA,     /* the body is the object */
                UPLOAD_MULTIPART, /* a resource, then the object */
                UPLOAD_START,     /* a resource: a resumable upload begins */
                UPLOAD_CHUNK,     /* a piece of one */
        } mode;
        struct upload_publish publish; /* the object as far as it is known */
        struct digest_wanted wanted;
        struct upload_sink sink;
        struct multipart multipart;
        struct buf resource;
        const char *media_type; /* of the part that is the object */
        bool has_data;

        struct upload_session *session;
        atomic_bool lost; /* the session: another request has it now */
        struct content_range range;
        uint64_t from_size; /* of the session, before this request */
        uint64_t n_skip;    /* bytes of the body that are there already */
        uint64_t n_came;
        struct refused no;
};

/* The JSON API's /upload/ route: http_body_ops and handler. */
extern const struct http_body_ops upload_body;
int upload_end(struct http_request *req);

/* For the parts of it. Sets up u for an object of bucket and name with its conditions. */
int upload_init(struct http_request *req, enum upload_mode mode, struct upload **ret,
                struct refused *no);
/* The resource has come: 0, REFUSED, -errno. */
int upload_take_resource(struct upload *u, struct refused *no);
/* It will not become an object: what came is dropped. */
void upload_drop(struct upload *u);
/* All is in u->sink: it becomes the object. What a route returns. */
int upload_finish(struct upload *u);
