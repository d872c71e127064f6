/* cli_call: see cli_call.h. */
#include "cli/cli_call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/net/http_call.h"

static int fail_unreachable(struct cli *c, const struct cli_call *call, int r) {
        struct errmsg why = c->em;
        char *advice = strstr(why.text, ": is the daemon running?");

        if (r != -ENOENT && r != -ECONNREFUSED)
                return r;
        if (call->address)
                return errmsg_fail(&c->em, r, "%s does not answer on %s", call->daemon,
                                   call->address);
        if (advice)
                *advice = 0;
        return errmsg_fail(&c->em, r,
                           "onebox-%s is not running here (%s): start everything with `systemctl "
                           "start onebox.target` or `onebox up`",
                           call->daemon, why.text);
}

int cli_call_raw(struct cli *c, const struct cli_call *call, int *ret_status, const char **ret_body,
                 size_t *ret_size) {
        struct http_call_answer answer = {};
        struct http_call h = {
                .address = call->address,
                .method = call->method,
                .target = call->target,
                .content_type = call->content_type,
                .body = call->body,
                .body_size = call->body_size,
        };
        const char *body;
        int r;

        if (!h.address)
                h.address = arena_printf(&c->arena, "unix:%s/%s.sock", c->paths.runtime_dir,
                                         call->daemon);
        if (!h.address || !h.target)
                return cli_oom(c);
        r = http_call(&h, &answer, &c->em);
        if (r < 0)
                return fail_unreachable(c, call, r);
        body = arena_memdup(&c->arena, buf_cstr(&answer.body), answer.body.len);
        *ret_status = answer.status;
        *ret_body = body;
        *ret_size = answer.body.len;
        http_call_answer_done(&answer);
        return body ? 0 : cli_oom(c);
}

/* The words in an error answer: Airflow's {"detail"}, MLflow's {"message"}, or the text itself. */
static const char *words_of(struct cli *c, const char *body, size_t size) {
        const char *words = NULL;
        struct json *j;

        if (json_parse_copy(&c->arena, body, size, &j, NULL) < 0)
                return size > 0 && size < 300 ? body : "no reason was given";
        if (json_str(json_get(j, "detail"), &words) == 0 ||
            json_str(json_get(j, "message"), &words) == 0)
                return words;
        return "no reason was given";
}

static int fail_status(struct cli *c, const struct cli_call *call, int status, const char *body,
                       size_t size) {
        int r = status == 404 ? -ENOENT : status == 401 || status == 403 ? -EACCES : -EREMOTEIO;

        return errmsg_fail(&c->em, r, "%s (onebox-%s, HTTP %d)", words_of(c, body, size),
                           call->daemon, status);
}

int cli_call_json(struct cli *c, const struct cli_call *call, const struct json **ret) {
        struct errmsg em = {};
        const char *body;
        struct json *j;
        size_t size;
        int status, r;

        r = cli_call_raw(c, call, &status, &body, &size);
        if (r < 0)
                return r;
        if (status < 200 || status > 299)
                return fail_status(c, call, status, body, size);
        if (size == 0) {
                *ret = NULL;
                return 0;
        }
        r = json_parse_copy(&c->arena, body, size, &j, &em);
        if (r < 0)
                return errmsg_fail(&c->em, r,
                                   "onebox-%s answered %s with something else than "
                                   "JSON: %s",
                                   call->daemon, call->target, em.text);
        *ret = j;
        return 0;
}

int cli_call_get(struct cli *c, const char *daemon, const char *target, const struct json **ret) {
        return cli_call_json(c, &(struct cli_call){.daemon = daemon, .target = target}, ret);
}

static void add_encoded(struct buf *b, const char *s) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "-_.~";

        for (; *s; s++)
                if (strchr(plain, *s))
                        buf_add_char(b, *s);
                else
                        buf_printf(b, "%%%02X", (unsigned char) *s);
}

const char *cli_call_path(struct cli *c, ...) {
        _cleanup_buf_ struct buf b = {};
        const char *part;
        va_list ap;

        va_start(ap, c);
        while ((part = va_arg(ap, const char *))) {
                buf_add_char(&b, '/');
                if (str_eq(part, "~")) /* Airflow's "all of them" */
                        buf_add_char(&b, '~');
                else
                        add_encoded(&b, part);
        }
        va_end(ap);
        return buf_error(&b) ? NULL : arena_strdup(&c->arena, buf_cstr(&b));
}

const char *cli_call_query(struct cli *c, const char *path, const char *name, const char *value) {
        _cleanup_buf_ struct buf b = {};

        if (!path || !value)
                return path;
        buf_printf(&b, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', name);
        add_encoded(&b, value);
        return buf_error(&b) ? NULL : arena_strdup(&c->arena, buf_cstr(&b));
}

int cli_call_print(struct cli *c, const struct json *j) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_node(&w, j);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}
