/* object_read: see object_read.h.
 *
 * One segment in a file goes out by sendfile; what is small is put together in memory; the rest is
 * read piece by piece while it goes out, on the loop's thread. Nothing of it is discarded before
 * the answer is over. */
#include "daemons/bucketd/object_read.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/object_headers.h"
#include "daemons/bucketd/object_store.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/db/db_readers.h"
#include "lib/net/http_range.h"

#define MEMORY_MAX ((uint64_t) 256 * 1024) /* bytes put together before they go out */

struct object_read {
        struct bucket_job job;
        const char *name;
        struct condition condition;
        bool is_xml;
        struct object object;
        struct segments wanted; /* the range of it */
        int status;
        uint64_t first, size;
        int fd; /* of the only segment, when it is in a file; else -1 */
        uint64_t fd_offset;
};

/* --- which bytes ----------------------------------------------------------------------------- */

static int choose_range(struct object_read *x) {
        struct http_request *req = x->job.req;
        const char *header = http_request_header(req, "Range"), *text;
        uint64_t total = x->object.size, first = 0, last = 0;
        enum http_range_result result = HTTP_RANGE_WHOLE;

        if (header)
                result = http_range_parse(header, total, &first, &last);
        x->status = 200;
        x->first = 0;
        x->size = total;
        if (result == HTTP_RANGE_WHOLE)
                return 0;
        if (result == HTTP_RANGE_UNSATISFIABLE) {
                text = arena_printf(req->arena, "bytes */%" PRIu64, total);
                if (!text || http_request_set_header(req, "Content-Range", text) < 0)
                        return -ENOMEM;
                return gcs_error_set(&x->job.no, GCS_ERROR_RANGE,
                                     "The requested range cannot be satisfied.");
        }
        x->status = 206;
        x->first = first;
        x->size = last - first + 1;
        text = arena_printf(req->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last,
                            total);
        return text ? http_request_set_header(req, "Content-Range", text) : -ENOMEM;
}

/* Reads [0, size) of `segments` to `to`. */
static int read_all(struct bucketd *d, struct db *db, const struct segments *segments, char *to) {
        for (size_t i = 0; i < segments->n; i++) {
                const struct segment *s = &segments->all[i];
                int r = blobs_sql_is_in_file(db, s->blob);

                if (r == 0) {
                        r = blobs_sql_read(db, s->blob, s->offset, s->size, to);
                } else if (r > 0) {
                        _cleanup_close_ int fd = blob_open(d->blobs, s->blob);

                        if (fd < 0)
                                return fd;
                        if (pread(fd, to, s->size, (off_t) s->offset) != (ssize_t) s->size)
                                return -EUCLEAN;
                }
                if (r < 0)
                        return r;
                to += s->size;
        }
        return 0;
}

/* What can be had in this snapshot is: a file to send, or few bytes. */
static int fetch(struct object_read *x, struct db *db) {
        const struct segment *only = x->wanted.all;
        int r;

        if (x->job.req->method == HTTP_HEAD || x->size == 0)
                return 0;
        if (x->wanted.n == 1) {
                r = blobs_sql_is_in_file(db, only->blob);
                if (r > 0)
                        r = blob_open(x->job.d->blobs, only->blob);
                else if (r == 0)
                        r = -1;
                if (r < -1)
                        return r;
                x->fd = r;
                x->fd_offset = only->offset;
        }
        if (x->fd >= 0 || (x->size > MEMORY_MAX && x->wanted.n > 1))
                return 0;
        r = buf_reserve(&x->job.out, x->size);
        if (r >= 0)
                r = read_all(x->job.d, db, &x->wanted, x->job.out.data);
        if (r >= 0) {
                x->job.out.len = x->size;
                x->job.out.data[x->size] = 0;
        }
        return r;
}

static int run(struct bucket_job *j, struct db *db) {
        struct object_read *x = container_of(j, struct object_read, job);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        int r = buckets_sql_need(db, j->arena, http_request_param(j->req, "bucket"), &bucket,
                                 &j->no);

        if (r == 0)
                r = object_store_need(&s, x->name, &x->condition, true, &x->object);
        if (r == 0)
                r = choose_range(x);
        if (r == 0)
                r = segment_slice(j->arena, &x->object.segments, x->first, x->size, &x->wanted);
        return r != 0 ? r : fetch(x, db);
}

/* --- streaming ------------------------------------------------------------------------------- */

struct stream {
        struct bucketd *d;
        struct blob_reading reading;
        struct segments segments;
        size_t i;      /* the segment being sent */
        uint64_t done; /* bytes of it */
        int fd;        /* of it, or -1 */
        bool is_open;
};

static int open_segment(struct stream *s) {
        struct db *db;
        int r = db_readers_get(s->d->readers, &db);

        if (r < 0)
                return r;
        r = blobs_sql_is_in_file(db, s->segments.all[s->i].blob);
        if (r > 0) {
                s->fd = blob_open(s->d->blobs, s->segments.all[s->i].blob);
                r = s->fd < 0 ? s->fd : 0;
        }
        s->is_open = r == 0;
        return r;
}

static ssize_t pull(void *ctx, char *data, size_t size) {
        struct stream *s = ctx;
        const struct segment *at = &s->segments.all[s->i];
        struct db *db;
        ssize_t n;
        int r;

        if (s->i == s->segments.n)
                return HTTP_STREAM_END;
        if (!s->is_open && (r = open_segment(s)) < 0)
                return r;
        n = (ssize_t) MIN((uint64_t) size, at->size - s->done);
        if (s->fd >= 0) {
                n = pread(s->fd, data, (size_t) n, (off_t) (at->offset + s->done));
                if (n <= 0)
                        return n < 0 ? -errno : -EUCLEAN;
        } else {
                r = db_readers_get(s->d->readers, &db);
                if (r >= 0)
                        r = blobs_sql_read(db, at->blob, at->offset + s->done, (size_t) n, data);
                if (r < 0)
                        return r;
        }
        s->done += (uint64_t) n;
        if (s->done == at->size) {
                s->fd = fileio_close(s->fd);
                s->is_open = false;
                s->done = 0;
                s->i++;
        }
        return n;
}

static void gone(void *ctx) {
        struct stream *s = ctx;

        fileio_close(s->fd);
        blob_reading_end(&s->reading);
        mem_free(s->segments.all);
        mem_free(s);
}

static int reply_stream(struct object_read *x, const char *type) {
        struct stream *s = mem_new(struct stream);
        struct http_request_stream o = {
                .pull = pull, .gone = gone, .ctx = s, .size = (int64_t) x->size, .no_gzip = true};

        if (!s)
                return -ENOMEM;
        s->segments.all = mem_memdup(x->wanted.all, x->wanted.n * sizeof(*x->wanted.all));
        if (!s->segments.all) {
                mem_free(s);
                return -ENOMEM;
        }
        s->segments.n = x->wanted.n;
        s->d = x->job.d;
        s->fd = -1;
        blob_reading_begin(s->d->blobs, &s->reading);
        return bucket_call_reply_stream(x->job.req, x->status, type, &o);
}

/* --- the answer ------------------------------------------------------------------------------ */

static int set_headers(struct object_read *x) {
        struct http_request *req = x->job.req;
        const struct json *tree = NULL, *encoding;
        int r = object_headers_set(req, &x->object);

        if (r >= 0)
                r = object_headers_set_content(req, &x->object, x->is_xml);
        if (r >= 0)
                r = http_request_set_header(req, "Accept-Ranges", "bytes");
        if (r >= 0)
                r = object_attributes(req->arena, &x->object, &tree);
        encoding = json_get(tree, "contentEncoding");
        if (r >= 0 && json_is(encoding, JSON_STRING) && *encoding->str)
                r = http_request_set_header(req, "Content-Encoding", encoding->str);
        return r;
}

static int reply(struct bucket_job *j) {
        struct object_read *x = container_of(j, struct object_read, job);
        const char *type =
                x->object.content_type ? x->object.content_type : "application/octet-stream";
        int r = set_headers(x), fd = x->fd;

        x->fd = -1;
        if (r < 0) {
                fileio_close(fd);
                return r;
        }
        if (j->req->method == HTTP_HEAD)
                return bucket_call_reply_head(j->req, type, x->object.size);
        if (fd >= 0)
                return bucket_call_reply_file(j->req, x->status, type, fd, x->fd_offset, x->size);
        if (x->job.out.len == x->size)
                return bucket_call_reply(j->req, x->status, type, &j->out);
        return reply_stream(x, type);
}

static int read_object(struct http_request *req, bool is_xml) {
        struct object_read *x = arena_new(req->arena, struct object_read);
        struct blob_reading reading;
        struct refused no;
        int r;

        if (!x)
                return -ENOMEM;
        x->fd = -1;
        x->is_xml = is_xml;
        x->name = http_request_param(req, "object");
        r = condition_read(req, CONDITION_OF_TARGET, &x->condition, &no);
        if (r == REFUSED)
                return gcs_error_reply(req, &no);
        if (r < 0)
                return r;
        x->job.req = req;
        x->job.run = run;
        x->job.reply = reply;
        blob_reading_begin(bucket_call_daemon(req)->blobs, &reading);
        r = bucket_job_read(&x->job);
        blob_reading_end(&reading);
        return r;
}

int object_read_xml(struct http_request *req) {
        return read_object(req, true);
}

int object_read_media(struct http_request *req) {
        return read_object(req, false);
}
