/* xml_upload: see xml_upload.h. A part is a blob or a row as an object's content is; completing
 * puts the parts' segments one behind the other. */
#include "daemons/bucketd/xml_upload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/object_headers.h"
#include "daemons/bucketd/object_store.h"
#include "daemons/bucketd/upload_expiry.h"
#include "daemons/bucketd/uploads_sql.h"
#include "daemons/bucketd/xml_api.h"
#include "lib/base/clock.h"
#include "lib/base/crc32c.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

#define ID_BYTES 32
#define HEAD "<?xml version='1.0' encoding='UTF-8'?>"
#define SPACE " xmlns='http://s3.amazonaws.com/doc/2006-03-01/'"

static void put_text(struct buf *out, const char *name, const char *text) {
        buf_printf(out, "<%s>", name);
        buf_add_markup(out, text);
        buf_printf(out, "</%s>", name);
}

static int reply_xml(struct bucket_job *j) {
        return bucket_call_reply(j->req, 200, "application/xml; charset=UTF-8", &j->out);
}

static int need_upload(struct bucket_job *j, struct db *db, struct upload_row *ret) {
        const char *id = http_request_query(j->req, "uploadId");
        int r = uploads_sql_get(db, j->arena, id, ret);

        if (r < 0)
                return r;
        if (r == 0 || ret->kind != UPLOAD_PARTS ||
            !str_eq(ret->object.bucket, http_request_param(j->req, "bucket")) ||
            !str_eq(ret->object.name, http_request_param(j->req, "object")))
                return gcs_error_set(&j->no, GCS_ERROR_NO_UPLOAD,
                                     "The requested upload was not found.");
        return 0;
}

/* --- beginning ------------------------------------------------------------------------------- */

struct begin {
        struct bucket_job job;
        struct upload_row row;
};

static int begin_run(struct bucket_job *j, struct db *db) {
        struct begin *b = container_of(j, struct begin, job);
        struct bucket bucket;
        int r = buckets_sql_need(db, j->arena, b->row.object.bucket, &bucket, &j->no);

        if (r == 0)
                r = uploads_sql_insert(db, j->arena, &b->row);
        if (r != 0)
                return r;
        buf_add_lit(&j->out, HEAD "<InitiateMultipartUploadResult" SPACE ">");
        put_text(&j->out, "Bucket", b->row.object.bucket);
        put_text(&j->out, "Key", b->row.object.name);
        put_text(&j->out, "UploadId", b->row.id);
        return buf_add_lit(&j->out, "</InitiateMultipartUploadResult>");
}

static int begin_upload(struct http_request *req) {
        struct bucketd *d = bucket_call_daemon(req);
        struct begin *b = arena_new(req->arena, struct begin);
        char *id = arena_alloc(req->arena, 2 * ID_BYTES + 1);
        struct upload *u = NULL;
        struct refused no;
        int r = b && id ? upload_init(req, UPLOAD_MEDIA, &u, &no) : -ENOMEM;

        if (r == 0)
                r = xml_api_take_headers(u, &no);
        if (r == 0)
                r = entropy_hex(d->entropy, ID_BYTES, id);
        if (r == REFUSED)
                return gcs_error_reply(req, &no);
        if (r < 0)
                return r;
        b->row = (struct upload_row){.id = id,
                                     .kind = UPLOAD_PARTS,
                                     .object = u->publish.object,
                                     .condition = u->publish.condition,
                                     .total = UINT64_MAX,
                                     .created_at = clock_now(d->clock)};
        b->row.object.content_type = http_request_header(req, "Content-Type");
        b->job = (struct bucket_job){.req = req, .run = begin_run, .reply = reply_xml};
        return bucket_job_write(&b->job);
}

/* --- a part ---------------------------------------------------------------------------------- */

struct part {
        struct bucket_job job;
        struct upload *u;
        struct upload_part row;
        const void *data; /* NULL: staged */
        uint64_t blob;
};

static int part_run(struct bucket_job *j, struct db *db) {
        struct part *p = container_of(j, struct part, job);
        struct upload_row upload;
        struct upload_part old;
        struct segment segment;
        uint64_t id;
        int r = need_upload(j, db, &upload);

        if (r != 0)
                return r;
        r = uploads_sql_get_part(db, j->arena, upload.id, p->row.number, &old);
        if (r > 0)
                r = blobs_sql_release(db, &old.segments, &j->gone);
        if (r < 0)
                return r;
        id = p->data ? blob_new_id(j->d->blobs) : p->blob;
        segment = (struct segment){id, 0, p->row.size};
        p->row.segments = (struct segments){&segment, p->row.size > 0};
        p->row.updated_at = bucket_job_stamp(j->d);
        if (p->row.size > 0)
                r = blobs_sql_insert(db, id, 1, p->row.size, p->data);
        return r < 0 ? r : uploads_sql_put_part(db, j->arena, upload.id, &p->row);
}

static int part_reply(struct bucket_job *j) {
        struct part *p = container_of(j, struct part, job);
        const char *etag = arena_printf(j->arena, "\"%s\"", p->row.etag);
        char crc[CRC32C_TEXT_SIZE];
        const char *hash = arena_printf(j->arena, "crc32c=%s", crc32c_print(p->row.crc32c, crc));
        int r = etag && hash ? http_request_set_header(j->req, "ETag", etag) : -ENOMEM;

        if (r >= 0)
                r = http_request_set_header(j->req, "x-goog-hash", hash);
        buf_done(&j->out);
        return r < 0 ? r : bucket_call_reply_empty(j->req, 200);
}

static void part_after(struct bucket_job *j, int r) {
        struct part *p = container_of(j, struct part, job);

        if (r == 0 && p->blob > 0)
                blob_publish(j->d->blobs, p->blob);
        if (r == 0)
                upload_sink_done(&p->u->sink);
        else
                upload_sink_drop(&p->u->sink);
}

int xml_upload_put_part(struct upload *u) {
        struct http_request *req = u->req;
        struct part *p = arena_new(req->arena, struct part);
        int64_t number = 0;
        int r = p ? upload_sink_finish(&u->sink) : -ENOMEM;

        if (r == 0)
                r = digest_check(&u->wanted, u->sink.digest.crc32c, u->sink.md5, &u->no);
        if (r == 0 && (http_request_query_i64(req, "partNumber", &number) < 0 || number < 1 ||
                       number > XML_UPLOAD_PARTS_MAX))
                r = gcs_error_set(&u->no, GCS_ERROR_INVALID,
                                  "Part number must be an integer between 1 and 10000.");
        if (r != 0) {
                upload_drop(u);
                return r == REFUSED ? gcs_error_reply(req, &u->no) : gcs_error_reply_errno(req, r);
        }
        p->u = u;
        p->data = u->sink.put ? NULL : buf_cstr(&u->sink.small);
        p->blob = u->sink.put ? blob_put_id(u->sink.put) : 0;
        p->row = (struct upload_part){
                .number = number, .size = u->sink.digest.size, .crc32c = u->sink.digest.crc32c};
        p->row.etag = object_headers_etag(req->arena, u->sink.md5, p->row.crc32c);
        p->job = (struct bucket_job){
                .req = req, .run = part_run, .reply = part_reply, .after = part_after};
        return bucket_job_write(&p->job);
}

/* --- the end --------------------------------------------------------------------------------- */

static const char *between(struct arena *a, const char **text, const char *tag) {
        char open[32], close[32];
        const char *from, *to;

        (void) snprintf(open, sizeof(open), "<%s>", tag);
        (void) snprintf(close, sizeof(close), "</%s>", tag);
        from = strstr(*text, open);
        to = from ? strstr(from, close) : NULL;
        if (!to)
                return NULL;
        from += strlen(open);
        *text = to + strlen(close);
        return arena_strndup(a, from, (size_t) (to - from));
}

int xml_upload_next_part(struct arena *a, const char **text, struct xml_upload_part *ret) {
        const char *part = between(a, text, "Part"), *p, *number, *etag;
        char *plain;

        if (!part)
                return 0;
        p = part;
        number = between(a, &p, "PartNumber");
        if (!number || str_to_i64(str_strip((char *) number), &ret->number) < 0)
                return -EINVAL;
        p = part;
        etag = between(a, &p, "ETag");
        plain = arena_strdup(a, etag ? etag : "");
        if (!plain)
                return -ENOMEM;
        ret->etag = plain;
        for (const char *s = plain; *s;) { /* quotes, also as entities */
                if (*s == '"')
                        s++;
                else if (str_starts(s, "&quot;"))
                        s += STRLEN("&quot;");
                else
                        *plain++ = *s++;
        }
        *plain = 0;
        return 1;
}

static int append(struct arena *a, struct object *o, struct upload_part *p) {
        struct segment *all = arena_zalloc_array(a, o->segments.n + 2, sizeof(*all));

        if (!all)
                return -ENOMEM;
        if (o->segments.n > 0)
                memcpy(all, o->segments.all, o->segments.n * sizeof(*all));
        if (p->segments.n > 0)
                all[o->segments.n] = p->segments.all[0];
        o->segments = (struct segments){all, o->segments.n + (p->segments.n > 0)};
        o->crc32c = crc32c_combine(o->crc32c, p->crc32c, p->size);
        o->size += p->size;
        return 0;
}

/* The parts between two numbers go: nobody named them. */
static int release_between(struct bucket_job *j, struct db *db, const char *id, int64_t after,
                           int64_t before) {
        struct upload_part part;
        int r;

        while ((r = uploads_sql_next_part(db, j->arena, id, after, &part)) > 0 &&
               part.number < before) {
                r = blobs_sql_release(db, &part.segments, &j->gone);
                if (r < 0)
                        return r;
                after = part.number;
        }
        return r < 0 ? r : 0;
}

static int take_part(struct bucket_job *j, struct db *db, const char *id, int64_t last,
                     const struct xml_upload_part *named, struct object *o) {
        struct upload_part part;
        int r = uploads_sql_get_part(db, j->arena, id, named->number, &part);

        if (r < 0)
                return r;
        if (r == 0 || named->number <= last || (*named->etag && !str_eq(named->etag, part.etag)))
                return gcs_error_set(&j->no, GCS_ERROR_INVALID,
                                     "Part %" PRId64 " is not there, or not in order, or has "
                                     "another ETag.",
                                     named->number);
        r = release_between(j, db, id, last, named->number);
        return r < 0 ? r : append(j->arena, o, &part);
}

/* The named parts, in order, become o's content. */
static int gather(struct bucket_job *j, struct db *db, const char *id, struct object *o) {
        const char *text = j->req->body;
        struct xml_upload_part named = {};
        int64_t last = 0;
        int more, r = 0;

        while (r == 0 && (more = xml_upload_next_part(j->arena, &text, &named)) > 0) {
                r = take_part(j, db, id, last, &named, o);
                last = named.number;
        }
        if (r != 0)
                return r;
        if (more == -EINVAL || (more == 0 && last == 0))
                return gcs_error_set(&j->no, GCS_ERROR_INVALID, "The list of parts is malformed.");
        return more < 0 ? more : release_between(j, db, id, last, INT64_MAX);
}

static int complete_run(struct bucket_job *j, struct db *db) {
        const char *base = bucket_call_base(j->req);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        struct upload_row upload;
        struct object o;
        int r = buckets_sql_need(db, j->arena, http_request_param(j->req, "bucket"), &bucket,
                                 &j->no);

        if (r == 0)
                r = base ? need_upload(j, db, &upload) : -ENOMEM;
        if (r != 0)
                return r;
        o = upload.object;
        r = gather(j, db, upload.id, &o);
        if (r == 0)
                r = object_store_put(&s, &o, &upload.condition);
        if (r == 0)
                r = uploads_sql_delete_parts(db, upload.id);
        if (r == 0)
                r = uploads_sql_delete(db, upload.id);
        if (r != 0)
                return r;
        buf_add_lit(&j->out, HEAD "<CompleteMultipartUploadResult" SPACE ">");
        put_text(&j->out, "Location", arena_printf(j->arena, "%s/%s/%s", base, o.bucket, o.name));
        put_text(&j->out, "Bucket", o.bucket);
        put_text(&j->out, "Key", o.name);
        put_text(&j->out, "ETag",
                 arena_printf(j->arena, "\"%s\"", object_headers_etag(j->arena, "", o.crc32c)));
        buf_add_lit(&j->out, "</CompleteMultipartUploadResult>");
        r = object_headers_set(j->req, &o);
        return r < 0 ? r : buf_error(&j->out);
}

int xml_upload_post(struct http_request *req) {
        struct bucket_job *j;

        if (http_request_query(req, "uploads"))
                return begin_upload(req);
        if (!http_request_query(req, "uploadId"))
                return http_request_reply_error(req, 400, "POST needs ?uploads or ?uploadId.");
        j = arena_new(req->arena, struct bucket_job);
        if (!j)
                return -ENOMEM;
        *j = (struct bucket_job){.req = req, .run = complete_run, .reply = reply_xml};
        return bucket_job_write(j);
}

/* --- looking, and giving up ------------------------------------------------------------------- */

static int list_run(struct bucket_job *j, struct db *db) {
        struct upload_row upload;
        struct upload_part part = {};
        int r = need_upload(j, db, &upload);

        if (r != 0)
                return r;
        buf_add_lit(&j->out, HEAD "<ListPartsResult" SPACE ">");
        put_text(&j->out, "Bucket", upload.object.bucket);
        put_text(&j->out, "Key", upload.object.name);
        put_text(&j->out, "UploadId", upload.id);
        buf_add_lit(&j->out, "<IsTruncated>false</IsTruncated>");
        while ((r = uploads_sql_next_part(db, j->arena, upload.id, part.number, &part)) > 0)
                buf_printf(&j->out,
                           "<Part><PartNumber>%" PRId64 "</PartNumber><ETag>\"%s\"</ETag>"
                           "<Size>%" PRIu64 "</Size></Part>",
                           part.number, part.etag, part.size);
        buf_add_lit(&j->out, "</ListPartsResult>");
        return r;
}

int xml_upload_list(struct http_request *req) {
        struct bucket_job *j = arena_new(req->arena, struct bucket_job);

        if (!j)
                return -ENOMEM;
        *j = (struct bucket_job){.req = req, .run = list_run, .reply = reply_xml};
        return bucket_job_read(j);
}

static int abort_run(struct bucket_job *j, struct db *db) {
        struct upload_row upload;
        int r = need_upload(j, db, &upload);

        return r != 0 ? r : upload_expiry_forget(db, j->arena, upload.id, &j->gone);
}

static int abort_reply(struct bucket_job *j) {
        return bucket_call_reply_empty(j->req, 204);
}

int xml_upload_abort(struct http_request *req) {
        struct bucket_job *j = arena_new(req->arena, struct bucket_job);

        if (!j)
                return -ENOMEM;
        *j = (struct bucket_job){.req = req, .run = abort_run, .reply = abort_reply};
        return bucket_job_write(j);
}
