/* token_command.c: spawn, read both pipes, wait; whatever happens the child is reaped. */
#include "lib/gcp/token_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"

#define OUTPUT_MAX ((size_t) 1 << 20)
#define LOOK_FOR (500 * USEC_PER_MSEC) /* how often it looks whether it shall stop */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/snap/bin"

/* --- words ---------------------------------------------------------------------------------------
 */

/* One word from *s into b; moves *s behind it. */
static int take_word(const char **s, struct buf *b) {
        char quote = '\0';

        for (; **s && (quote || !strchr(" \t\n", **s)); ++*s) {
                char c = **s;

                if (quote && c == quote) {
                        quote = '\0';
                } else if (!quote && (c == '\'' || c == '"')) {
                        quote = c;
                } else if (c == '\\' && quote != '\'' && (*s)[1]) {
                        buf_add_char(b, *++*s);
                } else {
                        buf_add_char(b, c);
                }
        }
        return quote ? -EINVAL : buf_error(b);
}

int token_command_split(const char *line, char ***ret) {
        _cleanup_(str_free_listp) char **words = NULL;

        for (line += strspn(line, " \t\n"); *line; line += strspn(line, " \t\n")) {
                _cleanup_buf_ struct buf word = {};
                int r = take_word(&line, &word);

                if (r >= 0)
                        r = str_list_add(&words, buf_cstr(&word));
                if (r < 0)
                        return r;
        }
        if (!words)
                return -EINVAL;
        *ret = TAKE_PTR(words);
        return 0;
}

/* --- running -------------------------------------------------------------------------------------
 */

/* The program's path: as given, or the first in PATH. */
static int find(const char *name, char **ret) {
        const char *path = getenv("PATH"), *dir;
        size_t n;

        if (strchr(name, '/')) {
                *ret = mem_strdup(name);
                return *ret ? 0 : -ENOMEM;
        }
        if (str_empty(path))
                path = DEFAULT_PATH;
        while (str_word(&path, ":", &dir, &n)) {
                char *full = str_printf("%.*s/%s", (int) n, dir, name);

                if (!full)
                        return -ENOMEM;
                if (access(full, X_OK) == 0) {
                        *ret = full;
                        return 0;
                }
                mem_free(full);
        }
        return -ENOENT;
}

/* One read; closes *fd at its end. */
static int take_output(int *fd, struct buf *to) {
        char data[4096];
        ssize_t n = read(*fd, data, sizeof data);
        int r;

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (n == 0) {
                *fd = fileio_close(*fd);
                return 0;
        }
        r = buf_add(to, data, (size_t) n);
        explicit_bzero(data, (size_t) n);
        return r;
}

/* Until both pipes and the process have ended. -ETIMEDOUT. */
static int watch(const struct token_command *c, int fds[2], int pidfd, struct buf *out,
                 struct buf *err) {
        const struct clock *clock = clock_system();
        usec_t until_at = clock_mono(clock) + c->total_for;

        for (;;) {
                struct pollfd p[3] = {{.fd = fds[0], .events = POLLIN},
                                      {.fd = fds[1], .events = POLLIN},
                                      {.fd = pidfd, .events = POLLIN}};
                usec_t now = clock_mono(clock);
                int r = 0;

                if (now >= until_at)
                        return -ETIMEDOUT;
                if (c->http && http_fetch_is_cancelled(c->http))
                        return -ECANCELED;
                if (poll(p, 3, (int) (MIN(until_at - now, LOOK_FOR) / USEC_PER_MSEC) + 1) < 0 &&
                    errno != EINTR)
                        return -errno;
                if (p[0].revents)
                        r = take_output(&fds[0], out);
                if (r >= 0 && p[1].revents)
                        r = take_output(&fds[1], err);
                if (r < 0)
                        return r;
                /* A grandchild may keep the pipes: the end of the program is the end, once what it
                 * wrote is read. */
                if (p[2].revents && !p[0].revents && !p[1].revents)
                        return 0;
        }
}

static void last_line(struct buf *err, char *ret, size_t ret_size) {
        char *text = str_strip(err->data ?: (char[]){""}), *line = strrchr(text, '\n');

        line = line ? line + 1 : text;
        snprintf(ret, ret_size, "%s", line);
        for (char *p = ret; *p; p++)
                if ((unsigned char) *p < 0x20)
                        *p = ' ';
}

static int ended(const char *program, const siginfo_t *si, struct buf *err, struct errmsg *em) {
        char line[200];

        if (si->si_code == CLD_EXITED && si->si_status == 0)
                return 0;
        last_line(err, line, sizeof line);
        if (si->si_code == CLD_EXITED)
                return errmsg_fail(em, -EACCES, "%s ended with %d%s%s", program, si->si_status,
                                   *line ? ": " : "", line);
        return errmsg_fail(em, -EAGAIN, "%s was ended by signal %d", program, si->si_status);
}

static int run(const struct token_command *c, const char *path, int out[2], int err[2],
               struct buf *ret, struct errmsg *em) {
        struct process_spec spec = {
                .path = path,
                .argv = c->argv,
                .envp = c->envp,
                .fd_in = -1,
                .fd_out = out[1],
                .fd_err = err[1],
                .new_group = true,
        };
        _cleanup_buf_ struct buf errors = {};
        _cleanup_close_ int pidfd = -1;
        int fds[2] = {-1, -1};
        siginfo_t si = {};
        pid_t pid;
        int r = process_spawn(&spec, &pid, &pidfd, em);

        if (r < 0)
                return r;
        out[1] = fileio_close(out[1]);
        err[1] = fileio_close(err[1]);
        fds[0] = TAKE_FD(out[0]);
        fds[1] = TAKE_FD(err[0]);
        buf_init(&errors, OUTPUT_MAX);
        r = watch(c, fds, pidfd, ret, &errors);
        if (r < 0)
                (void) kill(-pid, SIGKILL);
        fileio_close(fds[0]);
        fileio_close(fds[1]);
        while (waitid(P_PIDFD, (id_t) pidfd, &si, WEXITED) < 0 && errno == EINTR)
                ;
        if (r == -ETIMEDOUT)
                return errmsg_fail(em, r, "%s did not end in time", path);
        return r < 0 ? r : ended(path, &si, &errors, em);
}

int token_command_run(const struct token_command *c, struct buf *ret, struct errmsg *em) {
        _cleanup_free_ char *path = NULL;
        int out[2] = {-1, -1}, err[2] = {-1, -1}, r;

        r = find(c->argv[0], &path);
        if (r < 0)
                return errmsg_fail(em, r, "there is no program \"%s\" in PATH", c->argv[0]);
        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                r = -errno;
        if (r >= 0) {
                buf_init(ret, OUTPUT_MAX);
                r = run(c, path, out, err, ret, em);
        }
        for (size_t i = 0; i < 2; i++) {
                fileio_close(out[i]);
                fileio_close(err[i]);
        }
        return r;
}
