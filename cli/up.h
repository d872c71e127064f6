/* up: the supervisor of `onebox up`: starts the daemons and services, restarts those that die,
 * stops them in order. It is the subreaper, so the shims of running tasks (orphans by design) are
 * its children without being its business: it reaps them and nothing more.
 *
 * The daemons get SIGTERM when it dies (PDEATHSIG), shims do not: killed at any moment, the next
 * `onebox up` finds the tasks running and takes them up. One thread, one loop. Limits:
 * UP_CHILDREN_MAX programs; waits between restarts grow from UP_RESTART_MIN to UP_RESTART_MAX. */
#pragma once

#include <sys/types.h>

#include "cli/cli.h"
#include "lib/net/loop.h"

#define UP_CHILDREN_MAX 64
#define UP_RESTART_MIN (100 * USEC_PER_MSEC)
#define UP_RESTART_READY_MAX USEC_PER_SEC /* who had been ready is missed */
#define UP_RESTART_MAX (10 * USEC_PER_SEC)
#define UP_STEADY_FOR (30 * USEC_PER_SEC) /* who lives so long starts anew with UP_RESTART_MIN */
#define UP_FAILURES_MAX 6 /* 6 s with the waits between: who was killed before has gone */
#define UP_STOP_FOR (20 * USEC_PER_SEC) /* from SIGTERM to SIGKILL */

enum up_state {
        UP_WAITING,  /* for its (re)start */
        UP_STARTING, /* runs, has not said READY=1 */
        UP_READY,
        UP_STOPPING, /* got SIGTERM */
        UP_GONE,     /* ended as told, or never to be started again */
};

struct up_child {
        struct up *up;
        char *name;     /* "scheduler", "service iris" */
        char *daemon;   /* "scheduler", "serving": which program */
        char **args;    /* after the common ones */
        unsigned order; /* of the stop: lower first */
        enum up_state state;
        bool wanted;               /* start it again when it ends */
        pid_t pid;                 /* 0: not running */
        usec_t started_at;         /* monotonic */
        usec_t restart_for;        /* the next wait */
        unsigned n_failures;       /* ends before all were ready once */
        struct loop_source *timer; /* restart, or SIGKILL */
};

struct up {
        struct cli *c;
        struct loop *loop;
        struct up_child *children[UP_CHILDREN_MAX];
        size_t n_children;
        char *web, *tracking;           /* addresses */
        bool web_given, tracking_given; /* on the command line, else as configured */
        int notify_fd;
        int ready_fd; /* of the waiting parent (--detach), or -1 */
        bool stopping;
        bool said_ready;
        bool failed; /* it gave up */
};

/* Before all were ready once, a daemon that ended UP_FAILURES_MAX times is a reason to give up: u
 * stops, with c->em set. */
void up_give_up(struct up *u, const struct up_child *child);
/* up.c: life. Takes over the lock_fd's meaning: it is held by the caller until this returns. */
int up_run(struct up *u);
/* Something has changed: says "ready" once all are, or ends when all have stopped. */
void up_changed(struct up *u);

/* args: what follows the common options; copied. NULL when out of memory or too many. */
struct up_child *up_child_add(struct up *u, const char *name, const char *daemon, char *const *args,
                              unsigned order) _must_check_;
struct up_child *up_child_find(const struct up *u, const char *name);
struct up_child *up_child_by_pid(const struct up *u, pid_t pid);
/* Starts it now; failures are told and tried again. */
void up_child_start(struct up_child *child);
/* SIGTERM, later SIGKILL; it is not started again unless wanted is set again. */
void up_child_stop(struct up_child *child);
/* It has ended with this wait status. */
void up_child_ended(struct up_child *child, int status);
/* Stops the next ones by order, when those before have ended. True when all of these were gone at
 * once: ask again. */
bool up_child_stop_next(struct up *u);
void up_child_free_all(struct up *u);
/* The wait after one of `last`, when it lived for `lived_for` and was ready or not. Pure. */
usec_t up_child_backoff(usec_t last, usec_t lived_for, bool was_ready);

/* up_notify.c: NOTIFY_SOCKET for the children. */
int up_notify_open(struct up *u);
void up_notify_close(struct up *u);
/* Does the message hold the line READY=1? Pure. */
bool up_notify_is_ready(const char *message);

/* up_builds.c: onebox-build whenever the scheduler wants an environment. */
int up_builds_watch(struct up *u);

/* up_services.c: one onebox-serving for each services/NAME.json, as they come and go. */
int up_services_watch(struct up *u);
