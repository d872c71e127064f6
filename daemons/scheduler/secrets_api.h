/* secrets_api.h: what variables_api.c and connections_api.c share: lists, one, and one change. */
#pragma once

#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/secrets.h"

struct secrets_api_change;

struct secrets_api_noun {
        const char *kind;        /* SECRETS_VARIABLE */
        const char *plural;      /* "variables": the key of a list */
        const char *name_key;    /* "key": of the body */
        const char *param;       /* "variable_key": of the path */
        const char *const *keys; /* that a body may have */
        size_t n_keys;
        /* The object as it may be shown: without secrets. 0 or -ENOMEM. */
        int (*write)(struct json_write *w, const struct secret *v, struct arena *a);
        /* Fills ret->value, type and description; old is NULL for a new one. 0 or -EINVAL. */
        int (*fill)(struct secrets_api_change *c, struct arena *a, const struct secret *old,
                    struct secret *ret, struct errmsg *em);
};

struct secrets_api_change {
        const struct secrets_api_noun *noun;
        const char *name;
        bool is_new, is_delete;
        const struct json *body;
        const char *mask; /* update_mask of the query, or NULL */
};

/* As handlers. `pattern`: a part of the name, with "%" for anything at its ends; NULL: all. */
int secrets_api_list(struct http_request *req, const struct secrets_api_noun *noun,
                     const char *pattern);
int secrets_api_get(struct http_request *req, const struct secrets_api_noun *noun);
int secrets_api_create(struct http_request *req, const struct secrets_api_noun *noun);
int secrets_api_patch(struct http_request *req, const struct secrets_api_noun *noun);
int secrets_api_bulk(struct http_request *req, const struct secrets_api_noun *noun);
int secrets_api_delete(struct http_request *req, const struct secrets_api_noun *noun);

/* Is the key to be changed: named by update_mask, or, without one, in the body? */
bool secrets_api_changes(const struct secrets_api_change *c, const char *key);
