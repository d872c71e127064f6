#include "daemons/tracking/run_artifacts_api.h"

#include <errno.h>
#include <inttypes.h>

#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/model_versions_sql.h"
#include "daemons/tracking/runs_sql.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"
#include "lib/store/store_parts.h"

enum { UPLOAD_MAX = 10 * 1024 * 1024, URL_FOR_S = 900, URL_FOR_MAX_S = 604800 };

struct where {
        const char *id, *version; /* of a run, a registered model's version, a logged model */
        const char *uri;          /* answer: where its artifacts are */
};

static int look_run(struct ask *q, struct db *db, void *in) {
        struct where *w = in;
        struct run run;
        int r = runs_sql_need(db, &q->refusal, w->id, &run);

        w->uri = r == 0 ? run.artifact_uri : NULL;
        return r;
}

static int look_model(struct ask *q, struct db *db, void *in) {
        struct where *w = in;
        struct logged_model m;
        int r = logged_models_sql_need(db, &q->refusal, w->id, false, &m);

        w->uri = r == 0 ? m.artifact_location : NULL;
        return r;
}

/* runs:/<id>/<path> as the artifact location of that run with the path behind it. */
static int follow_run(struct ask *q, struct db *db, struct where *w) {
        const char *path = str_after(w->uri, "runs:/"), *slash;
        struct where run = {};
        int r;

        if (!path)
                return 0;
        slash = path;
        while (*slash && *slash != '/')
                slash++;
        run.id = arena_strndup(q->arena, path, (size_t) (slash - path));
        if (!run.id)
                return -ENOMEM;
        r = look_run(q, db, &run);
        if (r != 0)
                return r;
        w->uri = artifact_uri_append(q->arena, run.uri, slash);
        return w->uri ? 0 : -ENOMEM;
}

static int look_version(struct ask *q, struct db *db, void *in) {
        struct where *w = in;
        struct model_version m;
        int r = model_versions_sql_need(db, &q->refusal, w->id, w->version, &m);

        if (r != 0)
                return r;
        w->uri = str_empty(m.storage_location) ? m.source : m.storage_location;
        w->uri = w->uri ? w->uri : "";
        return follow_run(q, db, w);
}

static const char *need_path(struct ask *q, const char *key) {
        const char *path = ask_str(q, key, 0);

        if (q->result == 0 && !path)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_BAD_REQUEST,
                                         "Request must include the \"%s\" query parameter.", key));
        if (q->result == 0)
                ask_check(q, artifact_uri_check_path(&q->refusal, path, &path));
        return q->result == 0 ? path : NULL;
}

static int reply_file(struct ask *q, const struct where *w, const char *path) {
        struct artifact_place place = {};

        if (q->result == 0)
                artifact_reply_locate(q, w->uri, path, &place);
        return q->result != 0 ? job_refuse(q) : artifact_reply_file(q, &place, place.name);
}

static void need_signer(struct ask *q, struct store *store) {
        if (!store_parts_can_get(store))
                ask_check(q, refusal_set(&q->refusal, REFUSAL_NOT_IMPLEMENTED,
                                         "Presigned download is not supported for the current "
                                         "artifact repository"));
}

/* A URL of what is there, that needs no credentials. False: refused. */
static bool sign(struct ask *q, const struct artifact_place *place, int64_t valid_for_s,
                 struct store_info *ret_info, char **ret_url) {
        struct errmsg em = {};
        int r = store_stat(place->store, place->name, &em, ret_info);

        if (r >= 0)
                r = store_parts_get_url(place->store, place->name,
                                        (usec_t) valid_for_s * USEC_PER_SEC, ret_url, &em);
        if (r == -ENOENT)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                         "No such artifact: %s", place->name));
        else if (r < 0)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_INTERNAL_ERROR, "%s", em.text));
        return q->result == 0;
}

/* The file, or with presigned=true where in the bucket it can be had. */
static int reply_file_or_url(struct ask *q, const struct where *w, const char *path) {
        _cleanup_free_ char *url = NULL;
        struct artifact_place place = {};
        struct store_info info;
        struct buf out = {};
        struct json_write json;

        if (!str_eq(http_request_query(q->req, "presigned"), "true"))
                return reply_file(q, w, path);
        if (q->result == 0)
                artifact_reply_locate(q, w->uri, path, &place);
        if (q->result == 0)
                need_signer(q, place.store);
        if (q->result != 0 || !sign(q, &place, URL_FOR_S, &info, &url))
                return job_refuse(q);
        json_write_init(&json, &out, 0);
        json_write_object(&json);
        json_write_kv_str(&json, "url", url);
        json_write_kv_object(&json, "headers");
        json_write_end(&json);
        json_write_kv_u64(&json, "file_size", info.size);
        json_write_end(&json);
        json_write_finish(&json);
        return job_reply_json(q, &out);
}

static int reply_list(struct ask *q, const struct where *w, const char *path) {
        struct artifact_place place = {};

        if (q->result == 0)
                artifact_reply_locate(q, w->uri, path, &place);
        return q->result != 0 ? job_refuse(q) : artifact_reply_list(q, &place, path, w->uri);
}

int run_artifacts_api_get(struct http_request *req) {
        struct where w = {};
        const char *path;
        struct ask q;

        ask_open_query(&q, req);
        path = need_path(&q, "path");
        w.id = ask_run_id(&q);
        job_look(&q, look_run, &w);
        return reply_file(&q, &w, path);
}

int run_artifacts_api_ask_list(struct ask *q) {
        struct where w = {};
        const char *path;

        w.id = ask_run_id(q);
        path = ask_str(q, "path", 0);
        if (q->result == 0 && path)
                ask_check(q, artifact_uri_check_path(&q->refusal, path, &path));
        job_look(q, look_run, &w);
        return reply_list(q, &w, path);
}

int run_artifacts_api_list(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return run_artifacts_api_ask_list(&q);
}

int run_artifacts_api_of_version(struct http_request *req) {
        struct where w = {};
        const char *path;
        struct ask q;

        ask_open_query(&q, req);
        path = need_path(&q, "path");
        w.id = ask_str(&q, "name", 0);
        w.version = ask_str(&q, "version", 0);
        w.version = w.version ? w.version : "";
        job_look(&q, look_version, &w);
        return reply_file_or_url(&q, &w, path);
}

int run_artifacts_api_list_model(struct http_request *req) {
        struct where w = {.id = http_request_param(req, "model_id")};
        const char *path;
        struct ask q;

        ask_open_query(&q, req);
        path = ask_str(&q, "artifact_directory_path", 0);
        if (q.result == 0 && path)
                ask_check(&q, artifact_uri_check_path(&q.refusal, path, &path));
        job_look(&q, look_model, &w);
        return reply_list(&q, &w, path);
}

int run_artifacts_api_of_model(struct http_request *req) {
        struct where w = {.id = http_request_param(req, "model_id")};
        const char *path;
        struct ask q;

        ask_open_query(&q, req);
        path = need_path(&q, "artifact_file_path");
        job_look(&q, look_model, &w);
        return reply_file_or_url(&q, &w, path);
}

static void check_data(struct ask *q) {
        if (q->req->body_size > UPLOAD_MAX)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Artifact size is too large. Max size is 10MB."));
        else if (q->req->body_size == 0)
                ask_check(q, refusal_invalid(&q->refusal, "Request must specify data."));
}

/* *path: as it is stored, afterwards. */
static void check_upload(struct ask *q, const char *run_id, const char **path) {
        if (q->result != 0)
                return;
        if (str_empty(run_id))
                ask_check(q,
                          refusal_invalid(&q->refusal, "Request must specify run_id or run_uuid."));
        else if (str_empty(*path))
                ask_check(q, refusal_invalid(&q->refusal, "Request must specify path."));
        else if (ask_check(q, artifact_uri_check_path(&q->refusal, *path, path)))
                check_data(q);
}

int run_artifacts_api_upload(struct http_request *req) {
        const char *run_id = http_request_query(req, "run_id");
        const char *path = http_request_query(req, "path");
        struct where w = {.id = run_id ? run_id : http_request_query(req, "run_uuid")};
        struct artifact_place place = {};
        struct errmsg em = {};
        struct ask q;
        int r;

        ask_open_query(&q, req);
        check_upload(&q, w.id, &path);
        job_look(&q, look_run, &w);
        if (q.result == 0)
                artifact_reply_locate(&q, w.uri, path, &place);
        if (q.result != 0)
                return job_refuse(&q);
        r = store_put(place.store, place.name, req->body, req->body_size, &em);
        if (r < 0)
                return artifact_reply_refuse_put(&q, r, place.name, &em);
        return http_request_reply(req, 200, "application/json", "", 0);
}

/* --- URLs that need no credentials --- */

static void need_direct(struct ask *q, const struct where *w, const char *what) {
        const char *scheme = q->result == 0 ? artifact_uri_scheme(q->arena, w->uri) : NULL;

        if (q->result != 0)
                return;
        if (!scheme)
                ask_check(q, -ENOMEM);
        else if (str_eq(scheme, "mlflow-artifacts") || str_starts(scheme, "http"))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Presigned %s proxied artifact storage (artifact URI "
                                             "scheme: %s). This endpoint requires a %sdirect cloud "
                                             "storage artifact URI.",
                                             what, scheme, *what == 'd' ? "run with a " : ""));
}

static void read_path(struct ask *q, const char **ret) {
        *ret = ask_str(q, "path", ASK_NEED);
        if (q->result == 0)
                ask_check(q, artifact_uri_check_path(&q->refusal, *ret, ret));
}

int run_artifacts_api_upload_url(struct http_request *req) {
        const char *path, *model_id;
        struct where w = {};
        int64_t valid_for;
        struct ask q;

        ask_open(&q, req);
        w.id = ask_str(&q, "run_id", 0);
        model_id = ask_str(&q, "model_id", 0);
        read_path(&q, &path);
        ask_i64(&q, "expiration", 0, &valid_for);
        if (q.result == 0 && str_empty(w.id) == str_empty(model_id))
                ask_check(&q, refusal_invalid(&q.refusal, "Exactly one of run_id and model_id must "
                                                          "be provided."));
        if (q.result == 0 && str_empty(w.id)) {
                w.id = model_id;
                job_look(&q, look_model, &w);
        } else {
                job_look(&q, look_run, &w);
        }
        need_direct(&q, &w, "upload is not supported for");
        if (q.result == 0) /* in parts, with mpu/create, it is */
                ask_check(&q, refusal_set(&q.refusal, REFUSAL_NOT_IMPLEMENTED,
                                          "Presigned upload is not supported for the current "
                                          "artifact repository"));
        return job_refuse(&q);
}

static int reply_url(struct ask *q, const struct artifact_place *place, int64_t valid_for_s) {
        _cleanup_free_ char *url = NULL;
        struct store_info info;
        struct buf out = {};
        struct json_write w;

        if (!sign(q, place, valid_for_s, &info, &url))
                return job_refuse(q);
        json_write_init(&w, &out, JSON_WRITE_PRETTY | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_str(&w, "presigned_url", url);
        json_write_kv_u64(&w, "file_size", info.size);
        json_write_end(&w);
        json_write_finish(&w);
        return job_reply_json(q, &out);
}

int run_artifacts_api_download_url(struct http_request *req) {
        struct artifact_place place = {};
        int64_t valid_for = URL_FOR_S;
        struct where w = {};
        const char *path;
        struct ask q;

        ask_open(&q, req);
        w.id = ask_str(&q, "run_id", ASK_NEED);
        read_path(&q, &path);
        ask_i64(&q, "expiration", 0, &valid_for);
        if (q.result == 0 && (valid_for < 1 || valid_for > URL_FOR_MAX_S))
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "expiration must be between 1 and 604800 seconds "
                                              "(got %" PRId64 ").",
                                              valid_for));
        job_look(&q, look_run, &w);
        need_direct(&q, &w, "download is not supported for runs with");
        if (q.result == 0 && artifact_uri_is_local(w.uri))
                ask_check(&q, refusal_set(&q.refusal, REFUSAL_NOT_IMPLEMENTED,
                                          "Presigned download is not supported for the current "
                                          "artifact repository"));
        if (q.result == 0)
                artifact_reply_locate(&q, w.uri, path, &place);
        if (q.result == 0)
                need_signer(&q, place.store);
        return q.result != 0 ? job_refuse(&q) : reply_url(&q, &place, valid_for);
}
