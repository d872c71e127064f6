#include "daemons/tracking/artifacts_api.h"

#include <errno.h>

#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/artifact_uri.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"

static struct store *store_of(struct http_request *req) {
        return ((const struct tracking *) req->ctx)->store;
}

/* The name of {path...} in the store; NULL with q->result set when it is none. */
static const char *name_of(struct ask *q, const char *path) {
        const char *name = NULL;

        artifact_reply_need_store(q);
        if (q->result == 0)
                ask_check(q, artifact_uri_check_path(&q->refusal, path, &path));
        if (q->result == 0) {
                name = artifact_uri_join(q->arena, path, NULL);
                ask_check(q, name ? 0 : -ENOMEM);
        }
        return q->result == 0 ? name : NULL;
}

static void open_plain(struct ask *q, struct http_request *req) {
        *q = (struct ask){.req = req, .arena = req->arena, .refusal = {.arena = req->arena}};
}

int artifacts_api_list(struct http_request *req) {
        const char *path = http_request_query(req, "path"), *name;
        struct ask q;

        open_plain(&q, req);
        name = name_of(&q, path ? path : "");
        return q.result != 0 ? job_refuse(&q) : artifact_reply_list(&q, name, NULL, NULL);
}

int artifacts_api_get(struct http_request *req) {
        const char *path = http_request_param(req, "path"), *name;
        struct ask q;

        open_plain(&q, req);
        name = name_of(&q, path);
        return q.result != 0 ? job_refuse(&q) : artifact_reply_file(&q, name, path);
}

/* A file, or a directory with all in it; what is not there is gone already. */
int artifacts_api_delete(struct http_request *req) {
        struct errmsg em = {};
        const char *name;
        struct ask q;
        int r;

        open_plain(&q, req);
        name = name_of(&q, http_request_param(req, "path"));
        if (q.result == 0 && str_empty(name))
                ask_check(&q, refusal_invalid(&q.refusal, "Invalid path"));
        if (q.result != 0)
                return job_refuse(&q);
        r = store_delete(store_of(req), name, &em);
        if (r == -ENOENT || r == -EISDIR)
                r = store_delete_prefix(store_of(req), name, &em, NULL);
        if (r == -EINVAL) {
                ask_check(&q, refusal_invalid(&q.refusal, "Invalid path: %s", em.text));
                return job_refuse(&q);
        }
        if (r < 0 && r != -ENOENT && r != -ENOTDIR)
                return log_errno(r, "deleting the artifact %s", name);
        return job_reply_empty(req);
}

/* An upload that is on its way. */
struct put {
        struct store_put *put;
        const char *name;
};

static int refuse_put(struct ask *q, int r, const char *name, const struct errmsg *em) {
        if (r == -EINVAL || r == -EISDIR || r == -ENOTDIR || r == -EEXIST)
                ask_check(q, refusal_invalid(&q->refusal, "Invalid path: %s", em->text));
        else if (r == -ENOSPC || r == -EDQUOT)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                         "The disk for artifacts is full: '%s' was not stored.",
                                         name));
        else
                ask_check(q, r);
        log_warning("storing the artifact %s: %s", name, em->text);
        return job_refuse(q);
}

static int put_begin(struct http_request *req) {
        struct put *p = arena_new(req->arena, struct put);
        struct errmsg em = {};
        struct ask q;
        int r;

        open_plain(&q, req);
        ask_check(&q, p ? 0 : -ENOMEM);
        if (q.result == 0)
                p->name = name_of(&q, http_request_param(req, "path"));
        if (q.result != 0) {
                r = job_refuse(&q);
                return r < 0 ? r : HTTP_LATER;
        }
        r = store_put_begin(store_of(req), p->name, &em, &p->put);
        if (r < 0) {
                r = refuse_put(&q, r, p->name, &em);
                return r < 0 ? r : HTTP_LATER;
        }
        req->data = p;
        return 0;
}

static int put_chunk(struct http_request *req, const void *data, size_t size) {
        struct put *p = req->data;

        return store_put_write(store_of(req), p->put, data, size);
}

static void put_abort(struct http_request *req) {
        struct put *p = req->data;

        if (p && p->put)
                store_put_abort(store_of(req), TAKE_PTR(p->put));
}

const struct http_body_ops artifacts_api_put_body = {put_begin, put_chunk, put_abort};

int artifacts_api_put(struct http_request *req) {
        struct put *p = req->data;
        struct errmsg em = {};
        struct ask q;
        int r;

        r = store_put_commit(store_of(req), TAKE_PTR(p->put), NULL, &em);
        if (r == 0)
                return http_request_reply(req, 200, NULL, "", 0);
        open_plain(&q, req);
        return refuse_put(&q, r, p->name, &em);
}

static int not_supported(struct http_request *req, const char *what) {
        struct ask q;

        open_plain(&q, req);
        ask_check(&q, refusal_set(&q.refusal, REFUSAL_NOT_IMPLEMENTED,
                                  "%s is not supported for the current artifact repository", what));
        return job_refuse(&q);
}

int artifacts_api_no_multipart(struct http_request *req) {
        return not_supported(req, "Multipart upload");
}

int artifacts_api_no_presigned(struct http_request *req) {
        return not_supported(req, "Multipart download");
}
