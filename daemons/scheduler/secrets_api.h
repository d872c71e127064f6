/* secrets_api.h: what variables_api.c and connections_api.c share: one change of one secret. */
#pragma once

#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/secrets.h"

struct secrets_api_change {
        const char *kind;
        const char *name;
        bool is_new, is_delete;
        /* Fills ret->value, type and description; old is NULL for a new one. 0 or -EINVAL. */
        int (*fill)(struct secrets_api_change *c, struct arena *a, const struct secret *old,
                    struct secret *ret, struct errmsg *em);
        /* The answer about what is there now. */
        int (*reply)(struct scheduler *s, struct http_request *req, const char *name, int status);
        const struct json *body;
        const char *mask; /* update_mask of the query, or NULL */
};

/* Checks the name and submits; answers 201, 200 or 204. As a handler. */
int secrets_api_submit(struct http_request *req, struct secrets_api_change *c);

/* Is the key to be changed: named by update_mask, or, without one, in the body? */
bool secrets_api_changes(const struct secrets_api_change *c, const char *key);
