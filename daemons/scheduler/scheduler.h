/* scheduler.h: the one object of the daemon, and which file owns which part of it.
 *
 * Threads: the loop's, but for what is marked; handlers of HTTP_WORKER rows may touch only those.
 * Decisions are core/'s. State changes go one way: a job of the engine (engine.h) applies events to
 * the world inside a transaction; what follows from it happens after the commit. */
#pragma once

#include "daemons/scheduler/core/plan.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/entropy.h"
#include "lib/base/paths.h"
#include "lib/base/strmap.h"

struct scheduler_conf {
#define CONF_KEY CONF_FIELD
#include "config/scheduler.def"
        struct {
#include "config/logging.def"
        } logging;
        struct {
#include "config/night.def"
        } night;
#undef CONF_KEY
};

struct scheduler {
        const struct scheduler_conf *conf; /* any thread */
        const struct paths *paths;         /* any thread */
        const struct clock *clock;         /* any thread */
        struct entropy *entropy;           /* any thread */
        struct loop *loop;
        struct db *db;              /* the writing connection: jobs' and effects' (engine.h) */
        struct lease *lease;        /* on PostgreSQL; NULL: the file's lock is ours */
        struct db_readers *readers; /* any thread */
        struct auth_check *auth;    /* any thread */
        struct auth_token_key *token_key; /* any thread; NULL: tasks get no token */
        char *tasks_dir;                  /* any thread: STATE/tasks */
        char boot_id[ENTROPY_UUID_SIZE];  /* of this boot of the machine */
        usec_t started_at;

        struct world world;
        bool has_world;
        struct strmap zones;         /* name → struct zone; they live as long as the world */
        struct engine *engine;       /* jobs, transactions, what follows */
        struct live *live;           /* the tries that have not ended */
        struct launch *launch;       /* talks to the launcher */
        struct feed *feed;           /* tells listeners what changed */
        struct secrets *secrets;     /* variables and connections */
        struct callbacks *callbacks; /* what follows from ends, by tries of their own */
        struct connection_trials *connection_trials; /* tests of connections */
        struct notices *notices;                     /* tells tracking that tries ended */
        struct expire *expire;                       /* old runs go */
        struct inhibit *inhibit;                     /* a shutdown waits while tasks run */
        struct thrift *thrift;                       /* gives memory back after a burst */
        struct night_watch *night;                   /* when the machine stops */
        struct sources *sources; /* pipeline files → DAGs, services, import errors */
        struct http_server *server;
};

/* The numbers that world rows carry for us. */
static inline int64_t scheduler_run_row(const struct world_run *run) {
        return (int64_t) (intptr_t) run->user;
}

static inline int64_t scheduler_dag_version(const struct world_dag *wd) {
        return (int64_t) (intptr_t) wd->user;
}
