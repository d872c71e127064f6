/* task_server.h: shims without an exec each, for the launcher that forks.
 *
 * The launcher starts `onebox-task --serve` once, with a socket (SOCK_SEQPACKET) as descriptor 3. A
 * message is a try id; the answer, in the same order, the new shim's pid as text, or a negative
 * errno. Each shim is a fork, made before it is needed: loading a program costs more than a whole
 * small task, and with the first one there is always one more, which waits for its try and ends
 * with the server. The server ends when the launcher is gone; the shims stay and go to the nearest
 * subreaper. Reaps what it started, and says so when one was killed. Threads: one. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/entropy.h"

struct task_server_child;

struct task_server {
        struct task_server_child *children; /* living shims */
        char *room;                         /* of the command line, from --serve to its end */
        size_t room_size;
        pid_t ready;  /* waits for its try, 0: nobody does */
        int ready_fd; /* and is told there */
};

enum { TASK_SERVER_FD = 3, TASK_SERVER_END = 0, TASK_SERVER_SHIM = 1 };

/* TASK_SERVER_END: the launcher is gone. TASK_SERVER_SHIM: this process is the shim of
 * `ret_try_id`, in a session of its own, with the try id in its command line. -errno: broken. */
int task_server_run(struct task_server *s, char ret_try_id[ENTROPY_UUID_SIZE]);
