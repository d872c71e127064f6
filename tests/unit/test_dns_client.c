/* Questions to a name server in this process: answers, silence, failures, TCP for the long ones. */
#include "tests/unit/base_test.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/str.h"
#include "lib/net/dns_client.h"

/* The server answers each question by its first letter. */
static struct loop *loop;
static int udp_fd, tcp_fd;
static uint16_t port;
static unsigned n_asked;

static struct {
        bool is_over;
        int r;
        char first[300], why[600];
        size_t n;
} got;

static size_t reply(const uint8_t *q, size_t size, uint8_t *out, const char *records, size_t len,
                    unsigned flags, unsigned n) {
        memcpy(out, q, size);
        out[2] = (uint8_t) (flags >> 8);
        out[3] = (uint8_t) flags;
        out[7] = (uint8_t) n;
        memcpy(out + size, records, len);
        return size + len;
}

static size_t answer(const uint8_t *q, size_t size, uint8_t *out, bool is_tcp) {
        static const char txt[] = "\xc0\x0c\0\x10\0\1\0\0\0\1\0\6\5p:r:i";
        static const char a[] = "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\0\0\3";
        static const char aaaa[] =
                "\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1";
        bool wants_v6 = q[size - 3] == 28;

        n_asked++;
        switch (q[13]) {
        case 't':
                return reply(q, size, out, txt, sizeof txt - 1, 0x8180, 1);
        case 'h':
                return reply(q, size, out, a, sizeof a - 1, 0x8180, 1);
        case 's': /* IPv6 only */
                return reply(q, size, out, aaaa, wants_v6 ? sizeof aaaa - 1 : 0, 0x8180, wants_v6);
        case 'l': /* too long for UDP */
                return is_tcp ? reply(q, size, out, txt, sizeof txt - 1, 0x8180, 1)
                              : reply(q, size, out, txt, 0, 0x8380, 0);
        case 'n':
                return reply(q, size, out, txt, 0, 0x8183, 0);
        case 'f':
                return reply(q, size, out, txt, 0, 0x8182, 0);
        default:
                return 0; /* silence */
        }
}

static int on_udp(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        uint8_t q[600], out[900];
        struct sockaddr_in from;
        socklen_t from_size = sizeof from;
        ssize_t n = recvfrom(fd, q, sizeof q, 0, (struct sockaddr *) &from, &from_size);
        size_t size = n > 16 ? answer(q, (size_t) n, out, false) : 0;

        /* Somebody else's answer first: it must not count. */
        if (size > 0 && q[13] == 't') {
                out[0] ^= 1;
                sendto(fd, out, size, 0, (struct sockaddr *) &from, from_size);
                out[0] ^= 1;
        }
        if (size > 0)
                sendto(fd, out, size, 0, (struct sockaddr *) &from, from_size);
        return 0;
}

static int on_tcp_question(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        uint8_t q[600], out[900];
        ssize_t n = recv(fd, q, sizeof q, 0);
        size_t size = answer(q + 2, (size_t) n - 2, out + 2, true);

        out[0] = (uint8_t) (size >> 8);
        out[1] = (uint8_t) size;
        assert_int_equal(send(fd, out, 1, 0), 1);
        assert_int_equal(send(fd, out + 1, size + 1, 0), (ssize_t) size + 1);
        loop_source_free(s);
        close(fd);
        return 0;
}

static int on_tcp(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct loop_source *io;

        return loop_io(loop, accept(fd, NULL, NULL), EPOLLIN, on_tcp_question, NULL, &io);
}

static void on_done(void *ctx, int r, char *const *texts, const struct errmsg *why) {
        got.is_over = true;
        got.r = r;
        got.n = str_count(texts);
        snprintf(got.first, sizeof got.first, "%s", texts ? texts[0] : "");
        snprintf(got.why, sizeof got.why, "%s", why->text);
}

static void run(void) {
        while (!got.is_over)
                assert_true(loop_turn(loop, 30 * USEC_PER_SEC) >= 0);
}

static struct dns_client *client(const char *dir) {
        struct dns_client *c;
        char resolv[200], hosts[200], text[200];

        snprintf(resolv, sizeof resolv, "%s/resolv.conf", dir);
        snprintf(hosts, sizeof hosts, "%s/hosts", dir);
        snprintf(text, sizeof text, "nameserver 127.0.0.1:%u\noptions timeout:1 attempts:2\n",
                 port);
        assert_int_equal(fileio_write_atomic(resolv, text, strlen(text), 0600), 0);
        assert_int_equal(fileio_write_atomic(hosts, "10.9.9.9 kept.example\n", 22, 0600), 0);
        assert_int_equal(dns_client_new(loop, resolv, hosts, &c), 0);
        got.is_over = false;
        n_asked = 0;
        return c;
}

static void expect(const char *dir, bool is_host, const char *name, int r, const char *first) {
        struct dns_client *c = client(dir);
        struct dns_client_ask *ask;

        assert_int_equal(is_host ? dns_client_host(c, name, on_done, NULL, &ask)
                                 : dns_client_ask(c, name, DNS_TXT, on_done, NULL, &ask),
                         0);
        assert_false(got.is_over);
        run();
        assert_int_equal(got.r, r);
        assert_string_equal(got.first, first);
        dns_client_free(c);
}

static void test_answers(void **state) {
        expect(*state, false, "t.example", 0, "p:r:i");
        expect(*state, true, "h.example", 0, "10.0.0.3");
        expect(*state, true, "s.example", 0, "::1");
        expect(*state, true, "kept.example", 0, "10.9.9.9");
        assert_int_equal(n_asked, 0);
        expect(*state, false, "l.example", 0, "p:r:i");
        assert_int_equal(n_asked, 2);
}

static void test_no_answers(void **state) {
        expect(*state, false, "n.example", -ENOENT, "");
        assert_non_null(strstr(got.why, "no such host"));
        assert_int_equal(n_asked, 1);
        expect(*state, false, "f.example", -EAGAIN, "");
        assert_int_equal(n_asked, 2);
        expect(*state, false, "x.example", -ETIMEDOUT, "");
        assert_non_null(strstr(got.why, "x.example"));
        assert_int_equal(n_asked, 2);
        expect(*state, false, "bad..name", -EINVAL, "");
}

static void test_cancel(void **state) {
        struct dns_client *c = client(*state);
        struct dns_client_ask *a, *b;

        assert_int_equal(dns_client_ask(c, "t.example", DNS_TXT, on_done, NULL, &a), 0);
        assert_int_equal(dns_client_ask(c, "x.example", DNS_TXT, on_done, NULL, &b), 0);
        dns_client_cancel(a);
        dns_client_cancel(NULL);
        dns_client_free(c);
        assert_false(got.is_over);
}

static int open_server(int type, uint16_t at) {
        struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(at)};
        socklen_t size = sizeof sa;
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(fd, (struct sockaddr *) &sa, sizeof sa) < 0 ||
            (type == SOCK_STREAM && listen(fd, 8) < 0))
                return -1;
        (void) getsockname(fd, (struct sockaddr *) &sa, &size);
        port = ntohs(sa.sin_port);
        return fd;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(test_answers),
                dir_test(test_no_answers),
                dir_test(test_cancel),
        };
        struct loop_source *udp, *tcp;
        int r;

        udp_fd = open_server(SOCK_DGRAM, 0);
        tcp_fd = open_server(SOCK_STREAM, port);
        if (udp_fd < 0 || tcp_fd < 0 || loop_new(&loop) < 0 ||
            loop_io(loop, udp_fd, EPOLLIN, on_udp, NULL, &udp) < 0 ||
            loop_io(loop, tcp_fd, EPOLLIN, on_tcp, NULL, &tcp) < 0)
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        loop_source_free(udp);
        loop_source_free(tcp);
        loop_free(loop);
        close(udp_fd);
        close(tcp_fd);
        return r;
}
