#include "daemons/task/task_tree.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/macros.h"
#include "lib/base/procfs.h"

struct proc {
        pid_t pid, parent;
        bool below;
};

int task_tree_adopt(void) {
        return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

/* The next process of /proc; 0 at the end. */
static pid_t proc_next(DIR *d) {
        struct dirent *e;

        while ((e = readdir(d)))
                if (isdigit((unsigned char) e->d_name[0]))
                        return (pid_t) strtol(e->d_name, NULL, 10);
        return 0;
}

/* The parent of `pid`; 0 when it is gone or a zombie (its parent reaps it). */
static pid_t proc_parent(pid_t pid) {
        char buf[512], *p, state;
        int parent;

        if (procfs_read(pid, "stat", buf, sizeof(buf)) <= 0)
                return 0;
        p = strrchr(buf, ')'); /* the name before it may hold anything */
        if (!p || sscanf(p + 1, " %c %d", &state, &parent) != 2 || state == 'Z')
                return 0;
        return parent;
}

static size_t proc_list(DIR *d, struct proc *list) {
        size_t n = 0;
        pid_t pid;

        while (n < TASK_TREE_MAX && (pid = proc_next(d)) > 0) {
                pid_t parent = proc_parent(pid);

                if (parent > 0)
                        list[n++] = (struct proc){.pid = pid, .parent = parent};
        }
        return n;
}

static bool proc_is_below(const struct proc *list, size_t n, pid_t pid, pid_t top) {
        if (pid == top)
                return true;
        for (size_t i = 0; i < n; i++)
                if (list[i].pid == pid)
                        return list[i].below;
        return false;
}

/* Marks what is below `top`: passes until one finds nothing new. */
static void proc_mark(struct proc *list, size_t n, pid_t top) {
        bool more = true;

        while (more) {
                more = false;
                for (size_t i = 0; i < n; i++)
                        if (!list[i].below && proc_is_below(list, n, list[i].parent, top))
                                list[i].below = more = true;
        }
}

int task_tree_signal(int sig) {
        __attribute__((cleanup(closedirp))) DIR *d = opendir("/proc");
        struct proc *list;
        size_t n;
        int n_sent = 0;

        if (!d)
                return -errno;
        list = calloc(TASK_TREE_MAX, sizeof(*list));
        if (!list)
                return -ENOMEM;
        n = proc_list(d, list);
        proc_mark(list, n, getpid());
        for (size_t i = 0; i < n; i++)
                if (list[i].below && kill(list[i].pid, sig) == 0)
                        n_sent++;
        free(list);
        return n_sent;
}

/* Whether NUL-separated `env` has exactly the entry `mark`. */
static bool env_has(const char *env, size_t n, const char *mark) {
        const char *end = env + n;

        for (const char *p = env; p < end; p += strlen(p) + 1)
                if (strcmp(p, mark) == 0)
                        return true;
        return false;
}

/* Kills one process of the mark and waits until it is gone, at most a second: 1 killed, 0 not one
 * of them. The pidfd is taken first, so that its number cannot come to mean another process. */
static int sweep_one(pid_t pid, const char *mark, char *env, size_t size) {
        struct pollfd p = {.fd = (int) syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
        ssize_t n;
        int r = 0;

        if (p.fd < 0)
                return 0;
        n = procfs_read(pid, "environ", env, size);
        if (n > 0 && env_has(env, (size_t) n, mark) && proc_parent(pid) != 0 &&
            syscall(SYS_pidfd_send_signal, p.fd, SIGKILL, NULL, 0) == 0) {
                poll(&p, 1, 1000);
                r = 1;
        }
        close(p.fd);
        return r;
}

static int sweep_pass(const char *mark, char *env, size_t size) {
        __attribute__((cleanup(closedirp))) DIR *d = opendir("/proc");
        pid_t pid, self = getpid();
        int n = 0;

        if (!d)
                return -errno;
        while ((pid = proc_next(d)) > 0)
                if (pid != self)
                        n += sweep_one(pid, mark, env, size);
        return n;
}

int task_tree_sweep(const char *try_id) {
        enum { ENV_MAX = 256 * 1024, PASSES = 10 };
        char mark[64];
        char *env;
        int n = 0, n_all = 0;

        if ((size_t) snprintf(mark, sizeof(mark), "ONEBOX_TRY_ID=%s", try_id) >= sizeof(mark))
                return -EINVAL;
        env = malloc(ENV_MAX);
        if (!env)
                return -ENOMEM;
        for (int i = 0; i < PASSES; i++) {
                n = sweep_pass(mark, env, ENV_MAX);
                if (n <= 0)
                        break;
                n_all += n;
        }
        free(env);
        return n < 0 ? n : n > 0 ? -EBUSY : n_all;
}
