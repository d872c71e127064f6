/* xml_api: see xml_api.h. */
#include "daemons/bucketd/xml_api.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/object_read.h"
#include "daemons/bucketd/object_store.h"
#include "daemons/bucketd/upload.h"
#include "daemons/bucketd/xml_upload.h"
#include "lib/base/str.h"

/* --- putting --------------------------------------------------------------------------------- */

struct headers {
        struct upload *u;
        struct refused *no;
};

static int take_header(void *ctx, const char *name, const char *value) {
        static const struct {
                const char *header, *key;
        } rows[] = {
                {"Cache-Control", "cacheControl"},
                {"Content-Disposition", "contentDisposition"},
                {"Content-Encoding", "contentEncoding"},
                {"Content-Language", "contentLanguage"},
                {"x-goog-storage-class", "storageClass"},
                {"x-goog-custom-time", "customTime"},
        };
        struct headers *h = ctx;
        struct object *o = &h->u->publish.object;
        struct arena *a = h->u->req->arena;

        if (strncasecmp(name, "x-goog-meta-", 12) == 0) {
                char *key = arena_strdup(a, name + 12);

                if (!key)
                        return -ENOMEM;
                str_lower(key);
                return object_set(a, o, key, value, true, h->no);
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_eq_fold(name, rows[i].header))
                        return object_set(a, o, rows[i].key, value, false, h->no);
        return 0;
}

int xml_api_take_headers(struct upload *u, struct refused *no) {
        int r;

        u->publish.object.name = http_request_param(u->req, "object");
        r = object_check_name(u->publish.object.name, no);
        if (r == 0)
                r = http_request_header_each(u->req, take_header, &(struct headers){u, no});
        return r;
}

static int put_begin(struct http_request *req) {
        struct refused no;
        struct upload *u = NULL;
        int r = upload_init(req, UPLOAD_MEDIA, &u, &no);

        if (r == 0)
                r = xml_api_take_headers(u, &no);
        if (r == 0) {
                u->publish.in_headers = true;
                u->media_type = http_request_header(req, "Content-Type");
                r = upload_sink_init(&u->sink, bucket_call_daemon(req), u->wanted.md5);
        }
        if (r == REFUSED) {
                r = gcs_error_reply(req, &no);
                return r < 0 ? r : HTTP_LATER;
        }
        if (r < 0)
                return r;
        u->has_data = true;
        bucket_call_of(req)->data = u;
        return 0;
}

static int put_chunk(struct http_request *req, const void *data, size_t size) {
        struct upload *u = bucket_call_of(req)->data;
        int r = bucket_call_gate(req, size);

        return r != 0 ? r : upload_sink_write(&u->sink, data, size);
}

static void put_abort(struct http_request *req) {
        struct upload *u = bucket_call_of(req)->data;

        bucket_call_gate_done(req);
        if (u)
                upload_drop(u);
}

const struct http_body_ops xml_api_put_body = {put_begin, put_chunk, put_abort};

int xml_api_put(struct http_request *req) {
        struct upload *u = bucket_call_of(req)->data;

        return http_request_query(req, "uploadId") ? xml_upload_put_part(u) : upload_finish(u);
}

int xml_api_get(struct http_request *req) {
        return http_request_query(req, "uploadId") ? xml_upload_list(req) : object_read_xml(req);
}

/* --- deleting -------------------------------------------------------------------------------- */

struct delete {
        struct bucket_job job;
        struct condition condition;
};

static int delete_run(struct bucket_job *j, struct db *db) {
        struct delete *x = container_of(j, struct delete, job);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        int r = buckets_sql_need(db, j->arena, http_request_param(j->req, "bucket"), &bucket,
                                 &j->no);

        return r != 0 ? r
                      : object_store_delete(&s, http_request_param(j->req, "object"),
                                            &x->condition);
}

static int delete_reply(struct bucket_job *j) {
        return bucket_call_reply_empty(j->req, 204);
}

int xml_api_delete(struct http_request *req) {
        struct delete *x = arena_new(req->arena, struct delete);
        struct refused no;
        int r;

        if (!x)
                return -ENOMEM;
        if (http_request_query(req, "uploadId"))
                return xml_upload_abort(req);
        r = condition_read(req, CONDITION_OF_TARGET, &x->condition, &no);
        if (r == REFUSED)
                return gcs_error_reply(req, &no);
        if (r < 0)
                return r;
        x->job.req = req;
        x->job.run = delete_run;
        x->job.reply = delete_reply;
        return bucket_job_write(&x->job);
}
