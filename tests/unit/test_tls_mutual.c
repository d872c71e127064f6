/* Both sides show a certificate: who is believed, what a refusal looks like, bytes and ends. */
#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "lib/net/tls_mutual.h"
#include "tests/unit/tls_test_cert.h"

static struct tls_test_cert server_ca, other_ca, client_ca;
static struct tls_key *key;

/* --- a server --------------------------------------------------------------------------------- */

struct server {
        struct tls_test_cert cert, middle;
        const struct tls_test_cert *takes; /* the authority of clients */
        size_t sends;                      /* bytes sent after the echo's end */
        bool cut;
        int fd;
        pthread_t thread;
};

static SSL_CTX *make_ctx(struct server *s) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

        SSL_CTX_use_certificate(ctx, s->cert.cert);
        SSL_CTX_use_PrivateKey(ctx, s->cert.key);
        if (s->middle.cert)
                SSL_CTX_add1_chain_cert(ctx, s->middle.cert);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), s->takes->cert);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        return ctx;
}

/* Echoes until the client's end, then sends `sends` bytes and ends. */
static void *serve(void *arg) {
        struct server *s = arg;
        SSL_CTX *ctx = make_ctx(s);
        SSL *ssl = SSL_new(ctx);
        static char data[65536];
        int n;

        SSL_set_fd(ssl, s->fd);
        if (SSL_accept(ssl) == 1) {
                while ((n = SSL_read(ssl, data, sizeof data)) > 0)
                        SSL_write(ssl, data, n);
                for (size_t left = s->sends; left > 0; left -= MIN(left, sizeof data))
                        SSL_write(ssl, data, (int) MIN(left, sizeof data));
                if (!s->cut)
                        SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        SSL_CTX_free(ctx);
        close(s->fd);
        return NULL;
}

static int start(struct server *s) {
        int fds[2];

        if (!s->takes)
                s->takes = &client_ca;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        s->fd = fds[1];
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
        return fds[0];
}

static void stop(struct server *s, int fd) {
        close(fd);
        pthread_join(s->thread, NULL);
        tls_test_cert_done(&s->cert);
        tls_test_cert_done(&s->middle);
}

/* --- our side --------------------------------------------------------------------------------- */

static struct tls_mutual *identity(const struct tls_test_cert *by, const char *name) {
        struct tls_test_cert own;
        char *ca = tls_test_cert_pem(&server_ca), *pem;
        struct tls_mutual_options o = {
                .ca_pem = ca, .key = key, .name = name, .common_name = "p:i"};
        struct tls_mutual *m;
        struct errmsg em = {};

        tls_test_cert_for(&own, tls_key_evp(key), by, "me", NULL, 1, false);
        pem = tls_test_cert_pem(&own);
        o.cert_pem = pem;
        if (tls_mutual_new(&o, &m, &em) < 0)
                fail_msg("%s", em.text);
        tls_test_cert_done(&own);
        free(pem);
        free(ca);
        return m;
}

static void wait_for(struct tls_mutual_conn *c, int fd) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (tls_mutual_conn_unsent(c))
                p.events |= POLLOUT;
        assert_int_equal(poll(&p, 1, 20000), 1);
        tls_mutual_conn_ready(c);
        if (p.revents & POLLOUT)
                (void) tls_mutual_conn_flush(c);
}

static int shake(struct tls_mutual_conn *c, int fd, struct errmsg *em) {
        int r;

        while ((r = tls_mutual_conn_handshake(c, em)) == -EAGAIN)
                wait_for(c, fd);
        return r;
}

static ssize_t read_some(struct tls_mutual_conn *c, int fd, void *data, size_t size) {
        ssize_t n;

        while ((n = tls_mutual_conn_read(c, data, size)) == -EAGAIN)
                wait_for(c, fd);
        return n;
}

/* The handshake's result with a server whose certificate has this name and these alternatives. */
static int try(const char *cn, const char *names, const struct tls_test_cert *by, long days,
               const char *expected, struct errmsg *em) {
        struct tls_mutual *m = identity(&client_ca, expected);
        struct tls_mutual_conn *c;
        struct server s = {};
        int fd, r;

        tls_test_cert_make(&s.cert, by, cn, names, days, false);
        fd = start(&s);
        assert_int_equal(tls_mutual_conn_new(m, fd, &c), 0);
        r = shake(c, fd, em);
        tls_mutual_conn_free(c);
        tls_mutual_unref(m);
        stop(&s, fd);
        return r;
}

static void test_who_is_believed(void **state) {
        struct errmsg em = {};

        /* Without a name the common name alone counts. */
        assert_int_equal(try("p:i", NULL, &server_ca, 1, NULL, &em), 0);
        assert_int_equal(try("p:j", "DNS:p.i", &server_ca, 1, NULL, &em), -EKEYREJECTED);
        assert_says(em, "certificate had CN \"p:j\", expected \"p:i\"");
        assert_int_equal(try(NULL, "DNS:p.i", &server_ca, 1, "", &em), -EKEYREJECTED);
        assert_says(em, "CN was empty");
        /* With one: the alternatives, or the common name after all. */
        assert_int_equal(try("x", "DNS:db.example", &server_ca, 1, "db.example.", &em), 0);
        assert_int_equal(try("x", "DNS:db.example.", &server_ca, 1, "db.example", &em), 0);
        assert_int_equal(try("x", "DNS:*.shop.example", &server_ca, 1, "db.shop.example", &em), 0);
        assert_int_equal(try("p:i", "DNS:other", &server_ca, 1, "db.example", &em), 0);
        assert_int_equal(try("db.example", "DNS:other", &server_ca, 1, "db.example", &em),
                         -EKEYREJECTED);
        assert_says(em, "not valid for db.example");
        /* Never by another authority, never beyond its time. */
        assert_int_equal(try("p:i", NULL, &other_ca, 1, NULL, &em), -EKEYREJECTED);
        assert_says(em, "x509:");
        assert_int_equal(try("p:i", NULL, &server_ca, -1, NULL, &em), -EKEYREJECTED);
        assert_says(em, "expired");
}

/* What the server sends along is no help: only the anchors count. */
static void test_intermediates_do_not_count(void **state) {
        struct tls_mutual *m = identity(&client_ca, NULL);
        struct tls_mutual_conn *c;
        struct errmsg em = {};
        struct server s = {};
        int fd;

        tls_test_cert_make(&s.middle, &server_ca, "middle", NULL, 1, true);
        tls_test_cert_make(&s.cert, &s.middle, "p:i", NULL, 1, false);
        fd = start(&s);
        assert_int_equal(tls_mutual_conn_new(m, fd, &c), 0);
        assert_int_equal(shake(c, fd, &em), -EKEYREJECTED);
        tls_mutual_conn_free(c);
        tls_mutual_unref(m);
        stop(&s, fd);
}

static void test_our_certificate_is_refused(void **state) {
        struct tls_mutual *m = identity(&other_ca, NULL);
        struct tls_mutual_conn *c;
        struct errmsg em = {};
        struct server s = {};
        char data[16];
        int fd;

        tls_test_cert_make(&s.cert, &server_ca, "p:i", NULL, 1, false);
        fd = start(&s);
        assert_int_equal(tls_mutual_conn_new(m, fd, &c), 0);
        assert_int_equal(shake(c, fd, &em), 0);
        /* It shows at the first read, and goes on showing. */
        assert_int_equal(read_some(c, fd, data, sizeof data), -EACCES);
        assert_int_equal(tls_mutual_conn_read(c, data, sizeof data), -EACCES);
        assert_true(tls_mutual_alert_is_certificate(tls_mutual_conn_alert(c)));
        assert_string_equal(tls_mutual_alert_text(42), "bad certificate");
        assert_string_equal(tls_mutual_alert_text(200), "unknown alert");
        assert_false(tls_mutual_alert_is_certificate(40));
        tls_mutual_conn_free(c);
        tls_mutual_unref(m);
        stop(&s, fd);
}

static void push(struct tls_mutual_conn *c, int fd, const char *data, size_t size, size_t *n_back) {
        static char back[65536];
        ssize_t n;

        for (size_t at = 0; at < size;) {
                n = tls_mutual_conn_write(c, data + at, size - at);
                if (n > 0)
                        at += (size_t) n;
                while ((n = tls_mutual_conn_read(c, back, sizeof back)) > 0)
                        *n_back += (size_t) n;
                assert_int_equal(n, -EAGAIN);
                if (tls_mutual_conn_unsent(c))
                        wait_for(c, fd);
        }
}

/* Megabytes there and back through small sockets; our end, then the server's last words and end. */
static void test_bytes_and_ends(void **state) {
        const size_t size = 3 << 20, last = 500000;
        struct tls_mutual *m = identity(&client_ca, NULL);
        struct server s = {.sends = last};
        struct tls_mutual_conn *c;
        struct errmsg em = {};
        char *data = calloc(1, size), some[4096];
        size_t n_back = 0;
        ssize_t n;
        int fd;

        tls_test_cert_make(&s.cert, &server_ca, "p:i", NULL, 1, false);
        fd = start(&s);
        assert_int_equal(tls_mutual_conn_new(m, fd, &c), 0);
        assert_int_equal(shake(c, fd, &em), 0);
        assert_string_equal(tls_mutual_conn_cipher(c), "TLS_AES_128_GCM_SHA256");
        push(c, fd, data, size, &n_back);
        assert_int_equal(tls_mutual_conn_end(c), 0);
        while ((n = read_some(c, fd, some, sizeof some)) > 0)
                n_back += (size_t) n;
        assert_int_equal(n, 0);
        assert_int_equal(n_back, size + last);
        tls_mutual_conn_free(c);
        tls_mutual_unref(m);
        stop(&s, fd);
        free(data);
}

static void test_a_cut_is_no_end(void **state) {
        struct tls_mutual *m = identity(&client_ca, NULL);
        struct server s = {.cut = true, .sends = 10};
        struct tls_mutual_conn *c;
        struct errmsg em = {};
        char data[64];
        int fd;

        tls_test_cert_make(&s.cert, &server_ca, "p:i", NULL, 1, false);
        fd = start(&s);
        assert_int_equal(tls_mutual_conn_new(m, fd, &c), 0);
        assert_int_equal(shake(c, fd, &em), 0);
        assert_int_equal(tls_mutual_conn_end(c), 0);
        assert_int_equal(read_some(c, fd, data, sizeof data), 10);
        assert_int_equal(read_some(c, fd, data, sizeof data), -ECONNRESET);
        tls_mutual_conn_free(c);
        tls_mutual_unref(m);
        stop(&s, fd);
}

static void test_bad_identities(void **state) {
        char *ca = tls_test_cert_pem(&server_ca);
        struct tls_mutual_options o = {
                .ca_pem = "none", .cert_pem = ca, .key = key, .common_name = "p:i"};
        struct tls_mutual *m;
        struct errmsg em = {};

        assert_int_equal(tls_mutual_new(&o, &m, &em), -EINVAL);
        assert_says(em, "authority");
        o.ca_pem = ca;
        assert_int_equal(tls_mutual_new(&o, &m, &em), -EINVAL);
        assert_says(em, "key");
        o.cert_pem = "";
        assert_int_equal(tls_mutual_new(&o, &m, &em), -EINVAL);
        assert_says(em, "PEM");
        free(ca);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_is_believed),
                cmocka_unit_test(test_intermediates_do_not_count),
                cmocka_unit_test(test_our_certificate_is_refused),
                cmocka_unit_test(test_bytes_and_ends),
                cmocka_unit_test(test_a_cut_is_no_end),
                cmocka_unit_test(test_bad_identities),
        };
        int r;

        signal(SIGPIPE, SIG_IGN);
        assert(tls_key_new_rsa(&key) == 0);
        tls_test_cert_make(&server_ca, NULL, "server ca", NULL, 10, true);
        tls_test_cert_make(&other_ca, NULL, "other ca", NULL, 10, true);
        tls_test_cert_make(&client_ca, NULL, "client ca", NULL, 10, true);
        r = cmocka_run_group_tests(tests, NULL, NULL);
        tls_test_cert_done(&server_ca);
        tls_test_cert_done(&other_ca);
        tls_test_cert_done(&client_ca);
        tls_key_unref(key);
        return r;
}
