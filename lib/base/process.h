/* process: starting a program with chosen file descriptors, environment and death signal. */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct process_spec {
        const char *path;          /* the program, no search in PATH */
        const char *const *argv;   /* NULL-terminated */
        const char *const *envp;   /* NULL: the parent's */
        const char *cwd;           /* NULL: the parent's */
        int fd_in, fd_out, fd_err; /* become 0, 1, 2; -1: /dev/null */
        const int *keep_fds;       /* become 3, 4, … in this order (socket activation) */
        size_t n_keep_fds;
        int death_signal; /* PDEATHSIG of the child; 0: none */
        bool new_session; /* setsid() */
        bool new_group;   /* setpgid(0, 0); implied by new_session */
};

/* Starts it with all signals unblocked and at their defaults; every other fd is closed. Waits until
 * the exec succeeded. 0; -errno with em set (names the program); never a half-started child. */
int process_spawn(const struct process_spec *s, pid_t *ret_pid, int *ret_pidfd, struct errmsg *em);
