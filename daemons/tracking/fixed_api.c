#include "daemons/tracking/fixed_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/refusal.h"
#include "lib/net/http_request.h"

int fixed_api_answer(struct http_request *req) {
        const struct fixed_api *f = req->route->data;

        return http_request_reply_static(req, f->status, f->type, f->text, strlen(f->text));
}

int fixed_api_left_out(struct http_request *req) {
        const char *what = req->route->data;
        struct buf out = {};
        char text[160];

        snprintf(text, sizeof(text),
                 "This tracking server does not have %s: use a server of MLflow's own for it.",
                 what);
        refusal_write(REFUSAL_NOT_IMPLEMENTED, text, &out);
        return http_request_reply_json(req, 501, &out);
}

int fixed_api_no_workspaces(struct http_request *req) {
        bool one = strchr(req->route->path, '{');
        const char *text = arena_printf(
                req->arena,
                "Endpoint: /api/3.0/mlflow/workspaces%s disabled because the server is running "
                "without workspaces support. To enable workspace, run `mlflow server` with "
                "`--enable-workspaces`",
                one ? "/<workspace_name>" : "");

        return text ? http_request_reply(req, 503, "text/html; charset=utf-8", text, strlen(text))
                    : -ENOMEM;
}
