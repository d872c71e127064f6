#include "daemons/tracking/fixed_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/ask.h"
#include "daemons/tracking/job.h"
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

static int run_no_issues(struct job *j, struct db *db) {
        const bool *counted = j->in;

        json_write_kv_str(&j->json, "next_page_token", "");
        if (*counted)
                json_write_kv_i64(&j->json, "total_count", 0);
        return 0;
}

int fixed_api_no_issues(struct http_request *req) {
        bool counted = false;
        struct ask q;

        ask_open(&q, req);
        ask_bool(&q, "include_total_count", &counted);
        return job_read(&q, run_no_issues, &counted);
}
