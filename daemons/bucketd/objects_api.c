/* objects_api: see objects_api.h. */
#include "daemons/bucketd/objects_api.h"

#include <errno.h>

#include "daemons/bucketd/absent.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/glob_match.h"
#include "daemons/bucketd/object_list.h"
#include "daemons/bucketd/object_read.h"
#include "daemons/bucketd/object_store.h"
#include "daemons/bucketd/page_name.h"
#include "daemons/bucketd/policies_api.h"
#include "lib/base/str.h"

#define LIST_MAX 5000
#define LIST_DEFAULT 1000

struct one {
        struct bucket_job job;
        const char *bucket, *name, *base;
        struct condition condition;
        const struct field_mask *mask;
        const struct json *resource;
        bool whole; /* replace, not patch */
};

/* What all of these say. 0, REFUSED or -errno. */
static int read_call(struct http_request *req, struct one **ret, struct refused *no) {
        struct one *x = arena_new(req->arena, struct one);
        int r;

        if (!x)
                return -ENOMEM;
        x->job.req = req;
        x->bucket = http_request_param(req, "bucket");
        x->name = http_request_param(req, "object");
        x->base = bucket_call_base(req);
        r = x->base ? condition_read(req, CONDITION_OF_TARGET, &x->condition, no) : -ENOMEM;
        if (r == 0) {
                r = field_mask_parse(req->arena, http_request_query(req, "fields"), &x->mask);
                if (r == -EINVAL)
                        r = gcs_error_set(no, GCS_ERROR_INVALID, "Invalid field selection %s",
                                          http_request_query(req, "fields"));
        }
        if (r == 0)
                *ret = x;
        return r;
}

static int refuse(struct http_request *req, int r, const struct refused *no) {
        return r == REFUSED ? gcs_error_reply(req, no) : r;
}

/* --- one object ------------------------------------------------------------------------------ */

static int get_run(struct bucket_job *j, struct db *db) {
        struct one *x = container_of(j, struct one, job);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        struct object o;
        int r = buckets_sql_need(db, j->arena, x->bucket, &bucket, &j->no);

        if (r == 0)
                r = object_store_need(&s, x->name, &x->condition, true, &o);
        return r != 0 ? r : object_write_json(j->arena, &o, x->base, x->mask, &j->json);
}

int objects_api_get(struct http_request *req) {
        struct refused no;
        struct one *x;
        int r;

        if (str_eq(http_request_query(req, "alt"), "media"))
                return object_read_media(req);
        r = read_call(req, &x, &no);
        if (r != 0)
                return refuse(req, r, &no);
        x->job.run = get_run;
        return bucket_job_read(&x->job);
}

static int delete_run(struct bucket_job *j, struct db *db) {
        struct one *x = container_of(j, struct one, job);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        int r = buckets_sql_need(db, j->arena, x->bucket, &bucket, &j->no);

        return r != 0 ? r : object_store_delete(&s, x->name, &x->condition);
}

static int delete_reply(struct bucket_job *j) {
        return bucket_call_reply_empty(j->req, 204);
}

int objects_api_delete(struct http_request *req) {
        struct refused no;
        struct one *x;
        int r = read_call(req, &x, &no);

        if (r != 0)
                return refuse(req, r, &no);
        x->job.run = delete_run;
        x->job.reply = delete_reply;
        return bucket_job_write(&x->job);
}

static int patch_run(struct bucket_job *j, struct db *db) {
        struct one *x = container_of(j, struct one, job);
        struct bucket bucket;
        struct object_store s = {j->d, db, j->arena, &bucket, &j->gone, &j->no};
        struct object o;
        int r = buckets_sql_need(db, j->arena, x->bucket, &bucket, &j->no);

        if (r == 0)
                r = object_store_need(&s, x->name, &x->condition, false, &o);
        if (r == 0)
                r = object_patch(j->arena, &o, x->resource, x->whole, &j->no);
        if (r == 0)
                r = object_store_set_attributes(&s, &o);
        return r != 0 ? r : object_write_json(j->arena, &o, x->base, x->mask, &j->json);
}

static int patch(struct http_request *req, bool whole) {
        struct refused no;
        struct errmsg em = {};
        struct json *resource;
        struct one *x;
        int r = read_call(req, &x, &no);

        if (r == 0) {
                r = json_parse(req->arena, req->body, req->body_size, &resource, &em);
                if (r == -EINVAL || (r == 0 && resource->type != JSON_OBJECT))
                        r = gcs_error_set(&no, GCS_ERROR_INVALID, "Parse Error: %s", em.text);
        }
        if (r == 0)
                r = policies_api_check_acl(req, resource, &no);
        if (r != 0)
                return refuse(req, r, &no);
        x->resource = resource;
        x->whole = whole;
        x->job.run = patch_run;
        return bucket_job_write(&x->job);
}

int objects_api_patch(struct http_request *req) {
        return patch(req, false);
}

int objects_api_update(struct http_request *req) {
        return patch(req, true);
}

/* --- many ------------------------------------------------------------------------------------ */

struct many {
        struct one one;
        struct object_list list;
        struct arena row;
        struct json_write items;
        struct buf items_text, prefixes_text;
        struct json_write prefixes;
        const struct field_mask *item_mask;
        usec_t retained_for; /* of the bucket */
        bool wants_prefixes;
        size_t n_items, n_prefixes;
};

static int add_object(void *ctx, const struct object *o) {
        struct many *m = ctx;
        struct object named = *o;

        if (!m->item_mask)
                return 0;
        named.bucket = m->one.bucket;
        named.retained_for = m->retained_for;
        m->n_items++;
        arena_reset(&m->row);
        return object_write_json(&m->row, &named, m->one.base, m->item_mask, &m->items);
}

static int add_folded(void *ctx, const char *prefix) {
        struct many *m = ctx;

        if (!m->wants_prefixes)
                return 0;
        m->n_prefixes++;
        json_write_str(&m->prefixes, prefix);
        return 0;
}

static int write_part(struct json_write *w, const char *key, struct json_write *part, size_t n) {
        int r;

        json_write_end(part);
        r = json_write_finish(part);
        if (r < 0 || n == 0)
                return r;
        json_write_key(w, key);
        json_write_raw(w, part->out->data, part->out->len);
        return 0;
}

static int list_page(struct many *m, struct db *db) {
        struct bucket_job *j = &m->one.job;
        struct json_write *w = &j->json;
        const char *next = NULL;
        struct bucket bucket;
        int r = buckets_sql_need(db, j->arena, m->one.bucket, &bucket, &j->no);

        m->list.with_folders = m->list.with_folders && bucket.has_folders;
        m->list.with_versions = m->list.with_versions && !bucket.has_folders;
        m->retained_for = bucket.retained_for;
        if (r == 0)
                r = object_list_walk(db, j->arena, bucket.id, &m->list, &next);
        if (r == -EINVAL)
                return gcs_error_set(&j->no, GCS_ERROR_INVALID, "Invalid page token");
        if (r != 0)
                return r;
        json_write_object(w);
        if (field_mask_get(m->one.mask, "kind"))
                json_write_kv_str(w, "kind", "storage#objects");
        if (next && field_mask_get(m->one.mask, "nextPageToken")) {
                next = page_name_print(j->arena, next);
                if (!next)
                        return -ENOMEM;
                json_write_kv_str(w, "nextPageToken", next);
        }
        r = write_part(w, "prefixes", &m->prefixes, m->n_prefixes);
        if (r == 0)
                r = write_part(w, "items", &m->items, m->n_items);
        json_write_end(w);
        return r;
}

static int list_run(struct bucket_job *j, struct db *db) {
        struct many *m = container_of(j, struct many, one.job);
        int r;

        arena_init(&m->row, 0);
        json_write_init(&m->items, &m->items_text, 0);
        json_write_init(&m->prefixes, &m->prefixes_text, 0);
        json_write_array(&m->items);
        json_write_array(&m->prefixes);
        r = list_page(m, db);
        buf_done(&m->items_text);
        buf_done(&m->prefixes_text);
        arena_done(&m->row);
        return r;
}

static const char *query_or(struct http_request *req, const char *key, const char *otherwise) {
        const char *value = http_request_query(req, key);

        return str_empty(value) ? otherwise : value;
}

/* Python's clients say "True". */
static bool is_true(struct http_request *req, const char *key) {
        const char *value = http_request_query(req, key);

        return value && str_eq_fold(value, "true");
}

static int read_list(struct http_request *req, struct many *m, struct refused *no) {
        const char *token = http_request_query(req, "pageToken");
        int64_t n = LIST_DEFAULT;
        int r = http_request_query_i64(req, "maxResults", &n);

        if ((r < 0 && r != -ENOENT) || n < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid value for maxResults");
        m->list = (struct object_list){
                .prefix = query_or(req, "prefix", ""),
                .delimiter = query_or(req, "delimiter", ""),
                .start = query_or(req, "startOffset", ""),
                .end = query_or(req, "endOffset", NULL),
                .glob = query_or(req, "matchGlob", NULL),
                .with_trailing = is_true(req, "includeTrailingDelimiter"),
                .with_folders = is_true(req, "includeFoldersAsPrefixes"),
                .with_versions = is_true(req, "versions"),
                .n_max = n == 0 ? LIST_DEFAULT : (size_t) MIN(n, (int64_t) LIST_MAX),
                .object = add_object,
                .folded = add_folded,
                .ctx = m,
        };
        if (absent_check(req, NULL, no) != 0)
                return REFUSED;
        if (m->list.glob && glob_match_check(m->list.glob) < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid matchGlob: %.100s",
                                     m->list.glob);
        if (!str_empty(token) && page_name_parse(req->arena, token, &m->list.after) < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid page token: %.100s", token);
        return 0;
}

int objects_api_list(struct http_request *req) {
        struct many *m = arena_new(req->arena, struct many);
        struct refused no;
        struct one *x;
        int r;

        if (!m)
                return -ENOMEM;
        r = read_call(req, &x, &no);
        if (r == 0)
                r = read_list(req, m, &no);
        if (r != 0)
                return refuse(req, r, &no);
        m->one = *x;
        m->item_mask = field_mask_get(x->mask, "items");
        m->wants_prefixes = field_mask_get(x->mask, "prefixes") != NULL;
        m->one.job.run = list_run;
        return bucket_job_read(&m->one.job);
}
