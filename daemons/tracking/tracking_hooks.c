#include "daemons/tracking/tracking_hooks.h"

#include <stdio.h>
#include <string.h>

#include "daemons/tracking/refusal.h"
#include "daemons/tracking/tracking.h"
#include "lib/auth/auth_audit.h"
#include "lib/auth/auth_http.h"
#include "lib/base/log.h"

/* A database of MLflow 3.17 is served in place, but for what its tables cannot hold. */
static int refuse_traces(struct http_request *req) {
        struct buf out = {};

        refusal_write(REFUSAL_NOT_IMPLEMENTED,
                      "The tracking database has the schema of MLflow 3.17, whose traces this "
                      "server does not keep: stop all servers, make a backup and run `mlflow db "
                      "upgrade` with MLflow " TRACKING_VERSION ".",
                      &out);
        return http_request_reply_json(req, 501, &out);
}

static bool is_of_traces(const struct http_request *req) {
        return strstr(req->route->path, "/traces") || strstr(req->route->path, "-trace-artifact");
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
        if (r == 0 && !t->has_traces && req->route && is_of_traces(req)) {
                r = refuse_traces(req);
                return r < 0 ? r : HTTP_LATER;
        }
        return r;
}

static bool is_change(const struct http_request *req) {
        switch (req->method) {
        case HTTP_POST:
        case HTTP_PATCH:
        case HTTP_DELETE:
                break;
        default: /* a PUT is an artifact */
                return false;
        }
        return req->route && !strstr(req->route->path, "/runs/log-") &&
               !strstr(req->route->path, "/search") && !strstr(req->route->path, "get-latest") &&
               !strstr(req->route->path, "telemetry");
}

void tracking_hooks_done(struct http_request *req, int status, usec_t took_for) {
        const struct tracking *t = req->ctx;
        char action[256], result[16];

        if (!t->audit || !is_change(req))
                return;
        snprintf(action, sizeof(action), "%s %s", req->method_name, req->path);
        snprintf(result, sizeof(result), "%d", status);
        if (auth_audit_write(t->audit, &(struct auth_audit_entry){.identity = req->identity,
                                                                  .action = action,
                                                                  .result = result}) < 0)
                log_warning("the audit log cannot be written: its disk may be full");
}
