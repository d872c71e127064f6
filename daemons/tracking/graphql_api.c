#include "daemons/tracking/graphql_api.h"

#include <errno.h>

#include "daemons/tracking/graphql_run.h"
#include "daemons/tracking/job.h"
#include "lib/net/http_request.h"

static int ask_rest(void *ctx, int (*asked)(struct ask *q), const struct json *input,
                    struct refusal *r, const struct json **ret) {
        struct http_request *req = ctx;
        _cleanup_buf_ struct buf answer = {};
        struct json *root;
        struct ask q;
        int x;

        ask_open_within(&q, req, input, &answer);
        x = asked(&q);
        if (x == REFUSED)
                *r = q.refusal;
        if (x != 0)
                return x;
        x = json_parse_copy(req->arena, buf_cstr(&answer), answer.len, &root, NULL);
        if (x == 0)
                *ret = root;
        return x;
}

int graphql_api_ask(struct http_request *req) {
        struct graphql_run run = {.arena = req->arena, .ask = ask_rest, .ctx = req};
        _cleanup_buf_ struct buf out = {};
        struct ask q;
        int r;

        ask_open(&q, req);
        run.query = ask_str(&q, "query", ASK_NEED);
        run.operation = ask_str(&q, "operationName", 0);
        run.variables = q.body ? json_get(q.body, "variables") : NULL;
        if (q.result != 0)
                return job_refuse(&q);
        r = graphql_run(&run, &out);
        if (r == 0)
                r = buf_add_char(&out, '\n');
        return r < 0 ? r : http_request_reply_json(req, 200, &out);
}
