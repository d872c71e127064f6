/* proxy: the whole of one run: instances, listeners, the way up and the way down.
 *
 * Threads: the control loop's. Phases are rows of proxy_phases.def. */
#pragma once

#include <stdbool.h>

#include "daemons/sqlproxy/dataplane.h"
#include "daemons/sqlproxy/domain_watch.h"
#include "daemons/sqlproxy/fetch.h"
#include "daemons/sqlproxy/flags.h"
#include "daemons/sqlproxy/instance_arg.h"
#include "daemons/sqlproxy/mounts.h"
#include "lib/base/state_table.h"
#include "lib/net/http_server.h"
#include "lib/net/loop_clock.h"

enum proxy_phase {
#define STATE(name, text, next) PROXY_##name,
#include "daemons/sqlproxy/proxy_phases.def"
#undef STATE
        PROXY_N_PHASES,
};
extern const struct state_table proxy_phases;

/* One argument of the command line. */
struct proxy_place {
        struct instance_arg arg;
        struct instance *instance;
        struct domain_watch *watch; /* of the instance, at its first place; NULL = none */
        struct mount *mount;        /* NULL: not open (yet) */
        bool is_skipped;
        bool wait_is_told;
        char engine[64]; /* as far as it is needed */
        bool is_probing; /* a question of readiness dials it */
        struct proxy *proxy;
};

struct proxy {
        struct flags flags;
        const char *state_dir; /* NULL: nothing is kept */
        enum proxy_phase phase;
        struct loop *loop;
        struct loop_clock *clock;
        struct token *token, *login_token;
        struct sqladmin *api;
        struct resolver *resolver;
        struct fetcher *fetcher;
        struct dataplane *dataplane;
        struct instance **instances;
        size_t n_instances, cap_instances;
        struct proxy_place *places;
        size_t n_places;
        struct mounts_ports ports;
        size_t n_tests_left;
        bool test_failed;
        struct errmsg test_why;
        char dialer_id[40];

        struct http_server *health, *admin;
        struct socket_dir *socket_dir; /* --fuse */
        struct proxy_fuse_place *fuse_places;

        /* the way down */
        int exit_code;
        struct loop_source *signals[2], *stop_timer;
        struct loop_task closed_task;
        atomic_bool is_closed_posted;
        atomic_bool is_draining; /* workers tell of closed connections */
        char status[1500];       /* the last one told */
};

/* Everything up to the listeners, as far as it goes now; the loop does the rest. 0, or negative
 * with em: the start has failed. */
int proxy_start(struct proxy *p, struct errmsg *em);
void proxy_done(struct proxy *p);
void proxy_move(struct proxy *p, enum proxy_phase to);

/* Ends the loop with an exit code, after an error was said. */
void proxy_fail(struct proxy *p, const struct errmsg *em);

/* The instance of a place, a new one or one that is there. Fills place->instance and ->watch. */
int proxy_add_instance(struct proxy *p, struct proxy_place *place);

/* In proxy_fuse.c: --fuse. */
int proxy_fuse_init(struct proxy *p, struct errmsg *em);
void proxy_fuse_changed(struct proxy *p, struct instance *i);
/* After the dataplane is gone. */
void proxy_fuse_done(struct proxy *p);

/* In proxy_stop.c: signals, delays, exit codes. */
int proxy_stop_init(struct proxy *p);
/* "/quitquitquit received request", 0 */
void proxy_stop_begin(struct proxy *p, const char *why, int exit_code);
void proxy_stop_done(struct proxy *p);

/* In proxy_credentials.c: the tokens, as the flags say. */
int proxy_credentials_init(struct proxy *p, struct errmsg *em);

/* In proxy_http.c: health, metrics and admin servers. */
int proxy_http_init(struct proxy *p, struct errmsg *em);
void proxy_http_done(struct proxy *p);

/* In proxy_status.c: STATUS= of the service. */
void proxy_status_tell(struct proxy *p);
