/* instance: a Cloud SQL instance as one identity sees it (with its own login token or without),
 * kept ready for dials. Two listeners for the same instance share one.
 *
 * Threads: the control loop owns it and is the only one to refresh. Workers call instance_take()
 * and instance_report() and read the counters; what they share is under `lock` or atomic. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "daemons/sqlproxy/conn_name.h"
#include "daemons/sqlproxy/identity.h"
#include "daemons/sqlproxy/refresh.h"
#include "lib/base/errmsg.h"
#include "lib/net/loop.h"

struct fetch;
struct fetcher;
struct dataplane;
struct instance;

/* Milliseconds, upper bounds of the dial latency's buckets; the last one is open. */
#define INSTANCE_LATENCY_BUCKETS 9
extern const unsigned instance_latency_bounds[INSTANCE_LATENCY_BUCKETS];

struct instance_counters {
        atomic_ullong n_sent, n_received; /* bytes to and from the instance */
        atomic_ullong n_open;
        atomic_ullong n_dials, n_dial_failures;
        atomic_ullong latency_sum; /* ms */
        atomic_ullong latency[INSTANCE_LATENCY_BUCKETS + 1];
        atomic_ullong n_refreshes, n_refresh_failures;
};

/* What a refresh tells beside the identity. */
struct instance_settings {
        char engine[64];  /* "POSTGRES_15"; "" = not known yet */
        char address[64]; /* for STATUS= */
        char *ca_pem;
};

struct instance {
        char *name; /* as the user gave it */
        struct conn_name cn;
        bool is_resolved; /* cn is known (a DNS name's is asked for) */
        bool is_iam;
        bool is_lazy;
        bool is_engine_wanted; /* a listener cannot be opened without it */
        struct loop *loop;
        struct fetcher *fetcher;
        struct dataplane *dataplane; /* woken when something changed */

        /* the control loop's */
        struct refresh_facts facts;
        struct fetch *fetch; /* the one under way */
        struct loop_source *timer;
        struct instance_settings settings;
        void (*changed)(struct instance *i, void *ctx); /* after every attempt */
        void (*turned)(struct instance *i, void *ctx);  /* dials work now, or no more */
        void *changed_ctx;

        pthread_mutex_t lock; /* over what follows, to the counters */
        struct identity *current;
        uint64_t n_attempts; /* refreshes that have ended */
        uint64_t last_serial;
        int error; /* of the last one; 0 = it went well */
        struct errmsg why;
        usec_t failed_at; /* boot time, of the last failed attempt */
        bool is_fetching;
        int dial_error; /* of the last dial; 0 = it went well, or none was made */
        struct errmsg dial_why;
        usec_t dialed_at;  /* boot time */
        usec_t forced_at;  /* boot time: when a failed dial last asked for a refresh */
        unsigned n_forced; /* such refreshes since a dial went well */

        struct loop_task ask_task;
        atomic_bool is_asked;
        struct loop_task turned_task; /* a dial went otherwise than the one before */
        atomic_bool is_turned;
        _Atomic(const char *) cipher; /* of the last dial; NULL = none went well yet */

        struct instance_counters counters;
};

int instance_new(struct loop *l, const char *name, bool iam, bool lazy, struct instance **ret);
struct instance *instance_free(struct instance *i);
/* The first refresh, or the next one when `facts` say it is time. Control loop. */
void instance_turn(struct instance *i);
/* What is known of it counts no more, not even what a DNS name stands for: all is asked anew. Not
 * while a refresh is under way. Control loop. */
void instance_forget(struct instance *i);
/* A refresh ended: takes id (NULL when r is negative). Control loop; called by fetch. */
void instance_fetched(struct instance *i, int r, struct identity *id, const struct errmsg *why);

/* One connection's wish for an identity. Zeroed at first. */
struct instance_ticket {
        uint64_t newer_than; /* serial of an identity that did not work; 0 = any will do */
        uint64_t since;      /* n_attempts when the waiting began */
        bool is_waiting;
};
/* Any thread. 0 = *ret is a reference; 1 = ask again after the next wake of the dataplane;
 * negative: there is none, em says why. */
int instance_take(struct instance *i, struct instance_ticket *t, struct identity **ret,
                  struct errmsg *em);
/* How a dial with an identity went: r 0 with its cipher (constant), or negative with em. Any
 * thread. */
void instance_report(struct instance *i, int r, const struct errmsg *em, const char *cipher,
                     usec_t took_for);

/* For readiness and STATUS=: true = usable as far as is known; else em says why in one line. */
bool instance_is_ready(struct instance *i, struct errmsg *em);
