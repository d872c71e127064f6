/* rest_bulk.h: Airflow's bulk changes of things that have a name:
 * {"actions": [{"action": "create", "update" or "delete", "entities": […], …}, …]}.
 *
 * All of it is one job and one transaction. The answer names for each kind of action what was
 * changed and what was refused. An action that may not meet what it meets ("fail") changes nothing;
 * one whose entity is refused keeps what went before it. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/json.h"

struct rest_bulk_noun {
        const char *kind;        /* "pool" */
        const char *name_key;    /* "name": of an entity */
        const char *const *keys; /* that an entity may have */
        size_t n_keys;
        /* Inside the job. 1: there is one of that name; 0: none; -errno. */
        int (*exists)(struct scheduler *s, struct scheduler_api_job *j,
                      const struct rest_bulk_noun *noun, const char *name);
        /* Makes or changes it. 0; a status: refused, with the job's text; -errno.
         * mask: "a,b", the keys to be changed; NULL: those of the entity. */
        int (*put)(struct scheduler *s, struct scheduler_api_job *j,
                   const struct rest_bulk_noun *noun, const char *name, const struct json *entity,
                   const char *mask, bool is_new);
        /* The same, taking it away. */
        int (*drop)(struct scheduler *s, struct scheduler_api_job *j,
                    const struct rest_bulk_noun *noun, const char *name);
};

/* As a handler; the noun lives as long as the request. */
int rest_bulk(struct http_request *req, const struct rest_bulk_noun *noun);
