#pragma once
/* TLS from our side: verified, at least 1.2, on a non-blocking socket the caller owns.
 *
 * A tls_client is a configuration (authorities, own certificate) for many connections. Calls on a
 * connection that cannot go on return -EAGAIN: wait for tls_client_conn_events() on the socket and
 * call again. One thread a connection at a time; a tls_client may be shared by threads. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/errmsg.h"

struct tls_client;
struct tls_client_conn;

struct tls_client_options {
        const char *ca_file;   /* PEM; NULL = the system's authorities */
        const char *cert_file; /* own certificate chain, PEM; NULL = none */
        const char *key_file;  /* its key, PEM */
        bool only_tls13;
};

/* -EINVAL: a file is not what it should be; -ENOENT; em names it. */
int tls_client_new(const struct tls_client_options *o, struct tls_client **ret, struct errmsg *em);
struct tls_client *tls_client_free(struct tls_client *c);

/* A connection over fd (borrowed, connected, non-blocking) to the server that must prove to be
 * `host`, a DNS name or a literal address. -EINVAL: no host. */
int tls_client_conn_new(struct tls_client *c, int fd, const char *host,
                        struct tls_client_conn **ret);
/* Closes nothing: the fd stays the caller's. */
struct tls_client_conn *tls_client_conn_free(struct tls_client_conn *conn);

/* 0 = connected and verified. -EAGAIN; -EKEYREJECTED: the certificate is not good for host;
 * -EPROTO: not TLS, or nothing in common; -ECONNRESET. em says why. */
int tls_client_conn_handshake(struct tls_client_conn *conn, struct errmsg *em);
/* > 0 bytes; 0 = the peer ended in order (read only). -EAGAIN, -ECONNRESET: cut off, -EPROTO. */
ssize_t tls_client_conn_read(struct tls_client_conn *conn, void *data, size_t size);
ssize_t tls_client_conn_write(struct tls_client_conn *conn, const void *data, size_t size);
/* Says that nothing more will be written. 0, -EAGAIN, -ECONNRESET. */
int tls_client_conn_close(struct tls_client_conn *conn);
/* EPOLLIN or EPOLLOUT: what the last -EAGAIN waits for. */
uint32_t tls_client_conn_events(const struct tls_client_conn *conn);
/* Bytes decrypted and not read yet: epoll does not know of them. */
size_t tls_client_conn_pending(const struct tls_client_conn *conn);
/* "TLSv1.3", once connected. */
const char *tls_client_conn_version(const struct tls_client_conn *conn);
