/* policies_api: see policies_api.h. The text kept with a bucket is the policy as it is answered,
 * without what names the bucket. */
#include "daemons/bucketd/policies_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/bucketd/absent.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/object.h"
#include "lib/base/str.h"

#define WITH_CONDITIONS 3 /* the version a policy with conditions says it has */

struct call {
        struct bucket_job job;
        const char *bucket;
        const struct json *policy; /* to be set */
};

static int new_call(struct http_request *req, struct call **ret) {
        struct call *c = arena_new(req->arena, struct call);

        if (!c)
                return -ENOMEM;
        c->job.req = req;
        c->bucket = http_request_param(req, "bucket");
        *ret = c;
        return 0;
}

/* --- the policy ------------------------------------------------------------------------------ */

static void write_binding(struct json_write *w, const char *role, const char *const *members,
                          size_t n) {
        json_write_object(w);
        json_write_kv_str(w, "role", role);
        json_write_kv_array(w, "members");
        for (size_t i = 0; i < n; i++)
                json_write_str(w, members[i]);
        json_write_end(w);
        json_write_end(w);
}

/* Of a bucket nobody gave one: what Cloud Storage gives to new ones. */
static void write_first(struct json_write *w) {
        static const char *const owners[] = {"projectEditor:1", "projectOwner:1"};
        static const char *const readers[] = {"projectViewer:1"};
        char etag[64];

        json_write_kv_i64(w, "version", 1);
        json_write_kv_str(w, "etag", object_etag(0, 0, etag));
        json_write_kv_array(w, "bindings");
        write_binding(w, "roles/storage.legacyBucketOwner", owners, ARRAY_SIZE(owners));
        write_binding(w, "roles/storage.legacyBucketReader", readers, ARRAY_SIZE(readers));
        json_write_end(w);
}

static int read_kept(struct arena *a, const struct bucket *b, const struct json **ret) {
        struct json *kept = NULL;
        int r = 0;

        if (!str_empty(b->policy))
                r = json_parse_copy(a, b->policy, strlen(b->policy), &kept, NULL);
        if (r == 0)
                *ret = kept;
        return r;
}

static int write_policy(struct call *c, const struct json *kept) {
        struct json_write *w = &c->job.json;
        const struct json *item;

        json_write_object(w);
        json_write_kv_str(w, "kind", "storage#policy");
        json_write_kv_str(w, "resourceId",
                          arena_printf(c->job.arena, "projects/_/buckets/%s", c->bucket));
        if (!kept)
                write_first(w);
        json_each (item, kept)
                json_write_kv_node(w, item->key, item);
        json_write_end(w);
        return 0;
}

static int get_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        const struct json *kept;
        struct bucket b;
        int r = buckets_sql_need(db, j->arena, c->bucket, &b, &j->no);

        if (r == 0)
                r = read_kept(j->arena, &b, &kept);
        return r != 0 ? r : write_policy(c, kept);
}

int policies_api_get(struct http_request *req) {
        struct call *c;
        int r = new_call(req, &c);

        if (r < 0)
                return r;
        c->job.run = get_run;
        return bucket_job_read(&c->job);
}

/* --- a new one ------------------------------------------------------------------------------- */

static bool is_strings(const struct json *list) {
        const struct json *item;

        if (!json_is(list, JSON_ARRAY))
                return false;
        json_each (item, list) {
                if (item->type != JSON_STRING || item->len == 0)
                        return false;
        }
        return true;
}

static int check_binding(const struct json *binding, int64_t version, struct refused *no) {
        const struct json *members = json_get(binding, "members");
        const char *role = "";

        if (json_str(json_get(binding, "role"), &role) != 0 || *role == 0)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid policy: each of bindings needs a role.");
        if (members && !is_strings(members))
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid policy: the members of %.200s must be a list of "
                                     "names.",
                                     role);
        if (json_is(json_get(binding, "condition"), JSON_OBJECT) && version != WITH_CONDITIONS)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid policy: a binding with a condition, as that of "
                                     "%.200s, needs a policy of version 3.",
                                     role);
        return 0;
}

static int check_policy(const struct json *policy, struct refused *no) {
        const struct json *bindings = json_get(policy, "bindings"), *item;
        const struct json *given = json_get(policy, "version");
        int64_t version = 1;
        int r = 0;

        if (given && (json_i64(given, &version) != 0 || version < 0 || version == 2 ||
                      version > WITH_CONDITIONS))
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid policy: the version must be 0, 1 or 3.");
        if (bindings && bindings->type != JSON_ARRAY)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid policy: bindings must be a list.");
        json_each (item, bindings) {
                if (r == 0)
                        r = check_binding(item, version, no);
        }
        return r;
}

/* Who read another policy than there is has lost the race. */
static int check_etag(struct call *c, const struct json *kept) {
        char first[64];
        const char *is = object_etag(0, 0, first), *wanted = "";

        (void) json_str(json_get(kept, "etag"), &is);
        (void) json_str(json_get(c->policy, "etag"), &wanted);
        return *wanted == 0 || str_eq(wanted, is) ? 0 : gcs_error_condition(&c->job.no);
}

static int print_policy(struct arena *a, const struct json *policy, const char *etag,
                        const char **ret) {
        _cleanup_buf_ struct buf out = {};
        const struct json *bindings = json_get(policy, "bindings");
        int64_t version = 1;
        struct json_write w;

        (void) json_i64(json_get(policy, "version"), &version);
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_i64(&w, "version", version > 0 ? version : 1);
        json_write_kv_str(&w, "etag", etag);
        if (bindings && bindings->len > 0)
                json_write_kv_node(&w, "bindings", bindings);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strdup(a, buf_cstr(&out));
        return *ret ? 0 : -ENOMEM;
}

static int set_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        const struct json *kept;
        struct bucket b;
        char etag[64];
        int r = buckets_sql_need(db, j->arena, c->bucket, &b, &j->no);

        if (r == 0)
                r = read_kept(j->arena, &b, &kept);
        if (r == 0)
                r = check_etag(c, kept);
        if (r != 0)
                return r;
        b.metageneration++;
        b.updated_at = bucket_job_stamp(j->d);
        r = print_policy(j->arena, c->policy, object_etag(0, b.metageneration, etag), &b.policy);
        if (r == 0)
                r = buckets_sql_update(db, &b);
        if (r == 0)
                r = read_kept(j->arena, &b, &kept);
        return r != 0 ? r : write_policy(c, kept);
}

int policies_api_set(struct http_request *req) {
        struct errmsg em = {};
        struct refused no;
        struct json *policy;
        struct call *c;
        int r = new_call(req, &c);

        if (r == 0) {
                r = json_parse(req->arena, req->body, req->body_size, &policy, &em);
                if (r == -EINVAL || (r == 0 && policy->type != JSON_OBJECT))
                        r = gcs_error_set(&no, GCS_ERROR_INVALID, "Parse Error: %s", em.text);
        }
        if (r == 0)
                r = check_policy(policy, &no);
        if (r == REFUSED)
                return gcs_error_reply(req, &no);
        if (r < 0)
                return r;
        c->policy = policy;
        c->job.run = set_run;
        return bucket_job_write(&c->job);
}

/* --- what may be done ------------------------------------------------------------------------ */

static int test_run(struct bucket_job *j, struct db *db) {
        struct call *c = container_of(j, struct call, job);
        struct json_write *w = &j->json;
        const char *asked;
        struct bucket b;
        size_t i = 0;
        int r = buckets_sql_need(db, j->arena, c->bucket, &b, &j->no);

        if (r != 0)
                return r;
        json_write_object(w);
        json_write_kv_str(w, "kind", "storage#testIamPermissionsResponse");
        json_write_kv_array(w, "permissions");
        while ((asked = http_request_query_next(j->req, "permissions", &i)))
                json_write_str(w, asked);
        json_write_end(w);
        json_write_end(w);
        return 0;
}

int policies_api_test(struct http_request *req) {
        struct refused no = {};
        const char *asked;
        struct call *c;
        size_t i = 0;
        int r = new_call(req, &c);

        if (r < 0)
                return r;
        if (!http_request_query(req, "permissions"))
                r = gcs_error_set(&no, GCS_ERROR_REQUIRED, "Required parameter: permissions");
        while (r == 0 && (asked = http_request_query_next(req, "permissions", &i)))
                if (!str_starts(asked, "storage.") || strchr(asked, '*'))
                        r = gcs_error_set(&no, GCS_ERROR_INVALID,
                                          "Permission %.200s is none of Cloud Storage: they are "
                                          "as storage.objects.get.",
                                          asked);
        if (r == REFUSED)
                return gcs_error_reply(req, &no);
        c->job.run = test_run;
        return bucket_job_read(&c->job);
}

/* --- access control lists -------------------------------------------------------------------- */

int policies_api_no_acl(struct http_request *req) {
        struct refused no;

        gcs_error_set(&no, GCS_ERROR_INVALID,
                      "%s %.500s: there are no access control lists, since uniform bucket-level "
                      "access is enabled in all buckets of this server. Use the bucket's IAM "
                      "policy (/iam).",
                      req->method_name, req->path);
        return gcs_error_reply(req, &no);
}

int policies_api_check_acl(struct http_request *req, const struct json *resource,
                           struct refused *no) {
        static const char *const lists[] = {"acl", "defaultObjectAcl"};
        static const char *const predefined[] = {"predefinedAcl", "predefinedDefaultObjectAcl",
                                                 "destinationPredefinedAcl"};
        const char *header = http_request_header(req, "x-goog-acl");
        const char *asked = NULL;

        if (str_starts(header ?: "", "public-") || str_eq(header, "authenticated-read"))
                asked = "x-goog-acl";
        for (size_t i = 0; !asked && i < ARRAY_SIZE(lists); i++) {
                const struct json *list = json_get(resource, lists[i]);

                if (list && list->type != JSON_NULL && list->len > 0)
                        asked = lists[i];
        }
        for (size_t i = 0; !asked && i < ARRAY_SIZE(predefined); i++) {
                const char *value = http_request_query(req, predefined[i]);

                if (str_eq(value, "publicRead") || str_eq(value, "publicReadWrite") ||
                    str_eq(value, "authenticatedRead"))
                        asked = predefined[i];
        }
        return asked ? gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Cannot set %s: uniform bucket-level access is enabled in "
                                     "all buckets of this server. Use the bucket's IAM policy.",
                                     asked)
                     : absent_check(req, resource, no);
}
