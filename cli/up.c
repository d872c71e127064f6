/* up: the life of `onebox up`: see up.h. */
#include "cli/up.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/all_conf.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/loop_notify.h"

/* Tracking goes last: what ends before it may still have something to record. */
enum { STOP_WEB, STOP_SERVICES, STOP_SCHEDULER, STOP_LAUNCHER, STOP_TRACKING, STOP_BUCKETD };

/* --- children ------------------------------------------------------------------------------ */

/* All that have ended: ours, and shims that were left to us. */
static int on_child(struct loop_source *s, int signo, void *ctx) {
        struct up *u = ctx;
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                struct up_child *child = up_child_by_pid(u, pid);

                if (child)
                        up_child_ended(child, status);
        }
        up_changed(u);
        return 0;
}

static int start_daemon(struct up *u, const char *name, unsigned order, char *args[]) {
        struct up_child *child = up_child_add(u, name, name, args, order);

        if (!child)
                return cli_oom(u->c);
        up_child_start(child);
        return 0;
}

/* Better one clear word now than a daemon that is missing for ever. */
static int find_daemons(struct up *u) {
        static const char *const names[] = {"launcher", "task",    "tracking", "scheduler",
                                            "web",      "serving", "build"};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *path = NULL;

                r = paths_daemon(&u->c->paths, names[i], &path, &u->c->em);
        }
        return r;
}

/* Only where they are wanted: their sections say so. */
static int start_others(struct up *u) {
        char *watch = (char *) "watch";
        const struct all_conf *conf;
        int r = all_conf_load(u->c, &conf);

        if (r >= 0 && conf->bucketd.enabled)
                r = start_daemon(u, "bucketd", STOP_BUCKETD, (char *[]){NULL});
        if (r >= 0 && conf->gitsync.enabled)
                r = start_daemon(u, "gitsync", STOP_SERVICES, (char *[]){watch, NULL});
        if (r >= 0 && conf->logging.remote_logging)
                r = start_daemon(u, "logship", STOP_TRACKING, (char *[]){NULL});
        return r;
}

static int start_daemons(struct up *u) {
        _cleanup_free_ char *web = str_printf("--listen=%s", u->web);
        _cleanup_free_ char *tracking = str_printf("--listen=%s", u->tracking);
        _cleanup_free_ char *url = str_printf("--tracking-url=http://%s", u->tracking);
        char *mode = (char *) "--mode=fork";
        int r;

        if (!web || !tracking || !url)
                return cli_oom(u->c);
        r = start_daemon(u, "launcher", STOP_LAUNCHER, (char *[]){mode, NULL});
        if (r >= 0)
                r = start_daemon(u, "tracking", STOP_TRACKING,
                                 (char *[]){u->tracking_given ? tracking : NULL, NULL});
        if (r >= 0)
                r = start_daemon(u, "scheduler", STOP_SCHEDULER, (char *[]){url, NULL});
        if (r >= 0)
                r = start_daemon(u, "web", STOP_WEB, (char *[]){u->web_given ? web : NULL, NULL});
        return r < 0 ? r : start_others(u);
}

/* --- saying -------------------------------------------------------------------------------- */

/* For `onebox urls` and friends; counts only while the lock is held. */
static int write_up_file(struct up *u) {
        _cleanup_free_ char *path = paths_runtime(&u->c->paths, "up.json");
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_i64(&w, "pid", getpid());
        json_write_kv_str(&w, "state_dir", u->c->paths.state_dir);
        json_write_kv_str(&w, "web", u->web);
        json_write_kv_str(&w, "tracking", u->tracking);
        json_write_end(&w);
        if (json_write_finish(&w) < 0 || !path)
                return cli_oom(u->c);
        r = fileio_write_atomic(path, b.data, b.len, 0644);
        return r < 0 ? errmsg_errno(&u->c->em, r, "%s", path) : 0;
}

static void say_ready(struct up *u) {
        char byte = 1;

        u->said_ready = true;
        log_notice("onebox is up: pages http://%s, tracking http://%s", u->web, u->tracking);
        if (u->ready_fd >= 0) {
                (void) !write(u->ready_fd, &byte, 1);
                u->ready_fd = fileio_close(u->ready_fd);
        }
}

static int on_given_up(struct loop_source *s, void *ctx) {
        up_changed(ctx);
        return 0;
}

void up_give_up(struct up *u, const struct up_child *child) {
        struct errmsg *em = &u->c->em;

        if (u->said_ready || u->stopping || str_eq(child->daemon, "serving"))
                return;
        errmsg_set(em, "onebox-%s does not start: its reason is above, or in %s/up.log",
                   child->daemon, u->c->paths.state_dir);
        u->failed = true;
        u->stopping = true;
        if (loop_defer(u->loop, on_given_up, u, NULL) < 0)
                loop_quit(u->loop, 0);
}

static bool all_gone(const struct up *u) {
        for (size_t i = 0; i < u->n_children; i++)
                if (u->children[i]->state != UP_GONE)
                        return false;
        return true;
}

static bool daemons_ready(const struct up *u) {
        for (size_t i = 0; i < u->n_children; i++)
                if (u->children[i]->state != UP_READY &&
                    !str_eq(u->children[i]->daemon, "serving") &&
                    !str_eq(u->children[i]->daemon, "build"))
                        return false;
        return true;
}

void up_changed(struct up *u) {
        if (u->stopping) {
                /* Who only waits for its restart is gone at once: then the next are to be told. */
                while (up_child_stop_next(u))
                        ;
                if (all_gone(u))
                        loop_quit(u->loop, 0);
        } else if (!u->said_ready && daemons_ready(u)) {
                say_ready(u);
        }
}

/* --- life ---------------------------------------------------------------------------------- */

static int on_stop(struct loop_source *s, int signo, void *ctx) {
        struct up *u = ctx;

        if (!u->stopping)
                log_notice("stopping; tasks that run go on, the next `onebox up` takes them up");
        u->stopping = true;
        up_changed(u);
        return 0;
}

static int on_hangup(struct loop_source *s, int signo, void *ctx) {
        return 0; /* a closed terminal is no reason to stop what runs for others */
}

static int make_directories(struct up *u) {
        static const char *const names[] = {"pipelines", "services", "tasks"};
        int r = fileio_mkdir_p(u->c->paths.runtime_dir, 0755);

        if (r < 0)
                return errmsg_errno(&u->c->em, r, "%s", u->c->paths.runtime_dir);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *path = paths_state(&u->c->paths, "%s", names[i]);

                if (!path)
                        return cli_oom(u->c);
                r = fileio_mkdir_p(path, 0755);
                if (r < 0)
                        return errmsg_errno(&u->c->em, r, "%s", path);
        }
        return 0;
}

static int watch_signals(struct up *u) {
        int r = loop_signal(u->loop, SIGCHLD, on_child, u, NULL);

        if (r >= 0)
                r = loop_signal(u->loop, SIGTERM, on_stop, u, NULL);
        if (r >= 0)
                r = loop_signal(u->loop, SIGINT, on_stop, u, NULL);
        if (r >= 0)
                r = loop_signal(u->loop, SIGHUP, on_hangup, u, NULL);
        return r < 0 ? errmsg_errno(&u->c->em, r, "cannot take signals") : 0;
}

static int start_all(struct up *u) {
        int r;

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return errmsg_errno(&u->c->em, -errno, "cannot become a subreaper");
        /* Ours to give, not to inherit. */
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDNAMES");
        unsetenv("WATCHDOG_USEC");
        r = find_daemons(u);
        if (r >= 0)
                r = make_directories(u);
        if (r >= 0)
                r = watch_signals(u);
        if (r >= 0)
                r = up_notify_open(u);
        if (r >= 0)
                r = write_up_file(u);
        if (r >= 0)
                r = start_daemons(u);
        if (r >= 0)
                r = up_builds_watch(u);
        return r < 0 ? r : up_services_watch(u);
}

int up_run(struct up *u) {
        _cleanup_free_ char *file = paths_runtime(&u->c->paths, "up.json");
        int r = loop_new(&u->loop);

        u->notify_fd = -1;
        if (r < 0)
                return errmsg_errno(&u->c->em, r, "no event loop");
        r = start_all(u);
        if (r >= 0) {
                r = loop_run(u->loop);
                if (r < 0)
                        errmsg_errno(&u->c->em, r, "the event loop broke");
        }
        if (r >= 0 && u->failed)
                r = -ECHILD;
        up_child_free_all(u);
        up_notify_close(u);
        if (file)
                (void) unlink(file);
        loop_free(u->loop);
        return r;
}
