/* auth_http.c: see auth_http.h. */
#include "lib/auth/auth_http.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/net/http_listen.h"
#include "lib/net/http_request.h"

static void gather(const struct http_request *req, struct auth_check_request *ret) {
        const struct http_peer *peer = req->peer;
        bool is_unix = peer->kind == HTTP_PEER_UNIX;

        *ret = (struct auth_check_request){
                .is_unix = is_unix && http_listen_policy(req->listener)->trust_peer,
                .is_loopback = is_unix || str_starts(peer->address, "127.") ||
                               str_eq(peer->address, "::1") ||
                               str_starts(peer->address, "::ffff:127."),
                .is_passed_on = http_request_header(req, "X-Forwarded-For") != NULL,
                .uid = peer->uid,
                .is_on_loop = !req->may_block,
                .authorization = http_request_header(req, "Authorization"),
                .session_cookie = http_request_cookie(req, AUTH_CHECK_COOKIE),
                .forwarded_user = http_request_header(req, "X-Onebox-User"),
                .forwarded_role = http_request_header(req, "X-Onebox-Role"),
                .forwarded_task = http_request_header(req, "X-Onebox-Task"),
        };
}

/* A page's own fetch() must not make the browser ask for a password: the page does. */
static const char *challenge_for(const struct http_request *req, const char *challenge) {
        const char *mode = http_request_header(req, "Sec-Fetch-Mode");

        return mode && !str_eq(mode, "navigate") ? "Session realm=\"onebox\"" : challenge;
}

static int reply_refusal(struct http_request *req, const struct auth_check_refusal *refusal) {
        char seconds[16];
        int r = 0;

        if (refusal->challenge)
                r = http_request_set_header(req, "WWW-Authenticate",
                                            challenge_for(req, refusal->challenge));
        if (r >= 0 && refusal->retry_after_sec > 0) {
                (void) snprintf(seconds, sizeof(seconds), "%u", refusal->retry_after_sec);
                r = http_request_set_header(req, "Retry-After", seconds);
        }
        if (r >= 0)
                r = http_request_reply_error(req, refusal->status, "%s", refusal->message);
        return r < 0 ? r : HTTP_LATER;
}

static int reply_forbidden(struct http_request *req, enum auth_role needed) {
        const struct auth_identity *who = req->identity;
        const char *role = auth_role_print(needed);
        int r;

        r = http_request_reply_error(req, 403,
                                     "%s has the role %s, this needs %s: an admin can give it with "
                                     "`onebox user role %s --role=%s` or the Unix group %s",
                                     who->name, auth_role_print(who->role), role, who->name, role,
                                     auth_role_group(needed));
        return r < 0 ? r : HTTP_LATER;
}

int auth_http_check(struct auth_check *c, struct http_request *req) {
        enum auth_role needed = (enum auth_role) req->route->min_role;
        struct auth_check_refusal refusal;
        struct auth_check_request brings;
        struct auth_identity *identity;
        int r;

        assert(c && req->route && req->peer);
        identity = arena_new(req->arena, struct auth_identity);
        if (!identity)
                return -ENOMEM;
        gather(req, &brings);
        r = auth_check_run(c, &brings, req->arena, identity, &refusal);
        if (r == AUTH_CHECK_REFUSED)
                return needed == AUTH_NONE ? 0 : reply_refusal(req, &refusal);
        if (r == AUTH_CHECK_SLOW)
                return HTTP_SLOW;
        if (r < 0)
                return r;
        req->identity = identity;
        return identity->role >= needed ? 0 : reply_forbidden(req, needed);
}
