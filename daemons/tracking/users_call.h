/* users_call.h: what calls on users, roles and permissions have in common: their fields, and their
 * answers from auth.db. On a worker's thread: they write and wait. */
#pragma once

#include "daemons/tracking/ask.h"
#include "daemons/tracking/tracking.h"
#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_store.h"
#include "lib/base/json_write.h"

struct auth_grant;

struct users_call {
        struct ask q;
        struct http_request *req;
        struct auth_store *store;
        const struct auth_identity *who;
        struct auth_grant *grants; /* his, in all workspaces, once they were asked for */
        size_t n_grants;
        bool has_grants;
        struct buf out;
        struct json_write json; /* the answer, in its object */
};

enum users_call_asker { USERS_CALL_ANYBODY, USERS_CALL_ADMIN };

/* A handler's whole: opens the call (404 without access control, 403 for who may not ask it), lets
 * `body` read fields and write the answer, and replies that, or the first refusal it has kept. */
int users_call_run(struct http_request *req, enum users_call_asker asker,
                   void (*body)(struct users_call *c));
/* 0 when the asker is an admin or `user` himself (NULL: an admin only); REFUSED is kept. */
int users_call_need(struct users_call *c, const char *user);
/* The user of this name: 0, or REFUSED (404), kept. */
int users_call_user(struct users_call *c, const char *name, struct auth_store_user *ret);
/* Keeps what a call on auth.db answered as refusals: what is not there, what is there already. */
int users_call_check(struct users_call *c, int answer, const char *absent, const char *exists);
