/* night_api.c: why this machine is on, when it stops, and saying otherwise. */
#include <errno.h>

#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/str.h"

#define STAY_MAX_S (7 * 24 * 3600)

static int reply(struct http_request *req) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        night_watch_write(scheduler_api_of(req), &w);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

int night_api_get(struct http_request *req) {
        return reply(req);
}

static int stay(struct http_request *req, int64_t seconds) {
        struct scheduler *s = scheduler_api_of(req);
        int r;

        if (seconds < 0 || seconds > STAY_MAX_S)
                return http_request_reply_error(
                        req, 422, "stay_s must be between 0 (not any more) and %d", STAY_MAX_S);
        r = night_watch_stay(s,
                             seconds ? clock_now(s->clock) + (usec_t) seconds * USEC_PER_SEC : 0);
        return r < 0 ? r : reply(req);
}

static int notice(struct http_request *req, const struct json *body, const char *what) {
        usec_t at = USEC_INFINITY;

        if (!rest_want_at(req, body, "at", &at))
                return rest_replied;
        night_watch_notice(scheduler_api_of(req), at, what);
        return reply(req);
}

/* {"stay_s": N} · {"stop": true} · {"notice": "preempted", "at": TIME}, without `at`: it is over.
 */
int night_api_post(struct http_request *req) {
        static const char *const keys[] = {"stay_s", "stop", "notice", "at"};
        const struct json *body;
        const char *what = NULL;
        int64_t seconds = -1;
        struct errmsg em;
        bool stop = false;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body))
                return rest_replied;
        if (json_want_i64(body, "stay_s", &seconds, &em) < 0 ||
            json_want_bool(body, "stop", &stop, &em) < 0 ||
            json_want_str(body, "notice", &what, &em) < 0)
                return rest_refuse(req, &em);
        if (what)
                return notice(req, body, what);
        if (stop) {
                night_watch_stop(scheduler_api_of(req),
                                 req->identity ? req->identity->name : "somebody");
                return reply(req);
        }
        if (!json_get(body, "stay_s"))
                return http_request_reply_error(req, 422, "say stay_s, stop or notice");
        return stay(req, seconds);
}
