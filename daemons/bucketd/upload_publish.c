#include "daemons/bucketd/upload_publish.h"

#include <errno.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/object_headers.h"
#include "daemons/bucketd/object_store.h"
#include "daemons/bucketd/uploads_sql.h"
#include "lib/base/mem.h"

/* The resource whole, for those who ask again what became of their upload. */
static int keep_result(struct upload_publish *p, struct db *db) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;
        const char *base = bucket_call_base(p->job.req);
        int r;

        if (!base)
                return -ENOMEM;
        json_write_init(&w, &text, 0);
        r = object_write_json(p->job.arena, &p->result, base, &field_mask_all, &w);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : uploads_sql_set_result(db, p->upload_id, text.data);
}

static int insert_blob(struct upload_publish *p, struct db *db, struct object *o) {
        uint64_t id = p->data ? blob_new_id(p->job.d->blobs) : p->blob;

        if (p->size == 0)
                return 0;
        o->segments.all = arena_new(p->job.arena, struct segment);
        if (!o->segments.all)
                return -ENOMEM;
        o->segments.all[0] = (struct segment){id, 0, p->size};
        o->segments.n = 1;
        return blobs_sql_insert(db, id, 1, p->size, p->data);
}

static int run(struct bucket_job *j, struct db *db) {
        struct upload_publish *p = container_of(j, struct upload_publish, job);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        struct object o = p->object;
        const char *base = bucket_call_base(j->req);
        int r = base ? buckets_sql_need(db, j->arena, o.bucket, &bucket, &j->no) : -ENOMEM;

        if (r != 0)
                return r;
        o.size = p->size;
        o.crc32c = p->crc32c;
        o.md5 = p->md5;
        r = insert_blob(p, db, &o);
        if (r == 0)
                r = object_store_put(&s, &o, &p->condition);
        if (r != 0)
                return r;
        p->result = o;
        if (p->upload_id)
                r = keep_result(p, db);
        if (r == 0 && !p->in_headers)
                r = object_write_json(j->arena, &o, base, p->mask, &j->json);
        return r;
}

static int reply_headers(struct bucket_job *j) {
        struct upload_publish *p = container_of(j, struct upload_publish, job);
        int r = object_headers_set(j->req, &p->result);

        buf_done(&j->out);
        return r < 0 ? r : bucket_call_reply_empty(j->req, 200);
}

int upload_publish(struct http_request *req, struct upload_publish *p) {
        p->job.req = req;
        p->job.run = run;
        p->job.reply = p->in_headers ? reply_headers : NULL;
        if (!p->mask)
                p->mask = &field_mask_all;
        return bucket_job_write(&p->job);
}
