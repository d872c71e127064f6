/* Names for instances, asked of a name server in this process: records, aliases, and what is none.
 */
#include "tests/unit/base_test.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/sqlproxy/resolver.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { DNS_A = 1, DNS_ALIAS = 5, DNS_TEXT = 16, HEAD = 12 };

/* What the server knows; a name without a record of any kind does not exist. */
static const struct record {
        const char *name;
        int type;
        const char *data; /* a text, a name with dots, or four bytes */
} records[] = {
        {"db.example", DNS_TEXT, "z:r:last"},        {"db.example", DNS_TEXT, "a word"},
        {"db.example", DNS_TEXT, "p:r:first"},       {"alias.example", DNS_ALIAS, "second.example"},
        {"second.example", DNS_ALIAS, "db.example"}, {"loop.example", DNS_ALIAS, "loop.example"},
        {"words.example", DNS_TEXT, "no instance"},  {"psc.example", DNS_A, "\x0a\x00\x00\x07"},
};

static struct loop *loop;
static struct resolver *resolver;
static int udp_fd;

static struct {
        bool is_over;
        int r;
        struct conn_name cn;
        struct errmsg em;
} got;

static size_t put_name(uint8_t *out, const char *name) {
        size_t at = 0;

        while (*name) {
                size_t len = strcspn(name, ".");

                out[at++] = (uint8_t) len;
                memcpy(out + at, name, len);
                at += len;
                name += len + (name[len] == '.');
        }
        out[at++] = 0;
        return at;
}

static void get_name(const uint8_t *q, char ret[256]) {
        size_t at = HEAD, len = 0;

        while (q[at]) {
                memcpy(ret + len, q + at + 1, q[at]);
                len += q[at];
                ret[len++] = '.';
                at += q[at] + 1u;
        }
        ret[len ? len - 1 : 0] = 0;
}

static size_t put_record(uint8_t *out, const struct record *r) {
        uint8_t data[256];
        size_t size = 4;

        if (r->type == DNS_ALIAS) {
                size = put_name(data, r->data);
        } else if (r->type == DNS_TEXT) {
                size = strlen(r->data) + 1;
                data[0] = (uint8_t) (size - 1);
                memcpy(data + 1, r->data, size - 1);
        } else {
                memcpy(data, r->data, size);
        }
        memcpy(out, "\xc0\x0c\0\0\0\1\0\0\0\1\0\0", 12);
        out[3] = (uint8_t) r->type;
        out[11] = (uint8_t) size;
        memcpy(out + 12, data, size);
        return size + 12;
}

static int on_udp(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        uint8_t q[600], out[1200];
        struct sockaddr_in from;
        socklen_t from_size = sizeof from;
        ssize_t n = recvfrom(fd, q, sizeof q, 0, (struct sockaddr *) &from, &from_size);
        bool is_known = false;
        size_t at = (size_t) n;
        char name[256];

        if (n < HEAD + 5)
                return 0;
        get_name(q, name);
        memcpy(out, q, at);
        out[2] = 0x81;
        for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
                if (!str_eq(records[i].name, name))
                        continue;
                is_known = true;
                if (q[n - 3] != records[i].type)
                        continue;
                out[7]++;
                at += put_record(out + at, records + i);
        }
        out[3] = is_known ? 0x80 : 0x83;
        sendto(fd, out, at, 0, (struct sockaddr *) &from, from_size);
        return 0;
}

static void on_name(void *ctx, int r, const struct conn_name *cn, const struct errmsg *em) {
        got.is_over = true;
        got.r = r;
        if (cn)
                got.cn = *cn;
        if (em)
                got.em = *em;
}

static void on_hosts(void *ctx, int r, struct errmsg *em) {
        got.is_over = true;
        got.r = r;
}

static void run(void) {
        while (!got.is_over)
                assert_true(loop_turn(loop, 100 * USEC_PER_MSEC) >= 0);
}

static void ask_name(const char *name) {
        struct resolver_ask *a;

        memset(&got, 0, sizeof got);
        assert_int_equal(resolver_name(resolver, name, on_name, NULL, &a), 0);
        run();
}

static void test_the_first_record_that_is_an_instance(void **state) {
        ask_name("db.example");
        assert_int_equal(got.r, 0);
        assert_string_equal(got.cn.name, "first");
        assert_string_equal(got.cn.domain, "db.example");
}

static void test_through_aliases(void **state) {
        ask_name("alias.example");
        assert_int_equal(got.r, 0);
        assert_string_equal(got.cn.name, "first");
}

static void test_aliases_without_end(void **state) {
        ask_name("loop.example");
        assert_int_equal(got.r, -EINVAL);
        assert_says(got.em, "cname lookup limit exceeded (max 10) for \"loop.example\"");
}

/* Worth another try: somebody may be about to make the record. */
static void test_no_record_and_no_name(void **state) {
        ask_name("words.example");
        assert_int_equal(got.r, -EAGAIN);
        assert_says(got.em, "unable to parse TXT for \"words.example\" -> \"no instance\"");
        ask_name("nowhere.example");
        assert_int_equal(got.r, -EAGAIN);
        assert_says(got.em, "no DNS record found for \"nowhere.example\"");
}

static void test_names_of_hosts_become_addresses(void **state) {
        _cleanup_(identity_unrefp) struct identity *id = identity_new();
        struct resolver_ask *a = NULL;
        struct conn_name cn = {};

        memset(&got, 0, sizeof got);
        assert_int_equal(str_list_add(&id->psc_hosts, "10.0.0.9"), 0);
        assert_int_equal(resolver_hosts(resolver, id, &cn, on_hosts, NULL, &a), 0);
        assert_null(a); /* nothing to be asked */
        assert_int_equal(str_list_add(&id->psc_hosts, "psc.example"), 0);
        assert_int_equal(str_list_add(&id->psc_hosts, "nowhere.example"), 0);
        assert_int_equal(resolver_hosts(resolver, id, &cn, on_hosts, NULL, &a), 0);
        run();
        assert_int_equal(got.r, 0);
        assert_int_equal(str_count(id->psc_hosts), 3);
        assert_string_equal(id->psc_hosts[0], "10.0.0.9");
        assert_string_equal(id->psc_hosts[1], "10.0.0.7");
        assert_string_equal(id->psc_hosts[2], "nowhere.example"); /* dialing it says so */
}

static void test_cancelled(void **state) {
        struct resolver_ask *a;

        memset(&got, 0, sizeof got);
        assert_int_equal(resolver_name(resolver, "db.example", on_name, NULL, &a), 0);
        resolver_cancel(a);
        ask_name("alias.example");
        assert_string_equal(got.cn.domain, "db.example");
}

static int setup(void **state) {
        struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        static char dir[] = "/tmp/test_resolver.XXXXXX", path[64];
        struct resolver_options o = {};
        socklen_t size = sizeof sa;
        char text[128];

        assert_int_equal(loop_new(&loop), 0);
        udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(udp_fd, (struct sockaddr *) &sa, sizeof sa), 0);
        assert_int_equal(getsockname(udp_fd, (struct sockaddr *) &sa, &size), 0);
        assert_int_equal(loop_io(loop, udp_fd, EPOLLIN, on_udp, NULL, NULL), 0);
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/resolv.conf", dir);
        snprintf(text, sizeof text, "nameserver 127.0.0.1:%u\noptions timeout:30\n",
                 ntohs(sa.sin_port));
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
        setenv("ONEBOX_RESOLV_CONF", path, 1);
        o.loop = loop;
        assert_int_equal(resolver_new(&o, &resolver), 0);
        *state = dir;
        return 0;
}

static int teardown(void **state) {
        unlink(getenv("ONEBOX_RESOLV_CONF"));
        rmdir(*state);
        resolver_free(resolver);
        loop_free(loop);
        close(udp_fd);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_record_that_is_an_instance),
                cmocka_unit_test(test_through_aliases),
                cmocka_unit_test(test_aliases_without_end),
                cmocka_unit_test(test_no_record_and_no_name),
                cmocka_unit_test(test_names_of_hosts_become_addresses),
                cmocka_unit_test(test_cancelled),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
