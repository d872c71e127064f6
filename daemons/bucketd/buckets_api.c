/* buckets_api: see buckets_api.h. What a client sets is kept as it is and said again. */
#include "daemons/bucketd/buckets_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/object.h"
#include "daemons/bucketd/objects_sql.h"
#include "daemons/bucketd/page_name.h"
#include "daemons/bucketd/policies_api.h"
#include "daemons/bucketd/retention.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define LIST_MAX 1000

struct call {
        struct bucket_job job;
        const char *name, *base;
        const struct field_mask *mask;
        const struct json *resource;
        int64_t metageneration; /* that is to be locked */
        bool is_whole;          /* replace, not patch */
        bool force;
        size_t n_max;
        const char *prefix, *after;
};

/* --- the resource ---------------------------------------------------------------------------- */

/* Keys the server says itself. */
static bool is_ours(const char *key) {
        static const char *const keys[] = {
                "kind",        "id",           "selfLink",    "name",          "metageneration",
                "timeCreated", "updated",      "etag",        "projectNumber", "generation",
                "location",    "locationType", "storageClass"};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (str_eq(key, keys[i]))
                        return true;
        return false;
}

static void put_str(struct json_write *w, const struct field_mask *m, const char *key,
                    const char *value) {
        if (field_mask_get(m, key))
                json_write_kv_str(w, key, value ? value : "");
}

static const char *text_or(const struct json *config, const char *key, const char *otherwise) {
        const struct json *j = json_get(config, key);

        return json_is(j, JSON_STRING) ? j->str : otherwise;
}

static int write_bucket(struct arena *a, const struct bucket *b, const char *base,
                        const struct field_mask *m, struct json_write *w) {
        char at[TIMESTAMP_SIZE], etag[64];
        const struct json *item;
        struct json *config;
        int r = json_parse_copy(a, b->config, strlen(b->config), &config, NULL);

        if (r < 0)
                return r;
        json_write_object(w);
        put_str(w, m, "kind", "storage#bucket");
        put_str(w, m, "id", b->name);
        put_str(w, m, "selfLink", arena_printf(a, "%s/storage/v1/b/%s", base, b->name));
        put_str(w, m, "name", b->name);
        put_str(w, m, "projectNumber", "1");
        put_str(w, m, "metageneration", arena_printf(a, "%" PRId64, b->metageneration));
        put_str(w, m, "location", text_or(config, "location", "US"));
        put_str(w, m, "locationType", "multi-region");
        put_str(w, m, "storageClass", text_or(config, "storageClass", "STANDARD"));
        put_str(w, m, "etag", object_etag(0, b->metageneration, etag));
        put_str(w, m, "timeCreated", timestamp_print(b->created_at, TIMESTAMP_MSEC, at));
        put_str(w, m, "updated", timestamp_print(b->updated_at, TIMESTAMP_MSEC, at));
        json_each (item, config) {
                if (is_ours(item->key) || !field_mask_get(m, item->key))
                        continue;
                json_write_key(w, item->key);
                field_mask_write(w, item, field_mask_get(m, item->key));
        }
        json_write_end(w);
        return 0;
}

/* What a client may say of them all the same, when the bucket is made. */
static bool may_say(const char *key) {
        return (!is_ours(key) && !str_eq(key, "retentionPolicy")) || str_eq(key, "location") ||
               str_eq(key, "storageClass");
}

/* A bucket keeps these for ever, also when all is replaced. */
static bool is_fixed(const char *key) {
        return str_eq(key, "location") || str_eq(key, "hierarchicalNamespace");
}

/* An object's keys: those of `old`, those of `patch` over them; what is null goes. The topmost one
 * begins with its retention policy, where there is one. */
static void write_merged(struct json_write *w, const struct json *old, const struct json *patch,
                         const struct retention *top, bool is_whole) {
        const struct json *item;

        json_write_object(w);
        if (top)
                retention_write(top, w);
        json_each (item, old) {
                if (!json_get(patch, item->key) && (!is_whole || is_fixed(item->key)) &&
                    !(top && str_eq(item->key, "retentionPolicy")))
                        json_write_kv_node(w, item->key, item);
        }
        json_each (item, patch) {
                const struct json *was = json_get(old, item->key);

                if (item->type == JSON_NULL || (top && !may_say(item->key)))
                        continue;
                json_write_key(w, item->key);
                if (item->type == JSON_OBJECT)
                        write_merged(w, json_is(was, JSON_OBJECT) && !is_whole ? was : NULL, item,
                                     NULL, false);
                else
                        json_write_node(w, item);
        }
        json_write_end(w);
}

static int print_config(struct arena *a, const struct json *old, const struct json *patch,
                        const struct retention *kept, bool is_whole, struct bucket *b) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        const char *config;

        json_write_init(&w, &out, 0);
        write_merged(&w, old, patch, kept, is_whole);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        config = arena_strdup(a, out.data);
        if (!config)
                return -ENOMEM;
        buckets_sql_set_config(b, config);
        return 0;
}

static int merge_config(struct arena *a, const struct json *old, const struct json *patch,
                        bool is_whole, usec_t now, struct bucket *b, struct refused *no) {
        struct retention kept;
        int r;

        retention_read(json_get(old, "retentionPolicy"), &kept);
        r = retention_merge(&kept, patch, is_whole, now, no);
        if (r == 0)
                r = print_config(a, old, patch, &kept, is_whole, b);
        if (r != 0)
                return r;
        if (b->has_folders && b->has_versions)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Object versioning is not supported in a bucket with a "
                                     "hierarchical namespace.");
        return 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

static int read_call(struct http_request *req, struct call **ret, struct refused *no) {
        struct call *c = arena_new(req->arena, struct call);
        struct errmsg em = {};
        struct json *resource = NULL;
        int r = 0;

        if (!c)
                return -ENOMEM;
        c->job.req = req;
        c->name = http_request_param(req, "bucket");
        c->base = bucket_call_base(req);
        if (!c->base)
                return -ENOMEM;
        if (req->body_size > 0)
                r = json_parse(req->arena, req->body, req->body_size, &resource, &em);
        if (r == -EINVAL || (resource && resource->type != JSON_OBJECT))
                return gcs_error_set(no, GCS_ERROR_INVALID, "Parse Error: %s", em.text);
        if (r == 0 && field_mask_parse(req->arena, http_request_query(req, "fields"), &c->mask) < 0)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid field selection");
        c->resource = resource;
        if (r == 0)
                r = policies_api_check_acl(req, resource, no);
        if (r == 0)
                *ret = c;
        return r;
}

static int refuse(struct http_request *req, int r, const struct refused *no) {
        return r == REFUSED ? gcs_error_reply(req, no) : r;
}

/* Answers what `run` says of the bucket. */
static int look(struct http_request *req, int (*run)(struct bucket_job *j, struct db *db)) {
        struct refused no;
        struct call *c;
        int r = read_call(req, &c, &no);

        if (r != 0)
                return refuse(req, r, &no);
        c->job.run = run;
        return bucket_job_read(&c->job);
}

static int get_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->name, &b, &j->no);

        return r != 0 ? r : write_bucket(j->arena, &b, c->base, c->mask, &j->json);
}

int buckets_api_get(struct http_request *req) {
        return look(req, get_run);
}

static int layout_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct json_write *w = &j->json;
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->name, &b, &j->no);

        if (r != 0)
                return r;
        json_write_object(w);
        json_write_kv_str(w, "kind", "storage#storageLayout");
        json_write_kv_str(w, "bucket", c->name);
        json_write_kv_str(w, "location", "US");
        json_write_kv_str(w, "locationType", "multi-region");
        if (b.has_folders) {
                json_write_kv_object(w, "hierarchicalNamespace");
                json_write_kv_bool(w, "enabled", true);
                json_write_end(w);
        }
        json_write_end(w);
        return 0;
}

int buckets_api_storage_layout(struct http_request *req) {
        return look(req, layout_run);
}

static int notifications_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->name, &b, &j->no);

        if (r != 0)
                return r;
        json_write_object(&j->json);
        json_write_kv_str(&j->json, "kind", "storage#notifications");
        json_write_kv_array(&j->json, "items");
        json_write_end(&j->json);
        json_write_end(&j->json);
        return 0;
}

int buckets_api_notifications(struct http_request *req) {
        return look(req, notifications_run);
}

static int check_name(const char *name, struct refused *no) {
        size_t size = name ? strlen(name) : 0;

        if (size < 3 || size > 222 ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != size ||
            strchr("-_.", name[0]) || strchr("-_.", name[size - 1]))
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid bucket name: '%.200s'",
                                     name ? name : "");
        return 0;
}

static int insert(struct bucket_job *j, struct db *db, const char *name, const char *config,
                  struct bucket *ret) {
        struct bucket b = {.name = name, .metageneration = 1, .config = config};
        int r;

        b.created_at = b.updated_at = bucket_job_stamp(j->d);
        r = buckets_sql_insert(db, &b);
        if (r == DB_CONFLICT)
                return gcs_error_set(&j->no, GCS_ERROR_CONFLICT,
                                     "Your previous request to create the named bucket succeeded "
                                     "and you already own it.");
        *ret = b;
        return r;
}

static int insert_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct bucket b = {};
        int r = merge_config(j->arena, NULL, c->resource, false, bucket_job_stamp(j->d), &b,
                             &j->no);

        if (r == 0)
                r = insert(j, db, c->name, b.config, &b);
        return r != 0 ? r : write_bucket(j->arena, &b, c->base, c->mask, &j->json);
}

int buckets_api_insert(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = read_call(req, &c, &no);

        if (r == 0) {
                (void) json_str(json_get(c->resource, "name"), &c->name);
                r = check_name(c->name, &no);
        }
        if (r != 0)
                return refuse(req, r, &no);
        c->job.run = insert_run;
        return bucket_job_write(&c->job);
}

static int changed(struct call *c, struct db *db, struct bucket *b) {
        int r;

        b->metageneration++;
        b->updated_at = bucket_job_stamp(c->job.d);
        r = buckets_sql_update(db, b);
        return r != 0 ? r : write_bucket(c->job.arena, b, c->base, c->mask, &c->job.json);
}

static int patch_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct json *old;
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->name, &b, &j->no);

        if (r == 0)
                r = json_parse_copy(j->arena, b.config, strlen(b.config), &old, NULL);
        if (r == 0)
                r = merge_config(j->arena, old, c->resource, c->is_whole, bucket_job_stamp(j->d),
                                 &b, &j->no);
        return r != 0 ? r : changed(c, db, &b);
}

static int patch(struct http_request *req, bool is_whole) {
        struct refused no;
        struct call *c;
        int r = read_call(req, &c, &no);

        if (r != 0)
                return refuse(req, r, &no);
        c->is_whole = is_whole;
        c->job.run = patch_run;
        return bucket_job_write(&c->job);
}

int buckets_api_patch(struct http_request *req) {
        return patch(req, false);
}

int buckets_api_update(struct http_request *req) {
        return patch(req, true);
}

static int lock_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct retention kept;
        struct json *old;
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->name, &b, &j->no);

        if (r == 0 && b.metageneration != c->metageneration)
                return gcs_error_condition(&j->no);
        if (r == 0)
                r = json_parse_copy(j->arena, b.config, strlen(b.config), &old, NULL);
        if (r != 0)
                return r;
        retention_read(json_get(old, "retentionPolicy"), &kept);
        if (kept.period_s == 0)
                return gcs_error_set(&j->no, GCS_ERROR_INVALID,
                                     "Bucket %s has no retention policy to be locked.", c->name);
        kept.is_locked = true;
        r = print_config(j->arena, old, NULL, &kept, false, &b);
        return r != 0 ? r : changed(c, db, &b);
}

int buckets_api_lock(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = read_call(req, &c, &no);

        if (r == 0 && http_request_query_i64(req, "ifMetagenerationMatch", &c->metageneration) != 0)
                r = gcs_error_set(&no, GCS_ERROR_REQUIRED,
                                  "Required parameter: ifMetagenerationMatch");
        if (r != 0)
                return refuse(req, r, &no);
        c->job.run = lock_run;
        return bucket_job_write(&c->job);
}

static int delete_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->name, &b, &j->no);

        if (r == 0)
                r = objects_sql_any(db, b.id);
        if (r == DB_ROW)
                return gcs_error_set(&j->no, GCS_ERROR_NOT_EMPTY,
                                     "The bucket you tried to delete is not empty.");
        return r != 0 ? r : buckets_sql_delete(db, b.id);
}

static int delete_reply(struct bucket_job *j) {
        return bucket_call_reply_empty(j->req, 204);
}

int buckets_api_delete(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = read_call(req, &c, &no);

        if (r != 0)
                return refuse(req, r, &no);
        c->job.run = delete_run;
        c->job.reply = delete_reply;
        return bucket_job_write(&c->job);
}

/* --- all of them ----------------------------------------------------------------------------- */

static int list_items(struct call *c, struct db *db, const char **ret_next) {
        struct bucket_job *j = &c->job;
        const char *from = c->after && strcmp(c->after, c->prefix) > 0 ? c->after : c->prefix;
        DB_USE struct db_stmt *s = buckets_sql_from(db, from);
        const char *last = NULL;
        size_t n = 0;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                struct bucket b;

                r = buckets_sql_row(s, j->arena, &b);
                if (r < 0 || !str_starts(b.name, c->prefix))
                        return r;
                if (c->after && strcmp(b.name, c->after) <= 0)
                        continue;
                if (n++ == c->n_max) {
                        *ret_next = last;
                        return 0;
                }
                if (n == 1)
                        json_write_kv_array(&j->json, "items");
                last = b.name;
                r = write_bucket(j->arena, &b, c->base, field_mask_get(c->mask, "items"), &j->json);
                if (r < 0)
                        return r;
        }
        return r;
}

static int list_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        const char *next = NULL;
        int r;

        json_write_object(&j->json);
        json_write_kv_str(&j->json, "kind", "storage#buckets");
        r = list_items(c, db, &next);
        if (r < 0)
                return r;
        if (j->json.depth > 1)
                json_write_end(&j->json);
        if (next) {
                next = page_name_print(j->arena, next);
                if (!next)
                        return -ENOMEM;
                json_write_kv_str(&j->json, "nextPageToken", next);
        }
        json_write_end(&j->json);
        return 0;
}

int buckets_api_list(struct http_request *req) {
        const char *prefix = http_request_query(req, "prefix");
        const char *token = http_request_query(req, "pageToken");
        int64_t n = LIST_MAX;
        struct refused no;
        struct call *c;
        int r = read_call(req, &c, &no);

        if (r != 0)
                return refuse(req, r, &no);
        (void) http_request_query_i64(req, "maxResults", &n);
        c->n_max = n > 0 && n < LIST_MAX ? (size_t) n : LIST_MAX;
        c->prefix = prefix ? prefix : "";
        if (!str_empty(token) && page_name_parse(req->arena, token, &c->after) < 0) {
                gcs_error_set(&no, GCS_ERROR_INVALID, "Invalid page token");
                return gcs_error_reply(req, &no);
        }
        c->job.run = list_run;
        return bucket_job_read(&c->job);
}

/* --- the start ------------------------------------------------------------------------------- */

struct ensure {
        struct bucket_job job;
        const char *name;
};

static int ensure_run(struct db *db, struct db_job *db_job) {
        struct ensure *e = container_of(db_job, struct ensure, job.db_job);
        struct bucket b;
        int r = insert(&e->job, db, e->name, "{}", &b);

        return r == REFUSED ? 0 : r;
}

int buckets_api_ensure(struct bucketd *d, const char *name, struct errmsg *em) {
        struct ensure e = {.name = name, .job = {.d = d, .db_job = {.run = ensure_run}}};
        int r = check_name(name, &e.job.no);

        if (r == REFUSED)
                return errmsg_fail(em, -EINVAL, "[bucketd] buckets: %s", e.job.no.text);
        r = db_writer_call(d->writer, &e.job.db_job);
        return r < 0 ? errmsg_errno(em, r, "bucket %s", name) : 0;
}
