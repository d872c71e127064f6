#include "daemons/tracking/artifact_parts_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/artifacts_api.h"
#include "daemons/tracking/job.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store_parts.h"

#define PARTS_FOR USEC_PER_HOUR            /* a part's URL is good for */
#define DOWNLOAD_FOR (5 * USEC_PER_MINUTE) /* a download's */

enum { PARTS_MAX = 10000 };

/* The store, when it can sign; else q is refused. */
static struct store *store_of(struct ask *q, const char *what, bool (*can)(const struct store *s)) {
        struct store *store = ((const struct tracking *) q->req->ctx)->store;

        artifact_reply_need_store(q);
        if (q->result == 0 && !can(store))
                ask_check(q, refusal_set(&q->refusal, REFUSAL_NOT_IMPLEMENTED,
                                         "%s is not supported for the current artifact repository",
                                         what));
        return store;
}

/* {path...} of the route; q is refused when it is none, or not for who asks. */
static const char *path_of(struct ask *q) {
        const char *path = NULL;

        ask_check(q,
                  artifact_uri_check_path(&q->refusal, http_request_param(q->req, "path"), &path));
        if (q->result == 0) {
                path = artifact_uri_join(q->arena, path, NULL);
                ask_check(q, path ? artifacts_api_check(q, path) : -ENOMEM);
        }
        return q->result == 0 ? path : NULL;
}

/* The object: the route's directory and the file's own name in the body, which old clients send
 * with the directories of their own machine before it. */
static const char *name_of(struct ask *q, const char *directory) {
        const char *file = ask_str(q, "path", ASK_NEED), *name = NULL;

        for (const char *c = q->result == 0 ? file : NULL; c && *c; c++)
                if (*c == '/' || *c == '\\')
                        file = c + 1;
        if (q->result == 0)
                ask_check(q, artifact_uri_check_path(&q->refusal, file, &file));
        if (q->result == 0)
                file = artifact_uri_base(file);
        if (q->result == 0 && (str_empty(file) || str_eq(file, ".")))
                ask_check(q, refusal_invalid(&q->refusal, "Invalid path"));
        if (q->result == 0) {
                name = artifact_uri_join(q->arena, directory, file);
                ask_check(q, name ? 0 : -ENOMEM);
        }
        return name;
}

/* What the bucket said no to. */
static int refuse(struct ask *q, int r, const struct errmsg *em) {
        if (r == -ENOENT)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST, "%s",
                                         em->text));
        else if (r == -EINVAL)
                ask_check(q, refusal_invalid(&q->refusal, "%s", em->text));
        else if (r == -EAGAIN)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_TEMPORARILY_UNAVAILABLE, "%s",
                                         em->text));
        else
                ask_check(q, r);
        if (q->result < 0)
                log_error("%s", em->text);
        return job_refuse(q);
}

static int write_urls(struct store *store, const char *name, const char *id, int64_t n,
                      struct buf *out, struct errmsg *em) {
        struct json_write w;
        int r = 0;

        json_write_init(&w, out, JSON_WRITE_PRETTY | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_str(&w, "upload_id", id);
        json_write_kv_items(&w, "credentials");
        for (int64_t i = 1; i <= n && r >= 0; i++) {
                _cleanup_free_ char *url = NULL;

                r = store_parts_url(store, name, id, (unsigned) i, PARTS_FOR, &url, em);
                json_write_object(&w);
                json_write_kv_str(&w, "url", url);
                json_write_kv_i64(&w, "part_number", i);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w) ?: r;
}

int artifact_parts_api_create(struct http_request *req) {
        _cleanup_free_ char *id = NULL;
        const char *directory, *name;
        struct errmsg em = {};
        struct buf out = {};
        struct store *store;
        int64_t n = 0;
        struct ask q;
        int r;

        ask_open(&q, req);
        directory = path_of(&q);
        name = name_of(&q, directory);
        (void) ask_i64(&q, "num_parts", 0, &n);
        store = store_of(&q, "Multipart upload", store_parts_can_put);
        if (q.result == 0 && (n < 0 || n > PARTS_MAX))
                ask_check(&q,
                          refusal_invalid(&q.refusal, "num_parts must be from 0 to %d", PARTS_MAX));
        if (q.result != 0)
                return job_refuse(&q);
        r = store_parts_create(store, name, &id, &em);
        if (r >= 0)
                r = write_urls(store, name, id, n, &out, &em);
        if (r >= 0)
                return job_reply_json(&q, &out);
        buf_done(&out);
        return refuse(&q, r, &em);
}

static struct store_part *parts_of(struct ask *q, size_t *ret_n) {
        const struct json *list = ask_objects(q, "parts", ASK_NEED, ret_n), *item;
        struct store_part *parts;
        size_t i = 0;

        if (q->result != 0)
                return NULL;
        parts = arena_zalloc_array(q->arena, *ret_n + 1, sizeof *parts);
        ask_check(q, parts ? 0 : -ENOMEM);
        json_each (item, list) {
                int64_t number = 0;

                if (q->result != 0)
                        return NULL;
                (void) ask_item_i64(q, item, "parts", "part_number", &number);
                parts[i].number = (unsigned) MIN(MAX(number, (int64_t) 0), (int64_t) PARTS_MAX + 1);
                parts[i].etag = ask_item_str(q, item, "parts", "etag");
                if (q->result == 0 && (parts[i].number == 0 || str_empty(parts[i].etag)))
                        ask_check(q, refusal_invalid(&q->refusal,
                                                     "parts need a part_number and an etag"));
                i++;
        }
        return parts;
}

int artifact_parts_api_complete(struct http_request *req) {
        const char *directory, *name, *id;
        struct store_part *parts;
        struct errmsg em = {};
        struct store *store;
        struct ask q;
        size_t n = 0;
        int r;

        ask_open(&q, req);
        directory = path_of(&q);
        name = name_of(&q, directory);
        id = ask_str(&q, "upload_id", 0);
        parts = parts_of(&q, &n);
        store = store_of(&q, "Multipart upload", store_parts_can_put);
        if (q.result != 0)
                return job_refuse(&q);
        r = store_parts_complete(store, name, id ?: "", parts, n, &em);
        return r < 0 ? refuse(&q, r, &em) : job_reply_empty(req);
}

int artifact_parts_api_abort(struct http_request *req) {
        const char *directory, *name, *id;
        struct errmsg em = {};
        struct store *store;
        struct ask q;
        int r;

        ask_open(&q, req);
        directory = path_of(&q);
        name = name_of(&q, directory);
        id = ask_str(&q, "upload_id", 0);
        store = store_of(&q, "Multipart upload", store_parts_can_put);
        if (q.result != 0)
                return job_refuse(&q);
        r = store_parts_abort(store, name, id ?: "", &em);
        return r < 0 ? refuse(&q, r, &em) : job_reply_empty(req);
}

int artifact_parts_api_presigned(struct http_request *req) {
        _cleanup_free_ char *url = NULL;
        const char *name;
        struct store *store;
        struct store_info info;
        struct errmsg em = {};
        struct buf out = {};
        struct json_write w;
        struct ask q;
        int r;

        ask_open_query(&q, req);
        name = path_of(&q);
        store = store_of(&q, "Multipart download", store_parts_can_get);
        if (q.result != 0)
                return job_refuse(&q);
        r = store_stat(store, name, &em, &info);
        if (r >= 0)
                r = store_parts_get_url(store, name, DOWNLOAD_FOR, &url, &em);
        if (r < 0)
                return refuse(&q, r, &em);
        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_str(&w, "url", url);
        json_write_kv_object(&w, "headers");
        json_write_end(&w);
        json_write_kv_u64(&w, "file_size", info.size);
        json_write_end(&w);
        json_write_finish(&w);
        return job_reply_json(&q, &out);
}
