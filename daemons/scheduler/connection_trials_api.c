/* connection_trials_api.c: what the try of a connection's test asks for, with its own token. */
#include "daemons/scheduler/connection_trials.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/str.h"

static bool is_its_own(const struct http_request *req, const char *try_id) {
        const struct auth_identity *who = req->identity;

        return who && who->how == AUTH_BY_TASK && str_eq(who->try_id, try_id);
}

static int refuse(struct http_request *req) {
        return http_request_reply_error(req, 403, "only the try of the test may ask, by its token");
}

int connection_trials_api_get(struct http_request *req) {
        const char *try_id = http_request_param(req, "try_id");

        return is_its_own(req, try_id) ? connection_trials_fetch(req, try_id) : refuse(req);
}

int connection_trials_api_report(struct http_request *req) {
        static const char *const keys[] = {"status", "message"};
        const char *try_id = http_request_param(req, "try_id"), *message = NULL;
        const struct json *body;
        struct errmsg em;
        bool good = false;

        if (!is_its_own(req, try_id))
                return refuse(req);
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body))
                return rest_replied;
        if (json_need_bool(body, "status", &good, &em) < 0 ||
            json_need_str(body, "message", &message, &em) < 0)
                return rest_refuse(req, &em);
        return connection_trials_report(req, try_id, good, message);
}
