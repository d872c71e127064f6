/* upload: see upload.h. Runs on the loop's thread but for upload_end(), which may wait for the
 * disk.
 */
#include "daemons/bucketd/upload.h"

#include <errno.h>
#include <string.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/policies_api.h"
#include "daemons/bucketd/upload_resumable.h"
#include "lib/base/str.h"

static struct upload *upload_of(struct http_request *req) {
        return bucket_call_of(req)->data;
}

/* --- what the header says -------------------------------------------------------------------- */

int upload_init(struct http_request *req, enum upload_mode mode, struct upload **ret,
                struct refused *no) {
        struct upload *u = arena_new(req->arena, struct upload);
        int r;

        if (!u)
                return -ENOMEM;
        u->req = req;
        u->mode = mode;
        buf_init(&u->resource, UPLOAD_RESOURCE_MAX);
        u->publish.object.bucket = http_request_param(req, "bucket");
        r = condition_read(req, CONDITION_OF_TARGET, &u->publish.condition, no);
        if (r == 0)
                r = digest_want_headers(&u->wanted, req);
        if (r == 0 &&
            field_mask_parse(req->arena, http_request_query(req, "fields"), &u->publish.mask) < 0)
                r = gcs_error_set(no, GCS_ERROR_INVALID, "Invalid field selection");
        /* Before a byte of content; what the resource says comes later. */
        if (r == 0)
                r = policies_api_check_acl(req, NULL, no);
        if (r == 0)
                *ret = u;
        return r;
}

static int on_part(void *ctx, unsigned index, char *headers) {
        struct upload *u = ctx;
        struct refused no;
        int r = 0;

        if (index != 1)
                return index > 1 ? -EINVAL : 0;
        u->media_type = arena_strdup(u->req->arena, multipart_header(headers, "Content-Type"));
        r = upload_take_resource(u, &no);
        if (r == REFUSED) {
                u->no = no;
                return REFUSED;
        }
        u->has_data = true;
        return r < 0 ? r : upload_sink_init(&u->sink, bucket_call_daemon(u->req), u->wanted.md5);
}

static int on_data(void *ctx, unsigned index, const void *data, size_t size) {
        struct upload *u = ctx;

        return index == 0 ? buf_add(&u->resource, data, size)
                          : upload_sink_write(&u->sink, data, size);
}

static const struct multipart_ops multipart_ops = {on_part, on_data};

static int begin_mode(struct upload *u, struct refused *no) {
        struct http_request *req = u->req;

        if (u->mode == UPLOAD_MEDIA) {
                const char *type = http_request_header(req, "Content-Type");
                int r = upload_take_resource(u, no);

                u->media_type = type;
                u->has_data = true;
                return r != 0 ? r
                              : upload_sink_init(&u->sink, bucket_call_daemon(req), u->wanted.md5);
        }
        if (u->mode == UPLOAD_MULTIPART &&
            multipart_init(&u->multipart, http_request_header(req, "Content-Type"), &multipart_ops,
                           u) < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Missing or invalid boundary in the Content-Type header.");
        return 0;
}

static int begin(struct http_request *req) {
        const char *type = http_request_query(req, "uploadType");
        const char *id = http_request_query(req, "upload_id");
        enum upload_mode mode = UPLOAD_MEDIA;
        struct upload *u = NULL;
        struct refused no;
        int r;

        if (id)
                mode = UPLOAD_CHUNK;
        else if (str_eq(type, "resumable"))
                mode = UPLOAD_START;
        else if (str_eq(type, "multipart"))
                mode = UPLOAD_MULTIPART;
        r = upload_init(req, mode, &u, &no);
        if (r == 0)
                r = id ? upload_resumable_begin(u, id, &no) : begin_mode(u, &no);
        if (r == 0)
                bucket_call_of(req)->data = u;
        if (r <= 0)
                return r;
        if (r == REFUSED)
                r = gcs_error_reply(req, &no);
        return r < 0 ? r : HTTP_LATER;
}

/* --- the body -------------------------------------------------------------------------------- */

/* What does not fit the protocol is answered when all has come, so that the client reads it. */
static int refuse(struct upload *u, int r) {
        if (r == -EINVAL)
                r = gcs_error_set(&u->no, GCS_ERROR_INVALID, "Malformed multipart body.");
        else if (r == -E2BIG)
                r = gcs_error_set(&u->no, GCS_ERROR_INVALID, "Metadata part is too large.");
        return r == REFUSED ? 0 : r;
}

static int chunk(struct http_request *req, const void *data, size_t size) {
        struct upload *u = upload_of(req);
        int r;

        r = bucket_call_gate(req, size);
        if (r != 0 || u->no.error != GCS_OK)
                return r;
        switch (u->mode) {
        case UPLOAD_MEDIA:
                r = upload_sink_write(&u->sink, data, size);
                break;
        case UPLOAD_MULTIPART:
                r = multipart_feed(&u->multipart, data, size);
                break;
        case UPLOAD_START:
                r = buf_add(&u->resource, data, size);
                break;
        case UPLOAD_CHUNK:
                r = upload_resumable_chunk(u, data, size);
                break;
        }
        r = refuse(u, r);
        if (r == -ENOSPC || r == -EDQUOT) {
                gcs_error_set(&u->no, GCS_ERROR_NO_SPACE,
                              "The bucket server's disk is full: nothing was stored. Free some "
                              "space there and try again.");
                r = 0;
        }
        return r;
}

void upload_drop(struct upload *u) {
        if (u->has_data)
                upload_sink_drop(&u->sink);
        if (u->mode == UPLOAD_MULTIPART)
                multipart_done(&u->multipart);
        if (u->session && !atomic_load(&u->lost))
                upload_resumable_abort(u);
        buf_done(&u->resource);
}

static void abort_upload(struct http_request *req) {
        struct upload *u = upload_of(req);

        bucket_call_gate_done(req);
        if (u)
                upload_drop(u);
}

const struct http_body_ops upload_body = {begin, chunk, abort_upload};

/* --- the object ------------------------------------------------------------------------------ */

int upload_take_resource(struct upload *u, struct refused *no) {
        struct object *o = &u->publish.object;
        struct arena *a = u->req->arena;
        const char *encoding = http_request_query(u->req, "contentEncoding");
        struct json *resource = NULL;
        struct errmsg em = {};
        int r = 0;

        if (u->resource.len > 0)
                r = json_parse_copy(a, u->resource.data, u->resource.len, &resource, &em);
        if (r == -EINVAL || (r == 0 && resource && resource->type != JSON_OBJECT))
                return gcs_error_set(no, GCS_ERROR_INVALID, "Parse Error: %s", em.text);
        if (r == 0)
                r = policies_api_check_acl(u->req, resource, no);
        if (r != 0)
                return r;
        o->name = http_request_query(u->req, "name");
        if (str_empty(o->name))
                (void) json_str(json_get(resource, "name"), &o->name);
        r = object_check_name(o->name ? o->name : "", no);
        if (r == 0)
                r = object_patch(a, o, resource, true, no);
        if (r == 0 && encoding)
                r = object_set(a, o, "contentEncoding", encoding, false, no);
        digest_want_json(&u->wanted, resource);
        return r;
}

static void published(struct bucket_job *j, int r) {
        struct upload *u = container_of(j, struct upload, publish.job);

        if (r == 0 && u->sink.put)
                blob_publish(j->d->blobs, u->publish.blob);
        if (r == 0)
                upload_sink_done(&u->sink);
        else
                upload_sink_drop(&u->sink);
}

int upload_finish(struct upload *u) {
        struct upload_publish *p = &u->publish;
        int r = upload_sink_finish(&u->sink);

        if (r == 0)
                r = digest_check(&u->wanted, u->sink.digest.crc32c, u->sink.md5, &u->no);
        if (r != 0) {
                upload_drop(u);
                return r == REFUSED ? gcs_error_reply(u->req, &u->no)
                                    : gcs_error_reply_errno(u->req, r);
        }
        buf_done(&u->resource);
        if (!p->object.content_type)
                p->object.content_type = u->media_type;
        p->size = u->sink.digest.size;
        p->crc32c = u->sink.digest.crc32c;
        p->md5 = *u->sink.md5 ? u->sink.md5 : NULL;
        p->data = u->sink.put ? NULL : buf_cstr(&u->sink.small);
        p->blob = u->sink.put ? blob_put_id(u->sink.put) : 0;
        p->job.after = published;
        return upload_publish(u->req, p);
}

int upload_end(struct http_request *req) {
        struct upload *u = upload_of(req);

        if (u->no.error == GCS_OK && u->mode == UPLOAD_MULTIPART &&
            (!multipart_is_whole(&u->multipart) || !u->has_data))
                gcs_error_set(&u->no, GCS_ERROR_INVALID, "Malformed multipart body.");
        if (u->no.error != GCS_OK) {
                upload_drop(u);
                return gcs_error_reply(req, &u->no);
        }
        if (u->mode == UPLOAD_MULTIPART)
                multipart_done(&u->multipart);
        if (u->mode == UPLOAD_START)
                return upload_resumable_start(u);
        return u->mode == UPLOAD_CHUNK ? upload_resumable_end(u) : upload_finish(u);
}
