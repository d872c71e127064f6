/* up_child: one program under `onebox up`: see up.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/up.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"

#define N_COMMON_ARGS 7

usec_t up_child_backoff(usec_t last, usec_t lived_for, bool was_ready) {
        if (last == 0 || lived_for >= UP_STEADY_FOR)
                return UP_RESTART_MIN;
        return MIN(last * 2, was_ready ? UP_RESTART_READY_MAX : UP_RESTART_MAX);
}

static struct up_child *child_free(struct up_child *child) {
        loop_source_free(child->timer);
        str_free_list(child->args);
        mem_free(child->name);
        mem_free(child->daemon);
        return mem_free(child);
}

void up_child_free_all(struct up *u) {
        for (size_t i = 0; i < u->n_children; i++)
                child_free(u->children[i]);
        u->n_children = 0;
}

static int copy_args(struct up_child *child, char *const *args) {
        child->args = mem_zalloc(sizeof(char *));
        if (!child->args)
                return -ENOMEM;
        for (; args && *args; args++)
                if (str_list_add(&child->args, *args) < 0)
                        return -ENOMEM;
        return 0;
}

struct up_child *up_child_add(struct up *u, const char *name, const char *daemon, char *const *args,
                              unsigned order) {
        struct up_child *child;

        if (u->n_children == UP_CHILDREN_MAX) {
                log_error("%s is not started: more than %d programs", name, UP_CHILDREN_MAX);
                return NULL;
        }
        child = mem_new(struct up_child);
        if (!child)
                return NULL;
        child->up = u;
        child->order = order;
        child->wanted = true;
        child->name = mem_strdup(name);
        child->daemon = mem_strdup(daemon);
        if (!child->name || !child->daemon || copy_args(child, args) < 0)
                return child_free(child);
        u->children[u->n_children++] = child;
        return child;
}

struct up_child *up_child_find(const struct up *u, const char *name) {
        for (size_t i = 0; i < u->n_children; i++)
                if (str_eq(u->children[i]->name, name))
                        return u->children[i];
        return NULL;
}

struct up_child *up_child_by_pid(const struct up *u, pid_t pid) {
        for (size_t i = 0; i < u->n_children; i++)
                if (u->children[i]->pid == pid)
                        return u->children[i];
        return NULL;
}

static int on_restart(struct loop_source *s, usec_t now, void *ctx) {
        struct up_child *child = ctx;

        if (child->wanted && child->state == UP_WAITING)
                up_child_start(child);
        return 0;
}

static int on_kill(struct loop_source *s, usec_t now, void *ctx) {
        struct up_child *child = ctx;

        if (child->state == UP_STOPPING && child->pid > 0) {
                log_warning("%s does not stop: it is killed", child->name);
                (void) kill(child->pid, SIGKILL);
        }
        return 0;
}

static void arm(struct up_child *child, usec_t in_for, loop_timer_fn *fn) {
        int r;

        child->timer = loop_source_free(child->timer);
        r = loop_timer_in(child->up->loop, in_for, 10 * USEC_PER_MSEC, fn, child, &child->timer);
        if (r < 0)
                log_errno(r, "%s: no timer", child->name);
}

static void start_later(struct up_child *child, usec_t lived_for, bool was_ready) {
        child->restart_for = up_child_backoff(child->restart_for, lived_for, was_ready);
        child->state = UP_WAITING;
        arm(child, child->restart_for, on_restart);
}

static int spawn(struct up_child *child, struct errmsg *em) {
        const struct paths *paths = &child->up->c->paths;
        size_t n_args = str_count(child->args), n = 0;
        _cleanup_free_ const char **argv =
                mem_zalloc_array(N_COMMON_ARGS + n_args + 1, sizeof(char *));
        _cleanup_free_ char *path = NULL;
        struct process_spec s = {
                .fd_in = -1,
                .fd_out = STDERR_FILENO,
                .fd_err = STDERR_FILENO,
                .death_signal = SIGTERM,
                .new_group = true, /* Ctrl-C is ours alone */
        };
        int r = paths_daemon(paths, child->daemon, &path, em);

        if (r < 0)
                return r;
        if (!argv)
                return errmsg_fail(em, -ENOMEM, "out of memory");
        argv[n++] = path;
        argv[n++] = "--state-dir";
        argv[n++] = paths->state_dir;
        argv[n++] = "--runtime-dir";
        argv[n++] = paths->runtime_dir;
        argv[n++] = "--config";
        argv[n++] = paths->config;
        for (size_t i = 0; i < n_args; i++)
                argv[n++] = child->args[i];
        s.path = path;
        s.argv = argv;
        return process_spawn(&s, &child->pid, NULL, em);
}

void up_child_start(struct up_child *child) {
        struct errmsg em = {};

        child->timer = loop_source_free(child->timer);
        child->started_at = clock_mono(clock_system());
        if (spawn(child, &em) < 0) {
                log_error("%s: %s", child->name, em.text);
                start_later(child, 0, false);
                if (++child->n_failures >= UP_FAILURES_MAX)
                        up_give_up(child->up, child);
                return;
        }
        child->state = UP_STARTING;
}

void up_child_stop(struct up_child *child) {
        child->wanted = false;
        if (child->pid == 0) {
                child->state = UP_GONE;
                child->timer = loop_source_free(child->timer);
                return;
        }
        if (child->state == UP_STOPPING)
                return;
        child->state = UP_STOPPING;
        (void) kill(child->pid, SIGTERM);
        arm(child, UP_STOP_FOR, on_kill);
}

static void tell_end(const struct up_child *child, int status, bool told) {
        int level = told && (WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM
                                                 : WEXITSTATUS(status) == 0)
                            ? LOG_DEBUG
                            : LOG_WARNING;

        if (WIFSIGNALED(status))
                log_write(level, NULL, "%s was ended by signal %d (%s)", child->name,
                          WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
        else
                log_write(level, NULL, "%s ended with status %d", child->name, WEXITSTATUS(status));
}

/* Its configuration cannot work: another start would not, either. */
static bool is_told_wrong(int status) {
        return WIFEXITED(status) && WEXITSTATUS(status) == OPTIONS_EX_CONFIG;
}

void up_child_ended(struct up_child *child, int status) {
        usec_t lived_for = clock_mono(clock_system()) - child->started_at;
        bool was_ready = child->state == UP_READY;

        tell_end(child, status, child->state == UP_STOPPING);
        child->pid = 0;
        child->timer = loop_source_free(child->timer);
        if (child->wanted && child->state == UP_STOPPING) { /* told to start with a new file */
                child->restart_for = 0;
                start_later(child, UP_STEADY_FOR, true);
        } else if (child->wanted) {
                if (++child->n_failures >= UP_FAILURES_MAX || is_told_wrong(status))
                        up_give_up(child->up, child);
                if (child->up->stopping) {
                        child->state = UP_GONE;
                        return;
                }
                start_later(child, lived_for, was_ready);
                log_warning("%s starts again in %u ms", child->name,
                            (unsigned) (child->restart_for / USEC_PER_MSEC));
        } else {
                child->state = UP_GONE;
        }
}

bool up_child_stop_next(struct up *u) {
        unsigned lowest = UINT32_MAX;
        bool gone = true;

        for (size_t i = 0; i < u->n_children; i++)
                if (u->children[i]->state != UP_GONE)
                        lowest = MIN(lowest, u->children[i]->order);
        for (size_t i = 0; i < u->n_children; i++) {
                if (u->children[i]->state == UP_GONE || u->children[i]->order != lowest)
                        continue;
                up_child_stop(u->children[i]);
                gone = gone && u->children[i]->state == UP_GONE;
        }
        return lowest != UINT32_MAX && gone;
}
