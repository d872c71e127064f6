#include "daemons/tracking/artifacts_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/artifact_put.h"
#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/artifact_uri.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"

static struct store *store_of(struct http_request *req) {
        return ((const struct tracking *) req->ctx)->store;
}

int artifacts_api_check(struct ask *q, const char *name) {
        size_t n = strcspn(name, "/");
        char id[24];

        if (!q->refusal.access)
                return 0;
        snprintf(id, sizeof(id), "%.*s", (int) MIN(n, sizeof(id) - 1), name);
        if (strspn(id, "0123456789") != strlen(id) || !*id)
                return refusal_set(&q->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        return access_check(&q->refusal, ACCESS_EXPERIMENT, id);
}

/* The place {path...} names in the store; q->result is set when it is none. */
static struct artifact_place place_of(struct ask *q, const char *path) {
        struct artifact_place place = {.store = store_of(q->req)};

        artifact_reply_need_store(q);
        if (q->result == 0)
                ask_check(q, artifact_uri_check_path(&q->refusal, path, &path));
        if (q->result == 0) {
                place.name = artifact_uri_join(q->arena, path, NULL);
                ask_check(q, place.name ? 0 : -ENOMEM);
        }
        if (q->result == 0)
                ask_check(q, artifacts_api_check(q, place.name));
        return place;
}

static void open_plain(struct ask *q, struct http_request *req) {
        ask_open_query(q, req);
}

int artifacts_api_list(struct http_request *req) {
        const char *path = http_request_query(req, "path");
        struct artifact_place place;
        struct ask q;

        open_plain(&q, req);
        place = place_of(&q, path ? path : "");
        return q.result != 0 ? job_refuse(&q) : artifact_reply_list(&q, &place, NULL, NULL);
}

int artifacts_api_get(struct http_request *req) {
        const char *path = http_request_param(req, "path");
        struct artifact_place place;
        struct ask q;

        open_plain(&q, req);
        place = place_of(&q, path);
        return q.result != 0 ? job_refuse(&q) : artifact_reply_file(&q, &place, path);
}

/* A file, or a directory with all in it; what is not there is gone already. */
int artifacts_api_delete(struct http_request *req) {
        struct errmsg em = {};
        const char *name;
        struct ask q;
        int r;

        open_plain(&q, req);
        name = place_of(&q, http_request_param(req, "path")).name;
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
        struct artifact_put *put;
        const char *name;
};

static int put_begin(struct http_request *req) {
        struct put *p = arena_new(req->arena, struct put);
        struct errmsg em = {};
        struct ask q;
        int r;

        open_plain(&q, req);
        ask_check(&q, p ? 0 : -ENOMEM);
        if (q.result == 0)
                p->name = place_of(&q, http_request_param(req, "path")).name;
        if (q.result != 0) {
                r = job_refuse(&q);
                return r < 0 ? r : HTTP_LATER;
        }
        r = artifact_put_begin(req, store_of(req), p->name, &em, &p->put);
        if (r < 0) {
                r = artifact_reply_refuse_put(&q, r, p->name, &em);
                return r < 0 ? r : HTTP_LATER;
        }
        req->data = p;
        return 0;
}

/* What cannot be stored is told at once: the rest of the body is dropped. */
static int put_chunk(struct http_request *req, const void *data, size_t size) {
        struct put *p = req->data;
        struct errmsg em = {};
        struct ask q;
        int r = artifact_put_chunk(p->put, data, size);

        if (r >= 0)
                return r;
        artifact_put_abort(TAKE_PTR(p->put));
        open_plain(&q, req);
        (void) errmsg_errno(&em, r, "cannot write it");
        return artifact_reply_refuse_put(&q, r, p->name, &em);
}

static void put_abort(struct http_request *req) {
        struct put *p = req->data;

        if (p)
                artifact_put_abort(TAKE_PTR(p->put));
}

const struct http_body_ops artifacts_api_put_body = {put_begin, put_chunk, put_abort};

int artifacts_api_put(struct http_request *req) {
        struct put *p = req->data;
        struct errmsg em = {};
        struct ask q;
        int r;

        r = artifact_put_commit(TAKE_PTR(p->put), &em);
        if (r == 0)
                return http_request_reply(req, 200, NULL, "", 0);
        open_plain(&q, req);
        return artifact_reply_refuse_put(&q, r, p->name, &em);
}
