/* task_secrets.h: the secrets one try was given, so that its log does not show them: the files of
 * $CREDENTIALS_DIRECTORY, its own token, and what the scheduler tells while it runs.
 *
 * The scheduler sends a datagram to mask.sock in the try's directory before it answers a task that
 * asks for a secret: values with a NUL after each. Whoever read bytes of the task's output and then
 * drains the socket therefore knows every secret that can be in them. Threads: one. */
#pragma once

#include "daemons/task/task_mask.h"
#include "lib/base/arena.h"
#include "lib/base/errmsg.h"

enum { TASK_SECRETS_DATAGRAM_MAX = 96 * 1024, TASK_SECRETS_FILE_MAX = 1 << 20 };

struct task_secrets {
        struct task_mask mask;
        int fd;       /* mask.sock; -1 */
        int error;    /* the first secret that could not be taken */
        char *buffer; /* of a datagram; not in dumps */
        int dir_fd;   /* borrowed */
};

#define TASK_SECRETS_NONE \
        { .fd = -1, .dir_fd = -1 }

/* Makes the socket. -errno: the try must not run, its log could show what it is given. */
int task_secrets_init(struct task_secrets *s, int dir_fd);
void task_secrets_done(struct task_secrets *s);

/* Looks for a text from now on. */
void task_secrets_add(struct task_secrets *s, const char *value, size_t len);

/* The files of `dir`, which each are a secret; *ret_env: CREDENTIALS_DIRECTORY, and
 * ONEBOX_SECRET_NAME=PATH for each, in `a`, NULL-terminated. NULL `dir`: none. */
int task_secrets_load(struct task_secrets *s, const char *dir, struct arena *a,
                      char *const **ret_env, struct errmsg *em);

/* Takes what the scheduler has told. */
void task_secrets_drain(struct task_secrets *s);
