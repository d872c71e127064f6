/* onebox up: everything on this machine without systemd, for a laptop, a container or CI. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/up.h"
#include "cli/up_lock.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define LOG_MAX ((size_t) 64 * 1024 * 1024)
#define LOG_TAIL ((size_t) 2000)
#define AS_CONFIGURED UINT64_MAX /* no port on the command line */

struct up_words {
        struct cli_words words;
        uint64_t port;
        uint64_t tracking_port;
        bool detach;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct up_words, port, 'p', UINT, "N", "port of the pages on 127.0.0.1 (8080)")
                OPTIONS_ROW(struct up_words, tracking_port, 0, UINT, "N",
                            "port of tracking on 127.0.0.1 (5000)")
                        OPTIONS_ROW(
                                struct up_words, detach, 'd', BOOL, NULL,
                                "go on in the background once all answer; `onebox down` stops it")
                                CLI_ROWS(struct up_words)};
static const struct options_spec spec = {
        .program = "onebox up",
        .summary = "Run everything here without systemd: start, watch and restart the daemons",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

static int choose(struct cli *c, uint64_t port, const char *configured, const char *standard,
                  char **ret) {
        if (port == AS_CONFIGURED)
                *ret = mem_strdup(configured ? configured : standard);
        else if (port < 1 || port > 65535)
                return errmsg_fail(&c->em, -EINVAL,
                                   "%llu is no port: give one from 1 to 65535, or none",
                                   (unsigned long long) port);
        else
                *ret = str_printf("127.0.0.1:%u", (unsigned) port);
        return *ret ? 0 : cli_oom(c);
}

static int find_addresses(struct cli *c, const struct up_words *w, struct up *u) {
        struct address a;
        int r = address_find(c, &a);

        u->web_given = w->port != AS_CONFIGURED;
        u->tracking_given = w->tracking_port != AS_CONFIGURED;
        if (r >= 0)
                r = choose(c, w->port, a.web, "127.0.0.1:8080", &u->web);
        if (r >= 0)
                r = choose(c, w->tracking_port, a.tracking, "127.0.0.1:5000", &u->tracking);
        return r;
}

static void up_done(struct up *u) {
        mem_free(u->web);
        mem_free(u->tracking);
        fileio_close(u->ready_fd);
}

/* The child's output goes to up.log, its input is empty, it has a session of its own. */
static int become_background(struct cli *c) {
        _cleanup_free_ char *path = paths_state(&c->paths, "up.log");
        _cleanup_close_ int log = -1, null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (!path)
                return cli_oom(c);
        log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (log < 0 || null < 0)
                return errmsg_errno(&c->em, -errno, "%s", path);
        if (setsid() < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
                return errmsg_errno(&c->em, -errno, "cannot go into the background");
        log_init("onebox");
        return 0;
}

/* What the child has logged, at most its last LOG_TAIL bytes, whole lines. */
static void show_log(const struct cli *c) {
        _cleanup_free_ char *path = paths_state(&c->paths, "up.log"), *text = NULL;
        size_t len, at;

        if (!path || fileio_read(path, LOG_MAX, &text, &len) < 0)
                return;
        at = len > LOG_TAIL ? len - LOG_TAIL : 0;
        if (at > 0)
                at += strcspn(text + at, "\n") + 1;
        fputs(at < len ? text + at : "", stderr);
}

/* Waits for the word of the child: one byte is "all answer", the end of the pipe a failure. */
static int wait_for_ready(struct cli *c, int fd, const struct up *u) {
        char byte = 0;
        size_t n = 0;
        int r = fileio_read_full(fd, &byte, 1, &n);

        if (r < 0 || n == 0) {
                show_log(c);
                return errmsg_fail(&c->em, -EREMOTEIO,
                                   "it did not start: the reason is above, from %s/up.log",
                                   c->paths.state_dir);
        }
        if (c->json)
                printf("{\"web\": \"http://%s\", \"tracking\": \"http://%s\"}\n", u->web,
                       u->tracking);
        else
                printf("onebox is up\n  pages     http://%s\n  tracking  http://%s\n"
                       "  onebox status · onebox urls · onebox down\n",
                       u->web, u->tracking);
        return 0;
}

/* 1: this is the parent and all is done. 0: go on as the child. */
static int detach(struct cli *c, struct up *u) {
        int fds[2], r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return errmsg_errno(&c->em, -errno, "pipe");
        fflush(NULL);
        pid = fork();
        if (pid < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return errmsg_errno(&c->em, r, "cannot fork");
        }
        if (pid > 0) {
                close(fds[1]);
                r = wait_for_ready(c, fds[0], u);
                close(fds[0]);
                return r < 0 ? r : 1;
        }
        close(fds[0]);
        u->ready_fd = fds[1];
        return become_background(c);
}

/* Says who holds the lock. Who took it only now has just gone: then it is free for the one who will
 * keep it, which with --detach is not this process. */
static int refuse_second(struct cli *c) {
        _cleanup_close_ int lock = -1;

        return up_lock_take(&c->paths, &lock, &c->em);
}

int up_cmd(struct cli *c, int argc, char **argv) {
        static struct up_words w = {.port = AS_CONFIGURED, .tracking_port = AS_CONFIGURED};
        _cleanup_(up_done) struct up u = {.c = c, .ready_fd = -1};
        _cleanup_close_ int lock = -1;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        r = find_addresses(c, &w, &u);
        if (r >= 0) {
                r = fileio_mkdir_p(c->paths.state_dir, 0755);
                if (r < 0)
                        errmsg_errno(&c->em, r, "%s: choose another --state-dir, or try sudo",
                                     c->paths.state_dir);
        }
        if (r >= 0 && up_lock_holder(&c->paths, NULL) > 0)
                r = refuse_second(c);
        if (r >= 0 && w.detach)
                r = detach(c, &u);
        if (r == 0 && lock < 0)
                r = up_lock_take(&c->paths, &lock, &c->em);
        if (r != 0)
                return r < 0 ? r : 0;
        r = up_run(&u);
        return r < 0 ? r : 0;
}
