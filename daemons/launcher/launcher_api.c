#include "daemons/launcher/launcher_api.h"

#include <errno.h>

#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { BODY_MAX = 64 * 1024 };

const struct http_route launcher_api_routes[] = {
#define ROUTE(m, p, h, what) {.method = HTTP_##m, .path = p, .handle = h, .max_body = BODY_MAX},
#include "daemons/launcher/launcher_routes.def"
#undef ROUTE
};
const size_t launcher_api_n_routes = ARRAY_SIZE(launcher_api_routes);

int launcher_api_before(struct http_request *req) {
        const struct launcher_api *api = req->ctx;

        if (req->peer->kind == HTTP_PEER_UNIX &&
            (req->peer->uid == api->client_uid || req->peer->uid == 0))
                return 0;
        log_warning("refused %s %s from uid %u", req->method_name, req->path,
                    (unsigned) req->peer->uid);
        http_request_reply_error(req, 403, "the launcher answers to the scheduler only");
        return HTTP_LATER;
}

/* Who the task runs as, or NULL with the refusal in *em. */
static const char *start_user(const struct launcher_api *api, const struct launcher_ask *ask,
                              struct errmsg *em) {
        const char *user = ask->user ? ask->user : api->conf->user;

        if (api->own_user) {
                if (!ask->user || str_eq(ask->user, api->own_user))
                        return api->own_user;
                errmsg_set(em,
                           "with mode = fork all tasks run as \"%s\", not as \"%s\": leave the "
                           "pipeline's user out, or run under systemd",
                           api->own_user, ask->user);
                return NULL;
        }
        if (launcher_ask_user_allowed(user, api->conf->user, api->conf->users))
                return user;
        errmsg_set(em, "tasks may not run as \"%s\": add it to users in [launcher] of onebox.conf",
                   user);
        return NULL;
}

int launcher_api_start(struct http_request *req) {
        const struct launcher_api *api = req->ctx;
        struct launcher_ask ask;
        struct errmsg em;
        const char *user;
        int r;

        r = launcher_ask_parse_start(req->arena, req->body, req->body_size, &ask, &em);
        if (r == -EINVAL)
                return http_request_reply_error(req, 400, "%s", em.text);
        if (r < 0)
                return r;
        user = start_user(api, &ask, &em);
        if (!user)
                return http_request_reply_error(req, 403, "%s", em.text);
        return api->exec->start(api->exec, req, &ask, user);
}

int launcher_api_stop(struct http_request *req) {
        const struct launcher_api *api = req->ctx;
        struct launcher_ask ask;
        struct errmsg em;
        int r;

        r = launcher_ask_parse_stop(req->arena, req->body, req->body_size, &ask, &em);
        if (r == -EINVAL)
                return http_request_reply_error(req, 400, "%s", em.text);
        if (r < 0)
                return r;
        return api->exec->stop(api->exec, req, &ask);
}

int launcher_api_hold(struct http_request *req) {
        const struct launcher_api *api = req->ctx;
        struct errmsg em;
        struct json *j;
        bool wanted;
        int r = json_parse(req->arena, req->body, req->body_size, &j, &em);

        if (r == 0)
                r = json_need_bool(j, "hold", &wanted, &em);
        if (r == -EINVAL)
                return http_request_reply_error(req, 400, "%s", em.text);
        return r < 0 ? r : api->exec->hold(api->exec, req, wanted);
}

int launcher_api_units(struct http_request *req) {
        const struct launcher_api *api = req->ctx;

        return api->exec->list(api->exec, req);
}
