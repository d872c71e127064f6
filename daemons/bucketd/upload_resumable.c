/* upload_resumable: see upload_resumable.h. */
#include "daemons/bucketd/upload_resumable.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/upload_session.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_target.h"

#define RESUME_INCOMPLETE 308

/* --- the start ------------------------------------------------------------------------------- */

struct start {
        struct bucket_job job;
        struct upload_row row;
};

static int start_run(struct bucket_job *j, struct db *db) {
        struct start *s = container_of(j, struct start, job);
        struct bucket bucket;
        int r = buckets_sql_need(db, j->arena, s->row.object.bucket, &bucket, &j->no);

        return r != 0 ? r : uploads_sql_insert(db, j->arena, &s->row);
}

static int start_reply(struct bucket_job *j) {
        struct start *s = container_of(j, struct start, job);
        const struct object *o = &s->row.object;
        char *name = arena_alloc(j->arena, 3 * strlen(o->name) + 1);
        const char *base = bucket_call_base(j->req), *location;
        int r;

        if (!name || !base)
                return -ENOMEM;
        (void) http_target_encode(name, o->name, strlen(o->name), "");
        location = arena_printf(j->arena,
                                "%s/upload/storage/v1/b/%s/o?uploadType=resumable&name=%s"
                                "&upload_id=%s",
                                base, o->bucket, name, s->row.id);
        if (!location)
                return -ENOMEM;
        r = http_request_set_header(j->req, "Location", location);
        if (r >= 0)
                r = http_request_set_header(j->req, "X-GUploader-UploadID", s->row.id);
        return r < 0 ? r : bucket_call_reply_empty(j->req, 200);
}

static int fill_start(struct upload *u, struct start *s) {
        struct bucketd *d = bucket_call_daemon(u->req);
        const char *type = http_request_header(u->req, "X-Upload-Content-Type");
        const char *length = http_request_header(u->req, "X-Upload-Content-Length");
        char *id = arena_alloc(u->req->arena, UPLOAD_SESSION_ID_SIZE);
        int r = upload_take_resource(u, &u->no);

        if (r != 0)
                return r;
        r = id ? entropy_hex(d->entropy, (UPLOAD_SESSION_ID_SIZE - 1) / 2, id) : -ENOMEM;
        if (r < 0)
                return r;
        s->row = (struct upload_row){
                .id = id,
                .kind = UPLOAD_RESUMABLE,
                .object = u->publish.object,
                .condition = u->publish.condition,
                .wanted = u->wanted,
                .blob = blob_new_id(d->blobs),
                .total = UINT64_MAX,
                .created_at = clock_now(d->clock),
        };
        if (!s->row.object.content_type)
                s->row.object.content_type = type;
        if (length && str_to_u64(length, &s->row.total) < 0)
                return gcs_error_set(&u->no, GCS_ERROR_INVALID,
                                     "Invalid value for X-Upload-Content-Length: %s", length);
        return 0;
}

int upload_resumable_start(struct upload *u) {
        struct start *s = arena_new(u->req->arena, struct start);
        int r = s ? fill_start(u, s) : -ENOMEM;

        buf_done(&u->resource);
        if (r == REFUSED)
                return gcs_error_reply(u->req, &u->no);
        if (r < 0)
                return r;
        s->job = (struct bucket_job){.req = u->req, .run = start_run, .reply = start_reply};
        return bucket_job_write(&s->job);
}

/* --- answers --------------------------------------------------------------------------------- */

/* Go's client asks for a 200 in its place, since a 308 is a redirect to others. */
static int reply_incomplete(struct http_request *req, uint64_t size) {
        bool no_308 = str_eq(http_request_header(req, "X-GUploader-No-308"), "yes");
        int r = 0;

        if (size > 0) {
                const char *range = arena_printf(req->arena, "bytes=0-%" PRIu64, size - 1);

                r = range ? http_request_set_header(req, "Range", range) : -ENOMEM;
        }
        if (r >= 0 && no_308)
                r = http_request_set_header(req, "X-Http-Status-Code-Override", "308");
        return r < 0 ? r : bucket_call_reply_empty(req, no_308 ? 200 : RESUME_INCOMPLETE);
}

/* It is an object already, or was cancelled. */
static int reply_over(struct http_request *req, const struct upload_session *s) {
        struct buf body = {};

        if (str_empty(s->row.result))
                return bucket_call_reply_empty(req, 499);
        buf_add_str(&body, s->row.result);
        return bucket_call_reply_json(req, &body);
}

static void give(struct upload *u) {
        struct upload_session *s = u->session;

        u->session = NULL;
        upload_session_give(bucket_call_daemon(u->req), s);
}

/* --- a piece --------------------------------------------------------------------------------- */

/* Another connection goes on with this upload: nothing more of the old one counts. */
static int lost(struct upload *u) {
        return gcs_error_set(&u->no, GCS_ERROR_UNAVAILABLE,
                             "This upload goes on in another request. Ask how far it is.");
}

static void lose(struct http_request *req) {
        struct upload *u = bucket_call_of(req)->data;

        atomic_store(&u->lost, true);
}

static int read_range(struct upload *u, const struct upload_session *s, struct refused *no) {
        const char *text = http_request_header(u->req, "Content-Range");
        uint64_t length = http_request_content_length(u->req);

        if (!text) { /* all of it at once */
                u->range = (struct content_range){.has_bytes = true, .last = UINT64_MAX};
                u->range.has_total = length != UINT64_MAX;
                u->range.total = length;
                return 0;
        }
        if (content_range_parse(text, &u->range) < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Failed to parse Content-Range header.");
        if (u->range.has_total && s->row.total != UINT64_MAX && u->range.total != s->row.total)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "The total of Content-Range, %" PRIu64 ", is not the %" PRIu64
                                     " of X-Upload-Content-Length.",
                                     u->range.total, s->row.total);
        if (u->range.has_bytes && u->range.first > s->size)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid request.  According to the Content-Range header, "
                                     "the upload offset is %" PRIu64
                                     " byte(s), which exceeds already uploaded size of %" PRIu64
                                     " byte(s).",
                                     u->range.first, s->size);
        return 0;
}

static int prepare(struct upload *u, struct upload_session *s, struct refused *no) {
        struct bucketd *d = bucket_call_daemon(u->req);
        int r = read_range(u, s, no);

        if (r != 0 || !u->range.has_bytes)
                return r;
        r = upload_session_open(d, s);
        if (r >= 0 && !http_request_header(u->req, "Content-Range"))
                r = upload_session_cut(s, 0);
        if (r >= 0 && s->size == 0)
                r = upload_session_open(d, s); /* a new digest */
        u->from_size = s->size;
        u->n_skip = s->size - u->range.first;
        return r;
}

int upload_resumable_begin(struct upload *u, const char *id, struct refused *no) {
        struct http_request *loser = NULL;
        int r = upload_session_take(bucket_call_daemon(u->req), id, &u->session, &loser, no);

        if (loser)
                lose(loser);
        if (r != 0)
                return r;
        if (u->session->is_over) {
                r = reply_over(u->req, u->session);
                give(u);
                return r < 0 ? r : HTTP_LATER + 1;
        }
        r = prepare(u, u->session, no);
        if (r != 0) {
                give(u);
                return r;
        }
        u->session->receiver = u->req;
        return 0;
}

int upload_resumable_chunk(struct upload *u, const void *data, size_t size) {
        size_t skip = (size_t) MIN((uint64_t) size, u->n_skip);
        struct upload_session *s = u->session;

        if (atomic_load(&u->lost))
                return lost(u);
        u->n_came += size;
        u->n_skip -= skip;
        if (!u->range.has_bytes || u->n_came - 1 > u->range.last - u->range.first)
                return gcs_error_set(&u->no, GCS_ERROR_INVALID,
                                     "Invalid request.  There were more bytes in the request body "
                                     "than the Content-Range header says.");
        return upload_session_write(s, (const char *) data + skip, size - skip);
}

/* Whole chunks of what came are kept, and never less than before. */
static int round_down(struct upload *u) {
        struct upload_session *s = u->session;
        uint64_t size = s->size - s->size % UPLOAD_SESSION_CHUNK;

        return s->put ? upload_session_cut(s, MAX(size, u->from_size)) : 0;
}

void upload_resumable_abort(struct upload *u) {
        (void) round_down(u);
        give(u);
}

/* --- the end of a piece ---------------------------------------------------------------------- */

static void completed(struct bucket_job *j, int r) {
        struct upload *u = container_of(j, struct upload, publish.job);
        struct upload_session *s = u->session;

        if (r == 0 && u->publish.size > 0)
                blob_publish(j->d->blobs, s->row.blob);
        else if (r == 0)
                blob_drop(j->d->blobs, s->row.blob);
        s->is_over = r == 0;
        give(u);
}

static int complete(struct upload *u) {
        struct upload_session *s = u->session;
        struct upload_publish *p = &u->publish;
        struct bucketd *d = bucket_call_daemon(u->req);
        char *md5 = arena_zalloc(u->req->arena, DIGEST_MD5_TEXT);
        int r = md5 ? upload_session_finish(d, s, md5) : -ENOMEM;

        if (r == 0)
                r = digest_check(&s->row.wanted, s->digest.crc32c, md5, &u->no);
        if (r == 0)
                r = digest_check(&u->wanted, s->digest.crc32c, md5, &u->no);
        if (r != 0) {
                give(u);
                return r == REFUSED ? gcs_error_reply(u->req, &u->no)
                                    : gcs_error_reply_errno(u->req, r);
        }
        p->object = s->row.object;
        p->condition = s->row.condition;
        p->size = s->size;
        p->crc32c = s->digest.crc32c;
        p->md5 = *md5 ? md5 : NULL;
        p->blob = s->row.blob;
        p->upload_id = s->id;
        p->job.after = completed;
        return upload_publish(u->req, p);
}

/* What is kept is durable before it is said. */
static int go_on(struct upload *u) {
        struct upload_session *s = u->session;
        struct http_request *req = u->req;
        uint64_t size;
        int r = round_down(u);

        if (r >= 0 && s->put && s->size > u->from_size)
                r = blob_put_sync(s->put);
        size = s->size;
        give(u);
        return r < 0 ? gcs_error_reply_errno(req, r) : reply_incomplete(req, size);
}

int upload_resumable_end(struct upload *u) {
        struct upload_session *s = u->session;
        const struct content_range *range = &u->range;

        if (!upload_session_received(bucket_call_daemon(u->req), s, u->req)) {
                lost(u);
                return gcs_error_reply(u->req, &u->no);
        }
        if (range->has_bytes && range->last != UINT64_MAX &&
            u->n_came != range->last - range->first + 1) {
                gcs_error_set(&u->no, GCS_ERROR_INVALID,
                              "Invalid request.  There were %" PRIu64
                              " byte(s) in the request body.  There should have been %" PRIu64
                              " byte(s) (starting at offset %" PRIu64
                              " and ending at offset %" PRIu64
                              ") according to the Content-Range header.",
                              u->n_came, range->last - range->first + 1, range->first, range->last);
                upload_resumable_abort(u);
                return gcs_error_reply(u->req, &u->no);
        }
        if (!http_request_header(u->req, "Content-Range") ||
            (range->has_total && s->size == range->total))
                return complete(u);
        return go_on(u);
}

/* --- cancelling ------------------------------------------------------------------------------ */

struct cancel {
        struct bucket_job job;
        struct upload_session *session;
};

static int cancel_run(struct bucket_job *j, struct db *db) {
        struct cancel *c = container_of(j, struct cancel, job);

        return uploads_sql_set_result(db, c->session->id, "");
}

static void cancelled(struct bucket_job *j, int r) {
        struct cancel *c = container_of(j, struct cancel, job);

        if (r == 0)
                blob_drop(j->d->blobs, c->session->row.blob);
        c->session->is_over = r == 0;
        upload_session_give(j->d, c->session);
}

static int cancel_reply(struct bucket_job *j) {
        return bucket_call_reply_empty(j->req, 499);
}

int upload_resumable_cancel(struct http_request *req) {
        struct bucketd *d = bucket_call_daemon(req);
        const char *id = http_request_query(req, "upload_id");
        struct cancel *c = arena_new(req->arena, struct cancel);
        struct http_request *loser = NULL;
        struct refused no;
        int r;

        if (!c)
                return -ENOMEM;
        r = upload_session_take(d, id ? id : "", &c->session, &loser, &no);
        if (loser)
                lose(loser);
        if (r == REFUSED)
                return gcs_error_reply(req, &no);
        if (r < 0)
                return r;
        if (c->session->is_over) {
                upload_session_give(d, c->session);
                return bucket_call_reply_empty(req, 499);
        }
        c->job = (struct bucket_job){
                .req = req, .run = cancel_run, .reply = cancel_reply, .after = cancelled};
        return bucket_job_write(&c->job);
}
