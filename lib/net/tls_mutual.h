#pragma once
/* TLS with a certificate on both sides, for many connections a thread: own certificate and key in
 * memory, the server checked against authorities in memory alone, TLS 1.3 and nothing else.
 *
 * A tls_mutual is one identity, made once and shared by threads and connections (it counts its
 * references). A connection belongs to one thread at a time. Idle connections hold no buffer.
 *
 * The fd stays the caller's and is non-blocking. Waiting: read and handshake wait for EPOLLIN, and
 * for EPOLLOUT as well while tls_mutual_conn_unsent() is not 0; then tls_mutual_conn_flush(). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/net/tls_key.h"

struct tls_mutual;
struct tls_mutual_conn;

/* Everything is copied. */
struct tls_mutual_options {
        const char *ca_pem;   /* each certificate in it is an anchor; no other counts, not even the
                                 intermediates that the server sends */
        const char *cert_pem; /* own certificate */
        struct tls_key *key;  /* its key */
        /* Who must be there. With a name: it must be in the certificate (with or without its dot at
         * the end), or else its common name must be `common_name`. Without: the common name must
         * be. The name is told to the server (SNI) without its dot. */
        const char *name; /* NULL or "" = none */
        const char *common_name;
};
/* -EINVAL: em says which of them is bad. */
int tls_mutual_new(const struct tls_mutual_options *o, struct tls_mutual **ret, struct errmsg *em);
struct tls_mutual *tls_mutual_ref(struct tls_mutual *m);
struct tls_mutual *tls_mutual_unref(struct tls_mutual *m);
DEFINE_CLEANUP(struct tls_mutual *, tls_mutual_unref)

/* fd is borrowed for the connection's life. */
int tls_mutual_conn_new(struct tls_mutual *m, int fd, struct tls_mutual_conn **ret);
struct tls_mutual_conn *tls_mutual_conn_free(struct tls_mutual_conn *c);

/* The fd may have new bytes: to be said once for each readiness. */
void tls_mutual_conn_ready(struct tls_mutual_conn *c);
/* 0 = our side is done and the server is who it should be (whether it takes our certificate shows
 * at the first read). -EAGAIN; -EKEYREJECTED: the server is not; -EACCES: it refused ours (see
 * _alert); -EPROTO; -ECONNRESET … em says why. */
int tls_mutual_conn_handshake(struct tls_mutual_conn *c, struct errmsg *em);
/* > 0 bytes; 0 = the server ended in order; -EAGAIN; -EACCES: it sent an alert; -ECONNRESET: cut
 * off; -EPROTO. After an end the same end is answered again. */
ssize_t tls_mutual_conn_read(struct tls_mutual_conn *c, void *data, size_t size);
/* Takes all size bytes (at most TLS_MUTUAL_WRITE_MAX) and returns size, or nothing: -EAGAIN while
 * earlier ones are unsent. -ECONNRESET, -EPIPE … */
#define TLS_MUTUAL_WRITE_MAX ((size_t) 128 * 1024)
ssize_t tls_mutual_conn_write(struct tls_mutual_conn *c, const void *data, size_t size);
/* Sends what a full socket left. 0 = all is out, -EAGAIN, -errno. */
int tls_mutual_conn_flush(struct tls_mutual_conn *c);
size_t tls_mutual_conn_unsent(const struct tls_mutual_conn *c);
/* Says that nothing more will be written; reading goes on. 0 (perhaps unsent), -errno. */
int tls_mutual_conn_end(struct tls_mutual_conn *c);

/* The alert the server sent (RFC 8446, 6), -1 when none. */
int tls_mutual_conn_alert(const struct tls_mutual_conn *c);
/* "bad certificate": words for an alert, as Go's crypto/tls has them. */
const char *tls_mutual_alert_text(int alert);
/* An alert that says: your certificate is not good (any more). */
bool tls_mutual_alert_is_certificate(int alert);
/* "TLS_AES_128_GCM_SHA256", once connected. */
const char *tls_mutual_conn_cipher(const struct tls_mutual_conn *c);
