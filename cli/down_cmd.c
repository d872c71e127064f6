/* onebox down: asks the `onebox up` of this state directory to stop, and waits until it has. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/up_lock.h"
#include "lib/base/fileio.h"

#define PATIENCE_MSEC 90000

struct down_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct down_words)};
static const struct options_spec spec = {
        .program = "onebox down",
        .summary = "Stop what `onebox up` runs; tasks that run go on and are taken up by the next "
                   "`onebox up`",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

/* The pidfd is taken first and the lock asked again after it, so that it is the right process. */
static int stop(struct cli *c, pid_t pid) {
        _cleanup_close_ int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int r;

        if (fd < 0)
                return errno == ESRCH ? 0 : errmsg_errno(&c->em, -errno, "onebox up (%d)", pid);
        if (up_lock_holder(&c->paths, NULL) != pid)
                return 0;
        if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
                return errmsg_errno(&c->em, -errno, "cannot stop onebox up (%d)", pid);
        do
                r = poll(&p, 1, PATIENCE_MSEC);
        while (r < 0 && errno == EINTR);
        if (r == 0)
                return errmsg_fail(&c->em, -ETIMEDOUT,
                                   "onebox up (%d) has not stopped after %d s: see its log", pid,
                                   PATIENCE_MSEC / 1000);
        return r < 0 ? errmsg_errno(&c->em, -errno, "waiting for onebox up") : 0;
}

int down_cmd(struct cli *c, int argc, char **argv) {
        static struct down_words w;
        pid_t pid;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        pid = up_lock_holder(&c->paths, &c->em);
        if (pid < 0)
                return pid;
        if (pid > 0) {
                r = stop(c, pid);
                if (r < 0)
                        return r;
        }
        if (c->json)
                printf("{\"was_up\": %s}\n", pid > 0 ? "true" : "false");
        else if (pid > 0)
                printf("onebox is down; its data is in %s\n", c->paths.state_dir);
        else
                printf("onebox up does not run on %s\n", c->paths.state_dir);
        return 0;
}
