/* users_call.h: what calls on users, roles and permissions have in common: their fields, and their
 * answers from auth.db. On a worker's thread: they write and wait. */
#pragma once

#include "daemons/tracking/ask.h"
#include "daemons/tracking/tracking.h"
#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_store.h"
#include "lib/base/json_write.h"

struct users_call {
        struct ask q;
        struct http_request *req;
        struct auth_store *store;
        const struct auth_identity *who;
        struct buf out;
        struct json_write json; /* the answer, in its object */
};

/* 0 when the call may go on; else what the handler returns (404 without access control). */
int users_call_open(struct users_call *c, struct http_request *req);
/* 0 when the asker is an admin or `user` himself (NULL: an admin only); REFUSED is kept. */
int users_call_need(struct users_call *c, const char *user);
/* The user of this name: 0, or REFUSED (404), kept. */
int users_call_user(struct users_call *c, const char *name, struct auth_store_user *ret);
/* Keeps what a call on auth.db answered as refusals: what is not there, what is there already. */
int users_call_check(struct users_call *c, int answer, const char *absent, const char *exists);
/* Replies what was written, or the refusal. */
int users_call_reply(struct users_call *c);
