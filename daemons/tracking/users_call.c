#include "daemons/tracking/users_call.h"

#include <errno.h>

#include "daemons/tracking/job.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

int users_call_need(struct users_call *c, const char *user) {
        if (c->q.result != 0)
                return c->q.result;
        if (c->who->role < AUTH_ADMIN && (!user || !str_eq(user, c->who->name)))
                ask_check(&c->q, refusal_set(&c->q.refusal, REFUSAL_PERMISSION_DENIED,
                                             "Permission denied."));
        return c->q.result;
}

int users_call_user(struct users_call *c, const char *name, struct auth_store_user *ret) {
        int r;

        if (c->q.result != 0)
                return c->q.result;
        r = auth_store_user_get(c->store, name, c->q.arena, ret);
        if (r == AUTH_STORE_ABSENT)
                r = refusal_set(&c->q.refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                "User with username=%s not found", name);
        ask_check(&c->q, r);
        return c->q.result;
}

int users_call_check(struct users_call *c, int answer, const char *absent, const char *exists) {
        if (c->q.result != 0)
                return c->q.result;
        if (answer == AUTH_STORE_ABSENT)
                answer = refusal_set(&c->q.refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST, "%s", absent);
        else if (answer == AUTH_STORE_EXISTS)
                answer = refusal_set(&c->q.refusal, REFUSAL_RESOURCE_ALREADY_EXISTS, "%s", exists);
        ask_check(&c->q, answer);
        return c->q.result;
}

static int reply(struct users_call *c) {
        if (c->q.result != 0) {
                buf_done(&c->out);
                return job_refuse(&c->q);
        }
        json_write_end(&c->json);
        json_write_finish(&c->json);
        buf_add_char(&c->out, '\n');
        return http_request_reply_json(c->req, 200, &c->out);
}

int users_call_run(struct http_request *req, enum users_call_asker asker,
                   void (*body)(struct users_call *c)) {
        const struct tracking *t = req->ctx;
        struct users_call c = {.req = req, .store = t->users, .who = req->identity};

        if (!t->users || !req->identity)
                return http_request_reply_error(req, 404, "not found");
        ask_open(&c.q, req);
        json_write_init(&c.json, &c.out, 0);
        json_write_object(&c.json);
        if (asker == USERS_CALL_ANYBODY || users_call_need(&c, NULL) == 0)
                body(&c);
        return reply(&c);
}
