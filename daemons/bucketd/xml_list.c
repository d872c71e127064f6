#include "daemons/bucketd/xml_list.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/object_headers.h"
#include "daemons/bucketd/object_list.h"
#include "daemons/bucketd/page_name.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define KEYS_MAX 1000

struct xml_list {
        struct bucket_job job;
        struct object_list list;
        bool is_second; /* list-type=2 */
        struct buf folded;
        size_t n;
};

static void put_text(struct buf *out, const char *name, const char *text) {
        buf_printf(out, "<%s>", name);
        buf_add_markup(out, text);
        buf_printf(out, "</%s>", name);
}

static int on_object(void *ctx, const struct object *o) {
        struct xml_list *l = ctx;
        struct buf *out = &l->job.out;
        struct arena *a = l->job.arena;
        const char *etag = object_headers_etag(a, o->md5, o->crc32c);
        char at[TIMESTAMP_SIZE];

        if (!etag)
                return -ENOMEM;
        l->n++;
        buf_add_lit(out, "<Contents>");
        put_text(out, "Key", o->name);
        buf_printf(out,
                   "<Generation>%" PRId64 "</Generation><MetaGeneration>%" PRId64
                   "</MetaGeneration><LastModified>%s</LastModified><ETag>\"%s\"</ETag>"
                   "<Size>%" PRIu64 "</Size></Contents>",
                   o->generation, o->metageneration,
                   timestamp_print(o->created_at, TIMESTAMP_MSEC, at), etag, o->size);
        return buf_error(out);
}

static int on_folded(void *ctx, const char *prefix) {
        struct xml_list *l = ctx;

        l->n++;
        buf_add_lit(&l->folded, "<CommonPrefixes>");
        put_text(&l->folded, "Prefix", prefix);
        return buf_add_lit(&l->folded, "</CommonPrefixes>");
}

static int run(struct bucket_job *j, struct db *db) {
        struct xml_list *l = container_of(j, struct xml_list, job);
        struct buf *out = &j->out;
        const char *next = NULL;
        struct bucket bucket;
        int r = buckets_sql_need(db, j->arena, http_request_param(j->req, "bucket"), &bucket,
                                 &j->no);

        if (r != 0)
                return r;
        buf_add_lit(out, "<?xml version='1.0' encoding='UTF-8'?>"
                         "<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>");
        put_text(out, "Name", bucket.name);
        put_text(out, "Prefix", l->list.prefix);
        if (*l->list.delimiter)
                put_text(out, "Delimiter", l->list.delimiter);
        r = object_list_walk(db, j->arena, bucket.id, &l->list, &next);
        if (r == 0)
                r = buf_add(out, buf_cstr(&l->folded), l->folded.len);
        buf_done(&l->folded);
        if (r < 0)
                return r;
        buf_printf(out, "<IsTruncated>%s</IsTruncated>", next ? "true" : "false");
        if (next && l->is_second)
                put_text(out, "NextContinuationToken", page_name_print(j->arena, next));
        else if (next)
                put_text(out, "NextMarker", next);
        if (l->is_second)
                buf_printf(out, "<KeyCount>%zu</KeyCount>", l->n);
        return buf_add_lit(out, "</ListBucketResult>");
}

static int reply(struct bucket_job *j) {
        return bucket_call_reply(j->req, 200, "application/xml; charset=UTF-8", &j->out);
}

static const char *query_or(struct http_request *req, const char *key, const char *otherwise) {
        const char *value = http_request_query(req, key);

        return str_empty(value) ? otherwise : value;
}

int xml_list(struct http_request *req) {
        struct xml_list *l = arena_new(req->arena, struct xml_list);
        const char *token = query_or(req, "continuation-token", NULL);
        int64_t n = KEYS_MAX;

        if (!l)
                return -ENOMEM;
        (void) http_request_query_i64(req, "max-keys", &n);
        l->is_second = str_eq(http_request_query(req, "list-type"), "2");
        l->list = (struct object_list){
                .prefix = query_or(req, "prefix", ""),
                .delimiter = query_or(req, "delimiter", ""),
                .start = "",
                .after = query_or(req, l->is_second ? "start-after" : "marker", NULL),
                .n_max = n > 0 && n < KEYS_MAX ? (size_t) n : KEYS_MAX,
                .object = on_object,
                .folded = on_folded,
                .ctx = l,
        };
        if (l->is_second && token && page_name_parse(req->arena, token, &l->list.after) < 0)
                return http_request_reply_error(req, 400, "The continuation token is malformed.");
        l->job.req = req;
        l->job.run = run;
        l->job.reply = reply;
        return bucket_job_read(&l->job);
}
