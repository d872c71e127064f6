/* webhook_event.h: what webhooks are told, as messages and as rows of the queue.
 *
 * A change and its messages are one transaction: what is committed is told, across restarts, and
 * what is not committed is not told.
 */
#pragma once

#include "daemons/tracking/job.h"

enum { WEBHOOK_EVENT_FIELDS = 6 };

struct webhook_event {
        const char *entity, *action; /* of a model; a prompt's are found by themselves */
        /* In the order of the message; "tags" stands for the tags. The key NULL ends them. */
        struct {
                const char *key, *value; /* value NULL: null */
        } fields[WEBHOOK_EVENT_FIELDS];
        const struct ask_pair *tags;
        size_t n_tags;
};

/* Is there such an event? */
bool webhook_event_exists(const char *entity, const char *action);
/* Those of an entity, for a message: 'deleted', 'set' */
const char *webhook_event_actions(struct arena *a, const char *entity);

/* Queues a message to each webhook that wants the event of the registered model `name`. 0 or
 * -errno.
 */
int webhook_event_emit(struct job *j, struct db *db, const char *name,
                       const struct webhook_event *e);

/* A message whose fields are examples. 0 or -ENOMEM. */
int webhook_event_example(const struct tracking *t, struct arena *a, const char *entity,
                          const char *action, const char **ret);
