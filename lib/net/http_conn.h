#pragma once
/* Inside lib/net only: one connection of the server, from accept to MHD's word that it is closed.
 */
#include <microhttpd.h>
#include <stdbool.h>

#include "lib/base/macros.h"
#include "lib/net/http_listen.h"

struct http_exchange;
struct http_server;

struct http_conn {
        struct http_server *server;
        struct MHD_Connection *mhd;
        struct http_listen *listener;
        struct http_peer peer;
        int fd;                   /* MHD's; ours to shutdown() and poll() until it says closed */
        bool is_idle, has_served; /* has_served: one request at least was answered */
        usec_t since_at;          /* idle: since then (CLOCK_MONOTONIC) */
        struct http_conn *next, **prev; /* in the server's idle list, oldest first, or all others */
        struct http_exchange *exchange; /* the request under way */
};

void http_conn_busy(struct http_conn *c);
/* Waits for a request, or the rest of its header. */
void http_conn_idle(struct http_conn *c);
/* MHD sees the end and closes it in its own way. */
void http_conn_cut(struct http_conn *c);
/* Cuts the longest idle one with nothing to say, if there is one: the server is full. One that is
 * new and may be about to speak is left alone for a second. */
void http_conn_evict(struct http_server *s);
/* MHD has closed it. */
void http_conn_free(struct http_conn *c);
/* FIN or RST from the client, whatever is still to be read. */
bool http_conn_hung_up(const struct http_conn *c);
/* The client left before its request was whole, and MHD does not know: it reads once a readiness,
 * so an end that comes along with the last bytes escapes it. */
bool http_conn_is_deserted(const struct http_conn *c);
