/* folders_api: see folders_api.h. */
#include "daemons/bucketd/folders_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/condition.h"
#include "daemons/bucketd/folders_sql.h"
#include "daemons/bucketd/object.h"
#include "daemons/bucketd/page_name.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_target.h"

#define LIST_MAX 1000

struct call {
        struct bucket_job job;
        const char *bucket, *name, *to, *base;
        struct condition condition;
        bool recursive;
        const char *prefix, *delimiter, *after;
        size_t n_max;
};

static int write_folder(struct call *c, const struct folder *f) {
        struct json_write *w = &c->job.json;
        struct arena *a = c->job.arena;
        char at[TIMESTAMP_SIZE], *name = arena_alloc(a, 3 * strlen(f->name) + 1);

        if (!name)
                return -ENOMEM;
        (void) http_target_encode(name, f->name, strlen(f->name), "");
        json_write_object(w);
        json_write_kv_str(w, "kind", "storage#folder");
        json_write_kv_str(w, "id", arena_printf(a, "%s/%s", c->bucket, f->name));
        json_write_kv_str(
                w, "selfLink",
                arena_printf(a, "%s/storage/v1/b/%s/folders/%s", c->base, c->bucket, name));
        json_write_kv_str(w, "name", f->name);
        json_write_kv_str(w, "bucket", c->bucket);
        json_write_kv_str(w, "metageneration", arena_printf(a, "%" PRId64, f->metageneration));
        json_write_kv_str(w, "createTime", timestamp_print(f->created_at, TIMESTAMP_MSEC, at));
        json_write_kv_str(w, "updateTime", timestamp_print(f->updated_at, TIMESTAMP_MSEC, at));
        json_write_end(w);
        return 0;
}

static int need_bucket(struct call *c, struct db *db, struct bucket *ret) {
        struct bucket_job *j = &c->job;
        int r = buckets_sql_need(db, j->arena, c->bucket, ret, &j->no);

        if (r == 0 && !ret->has_folders)
                r = gcs_error_set(&j->no, GCS_ERROR_CONFLICT,
                                  "The bucket does not support hierarchical namespace.");
        return r;
}

static int need_folder(struct call *c, struct db *db, const struct bucket *b, const char *name,
                       struct folder *ret) {
        struct bucket_job *j = &c->job;
        int r = folders_sql_get(db, b->id, name, ret);

        if (r < 0)
                return r;
        if (r == 0)
                return gcs_error_set(&j->no, GCS_ERROR_NO_OBJECT, "The folder does not exist.");
        return condition_check(&c->condition, 1, ret->metageneration) == CONDITION_HOLDS
                       ? 0
                       : gcs_error_condition(&j->no);
}

/* The folder's name with its slash. */
static const char *with_slash(struct arena *a, const char *name) {
        return str_empty(name) || str_ends(name, "/") ? name : arena_printf(a, "%s/", name);
}

static int new_call(struct http_request *req, struct call **ret, struct refused *no) {
        struct call *c = arena_new(req->arena, struct call);

        if (!c)
                return -ENOMEM;
        c->job.req = req;
        c->bucket = http_request_param(req, "bucket");
        c->name = with_slash(req->arena, http_request_param(req, "folder"));
        c->base = bucket_call_base(req);
        *ret = c;
        return c->base ? condition_read(req, CONDITION_OF_TARGET, &c->condition, no) : -ENOMEM;
}

static int finish(struct http_request *req, int r, const struct refused *no) {
        return r == REFUSED ? gcs_error_reply(req, no) : r;
}

/* --- one ------------------------------------------------------------------------------------- */

static int get_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct bucket b;
        struct folder f;
        int r = need_bucket(c, db, &b);

        if (r == 0)
                r = need_folder(c, db, &b, c->name, &f);
        return r != 0 ? r : write_folder(c, &f);
}

int folders_api_get(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = new_call(req, &c, &no);

        if (r != 0)
                return finish(req, r, &no);
        c->job.run = get_run;
        return bucket_job_read(&c->job);
}

/* The folder above must be there, or is made. 0, REFUSED, -errno. */
static int need_parent(struct call *c, struct db *db, const struct bucket *b, usec_t at) {
        struct bucket_job *j = &c->job;
        char *parent = arena_strndup(j->arena, c->name, strlen(c->name) - 1), *slash;
        struct folder above;
        int r;

        if (!parent)
                return -ENOMEM;
        slash = strrchr(parent, '/');
        if (!slash)
                return 0;
        slash[1] = 0;
        r = folders_sql_get(db, b->id, parent, &above);
        if (r == 0 && !c->recursive)
                return gcs_error_set(&j->no, GCS_ERROR_CONFLICT,
                                     "The parent folder does not exist.");
        return r < 0 ? r : folders_sql_ensure(db, j->arena, b->id, parent, at);
}

static int insert_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        usec_t at = bucket_job_stamp(j->d);
        struct folder f = {c->name, 1, at, at};
        struct bucket b;
        int r = need_bucket(c, db, &b);

        if (r == 0)
                r = need_parent(c, db, &b, at);
        if (r != 0)
                return r;
        r = folders_sql_insert(db, b.id, c->name, at);
        if (r == DB_CONFLICT)
                return gcs_error_set(&j->no, GCS_ERROR_CONFLICT, "The folder already exists.");
        return r != 0 ? r : write_folder(c, &f);
}

int folders_api_insert(struct http_request *req) {
        const char *recursive = http_request_query(req, "recursive"), *name = NULL;
        struct errmsg em = {};
        struct refused no;
        struct json *body;
        struct call *c;
        int r = new_call(req, &c, &no);

        if (r == 0) {
                r = json_parse(req->arena, req->body, req->body_size, &body, &em);
                if (r == -EINVAL)
                        r = gcs_error_set(&no, GCS_ERROR_INVALID, "Parse Error: %s", em.text);
        }
        if (r == 0) {
                (void) json_str(json_get(body, "name"), &name);
                c->name = with_slash(req->arena, name);
                /* Python's clients say True. */
                c->recursive = recursive && str_eq_fold(recursive, "true");
                r = object_check_name(c->name ? c->name : "", &no);
        }
        if (r != 0)
                return finish(req, r, &no);
        c->job.run = insert_run;
        return bucket_job_write(&c->job);
}

static int delete_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct bucket b;
        struct folder f;
        int r = need_bucket(c, db, &b);

        if (r == 0)
                r = need_folder(c, db, &b, c->name, &f);
        if (r != 0)
                return r;
        r = folders_sql_is_full(db, j->arena, b.id, c->name);
        if (r == DB_ROW)
                return gcs_error_set(&j->no, GCS_ERROR_CONFLICT,
                                     "The folder you tried to delete is not empty.");
        return r != 0 ? r : folders_sql_delete(db, b.id, c->name);
}

static int delete_reply(struct bucket_job *j) {
        return bucket_call_reply_empty(j->req, 204);
}

int folders_api_delete(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = new_call(req, &c, &no);

        if (r != 0)
                return finish(req, r, &no);
        c->job.run = delete_run;
        c->job.reply = delete_reply;
        return bucket_job_write(&c->job);
}

/* --- renaming -------------------------------------------------------------------------------- */

static int write_operation(struct call *c, const struct folder *f) {
        struct json_write *w = &c->job.json;
        int r = 0;

        json_write_object(w);
        json_write_kv_str(w, "kind", "storage#operation");
        json_write_kv_str(
                w, "name",
                arena_printf(c->job.arena, "projects/_/buckets/%s/operations/done", c->bucket));
        json_write_kv_bool(w, "done", true);
        if (f) {
                json_write_key(w, "response");
                r = write_folder(c, f);
        }
        json_write_end(w);
        return r;
}

static int rename_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        usec_t at = bucket_job_stamp(j->d);
        struct folder f, there;
        struct bucket b;
        int r = need_bucket(c, db, &b);

        if (r == 0)
                r = need_folder(c, db, &b, c->name, &f);
        if (r != 0)
                return r;
        if (str_starts(c->to, c->name))
                return gcs_error_set(&j->no, GCS_ERROR_INVALID,
                                     "A folder cannot be moved into itself.");
        r = folders_sql_get(db, b.id, c->to, &there);
        if (r > 0)
                return gcs_error_set(&j->no, GCS_ERROR_CONFLICT,
                                     "The destination folder already exists.");
        if (r == 0)
                r = folders_sql_rename(db, j->arena, b.id, c->name, c->to, at);
        if (r == DB_CONFLICT)
                return gcs_error_set(&j->no, GCS_ERROR_CONFLICT,
                                     "An object of the destination's name already exists.");
        if (r == 0)
                r = folders_sql_ensure(db, j->arena, b.id, c->to, at);
        f.name = c->to;
        f.metageneration++;
        f.updated_at = at;
        return r != 0 ? r : write_operation(c, &f);
}

int folders_api_rename(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = new_call(req, &c, &no);

        if (r == 0) {
                c->to = with_slash(req->arena, http_request_param(req, "to_folder"));
                r = c->to ? object_check_name(c->to, &no) : -ENOMEM;
        }
        if (r != 0)
                return finish(req, r, &no);
        c->job.run = rename_run;
        return bucket_job_write(&c->job);
}

static int operation_run(struct bucket_job *j, struct db *db) {
        return write_operation(container_of(j, struct call, job), NULL);
}

int folders_api_operation(struct http_request *req) {
        struct refused no;
        struct call *c;
        int r = new_call(req, &c, &no);

        if (r != 0)
                return finish(req, r, &no);
        c->job.run = operation_run;
        return bucket_job_read(&c->job);
}

/* --- many ------------------------------------------------------------------------------------ */

/* Below the prefix, and with a delimiter only the next level. */
static bool is_listed(const struct call *c, const char *name) {
        const char *rest = name + strlen(c->prefix), *slash = strchr(rest, '/');

        if (c->after && strcmp(name, c->after) <= 0)
                return false;
        return !*c->delimiter || !slash || slash[1] == 0;
}

static int list_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        const char *last = NULL, *next = NULL;
        struct db_stmt *s;
        struct bucket b;
        size_t n = 0;
        int r = need_bucket(c, db, &b);

        if (r != 0)
                return r;
        json_write_object(&j->json);
        json_write_kv_str(&j->json, "kind", "storage#folders");
        json_write_kv_array(&j->json, "items");
        s = folders_sql_from(db, j->arena, b.id, c->after ? c->after : "", c->prefix);
        if (!s)
                return -ENOMEM;
        while ((r = db_step(s)) == DB_ROW) {
                struct folder f;

                r = folders_sql_row(s, j->arena, &f);
                if (r < 0)
                        break;
                if (!is_listed(c, f.name))
                        continue;
                if (n++ == c->n_max) {
                        next = last;
                        break;
                }
                last = f.name;
                r = write_folder(c, &f);
                if (r < 0)
                        break;
        }
        db_reset(s);
        if (r < 0)
                return r;
        json_write_end(&j->json);
        if (next)
                json_write_kv_str(&j->json, "nextPageToken", page_name_print(j->arena, next));
        json_write_end(&j->json);
        return 0;
}

int folders_api_list(struct http_request *req) {
        const char *prefix = http_request_query(req, "prefix");
        const char *delimiter = http_request_query(req, "delimiter");
        const char *token = http_request_query(req, "pageToken");
        int64_t n = LIST_MAX;
        struct refused no;
        struct call *c;
        int r = new_call(req, &c, &no);

        if (r == 0 && !str_empty(token) && page_name_parse(req->arena, token, &c->after) < 0)
                r = gcs_error_set(&no, GCS_ERROR_INVALID, "Invalid page token");
        if (r != 0)
                return finish(req, r, &no);
        (void) http_request_query_i64(req, "pageSize", &n);
        c->prefix = prefix ? prefix : "";
        c->delimiter = delimiter ? delimiter : "";
        c->n_max = n > 0 && n < LIST_MAX ? (size_t) n : LIST_MAX;
        c->job.run = list_run;
        return bucket_job_read(&c->job);
}
