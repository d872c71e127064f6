#pragma once
/* Listening sockets and who is at the other end.
 *
 * An address is "HOST:PORT" (literal IPv4 or localhost; port 0 = any free), "[::1]:PORT",
 * "unix:/path" or "fd:NAME" (handed over by the service manager, LISTEN_FDNAMES). */
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/errmsg.h"

enum http_peer_kind { HTTP_PEER_UNIX = 1, HTTP_PEER_TCP };

struct http_peer {
        enum http_peer_kind kind;
        /* Unix: the credentials the kernel took at connect time. TCP: -1, -1, 0. */
        uid_t uid;
        gid_t gid;
        pid_t pid;
        /* TCP: address as text and port; Unix: "" and 0. */
        char address[INET6_ADDRSTRLEN];
        uint16_t port;
};

struct http_listen_options {
        const char *name;        /* for messages and http_listen_name(); NULL = the address */
        mode_t unix_mode;        /* 0 = 0660 */
        gid_t unix_gid;          /* (gid_t) -1 or 0 = leave */
        bool allow_remote;       /* without it an address beyond loopback is refused */
        const char *allow_cidrs; /* "10.0.0.0/8 fd00::/8": other TCP peers are dropped at accept */
        bool trust_peer;         /* Unix peer credentials count as identity (read by auth) */
        bool no_host_check;      /* TCP only: skip Host and Origin checks */
};

struct http_listen;

/* em names the address, the reason and the remedy. -EADDRINUSE: somebody listens there;
 * -EINVAL: not an address, or one beyond loopback without allow_remote; -ENOENT: no such fd name.
 */
int http_listen_open(const char *address, const struct http_listen_options *o,
                     struct http_listen **ret, struct errmsg *em);
/* Whether the address may be opened, as far as its text tells: -EINVAL with em about it. */
int http_listen_check(const char *address, bool allow_remote, struct errmsg *em);
/* Closes; removes the path of a Unix socket it made itself. */
struct http_listen *http_listen_free(struct http_listen *l);
/* Gives the address back; its name and policy stay, for connections that came by it. */
void http_listen_close(struct http_listen *l);
static inline void http_listen_freep(struct http_listen **l) {
        http_listen_free(*l);
}

const char *http_listen_name(const struct http_listen *l);
/* The bound address in the form above, with the real port: "127.0.0.1:40123". */
const char *http_listen_address(const struct http_listen *l);
int http_listen_fd(const struct http_listen *l);
uint16_t http_listen_port(const struct http_listen *l); /* 0 for Unix */
bool http_listen_is_unix(const struct http_listen *l);
const struct http_listen_options *http_listen_policy(const struct http_listen *l);

/* Takes one connection, non-blocking and close-on-exec, TCP_NODELAY set. 0, -EAGAIN when none
 * waits, -EACCES when the peer is outside allow_cidrs (closed already), else broken (-EMFILE …). */
int http_listen_accept(struct http_listen *l, int *ret_fd, struct http_peer *ret_peer);

/* True when somebody accepts connections at this Unix path. */
bool http_listen_path_alive(const char *path);
