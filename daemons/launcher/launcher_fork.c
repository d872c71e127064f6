/* launcher_fork.c: tasks as own processes, for machines without systemd: `onebox up`, containers,
 * tests. Each onebox-task has its own session and outlives the launcher: see launcher_shims.h. Owns
 * a loop source for each sweep under way, to reap it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemons/launcher/launcher_exec.h"
#include "daemons/launcher/launcher_inhibit.h"
#include "daemons/launcher/launcher_secrets.h"
#include "daemons/launcher/launcher_shims.h"
#include "daemons/launcher/launcher_spool.h"
#include "lib/base/buf.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

enum { ENV_MAX = 32 };

/* A sweep from its start to its end. */
struct fork_child {
        LIST_ENTRY(fork_child) in_exec;
        struct http_request *req; /* waits for it */
        const char *secrets_dir;  /* the launcher's */
        char try_id[ENTROPY_UUID_SIZE];
};

LIST_HEAD(fork_children, fork_child);

struct fork_exec {
        struct launcher_exec exec;
        struct loop *loop;
        const struct paths *paths;
        char *tasks_dir;
        char *program;
        char *secrets_dir;
        struct launcher_shims *shims;
        struct fork_children children;
        const char *envp[ENV_MAX + 1];
};

static int reply_stopping(struct http_request *req, bool stopping) {
        return http_request_reply(req, 200, "application/json",
                                  stopping ? "{\"stopping\":true}" : "{\"stopping\":false}",
                                  stopping ? STRLEN("{\"stopping\":true}")
                                           : STRLEN("{\"stopping\":false}"));
}

static int on_child(struct loop_source *s, const siginfo_t *si, void *ctx) {
        struct fork_child *c = ctx;

        launcher_secrets_drop(c->secrets_dir, c->try_id); /* of one that was killed */
        if (si->si_code == CLD_EXITED && si->si_status == 0)
                reply_stopping(c->req, false);
        else
                http_request_reply_error(c->req, 500, "what try %s left behind could not be ended",
                                         c->try_id);
        LIST_REMOVE(c, in_exec);
        mem_free(c);
        loop_source_free(s);
        return 0;
}

/* Kills what is left of a try, and answers then. */
static int sweep(struct fork_exec *x, const char *try_id, struct http_request *req,
                 struct errmsg *em) {
        const char *argv[] = {x->program,
                              "--state-dir",
                              x->paths->state_dir,
                              "--runtime-dir",
                              x->paths->runtime_dir,
                              try_id,
                              "--sweep",
                              NULL};
        struct fork_child *c;
        pid_t pid;
        int r;

        c = mem_new(struct fork_child);
        if (!c)
                return errmsg_fail(em, -ENOMEM, "no memory");
        str_copy(c->try_id, sizeof(c->try_id), try_id);
        c->req = req;
        c->secrets_dir = x->secrets_dir;
        r = process_spawn(&(struct process_spec){.path = x->program,
                                                 .argv = argv,
                                                 .envp = x->envp,
                                                 .cwd = "/",
                                                 .fd_in = -1,
                                                 .fd_out = -1,
                                                 .fd_err = STDERR_FILENO,
                                                 .new_session = true},
                          &pid, NULL, em);
        if (r >= 0)
                r = loop_child(x->loop, pid, on_child, c, NULL);
        if (r < 0) {
                mem_free(c);
                return r;
        }
        LIST_INSERT_HEAD(&x->children, c, in_exec);
        return 0;
}

/* What a plain process can take with it: its secrets in a directory, which onebox-task takes away
 * at the end, what is at its place anyway, and the devices its user may open. */
static int carry_in(struct fork_exec *x, const struct launcher_ask *ask, struct errmsg *em) {
        const struct launcher_allow allow = {.own = true,
                                             .state_dir = x->paths->state_dir,
                                             .runtime_dir = x->paths->runtime_dir};
        int r = 0;

        for (size_t i = 0; i < ask->carry.n_binds && r >= 0; i++)
                r = launcher_allow_in_place(&ask->carry.binds[i], em);
        for (size_t i = 0; i < ask->carry.n_secrets && r >= 0; i++) {
                const struct launcher_carry_secret *s = &ask->carry.secrets[i];

                if (s->encrypted)
                        r = errmsg_fail(em, -EPERM,
                                        "secret \"%s\" is encrypted, and systemd does not run here "
                                        "to decrypt it: drop \"encrypted\", or run under systemd",
                                        s->name);
                else if (s->path)
                        r = errmsg_fail(em, -EPERM,
                                        "secret \"%s\" cannot be shown at \"%s\" where tasks are "
                                        "plain processes (mode = fork): drop the path and use "
                                        "$CREDENTIALS_DIRECTORY/%s, or run under systemd",
                                        s->name, s->path, s->name);
        }
        return r < 0 ? r
                     : launcher_secrets_put(x->secrets_dir, ask->try_id, &allow, &ask->carry, em);
}

static int start_new(struct fork_exec *x, const struct launcher_ask *ask,
                     struct http_request *req) {
        struct errmsg em;
        int r = carry_in(x, ask, &em);

        if (r < 0)
                return http_request_reply_error(req, r == -EPERM || r == -ENOENT ? 403 : 500, "%s",
                                                em.text);
        return launcher_shims_start(x->shims, ask->try_id, req);
}

static int fork_start(struct launcher_exec *exec, struct http_request *req,
                      const struct launcher_ask *ask, const char *user) {
        struct fork_exec *x = container_of(exec, struct fork_exec, exec);
        _cleanup_close_ int pidfd = -1;
        pid_t pid;
        int r;

        r = launcher_spool_find(x->tasks_dir, ask->try_id, &pid, &pidfd);
        if (r < 0)
                return http_request_reply_error(req, 500,
                                                "cannot look into the spool of try %s: %s",
                                                ask->try_id, errmsg_strerror(r));
        return r > 0 ? launcher_shims_reply(req, pid) : start_new(x, ask, req);
}

static int fork_stop(struct launcher_exec *exec, struct http_request *req,
                     const struct launcher_ask *ask) {
        struct fork_exec *x = container_of(exec, struct fork_exec, exec);
        _cleanup_close_ int pidfd = -1;
        struct errmsg em;
        pid_t pid;
        int r;

        r = launcher_spool_find(x->tasks_dir, ask->try_id, &pid, &pidfd);
        if (r > 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0)
                return reply_stopping(req, true);
        if (r >= 0)
                r = sweep(x, ask->try_id, req, &em);
        else
                errmsg_errno(&em, r, "cannot look into the spool of try %s", ask->try_id);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", em.text);
        return HTTP_LATER;
}

static int fork_list(struct launcher_exec *exec, struct http_request *req) {
        struct fork_exec *x = container_of(exec, struct fork_exec, exec);
        _cleanup_(str_free_listp) char **names = NULL;
        struct json_write w;
        struct buf b = {};
        int r;

        r = fileio_list(x->tasks_dir, NULL, &names);
        if (r < 0 && r != -ENOENT)
                return http_request_reply_error(req, 500, "cannot list \"%s\": %s", x->tasks_dir,
                                                errmsg_strerror(r));
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "units");
        for (char **n = names; n && *n; n++) {
                _cleanup_close_ int pidfd = -1;
                pid_t pid;

                if (!entropy_is_uuid(*n) ||
                    launcher_spool_find(x->tasks_dir, *n, &pid, &pidfd) <= 0)
                        continue;
                json_write_object(&w);
                json_write_kv_str(&w, "try_id", *n);
                json_write_kv_i64(&w, "pid", pid);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        return http_request_reply_json(req, 200, &b);
}

/* Who is the first process here asks nobody before it ends. */
static int fork_hold(struct launcher_exec *exec, struct http_request *req, bool wanted) {
        return launcher_inhibit_reply(req, false, false, "no systemd: nothing waits for us");
}

static void fork_free(struct launcher_exec *exec) {
        struct fork_exec *x = container_of(exec, struct fork_exec, exec);
        struct fork_child *c;

        while ((c = LIST_FIRST(&x->children))) {
                LIST_REMOVE(c, in_exec);
                mem_free(c);
        }
        launcher_shims_free(x->shims);
        mem_free(x->secrets_dir);
        mem_free(x->tasks_dir);
        mem_free(x->program);
        mem_free(x);
}

/* What a task may inherit: who it is, where programs are, language and zone; never a socket, a
 * credential or the service manager's word. */
static void inherit_environment(struct fork_exec *x) {
        static const char *const names[] = {
                "PATH=", "HOME=",   "USER=",   "LOGNAME=",  "SHELL=",       "LANG=",
                "TZ=",   "TMPDIR=", "LC_ALL=", "LC_CTYPE=", "ASAN_OPTIONS="};
        size_t n = 0;

        for (char **e = environ; *e && n < ENV_MAX; e++)
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        if (str_starts(*e, names[i])) {
                                x->envp[n++] = *e;
                                break;
                        }
        x->envp[n] = NULL;
}

/* Secrets whose onebox-task was killed. */
static void drop_left_secrets(struct fork_exec *x) {
        _cleanup_(str_free_listp) char **names = NULL;

        if (fileio_list(x->secrets_dir, NULL, &names) < 0)
                return;
        for (char **n = names; *n; n++) {
                _cleanup_close_ int pidfd = -1;
                pid_t pid;

                if (!entropy_is_uuid(*n) ||
                    launcher_spool_find(x->tasks_dir, *n, &pid, &pidfd) == 0)
                        launcher_secrets_drop(x->secrets_dir, *n);
        }
}

int launcher_fork_new(struct loop *loop, const struct launcher_conf *conf,
                      const struct paths *paths, struct launcher_exec **ret, struct errmsg *em) {
        struct fork_exec *x = mem_new(struct fork_exec);
        int r;

        if (!x)
                return errmsg_fail(em, -ENOMEM, "no memory");
        x->exec = (struct launcher_exec){fork_start, fork_stop, fork_list, fork_hold, fork_free};
        x->loop = loop;
        x->paths = paths;
        x->tasks_dir = paths_state(paths, "tasks");
        x->secrets_dir = paths_runtime(paths, "launcher-secrets");
        r = x->tasks_dir && x->secrets_dir ? paths_daemon(paths, "task", &x->program, em)
                                           : errmsg_fail(em, -ENOMEM, "no memory");
        inherit_environment(x);
        if (r >= 0) {
                r = launcher_shims_new(
                        &(struct launcher_shims_options){loop, x->program, paths->state_dir,
                                                         paths->runtime_dir, x->envp},
                        &x->shims);
                if (r < 0)
                        errmsg_set(em, "no memory");
        }
        if (r < 0) {
                fork_free(&x->exec);
                return r;
        }
        drop_left_secrets(x);
        *ret = &x->exec;
        return 0;
}
