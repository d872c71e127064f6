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

static void drop_ready(struct task_server *s) {
        if (s->ready)
                close(s->ready_fd);
        s->ready = 0;
}

static void forget(struct task_server *s, pid_t pid, int status) {
        if (pid == s->ready)
                drop_ready(s);
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
static void become_shim(struct task_server *s, const char *try_id) {
        name_process("onebox-task");
        memset(s->room, 0, s->room_size);
        memcpy(s->room, try_id, MIN(strlen(try_id), s->room_size - 1));
}

/* In the one that is ready: until it is told its try, or the server is gone. */
static int wait_for_try(struct task_server *s, int fd, char ret_try_id[ENTROPY_UUID_SIZE]) {
        ssize_t n;

        (void) setsid();
        memcpy(s->room, "--ready", STRLEN("--ready"));
        do
                n = recv(fd, ret_try_id, ENTROPY_UUID_SIZE - 1, 0);
        while (n < 0 && errno == EINTR);
        close(fd);
        if (n <= 0)
                _exit(0);
        ret_try_id[n] = 0;
        become_shim(s, ret_try_id);
        return TASK_SERVER_SHIM;
}

/* Forks one in advance: 0, -errno, or TASK_SERVER_SHIM in it once it has its try. */
static int make_ready(struct task_server *s, int signal_fd, char ret_try_id[ENTROPY_UUID_SIZE]) {
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                close(pair[0]);
                close(signal_fd);
                close(TASK_SERVER_FD);
                return wait_for_try(s, pair[1], ret_try_id);
        }
        close(pair[1]);
        if (pid < 0) {
                int r = -errno;

                close(pair[0]);
                return r;
        }
        s->ready = pid;
        s->ready_fd = pair[0];
        return 0;
}

/* The pid of whoever takes it, or -errno: there was nobody, or it was killed meanwhile. */
static int hand_on(struct task_server *s, const char *try_id) {
        struct task_server_child *c;
        ssize_t n;

        if (!s->ready)
                return -ECHILD;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        n = send(s->ready_fd, try_id, strlen(try_id), MSG_NOSIGNAL);
        if (n < 0) {
                int r = -errno;

                free(c);
                drop_ready(s);
                return r;
        }
        str_copy(c->try_id, sizeof(c->try_id), try_id);
        c->pid = s->ready;
        c->next = s->children;
        s->children = c;
        drop_ready(s);
        return c->pid;
}

/* TASK_SERVER_SHIM in the new shim; in the server the answer's number. */
static int start(struct task_server *s, int signal_fd, char try_id[ENTROPY_UUID_SIZE]) {
        char its_id[ENTROPY_UUID_SIZE];
        int r = hand_on(s, try_id);

        if (r > 0 || r == -ENOMEM)
                return r;
        r = make_ready(s, signal_fd, its_id);
        if (r == TASK_SERVER_SHIM)
                memcpy(try_id, its_id, sizeof(its_id));
        return r != 0 ? r : hand_on(s, try_id);
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
        if (r > 0 && make_ready(s, signal_fd, try_id) == TASK_SERVER_SHIM)
                return TASK_SERVER_SHIM;
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
