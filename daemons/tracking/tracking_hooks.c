#include "daemons/tracking/tracking_hooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/refusal.h"
#include "daemons/tracking/tracking.h"
#include "lib/auth/auth_audit.h"
#include "lib/auth/auth_http.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

/* A database of MLflow 3.17 is served in place, but for what its tables cannot hold. */
static int refuse_old(struct http_request *req) {
        struct buf out = {};

        refusal_write(REFUSAL_NOT_IMPLEMENTED,
                      "The tracking database has the schema of MLflow 3.17, whose traces, "
                      "issues and budgets this server does not keep: stop all servers, make a "
                      "backup and run "
                      "`mlflow db "
                      "upgrade` with MLflow " TRACKING_VERSION ".",
                      &out);
        return http_request_reply_json(req, 501, &out);
}

static bool needs_new(const struct http_request *req) {
        return strstr(req->route->path, "/traces") || strstr(req->route->path, "-trace-artifact") ||
               strstr(req->route->path, "/mlflow/issues") ||
               strstr(req->route->path, "/gateway/budgets/");
}

/* A client that chose a workspace must not think that it writes to it. */
static bool names_workspace(struct http_request *req) {
        const char *name = http_request_header(req, "X-MLFLOW-WORKSPACE");

        return name && name[strspn(name, " \t")] && !str_ends(req->path, "/mlflow/server-info");
}

static int refuse_workspace(struct http_request *req) {
        struct buf out = {};

        refusal_write(REFUSAL_FEATURE_DISABLED,
                      "Workspace APIs are not available: workspaces are not enabled on this server",
                      &out);
        return http_request_reply_json(req, 500, &out);
}

static int refuse_gateway(struct http_request *req) {
        struct buf out = {};

        refusal_write(REFUSAL_NOT_IMPLEMENTED,
                      "The AI Gateway feature is disabled. Set MLFLOW_ENABLE_AI_GATEWAY=true to "
                      "enable it.",
                      &out);
        return http_request_reply_json(req, 501, &out);
}

static bool needs_gateway(const struct http_request *req) {
        return strstr(req->route->path, "/mlflow/gateway/") ||
               strstr(req->route->path, "/gateway/{rest");
}

/* What this server does not have, or was told not to: 0, HTTP_LATER when it has replied, or -errno.
 */
static int refuse_part(struct http_request *req, const struct tracking *t) {
        int r;

        if (!t->has_traces && needs_new(req))
                r = refuse_old(req);
        else if (!t->ai_gateway && needs_gateway(req))
                r = refuse_gateway(req);
        else if (names_workspace(req))
                r = refuse_workspace(req);
        else
                return 0;
        return r < 0 ? r : HTTP_LATER;
}

int tracking_hooks_before(struct http_request *req) {
        const struct tracking *t = req->ctx;
        int r = http_request_set_header(req, "X-Content-Type-Options", "nosniff");

        if (r == 0 && t->frame_options)
                r = http_request_set_header(req, "X-Frame-Options", t->frame_options);
        if (r == 0)
                r = auth_http_check(t->auth, req);
        if (r == 0 && t->users) {
                const struct access *access = NULL;

                r = access_load(req, t->users, t->default_level, &access);
                req->access = access;
        }
        return r == 0 ? refuse_part(req, t) : r;
}

/* Points of metrics and what only looks are no changes that a log of them is read for. */
static bool is_change(const struct http_request *req) {
        static const char *const others[] = {"/runs/log-", "/search",  "get-latest", "telemetry",
                                             "batchGet",   "/metrics", "/graphql"};

        if (!req->route || req->method == HTTP_GET || req->method == HTTP_HEAD)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (strstr(req->route->path, others[i]))
                        return false;
        return true;
}

/* What the request names, "username=ann permission=READ": ids and names, never a value that may be
 * a secret. NULL: nothing, or no memory for it. */
static const char *object_of(struct http_request *req) {
        static const char *const keys[] = {
                "username",    "is_admin",   "role_id",  "role_name",       "resource_type",
                "resource_id", "permission", "name",     "new_name",        "experiment_id",
                "run_id",      "run_uuid",   "model_id", "dataset_id",      "version",
                "stage",       "alias",      "key",      "lifecycle_stage", "status"};
        struct buf out = {.limit = 1024};
        const char *text;
        int64_t number;
        bool yes;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const struct json *j = json_get(req->asked, keys[i]);

                if (json_str(j, &text) == 0)
                        (void) buf_printf(&out, "%s%s=%s", out.len ? " " : "", keys[i], text);
                else if (json_i64(j, &number) == 0)
                        (void) buf_printf(&out, "%s%s=%" PRId64, out.len ? " " : "", keys[i],
                                          number);
                else if (json_bool(j, &yes) == 0)
                        (void) buf_printf(&out, "%s%s=%s", out.len ? " " : "", keys[i],
                                          yes ? "true" : "false");
        }
        text = out.len > 0 ? arena_strdup(req->arena, buf_cstr(&out)) : NULL;
        buf_done(&out);
        return text;
}

void tracking_hooks_done(struct http_request *req, int status, usec_t took_for) {
        const struct tracking *t = req->ctx;
        char action[256], result[16];

        if (!t->audit || !is_change(req))
                return;
        snprintf(action, sizeof(action), "%s %s", req->method_name, req->path);
        snprintf(result, sizeof(result), "%d", status);
        if (auth_audit_write(t->audit, &(struct auth_audit_entry){
                                               .identity = req->identity,
                                               .action = action,
                                               .object = req->asked ? object_of(req) : NULL,
                                               .result = result}) < 0)
                log_warning("the audit log cannot be written: its disk may be full");
}
