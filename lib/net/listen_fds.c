/* See listen_fds.h. The manager's own numbers (LISTEN_FDS) are read once. */
#include "lib/net/listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define LISTEN_FDS_MAX 256

static int listen_fds_n = -1;
static char **listen_fds_names; /* as many, or NULL */
static bool listen_fds_taken[LISTEN_FDS_MAX];

static int listen_fds_count(void) {
        if (listen_fds_n < 0) {
                listen_fds_n = sd_listen_fds_with_names(0, &listen_fds_names);
                if (listen_fds_n < 0)
                        listen_fds_n = 0;
                if (listen_fds_n > LISTEN_FDS_MAX)
                        listen_fds_n = LISTEN_FDS_MAX;
        }
        return listen_fds_n;
}

static bool listen_fds_same(const struct sockaddr *a, const struct sockaddr *b) {
        const struct sockaddr_in *a4 = (const void *) a, *b4 = (const void *) b;
        const struct sockaddr_in6 *a6 = (const void *) a, *b6 = (const void *) b;
        const struct sockaddr_un *au = (const void *) a, *bu = (const void *) b;

        if (a->sa_family != b->sa_family)
                return false;
        switch (a->sa_family) {
        case AF_INET:
                return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
        case AF_INET6:
                return a6->sin6_port == b6->sin6_port &&
                       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
        case AF_UNIX:
                return strncmp(au->sun_path, bu->sun_path, sizeof au->sun_path) == 0;
        default:
                return false;
        }
}

static bool listen_fds_is(int fd, const struct sockaddr *sa) {
        struct sockaddr_storage bound = {};
        socklen_t size = sizeof bound;
        int listening = 0;
        socklen_t int_size = sizeof listening;

        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_size) == 0 && listening &&
               getsockname(fd, (struct sockaddr *) &bound, &size) == 0 &&
               listen_fds_same((struct sockaddr *) &bound, sa);
}

int listen_fds_take(const struct sockaddr *sa, socklen_t size) {
        for (int i = 0; i < listen_fds_count(); i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (listen_fds_taken[i] || !listen_fds_is(fd, sa))
                        continue;
                if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                        return -errno;
                listen_fds_taken[i] = true;
                return fd;
        }
        return -ENOENT;
}

/* A colon would end a name in the manager's list. */
static void listen_fds_name(char *text) {
        for (char *p = strrchr(text, '\n'); p && *p; p++)
                if (*p == ':')
                        *p = '.';
}

int listen_fds_keep(int fd, const char *name) {
        char text[300];
        int r;

        snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
        listen_fds_name(text);
        r = sd_pid_notify_with_fds(0, 0, text, &fd, 1);
        return r < 0 ? r : r > 0;
}

int listen_fds_forget(const char *name) {
        char text[300];
        int r;

        snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
        listen_fds_name(text);
        r = sd_notify(0, text);
        return r < 0 ? r : 0;
}

void listen_fds_close_rest(void) {
        for (int i = 0; i < listen_fds_count(); i++) {
                if (listen_fds_taken[i])
                        continue;
                /* One of an address we no longer have would let clients wait for nobody. */
                if (listen_fds_names && listen_fds_names[i])
                        (void) listen_fds_forget(listen_fds_names[i]);
                close(SD_LISTEN_FDS_START + i);
        }
}
