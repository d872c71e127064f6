/* up_notify: the children say READY=1 here, as they do to systemd; the kernel says who they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/up.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MESSAGE_MAX 4096

bool up_notify_is_ready(const char *message) {
        const char *word;
        size_t len;

        while (str_word(&message, "\n", &word, &len))
                if (len == STRLEN("READY=1") && memcmp(word, "READY=1", len) == 0)
                        return true;
        return false;
}

/* One message and its sender; 0 when there is none. */
static pid_t receive(int fd, char *text, size_t size) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * 16)];
        } control;
        struct iovec iov = {text, size - 1};
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        struct ucred who = {};

        if (n < 0)
                return 0;
        text[n] = 0;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
                if (h->cmsg_level != SOL_SOCKET)
                        continue;
                if (h->cmsg_type == SCM_CREDENTIALS)
                        memcpy(&who, CMSG_DATA(h), sizeof(who));
                if (h->cmsg_type == SCM_RIGHTS) /* nobody may leave us fds */
                        for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= h->cmsg_len; i++) {
                                int stray;

                                memcpy(&stray, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
                                fileio_close(stray);
                        }
        }
        return who.pid > 0 ? who.pid : -1;
}

static int on_message(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct up *u = ctx;
        char text[MESSAGE_MAX];
        pid_t pid;

        while ((pid = receive(fd, text, sizeof(text))) != 0) {
                struct up_child *child = pid > 0 ? up_child_by_pid(u, pid) : NULL;

                if (child && child->state == UP_STARTING && up_notify_is_ready(text)) {
                        child->state = UP_READY;
                        up_changed(u);
                }
        }
        return 0;
}

int up_notify_open(struct up *u) {
        _cleanup_free_ char *path = paths_runtime(&u->c->paths, "up.notify");
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -1;
        const int on = 1;
        int r;

        if (!path)
                return cli_oom(u->c);
        if (str_copy(sa.sun_path, sizeof(sa.sun_path), path) < 0)
                return errmsg_fail(&u->c->em, -ENAMETOOLONG,
                                   "%s is too long for a socket: choose a shorter --runtime-dir",
                                   path);
        (void) unlink(path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return errmsg_errno(&u->c->em, -errno, "%s", path);
        r = loop_io(u->loop, fd, EPOLLIN, on_message, u, NULL);
        if (r < 0)
                return errmsg_errno(&u->c->em, r, "%s", path);
        if (setenv("NOTIFY_SOCKET", path, 1) < 0)
                return cli_oom(u->c);
        u->notify_fd = TAKE_FD(fd);
        return 0;
}

void up_notify_close(struct up *u) {
        _cleanup_free_ char *path = paths_runtime(&u->c->paths, "up.notify");

        u->notify_fd = fileio_close(u->notify_fd);
        if (path)
                (void) unlink(path);
}
