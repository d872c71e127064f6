/* link: one client's connection and its twin to the instance. Inside the dataplane only.
 *
 * States are rows of link_states.def. A link belongs to one worker and its thread. It dials, shakes
 * hands and then pumps both ways; each way ends by itself (half-close), the link when both have.
 * An idle link holds no buffer but what OpenSSL needs for its state.
 *
 * Until the instance's first byte arrives the client's bytes are kept (up to LINK_REPLAY_MAX): when
 * the instance refuses our certificate, or is gone, before it said anything, the link is dialed
 * once more with a fresh identity and the bytes are sent again. No engine acts on a client's word
 * before it has answered, so nothing is done twice. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "daemons/sqlproxy/dataplane.h"
#include "daemons/sqlproxy/instance.h"
#include "daemons/sqlproxy/mdx.h"
#include "daemons/sqlproxy/socks.h"
#include "lib/base/state_table.h"
#include "lib/net/tls_mutual.h"

#define LINK_REPLAY_MAX ((size_t) 16 * 1024)
#define LINK_DIAL_FOR (30 * USEC_PER_SEC)

struct worker;

enum link_state {
#define STATE(name, text, next) LINK_##name,
#include "daemons/sqlproxy/link_states.def"
#undef STATE
        LINK_N_STATES,
};
extern const struct state_table link_states;

/* Something epoll knows by its address. */
enum worker_end_kind { WORKER_END_WAKE, WORKER_END_LISTENER, WORKER_END_CLIENT, WORKER_END_SERVER };
struct worker_end {
        enum worker_end_kind kind;
        int fd;
        uint32_t asked;  /* events epoll was asked for; 0 = it does not know the fd */
        bool is_hung_up; /* EPOLLHUP or EPOLLERR was seen */
        union {
                struct link *link;
                struct mount *mount;
        };
};

/* Bytes that a full socket did not take. */
struct link_rest {
        char *data;
        size_t len, at;
};

struct link {
        enum link_state state;
        bool is_again; /* in the worker's list of links with more to do */
        bool is_probe; /* no client: see dataplane_probe() */
        bool was_retried;
        bool has_spoken; /* the instance sent payload: no replay any more */
        bool has_mdx_sent;
        bool client_ended, server_ended; /* no more comes from there */
        bool end_is_told;                /* the end was logged */
        uint8_t n_host;                  /* the host of the identity's list being tried */
        struct worker_end client, server;
        struct worker *worker;
        struct mount *mount;
        struct identity *identity;
        struct instance_ticket ticket;
        struct tls_mutual_conn *tls;
        struct link_rest rest;   /* for the client */
        struct link_rest replay; /* what the client said before the instance did */
        struct mdx_filter mdx;
        struct link_dial *dial;    /* only while dialing */
        struct link *next, **prev; /* in the worker's list of its phase */
        struct link *next_again;
        usec_t began_at, deadline_at; /* monotonic */
        void (*probed)(void *ctx, int r, const struct errmsg *em);
        void *probed_ctx;
};

/* What only a dial needs. */
struct link_dial {
        struct socks socks;
        struct errmsg why; /* of the last failure */
        int error;
        bool is_socks; /* through the proxy */
};

/* A new link for an accepted client (fd is taken, also on failure), or for a probe (fd -1). */
int link_new(struct worker *w, struct mount *m, int fd, struct link **ret);
/* Closes both sides; the memory goes at the end of the worker's turn. */
void link_close(struct link *l);
void link_move(struct link *l, enum link_state to);
/* How a probe ended; the first word counts. Nothing for others. */
void link_tell_probe(struct link *l, int r, const struct errmsg *em);
/* Dials, as far as it can go now. */
void link_dial_go(struct link *l);
/* An event of either end. */
void link_dial_event(struct link *l, uint32_t revents);
void link_dial_fail(struct link *l, int r, const struct errmsg *em);
/* The deadline has passed. */
void link_dial_timeout(struct link *l);
/* A dialed link breaks before the instance has spoken: true = it is being dialed once more. */
bool link_dial_again(struct link *l, int r, const struct errmsg *em);

void link_pump_start(struct link *l);
/* Forgets it; what may be a login is overwritten. */
void link_pump_drop(struct link_rest *rest);
void link_pump_client(struct link *l, uint32_t revents);
void link_pump_server(struct link *l, uint32_t revents);
/* From the worker's list of links with more to do. */
void link_pump_more(struct link *l);
