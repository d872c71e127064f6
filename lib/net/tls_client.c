/* Owns OpenSSL's client contexts and connections. */
#include "lib/net/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/mem.h"

struct tls_client {
        SSL_CTX *ctx;
};

struct tls_client_conn {
        SSL *ssl;
        uint32_t events;
};

/* OpenSSL's own words for the first thing that went wrong; empties its queue. */
static const char *tls_client_reason(void) {
        unsigned long code = ERR_get_error();

        ERR_clear_error();
        return (code ? ERR_reason_error_string(code) : NULL) ?: "no reason given";
}

static int tls_client_bad_file(struct errmsg *em, const char *what, const char *path) {
        if (access(path, R_OK) < 0)
                return errmsg_errno(em, -errno, "cannot read %s %s", what, path);
        return errmsg_fail(em, -EINVAL, "%s is not a good %s in PEM form: %s", path, what,
                           tls_client_reason());
}

static int tls_client_load(struct tls_client *c, const struct tls_client_options *o,
                           struct errmsg *em) {
        if (o->ca_file && SSL_CTX_load_verify_locations(c->ctx, o->ca_file, NULL) != 1)
                return tls_client_bad_file(em, "list of authorities", o->ca_file);
        if (!o->ca_file && SSL_CTX_set_default_verify_paths(c->ctx) != 1)
                return errmsg_fail(em, -ENOENT,
                                   "the system's certificate authorities cannot be read: install "
                                   "ca-certificates");
        if (!o->cert_file)
                return 0;
        if (SSL_CTX_use_certificate_chain_file(c->ctx, o->cert_file) != 1)
                return tls_client_bad_file(em, "certificate", o->cert_file);
        if (!o->key_file)
                return errmsg_fail(em, -EINVAL, "certificate %s has no key beside it",
                                   o->cert_file);
        if (SSL_CTX_use_PrivateKey_file(c->ctx, o->key_file, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_check_private_key(c->ctx) != 1)
                return tls_client_bad_file(em, "key of the certificate", o->key_file);
        return 0;
}

int tls_client_new(const struct tls_client_options *o, struct tls_client **ret, struct errmsg *em) {
        struct tls_client *c = mem_new(struct tls_client);
        int r = -ENOMEM;

        ERR_clear_error();
        if (c)
                c->ctx = SSL_CTX_new(TLS_client_method());
        if (c && c->ctx) {
                SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
                SSL_CTX_set_min_proto_version(c->ctx,
                                              o->only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
                SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                                 SSL_MODE_RELEASE_BUFFERS);
                r = tls_client_load(c, o, em);
        }
        if (r < 0) {
                tls_client_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct tls_client *tls_client_free(struct tls_client *c) {
        if (c)
                SSL_CTX_free(c->ctx);
        return mem_free(c);
}

/* --- connections ----------------------------------------------------------------------------- */

static bool tls_client_is_address(const char *host) {
        unsigned char bytes[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* Who must be at the other end; a name is also told to the server (SNI), an address never is. */
static bool tls_client_conn_set_host(SSL *ssl, const char *host) {
        if (tls_client_is_address(host))
                return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

int tls_client_conn_new(struct tls_client *c, int fd, const char *host,
                        struct tls_client_conn **ret) {
        struct tls_client_conn *conn;

        if (!host || !*host)
                return -EINVAL;
        conn = mem_new(struct tls_client_conn);
        if (!conn)
                return -ENOMEM;
        conn->ssl = SSL_new(c->ctx);
        if (!conn->ssl || !tls_client_conn_set_host(conn->ssl, host) ||
            SSL_set_fd(conn->ssl, fd) != 1) {
                ERR_clear_error();
                tls_client_conn_free(conn);
                return -ENOMEM;
        }
        SSL_set_connect_state(conn->ssl);
        *ret = conn;
        return 0;
}

struct tls_client_conn *tls_client_conn_free(struct tls_client_conn *conn) {
        if (conn)
                SSL_free(conn->ssl);
        return mem_free(conn);
}

uint32_t tls_client_conn_events(const struct tls_client_conn *conn) {
        return conn->events;
}

size_t tls_client_conn_pending(const struct tls_client_conn *conn) {
        return (size_t) SSL_pending(conn->ssl);
}

const char *tls_client_conn_version(const struct tls_client_conn *conn) {
        return SSL_get_version(conn->ssl);
}

/* What a call that did not succeed means. saved is errno right after it. */
static int tls_client_conn_result(struct tls_client_conn *conn, int n, int saved) {
        switch (SSL_get_error(conn->ssl, n)) {
        case SSL_ERROR_WANT_READ:
                conn->events = EPOLLIN;
                return -EAGAIN;
        case SSL_ERROR_WANT_WRITE:
                conn->events = EPOLLOUT;
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        case SSL_ERROR_SYSCALL:
                return saved > 0 && saved != EAGAIN ? -saved : -ECONNRESET;
        default:
                /* OpenSSL 3 reports a connection cut without a word as an error of its own. */
                if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
                        return -ECONNRESET;
                return -EPROTO;
        }
}

int tls_client_conn_handshake(struct tls_client_conn *conn, struct errmsg *em) {
        long verified;
        int n, r;

        ERR_clear_error();
        errno = 0;
        n = SSL_do_handshake(conn->ssl);
        if (n == 1)
                return 0;
        r = tls_client_conn_result(conn, n, errno);
        if (r == -EAGAIN)
                return r;
        verified = SSL_get_verify_result(conn->ssl);
        if (verified != X509_V_OK) {
                ERR_clear_error();
                return errmsg_fail(em, -EKEYREJECTED, "the server's certificate is refused: %s",
                                   X509_verify_cert_error_string(verified));
        }
        if (r == 0)
                r = -ECONNRESET;
        return errmsg_fail(em, r, "the TLS handshake broke: %s",
                           r == -EPROTO ? tls_client_reason() : errmsg_strerror(r));
}

ssize_t tls_client_conn_read(struct tls_client_conn *conn, void *data, size_t size) {
        int n;

        ERR_clear_error();
        errno = 0;
        n = SSL_read(conn->ssl, data, (int) MIN(size, (size_t) INT_MAX));
        return n > 0 ? n : tls_client_conn_result(conn, n, errno);
}

ssize_t tls_client_conn_write(struct tls_client_conn *conn, const void *data, size_t size) {
        int n;

        if (size == 0)
                return 0;
        ERR_clear_error();
        errno = 0;
        n = SSL_write(conn->ssl, data, (int) MIN(size, (size_t) INT_MAX));
        if (n > 0)
                return n;
        n = tls_client_conn_result(conn, n, errno);
        return n < 0 ? n : -ECONNRESET;
}

int tls_client_conn_close(struct tls_client_conn *conn) {
        int n;

        ERR_clear_error();
        errno = 0;
        n = SSL_shutdown(conn->ssl);
        /* 0: our word is out, theirs not in yet, which nobody waits for. */
        return n >= 0 ? 0 : tls_client_conn_result(conn, n, errno);
}
