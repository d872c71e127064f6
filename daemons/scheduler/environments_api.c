/* environments_api.c: the Python environments of images: listed, asked for, their logs. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/environments.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define LOG_MAX (4u << 20)

int environments_api_list(struct http_request *req) {
        const char *state_dir = scheduler_api_of(req)->paths->state_dir;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "environments");
        r = environments_write(state_dir, &w);
        json_write_end(&w);
        json_write_end(&w);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static const char *state_name(enum environments_state s) {
        static const char *const names[] = {"common", "ready", "waiting", "failed"};

        return names[s];
}

static bool read_ask(const struct json *body, struct dag_environment *e, usec_t *ret_since,
                     struct errmsg *em) {
        double since = 0;

        if (json_need_str(body, "image", &e->image, em) < 0 ||
            json_need_str(body, "source", &e->source, em) < 0 ||
            json_want_str(body, "python_version", &e->python_version, em) < 0 ||
            json_want_str(body, "pip_conf", &e->pip_conf, em) < 0 ||
            json_want_str(body, "build_cmd", &e->build_cmd, em) < 0 ||
            json_want_f64(body, "since", &since, em) < 0)
                return false;
        if (e->source[0] != '/' || strstr(e->source, "/../"))
                return errmsg_set(em, "\"source\" must be an absolute path"), false;
        *ret_since = since > 0 && since < 1e11 ? (usec_t) (since * 1e6) : 0;
        return true;
}

/* What the first asking answers is since when a failure counts: given again while it is waited. */
int environments_api_ask(struct http_request *req) {
        static const char *const keys[] = {"image",    "source",    "python_version",
                                           "pip_conf", "build_cmd", "since"};
        struct scheduler *s = scheduler_api_of(req);
        struct dag_environment e = {};
        struct environments_found found;
        _cleanup_buf_ struct buf b = {};
        const struct json *body;
        struct json_write w;
        struct errmsg em;
        usec_t since = 0;
        int r;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body))
                return rest_replied;
        if (!read_ask(body, &e, &since, &em))
                return rest_refuse(req, &em);
        if (since == 0)
                since = clock_now(s->clock);
        r = environments_ask(s->paths->state_dir, &e, since, &found, &em);
        if (r < 0)
                return http_request_reply_error(req, 422, "%s", em.text);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "state", state_name(found.state));
        if (found.state != ENVIRONMENTS_COMMON)
                json_write_kv_str(&w, "key", found.key);
        if (found.state == ENVIRONMENTS_FAILED)
                json_write_kv_str(&w, "message", found.message.text);
        json_write_kv_f64(&w, "since", (double) since / 1e6);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

int environments_api_log(struct http_request *req) {
        const char *key = http_request_param(req, "key");
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t len;
        int r;

        if (strlen(key) != ENVIRONMENTS_KEY_SIZE - 1 || !str_is_name(key, ENVIRONMENTS_KEY_SIZE))
                return http_request_reply_error(req, 422, "\"%s\" is no environment's key", key);
        path = paths_state(scheduler_api_of(req)->paths, "venvs/%s.log", key);
        if (!path)
                return -ENOMEM;
        r = fileio_read(path, LOG_MAX, &text, &len);
        if (r < 0)
                return http_request_reply_error(req, r == -ENOENT ? 404 : 500,
                                                "there is no log of environment %s: %s", key,
                                                errmsg_strerror(r));
        return http_request_reply(req, 200, "text/plain; charset=utf-8", text, len);
}
