#include "cli/probe_try.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_call.h"
#include "cli/probe.h"
#include "cli/show.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/net/http_call.h"

#define ASK_TIMES 50 /* while onebox-task is not ready to be told what to mask */
#define ASK_PAUSE_US 100000

static int call(struct cli *c, const struct buf *body, int *ret_status, struct json **ret) {
        const char *path =
                cli_call_path(c, "internal", "connection_trials", getenv("ONEBOX_TRY_ID"), NULL);
        struct http_call_answer a = {};
        int r;

        if (!path)
                return cli_oom(c);
        r = http_call(&(struct http_call){.address = arena_printf(&c->arena, "unix:%s",
                                                                  getenv("ONEBOX_SOCKET")),
                                          .target = path,
                                          .token = getenv("MLFLOW_TRACKING_TOKEN"),
                                          .body = body ? body->data : NULL,
                                          .body_size = body ? body->len : 0},
                      &a, &c->em);
        *ret_status = a.status;
        if (r >= 0 && json_parse_copy(&c->arena, buf_cstr(&a.body), a.body.len, ret, NULL) < 0)
                r = errmsg_fail(&c->em, -EPROTO, "the scheduler's answer is no JSON");
        if (a.body.data)
                explicit_bzero(a.body.data, a.body.len);
        http_call_answer_done(&a);
        return r;
}

static int fetch(struct cli *c, struct json **ret) {
        int status = 0, r = 0;

        for (int i = 0; i < ASK_TIMES; i++) {
                r = call(c, NULL, &status, ret);
                if (r < 0 || status != 503)
                        break;
                (void) usleep(ASK_PAUSE_US);
        }
        if (r >= 0 && status != 200)
                r = errmsg_fail(&c->em, -EACCES, "%s", show_text(*ret, "detail"));
        return r;
}

static int report(struct cli *c, bool good, const char *message) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        struct json *answer;
        int status = 0, r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_bool(&w, "status", good);
        json_write_kv_str(&w, "message", message);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        r = call(c, &b, &status, &answer);
        if (r >= 0 && status != 200)
                r = errmsg_fail(&c->em, -EACCES, "%s", show_text(answer, "detail"));
        return r;
}

int probe_try_run(struct cli *c) {
        struct json *connection;
        struct probe p = {};
        int r;

        if (str_empty(getenv("ONEBOX_TRY_ID")) || str_empty(getenv("ONEBOX_SOCKET")) ||
            str_empty(getenv("MLFLOW_TRACKING_TOKEN")))
                return errmsg_fail(&c->em, -EINVAL,
                                   "this is what the try of a test runs: use onebox connections "
                                   "test ID");
        r = fetch(c, &connection);
        if (r < 0)
                return r;
        r = probe_read(connection, &c->arena, &p);
        if (r >= 0)
                r = probe_run(&p);
        if (r == -ENOMEM)
                return cli_oom(c);
        return report(c, r >= 0, p.em.text);
}
