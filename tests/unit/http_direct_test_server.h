/* A server of a script: each answer it has been given goes to the next request, on whichever
 * connection that comes; over TLS when it has a certificate. */
#pragma once
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "lib/base/crc32c.h"
#include "lib/net/http_direct.h"
#include "tests/unit/net_test_cmocka.h"
#include "tests/unit/tls_test_cert.h"

#include <arpa/inet.h>

/* What comes of the connection. AT_ONCE: the request's body is not waited for, what still comes is
 * dropped until the client hangs up; RESETS: nor is it read. */
enum { STAYS, CLOSES, AT_ONCE, RESETS };

struct answer {
        const char *head; /* NULL: none, the client waits */
        const char *body;
        size_t n;
        int how;
};

struct server {
        int fd, port;
        SSL_CTX *tls;
        const struct answer *answers;
        size_t n_answers;
        atomic_size_t n_requests;
        atomic_uint n_connections;
        pthread_t thread;
        pthread_t conns[16];
        char last[4096]; /* the last request's head */
        size_t n_body;   /* of the last request */
        uint32_t crc32c; /* of that */
};

struct peer {
        struct server *s;
        int fd;
        SSL *ssl;
};

static int peer_read(struct peer *p, char *data, int n) {
        return p->ssl ? SSL_read(p->ssl, data, n) : (int) recv(p->fd, data, (size_t) n, 0);
}

static void peer_write(struct peer *p, const char *data, size_t n) {
        while (n > 0) {
                int k = p->ssl ? SSL_write(p->ssl, data, (int) MIN(n, (size_t) 1 << 20))
                               : (int) send(p->fd, data, n, MSG_NOSIGNAL);

                if (k <= 0)
                        return;
                data += k;
                n -= (size_t) k;
        }
}

/* In one piece: what is cut off behind an answer must not cut the answer itself in two. */
static void peer_answer(struct peer *p, const struct answer *a) {
        size_t n_head = strlen(a->head);
        char *text = malloc(n_head + a->n);

        assert_non_null(text);
        memcpy(text, a->head, n_head);
        memcpy(text + n_head, a->body, a->n);
        peer_write(p, text, n_head + a->n);
        free(text);
}

/* The head, and of the body what came with it: *n bytes. */
static bool peer_head(struct peer *p, char *data, size_t size, size_t *n) {
        *n = 0;
        while (*n < size - 1) {
                int k = peer_read(p, data + *n, (int) (size - 1 - *n));

                if (k <= 0)
                        return false;
                *n += (size_t) k;
                data[*n] = 0;
                if (strstr(data, "\r\n\r\n"))
                        return true;
        }
        return false;
}

static bool peer_body(struct peer *p, const char *data, size_t n) {
        const char *length = strstr(data, "\r\nContent-Length: ");
        const char *body = strstr(data, "\r\n\r\n") + 4;
        size_t wanted = length ? strtoul(length + 18, NULL, 10) : 0;
        char more[65536];

        p->s->n_body = n - (size_t) (body - data);
        p->s->crc32c = crc32c_add(0, body, p->s->n_body);
        while (p->s->n_body < wanted) {
                int k = peer_read(p, more, (int) MIN(sizeof(more), wanted - p->s->n_body));

                if (k <= 0)
                        return false;
                p->s->crc32c = crc32c_add(p->s->crc32c, more, (size_t) k);
                p->s->n_body += (size_t) k;
        }
        return true;
}

static void *peer_main(void *ctx) {
        struct peer *p = ctx;
        struct server *s = p->s;
        char request[sizeof(s->last)];
        size_t n;

        if (s->tls) {
                p->ssl = SSL_new(s->tls);
                SSL_set_fd(p->ssl, p->fd);
        }
        if (!p->ssl || SSL_accept(p->ssl) == 1)
                while (peer_head(p, request, sizeof(request), &n)) {
                        size_t i = atomic_load(&s->n_requests);
                        const struct answer *a = &s->answers[MIN(i, s->n_answers - 1)];

                        memcpy(s->last, request, sizeof(request));
                        if (a->how < AT_ONCE && !peer_body(p, request, n))
                                break;
                        atomic_fetch_add(&s->n_requests, 1);
                        if (!a->head && a->how == CLOSES)
                                break;
                        if (!a->head)
                                continue;
                        peer_answer(p, a);
                        while (a->how == AT_ONCE && peer_read(p, request, sizeof(request)) > 0)
                                ;
                        if (a->how != STAYS)
                                break;
                }
        if (p->ssl)
                SSL_free(p->ssl);
        close(p->fd);
        free(p);
        return NULL;
}

static void *server_main(void *ctx) {
        struct server *s = ctx;

        for (;;) {
                struct peer *p = calloc(1, sizeof(*p));
                int fd = accept(s->fd, NULL, NULL);
                unsigned i;

                if (fd < 0 || !p) {
                        free(p);
                        return NULL;
                }
                *p = (struct peer){.s = s, .fd = fd};
                /* Counted before it can answer anybody. */
                i = atomic_fetch_add(&s->n_connections, 1);
                assert_int_equal(pthread_create(&s->conns[i], NULL, peer_main, p), 0);
        }
}

static void server_start(struct server *s, const struct answer *answers, size_t n_answers) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(at);

        s->answers = answers;
        s->n_answers = n_answers;
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->fd, (struct sockaddr *) &at, len), 0);
        assert_int_equal(listen(s->fd, 16), 0);
        assert_int_equal(getsockname(s->fd, (struct sockaddr *) &at, &len), 0);
        s->port = ntohs(at.sin_port);
        assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

/* After the client has closed its connections. */
static void server_stop(struct server *s) {
        shutdown(s->fd, SHUT_RDWR);
        pthread_join(s->thread, NULL);
        for (unsigned i = 0; i < s->n_connections; i++)
                pthread_join(s->conns[i], NULL);
        close(s->fd);
}

static struct http_direct *client(const struct server *s, struct http_direct_options o) {
        struct http_direct *d = NULL;
        char origin[64];

        snprintf(origin, sizeof(origin), "%s://127.0.0.1:%d", s->tls ? "https" : "http", s->port);
        o.origin = origin;
        assert_int_equal(http_direct_new(&o, &d), 0);
        return d;
}

/* TLS with a certificate for 127.0.0.1, whose text goes to a file of the name it fills in. */
static void server_tls(struct server *s, struct tls_test_cert *cert, char *path) {
        FILE *f = fdopen(mkstemp(path), "w");

        assert_non_null(f);
        s->tls = SSL_CTX_new(TLS_server_method());
        tls_test_cert_make(cert, NULL, "test", "IP:127.0.0.1", 10, true);
        PEM_write_X509(f, cert->cert);
        fclose(f);
        assert_int_equal(SSL_CTX_use_certificate(s->tls, cert->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(s->tls, cert->key), 1);
}

static void server_tls_done(struct server *s, struct tls_test_cert *cert, const char *path) {
        SSL_CTX_free(s->tls);
        X509_free(cert->cert);
        EVP_PKEY_free(cert->key);
        unlink(path);
}

/* Stops a client as soon as a request has come. */
struct stopper {
        struct server *server;
        struct http_direct *client;
        pthread_t thread;
};

static void *stopper_main(void *ctx) {
        struct stopper *x = ctx;

        while (x->server->n_requests == 0)
                usleep(1000);
        http_direct_stop(x->client);
        return NULL;
}

static void stopper_start(struct stopper *x) {
        assert_int_equal(pthread_create(&x->thread, NULL, stopper_main, x), 0);
}
