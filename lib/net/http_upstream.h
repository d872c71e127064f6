#pragma once
/* Inside lib/net only: connections to one daemon behind a Unix socket, kept for reuse. Loop's
 * thread. */
#include <stddef.h>

#include "lib/net/loop.h"

struct http_upstream {
        struct loop *loop;
        char *path;
        unsigned n_idle, n_idle_max;
        struct http_upstream_conn *idle; /* newest first */
};

struct http_upstream_conn {
        int fd;
        bool is_reused;
        struct loop_source *io;
        uint32_t events; /* asked of the loop */
        usec_t since_at; /* idle, CLOCK_MONOTONIC */
        struct http_upstream_conn *next;
};

int http_upstream_init(struct http_upstream *u, struct loop *l, const char *path, unsigned n_idle);
void http_upstream_done(struct http_upstream *u);
/* An idle connection that looks alive, or a new one (may_reuse = false: always). fn gets its
 * events; nothing is asked for yet. -ECONNREFUSED, -ENOENT, -EAGAIN (its backlog is full) … */
int http_upstream_get(struct http_upstream *u, bool may_reuse, loop_io_fn *fn, void *ctx,
                      struct http_upstream_conn **ret);
int http_upstream_ask(struct http_upstream_conn *c, uint32_t events);
/* Back for reuse when it ended well, else closed. NULL is fine. */
void http_upstream_put(struct http_upstream *u, struct http_upstream_conn *c, bool is_good);
