#include "daemons/task/task_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/str.h"

struct task_server_child {
        struct task_server_child *next;
        pid_t pid;
        char try_id[ENTROPY_UUID_SIZE];
};

static void name_process(const char *name) {
        (void) prctl(PR_SET_NAME, name);
}

static int open_signals(void) {
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static void forget(struct task_server *s, pid_t pid, int status) {
        for (struct task_server_child **p = &s->children; *p; p = &(*p)->next) {
                struct task_server_child *c = *p;

                if (c->pid != pid)
                        continue;
                if (WIFSIGNALED(status))
                        fprintf(stderr,
                                "onebox-task: try %s: its supervisor was killed by signal %d\n",
                                c->try_id, WTERMSIG(status));
                *p = c->next;
                free(c);
                return;
        }
}

static void reap(struct task_server *s, int signal_fd) {
        struct signalfd_siginfo si;
        int status;
        pid_t pid;

        while (read(signal_fd, &si, sizeof(si)) > 0)
                ;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                forget(s, pid, status);
}

/* What ps shows is what it would show of one that was executed. */
static void become_shim(struct task_server *s, int signal_fd, const char *try_id) {
        close(signal_fd);
        close(TASK_SERVER_FD);
        (void) setsid();
        name_process("onebox-task");
        memset(s->room, 0, s->room_size);
        memcpy(s->room, try_id, MIN(strlen(try_id), s->room_size - 1));
}

/* TASK_SERVER_SHIM in the new shim; in the server the answer's number. */
static int start(struct task_server *s, int signal_fd, const char *try_id) {
        struct task_server_child *c = calloc(1, sizeof(*c));
        pid_t pid;

        if (!c)
                return -ENOMEM;
        str_copy(c->try_id, sizeof(c->try_id), try_id);
        c->next = s->children;
        s->children = c;
        pid = fork();
        if (pid == 0) {
                become_shim(s, signal_fd, try_id);
                return TASK_SERVER_SHIM;
        }
        if (pid < 0) {
                int r = -errno;

                s->children = c->next;
                free(c);
                return r;
        }
        c->pid = pid;
        return pid;
}

/* One message: TASK_SERVER_SHIM, TASK_SERVER_END, or -EAGAIN to go on. */
static int serve(struct task_server *s, int signal_fd, char try_id[ENTROPY_UUID_SIZE]) {
        char answer[16];
        ssize_t n = recv(TASK_SERVER_FD, try_id, ENTROPY_UUID_SIZE - 1, 0);
        int r;

        if (n <= 0)
                return n < 0 && errno == EINTR ? -EAGAIN : TASK_SERVER_END;
        try_id[n] = 0;
        r = entropy_is_uuid(try_id) ? start(s, signal_fd, try_id) : -EINVAL;
        if (r == TASK_SERVER_SHIM)
                return r;
        n = snprintf(answer, sizeof(answer), "%d", r);
        if (send(TASK_SERVER_FD, answer, (size_t) n, MSG_NOSIGNAL) < 0)
                return TASK_SERVER_END;
        return -EAGAIN;
}

int task_server_run(struct task_server *s, char ret_try_id[ENTROPY_UUID_SIZE]) {
        struct pollfd p[] = {{.fd = TASK_SERVER_FD, .events = POLLIN}, {.events = POLLIN}};
        int r;

        p[1].fd = open_signals();
        if (p[1].fd < 0)
                return p[1].fd;
        name_process("onebox-shims"); /* not a task's, for who looks for those by name */
        for (;;) {
                if (poll(p, ARRAY_SIZE(p), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (p[1].revents)
                        reap(s, p[1].fd);
                if (!p[0].revents)
                        continue;
                r = serve(s, p[1].fd, ret_try_id);
                if (r != -EAGAIN)
                        return r;
        }
}
