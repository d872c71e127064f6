/* The TLS client against a server in this process, with certificates made here. */
#include "tests/unit/net_test_cmocka.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/net/tls_client.h"

static char ca_path[64], key_path[64];

struct server {
        SSL_CTX *ctx;
        int fd;
        bool cut; /* ends without saying so */
        pthread_t thread;
};

/* A self-signed certificate for names like "DNS:a.example,IP:127.0.0.1". */
static X509 *make_cert(EVP_PKEY *key, const char *names, long days) {
        X509 *cert = X509_new();
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
        X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE");
        X509_NAME *name = X509_get_subject_name(cert);

        assert_non_null(ext);
        X509_set_version(cert, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert), -2 * 86400);
        X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) "test", -1, -1,
                                   0);
        X509_set_issuer_name(cert, name);
        X509_set_pubkey(cert, key);
        X509_add_ext(cert, ext, -1);
        X509_add_ext(cert, ca, -1);
        assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
        X509_EXTENSION_free(ext);
        X509_EXTENSION_free(ca);
        return cert;
}

static void write_pem(const char *path, X509 *cert, EVP_PKEY *key) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        if (cert)
                PEM_write_X509(f, cert);
        if (key)
                PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
        fclose(f);
}

/* Echoes lines until the client ends. */
static void *serve(void *arg) {
        struct server *s = arg;
        SSL *ssl = SSL_new(s->ctx);
        char data[4096];
        int n;

        SSL_set_fd(ssl, s->fd);
        if (SSL_accept(ssl) == 1) {
                while ((n = SSL_read(ssl, data, sizeof data)) > 0)
                        SSL_write(ssl, data, n);
                if (!s->cut)
                        SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        close(s->fd);
        return NULL;
}

/* A server with a certificate for names; returns the client's end of the connection. */
static int start(struct server *s, const char *names, long days, int max_version) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        X509 *cert = make_cert(key, names, days);
        int fds[2];

        write_pem(ca_path, cert, NULL);
        write_pem(key_path, NULL, key);
        *s = (struct server){.ctx = SSL_CTX_new(TLS_server_method())};
        SSL_CTX_set_max_proto_version(s->ctx, max_version);
        SSL_CTX_set_security_level(s->ctx, 0);
        assert_int_equal(SSL_CTX_use_certificate(s->ctx, cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        s->fd = fds[1];
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
        X509_free(cert);
        EVP_PKEY_free(key);
        return fds[0];
}

static void stop(struct server *s, int fd) {
        close(fd);
        pthread_join(s->thread, NULL);
        SSL_CTX_free(s->ctx);
}

static void wait_for(int fd, const struct tls_client_conn *conn) {
        struct pollfd p = {.fd = fd,
                           .events = tls_client_conn_events(conn) == EPOLLIN ? POLLIN : POLLOUT};

        assert_int_equal(poll(&p, 1, 20000), 1);
}

static int shake(int fd, struct tls_client_conn *conn, struct errmsg *em) {
        int r;

        while ((r = tls_client_conn_handshake(conn, em)) == -EAGAIN)
                wait_for(fd, conn);
        return r;
}

/* Connects with the authority in ca_path: the handshake's result. */
static int try(const char *names, long days, int max_version, bool only_tls13, const char *host,
               struct errmsg *em) {
        struct tls_client_options o = {.ca_file = ca_path, .only_tls13 = only_tls13};
        struct tls_client_conn *conn;
        struct tls_client *c;
        struct server s;
        int fd = start(&s, names, days, max_version), r;

        assert_int_equal(tls_client_new(&o, &c, em), 0);
        assert_int_equal(tls_client_conn_new(c, fd, host, &conn), 0);
        r = shake(fd, conn, em);
        tls_client_conn_free(conn);
        tls_client_free(c);
        stop(&s, fd);
        return r;
}

static void test_who_is_there(void **state) {
        struct errmsg em = {};

        assert_int_equal(try("DNS:db.example", 1, TLS1_3_VERSION, false, "db.example", &em), 0);
        assert_int_equal(try("DNS:*.db.example", 1, TLS1_3_VERSION, false, "a.db.example", &em), 0);
        assert_int_equal(try("IP:127.0.0.1", 1, TLS1_3_VERSION, false, "127.0.0.1", &em), 0);
        assert_int_equal(try("IP:::1", 1, TLS1_3_VERSION, false, "::1", &em), 0);
        assert_int_equal(try("DNS:db.example", 1, TLS1_3_VERSION, false, "evil.example", &em),
                         -EKEYREJECTED);
        assert_non_null(strstr(em.text, "ostname"));
        assert_int_equal(try("DNS:127.0.0.1", 1, TLS1_3_VERSION, false, "127.0.0.1", &em),
                         -EKEYREJECTED);
        assert_int_equal(try("DNS:db.example", -1, TLS1_3_VERSION, false, "db.example", &em),
                         -EKEYREJECTED);
        assert_non_null(strstr(em.text, "expired"));
}

static void test_versions(void **state) {
        struct errmsg em = {};

        assert_int_equal(try("DNS:a", 1, TLS1_2_VERSION, false, "a", &em), 0);
        assert_int_equal(try("DNS:a", 1, TLS1_2_VERSION, true, "a", &em), -EPROTO);
        assert_int_equal(try("DNS:a", 1, TLS1_1_VERSION, false, "a", &em), -EPROTO);
}

static void test_unknown_authority(void **state) {
        struct tls_client_options o = {};
        struct tls_client_conn *conn;
        struct errmsg em = {};
        struct tls_client *c;
        struct server s;
        int fd = start(&s, "DNS:a", 1, TLS1_3_VERSION);

        assert_int_equal(tls_client_new(&o, &c, &em), 0);
        assert_int_equal(tls_client_conn_new(c, fd, "a", &conn), 0);
        assert_int_equal(shake(fd, conn, &em), -EKEYREJECTED);
        assert_int_equal(tls_client_conn_new(c, fd, "", &conn), -EINVAL);
        tls_client_conn_free(conn);
        tls_client_free(c);
        stop(&s, fd);
}

static void echo(int fd, struct tls_client_conn *conn, size_t size) {
        char *out = malloc(size), *in = malloc(size);
        size_t n_out = 0, n_in = 0;

        for (size_t i = 0; i < size; i++)
                out[i] = (char) (i * 7 >> 3);
        while (n_in < size) {
                ssize_t n = n_out < size ? tls_client_conn_write(conn, out + n_out,
                                                                 MIN(size - n_out, (size_t) 1000))
                                         : -EAGAIN;

                if (n > 0)
                        n_out += (size_t) n;
                n = tls_client_conn_read(conn, in + n_in, size - n_in);
                if (n > 0)
                        n_in += (size_t) n;
                else if (n != -EAGAIN)
                        fail_msg("read: %zd", n);
                else if (n_out == size)
                        wait_for(fd, conn);
        }
        assert_memory_equal(in, out, size);
        free(out);
        free(in);
}

static void test_data_and_end(void **state) {
        for (unsigned cut = 0; cut < 2; cut++) {
                struct tls_client_options o = {.ca_file = ca_path};
                struct tls_client_conn *conn;
                struct errmsg em = {};
                struct tls_client *c;
                struct server s;
                int fd = start(&s, "DNS:a", 1, TLS1_3_VERSION);
                char byte;
                ssize_t n;

                s.cut = cut;
                assert_int_equal(tls_client_new(&o, &c, &em), 0);
                assert_int_equal(tls_client_conn_new(c, fd, "a", &conn), 0);
                assert_int_equal(shake(fd, conn, &em), 0);
                assert_string_equal(tls_client_conn_version(conn), "TLSv1.3");
                echo(fd, conn, 200000);
                assert_int_equal(tls_client_conn_pending(conn), 0);
                assert_int_equal(tls_client_conn_close(conn), 0);
                while ((n = tls_client_conn_read(conn, &byte, 1)) == -EAGAIN)
                        wait_for(fd, conn);
                assert_int_equal(n, cut ? -ECONNRESET : 0);
                tls_client_conn_free(conn);
                tls_client_free(c);
                stop(&s, fd);
        }
}

static void test_bad_files(void **state) {
        struct tls_client_options o = {.ca_file = "/nonexistent/ca.pem"};
        struct errmsg em = {};
        struct tls_client *c;

        assert_int_equal(tls_client_new(&o, &c, &em), -ENOENT);
        assert_non_null(strstr(em.text, "/nonexistent/ca.pem"));
        o.ca_file = "/dev/null";
        assert_int_equal(tls_client_new(&o, &c, &em), -EINVAL);
        o.ca_file = ca_path;
        o.cert_file = ca_path;
        assert_int_equal(tls_client_new(&o, &c, &em), -EINVAL);
        o.key_file = ca_path;
        assert_int_equal(tls_client_new(&o, &c, &em), -EINVAL);
        o.key_file = key_path;
        assert_int_equal(tls_client_new(&o, &c, &em), 0);
        tls_client_free(c);
}

static void test_not_tls(void **state) {
        struct tls_client_options o = {};
        struct tls_client_conn *conn;
        struct errmsg em = {};
        struct tls_client *c;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(tls_client_new(&o, &c, &em), 0);
        assert_int_equal(tls_client_conn_new(c, fds[0], "a", &conn), 0);
        assert_int_equal(tls_client_conn_handshake(conn, &em), -EAGAIN);
        assert_int_equal(write(fds[1], "SSH-2.0-OpenSSH\r\n", 17), 17);
        assert_int_equal(shake(fds[0], conn, &em), -EPROTO);
        tls_client_conn_free(conn);
        assert_int_equal(tls_client_conn_new(c, fds[0], "a", &conn), 0);
        close(fds[1]);
        assert_true(shake(fds[0], conn, &em) < 0);
        tls_client_conn_free(conn);
        tls_client_free(c);
        close(fds[0]);
}

static int setup(void **state) {
        signal(SIGPIPE, SIG_IGN);
        snprintf(ca_path, sizeof ca_path, "/tmp/onebox-test-ca-%d.pem", (int) getpid());
        snprintf(key_path, sizeof key_path, "/tmp/onebox-test-key-%d.pem", (int) getpid());
        return 0;
}

static int teardown(void **state) {
        unlink(ca_path);
        unlink(key_path);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_is_there),      cmocka_unit_test(test_versions),
                cmocka_unit_test(test_unknown_authority), cmocka_unit_test(test_data_and_end),
                cmocka_unit_test(test_bad_files),         cmocka_unit_test(test_not_tls),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
