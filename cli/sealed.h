/* sealed: what `onebox variables` and `onebox connections` share: things that are kept sealed,
 * shown masked, set from standard input, and given in clear to a running task alone. */
#pragma once

#include "cli/cli.h"

struct buf;
struct json;

struct sealed_column {
        const char *title, *key;
};

struct sealed_noun {
        const char *plural;    /* "variables": of the paths and of messages */
        const char *name_key;  /* "key" */
        const char *value_key; /* what `set` sets and a task gets: "value" */
        const struct sealed_column *columns;
        size_t n_columns;
};

int sealed_list(struct cli *c, const struct sealed_noun *noun);
int sealed_get(struct cli *c, const struct sealed_noun *noun, const char *name,
               const struct json **ret);
/* "-" as value: standard input. Changes it, or makes it when it is not there. */
int sealed_set(struct cli *c, const struct sealed_noun *noun, const char *name, const char *value,
               const char *description);
int sealed_delete(struct cli *c, const struct sealed_noun *noun, const char *name);
int sealed_send(struct cli *c, const char *method, const char *path, const struct buf *body,
                const struct json **ret);

/* Are we inside a running task, which may read in clear? */
bool sealed_in_task(void);
/* Prints the value in clear; the task's own token opens it, over the scheduler's socket. */
int sealed_print_in_task(struct cli *c, const struct sealed_noun *noun, const char *name);
