#pragma once
/* The connections of an http_direct, for the files that make calls over them.
 *
 * Each is in `idle` or, while a call has it, in `busy`. One thread at a time touches a connection;
 * http_direct_stop() shuts the sockets of the busy ones, under the lock, which also guards their
 * leaving: a descriptor in `busy` is open. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/net/http_direct.h"

#define HTTP_DIRECT_CONN_FIRST 2048 /* bytes received with a head */

struct http_direct_conn {
        struct http_direct *pool;
        CURL *easy;
        int fd; /* -1: not connected yet */
        int low_water;
        uint64_t bite;
        usec_t stall_for; /* of this call */
        usec_t used_at;
        struct http_direct_conn *next;
};

struct http_direct {
        char *origin, *host, *ca_file;
        bool is_tls;
        bool is_plain; /* what the socket brings is HTTP, whatever the environment's proxies */
        struct http_direct_options o; /* its strings are not used */
        pthread_mutex_t lock;
        struct http_direct_conn *idle, *busy;
        unsigned n;
        atomic_bool stopping;
        usec_t paused_until;
};

/* What came before all of a request was sent: the answer's start. */
struct http_direct_conn_early {
        char data[HTTP_DIRECT_CONN_FIRST];
        size_t n;
};

/* Goes on during a suspend: no server keeps a connection through that. */
usec_t http_direct_conn_now(void);
/* One for a call: its fd < 0: it is to be connected. fresh: none that was used before. -EBUSY,
 * -EAGAIN, -ECANCELED, -ENOMEM. */
int http_direct_conn_take(struct http_direct *d, bool fresh, struct http_direct_conn **ret);
/* Before the first byte: connects it, or sees that it is alive. -ECONNRESET: it is not. */
int http_direct_conn_ready(struct http_direct_conn *c);
/* After a call: to be used again, or closed. */
void http_direct_conn_give(struct http_direct_conn *c, bool keep);
/* Closes those of a list. */
void http_direct_conn_close_all(struct http_direct_conn *c);
/* Under the lock: those that lay idle for too long are taken out, to be closed without it. */
struct http_direct_conn *http_direct_conn_weed(struct http_direct *d, usec_t now);

/* The head's first lines, up to the caller's own. */
int http_direct_conn_print(const struct http_direct *d, const char *method, const char *target,
                           const char *token, const char *const *headers, struct buf *ret);
/* All of it, which is used up: 0; negative. early (NULL: not looked for): 1: the server speaks
 * already, the rest stays unsent. */
int http_direct_conn_send(struct http_direct_conn *c, struct iovec *v, size_t n,
                          struct http_direct_conn_early *early);
/* Wakes up for so many bytes and no less. */
void http_direct_conn_low_water(struct http_direct_conn *c, int n);
/* > 0 bytes, 0: the end of the connection; negative. left: how many are to come, all told; 0: not
 * known. */
ssize_t http_direct_conn_recv(struct http_direct_conn *c, struct iovec *v, size_t n_pieces,
                              uint64_t left);
