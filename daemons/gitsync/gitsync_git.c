#include "daemons/gitsync/gitsync_git.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemons/gitsync/gitsync_source.h"
#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"

enum { ARGS_MAX = 32, WORDS_MAX = 64 << 10 };

static const char *const settings[] = {
        "core.hooksPath=/dev/null",  "core.fsyncObjectFiles=true",  "core.autocrlf=false",
        "advice.detachedHead=false", "gc.autoDetach=false",         "protocol.allow=never",
        "protocol.ssh.allow=always", "protocol.https.allow=always", "protocol.file.allow=always",
        "fetch.fsckObjects=true",    "http.lowSpeedLimit=1",        "http.lowSpeedTime=30",
        "safe.directory=*",
};

/* A path between single quotes: the shell reads core.sshCommand. */
static void add_quoted(struct buf *b, const char *path) {
        buf_add_char(b, '\'');
        for (const char *p = path; *p; p++)
                if (*p == '\'')
                        buf_add_lit(b, "'\\''");
                else
                        buf_add_char(b, *p);
        buf_add_char(b, '\'');
}

/* The environment: paths of secrets only, never a secret. */
static char **make_env(const struct gitsync_git *g) {
        static const char *const plain[] = {
                "LC_ALL=C.UTF-8",         "GIT_TERMINAL_PROMPT=0",
                "GIT_CONFIG_NOSYSTEM=1",  "GIT_CONFIG_GLOBAL=/dev/null",
                "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false",
                "GIT_OPTIONAL_LOCKS=0",
        };
        static const char *const passed[] = {"PATH",          "HTTPS_PROXY", "https_proxy",
                                             "NO_PROXY",      "no_proxy",    "SSL_CERT_FILE",
                                             "GIT_SSL_CAINFO"};
        _cleanup_(str_free_listp) char **env = NULL;
        _cleanup_buf_ struct buf ssh = {};
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(plain) && r >= 0; i++)
                r = str_list_add(&env, plain[i]);
        for (size_t i = 0; i < ARRAY_SIZE(passed) && r >= 0; i++) {
                const char *value = getenv(passed[i]);
                _cleanup_free_ char *pair = value ? str_printf("%s=%s", passed[i], value) : NULL;

                if (value)
                        r = pair ? str_list_add(&env, pair) : -ENOMEM;
        }
        buf_add_lit(&ssh, "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=15 "
                          "-o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null "
                          "-o IdentityAgent=none -o IdentitiesOnly=yes -o UserKnownHostsFile=");
        add_quoted(&ssh, g->known_hosts);
        if (g->ssh_key) {
                buf_add_lit(&ssh, " -i ");
                add_quoted(&ssh, g->ssh_key);
        }
        if (r < 0 || buf_error(&ssh) || str_list_add(&env, ssh.data) < 0)
                return NULL;
        return TAKE_PTR(env);
}

static int make_argv(const struct gitsync_git *g, const char *const *args, char ***ret) {
        _cleanup_(str_free_listp) char **argv = NULL;
        int r = str_list_add(&argv, "git");

        for (size_t i = 0; i < ARRAY_SIZE(settings) && r >= 0; i++) {
                r = str_list_add(&argv, "-c");
                if (r >= 0)
                        r = str_list_add(&argv, settings[i]);
        }
        if (r >= 0 && g->credentials) {
                _cleanup_buf_ struct buf helper = {};

                buf_add_lit(&helper, "credential.helper=store --file=");
                add_quoted(&helper, g->credentials);
                r = buf_error(&helper);
                if (r >= 0)
                        r = str_list_add(&argv, "-c");
                if (r >= 0)
                        r = str_list_add(&argv, helper.data);
        }
        for (; *args && r >= 0; args++)
                r = str_list_add(&argv, *args);
        if (r >= 0)
                *ret = TAKE_PTR(argv);
        return r;
}

/* What comes is kept up to its limit; the rest is read and forgotten, so that git never blocks.
 * 1: the end. */
static int take(int fd, struct buf *b, size_t limit) {
        char chunk[16 << 10];
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (n == 0)
                return 1;
        return b->len < limit ? buf_add(b, chunk, MIN((size_t) n, limit - b->len)) : 0;
}

/* Reads both until both have ended. -ETIMEDOUT. */
static int collect(const struct gitsync_git *g, int out_fd, int err_fd, struct buf *out,
                   struct buf *words) {
        struct pollfd fds[] = {{.fd = out_fd, .events = POLLIN}, {.fd = err_fd, .events = POLLIN}};

        while (fds[0].fd >= 0 || fds[1].fd >= 0) {
                usec_t now = clock_mono(clock_system());
                int r;

                if (now >= g->end_at)
                        return -ETIMEDOUT;
                r = poll(fds, 2, (int) MIN((g->end_at - now) / USEC_PER_MSEC + 1, (usec_t) 60000));
                if (r < 0 && errno != EINTR)
                        return -errno;
                for (int i = 0; r > 0 && i < 2; i++) {
                        int e = fds[i].fd < 0 || !fds[i].revents ? 0
                                : i == 0 ? take(out_fd, out, GITSYNC_GIT_OUT_MAX)
                                         : take(err_fd, words, WORDS_MAX);

                        if (e < 0)
                                return e;
                        if (e > 0)
                                fds[i].fd = -1;
                }
        }
        return 0;
}

static int run(const struct gitsync_git *g, char **argv, char **env, struct buf *out,
               struct buf *words, int *ret_status, struct errmsg *em) {
        int out_fds[2] = {-1, -1}, err_fds[2] = {-1, -1}, r = 0;
        pid_t pid = 0;

        if (pipe2(out_fds, O_CLOEXEC) < 0 || pipe2(err_fds, O_CLOEXEC) < 0)
                r = errmsg_errno(em, -errno, "cannot make a pipe");
        if (r >= 0)
                r = process_spawn(&(struct process_spec){.path = "/usr/bin/git",
                                                         .argv = (const char *const *) argv,
                                                         .envp = (const char *const *) env,
                                                         .cwd = g->git_dir,
                                                         .fd_in = -1,
                                                         .fd_out = out_fds[1],
                                                         .fd_err = err_fds[1],
                                                         .death_signal = SIGKILL,
                                                         .new_group = true},
                                  &pid, NULL, em);
        fileio_close(out_fds[1]);
        fileio_close(err_fds[1]);
        if (r >= 0) {
                r = collect(g, out_fds[0], err_fds[0], out, words);
                if (r < 0)
                        (void) kill(-pid, SIGKILL); /* git and the ssh it started */
                while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
                        ;
                if (r < 0)
                        errmsg_errno(em, r, "%s",
                                     r == -ETIMEDOUT ? "git was cut off by [gitsync] timeout"
                                                     : "git's words cannot be read");
        }
        fileio_close(out_fds[0]);
        fileio_close(err_fds[0]);
        return r;
}

int gitsync_git_run(const struct gitsync_git *g, const char *const *args, struct buf *ret_out,
                    struct errmsg *em) {
        _cleanup_(str_free_listp) char **env = make_env(g);
        _cleanup_(str_free_listp) char **argv = NULL;
        _cleanup_buf_ struct buf words = {}, own_out = {};
        struct buf *out = ret_out ? ret_out : &own_out;
        int r = env ? make_argv(g, args, &argv) : -ENOMEM, status = 0;

        if (r < 0)
                return errmsg_errno(em, r, "git cannot be run");
        r = run(g, argv, env, out, &words, &status, em);
        if (r == -ENOENT)
                return errmsg_fail(em, r, "there is no git here: apt-get install git");
        if (r < 0)
                return r;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                gitsync_source_reason(buf_cstr(&words), g->host, g->known_hosts, em);
                return -EREMOTEIO;
        }
        return buf_error(out);
}
