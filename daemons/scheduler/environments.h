/* environments.h: the Python environment of a task's image: STATE/venvs/KEY, made by onebox-build.
 *
 * KEY is a hash of what goes in: requirements.txt of the image's source, python_version, pip_conf,
 * build_cmd, and which Python the machine has. Here it is only looked up and asked for: a file
 * queue/KEY.json wakes onebox-build. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/dag.h"
#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct json_write;

enum { ENVIRONMENTS_KEY_SIZE = 17 };

enum environments_state {
        ENVIRONMENTS_COMMON, /* the image wants nothing of its own: onebox's own serves */
        ENVIRONMENTS_READY,
        ENVIRONMENTS_WAITS, /* being built, or going to be */
        ENVIRONMENTS_FAILED,
};

struct environments_found {
        enum environments_state state;
        char key[ENVIRONMENTS_KEY_SIZE];
        struct errmsg message; /* why it failed */
};

/* Looks the environment of an image up and, unless it is there, asks for it. A failure from before
 * `since` is forgotten and it is asked for again. -errno with *em: its source cannot be read. */
int environments_ask(const char *state_dir, const struct dag_environment *e, usec_t since,
                     struct environments_found *ret, struct errmsg *em);

/* Why something waits for it, or that it failed, in words with the last lines of its build. NULL:
 * it does not wait for that; "" in *ret is never given. Asks for nothing. */
int environments_why(const char *state_dir, const struct dag_environment *e, usec_t since,
                     struct arena *a, const char **ret);

/* All that onebox-build has made or tried, as objects of an array. */
int environments_write(const char *state_dir, struct json_write *w);
