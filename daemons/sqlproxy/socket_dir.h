/* socket_dir: --fuse: a directory whose names are instances. Looking one up asks for its socket;
 * what is found is a link to where that is. Nothing else is in there but a README.
 *
 * Threads: FUSE's own one takes the kernel's questions; asks go to the loop and are answered from
 * it. What both read is under a lock. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/net/loop.h"

struct socket_dir;
struct socket_dir_ask;

struct socket_dir_options {
        struct loop *loop;
        const char *path; /* mounted over; must exist */
        /* Somebody looks for this instance: socket_dir_answer() must follow, from the loop. */
        void (*ask)(void *ctx, struct socket_dir_ask *ask, const char *name);
        /* Is this the name of an instance at all? On FUSE's thread: pure. */
        bool (*is_name)(const char *name);
        void *ctx;
};
/* Mounts and starts the thread. -errno with em. */
int socket_dir_new(const struct socket_dir_options *o, struct socket_dir **ret, struct errmsg *em);
/* Unmounts; asks without an answer are told that there is nothing. */
struct socket_dir *socket_dir_free(struct socket_dir *d);

/* target: where its socket is, or PostgreSQL's directory with it; NULL = there is no such instance.
 * The ask is gone after it. */
void socket_dir_answer(struct socket_dir_ask *ask, const char *target);
