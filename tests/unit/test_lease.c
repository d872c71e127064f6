/* The lease of two schedulers on one database: the fence on SQLite, which has rows as well, and
 * the lock against Debian's PostgreSQL (skipped where it is not installed). */
#include "daemons/scheduler/lease.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "tests/unit/base_test.h"

#define NOW (UINT64_C(1767225600) * USEC_PER_SEC)

/* Two that know nothing of each other, each with its own connection and clock. */
struct pair {
        struct scheduler a, b;
        struct clock_fake clocks[2];
        char dir[32], uri[320];
        int server_fd; /* of PostgreSQL: it ends when this is closed */
        pid_t server;
};

static void begin(struct pair *p, struct scheduler *s, int i) {
        struct errmsg em = {};

        clock_fake_init(&p->clocks[i], NOW);
        s->clock = &p->clocks[i].clock;
        s->entropy = entropy_system();
        if (db_open(p->uri, DB_CREATE, &em, &s->db) < 0)
                fail_msg("%s", em.text);
}

static int setup(void **state) {
        struct pair *p = mem_new(struct pair);

        assert_non_null(p);
        p->server_fd = -1;
        str_copy(p->dir, sizeof(p->dir), "/tmp/test-lease-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        (void) snprintf(p->uri, sizeof(p->uri), "sqlite:///%s/db", p->dir);
        begin(p, &p->a, 0);
        begin(p, &p->b, 1);
        *state = p;
        return 0;
}

/* A server of its own; NULL in *state: none is installed. */
static int setup_server(void **state) {
        const char *top = getenv("top_srcdir");
        char path[512], line[512], dir[128];
        struct pair *p = mem_new(struct pair);
        int fds[2], port;
        ssize_t n;

        assert_non_null(p);
        (void) snprintf(path, sizeof(path), "%s/tests/fake/db_server.sh", top ? top : ".");
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        p->server = fork();
        assert_true(p->server >= 0);
        if (p->server == 0) {
                (void) dup2(fds[1], 0);
                (void) dup2(fds[1], 1);
                execl(path, path, "postgres", NULL);
                _exit(127);
        }
        (void) close(fds[1]);
        p->server_fd = fds[0];
        n = read(fds[0], line, sizeof(line) - 1);
        line[n > 0 ? n : 0] = 0;
        if (sscanf(line, "ready %127s %d", dir, &port) != 2) {
                (void) close(fds[0]);
                (void) waitpid(p->server, NULL, 0);
                p = mem_free(p);
        } else {
                (void) snprintf(p->uri, sizeof(p->uri),
                                "postgresql://onebox@/onebox?host=%s&port=%d", dir, port);
                begin(p, &p->a, 0);
                begin(p, &p->b, 1);
        }
        *state = p;
        return 0;
}

static int teardown(void **state) {
        struct pair *p = *state;

        if (!p)
                return 0;
        lease_free(p->a.lease);
        lease_free(p->b.lease);
        db_free(p->a.db);
        db_free(p->b.db);
        if (p->server_fd >= 0) {
                (void) close(p->server_fd);
                (void) waitpid(p->server, NULL, 0);
        } else {
                char command[64];

                (void) snprintf(command, sizeof(command), "rm -rf %s", p->dir);
                assert_int_equal(system(command), 0);
        }
        mem_free(p);
        return 0;
}

static void take(struct scheduler *s) {
        struct errmsg em = {};

        if (lease_take(s, &s->lease, &em) < 0)
                fail_msg("%s", em.text);
}

/* What a batch of `s` would find. */
static int try_hold(struct scheduler *s) {
        int r = db_begin(s->db, true);

        assert_int_equal(r, 0);
        r = lease_hold(s);
        if (r < 0)
                db_rollback(s->db);
        else
                assert_int_equal(db_commit(s->db), 0);
        return r;
}

static void who_was_taken_over_writes_nothing_more(void **state) {
        struct pair *p = *state;

        take(&p->a);
        assert_int_equal(try_hold(&p->a), 0);
        take(&p->b);
        assert_int_equal(try_hold(&p->a), -ESTALE);
        assert_int_equal(try_hold(&p->b), 0);
        assert_int_equal(try_hold(&p->a), -ESTALE);
}

static void clocks_decide_nothing(void **state) {
        struct pair *p = *state;

        clock_fake_jump(&p->clocks[0], NOW + USEC_PER_DAY);
        take(&p->a);
        take(&p->b); /* a day behind, and yet the later */
        assert_int_equal(try_hold(&p->a), -ESTALE);
        assert_int_equal(try_hold(&p->b), 0);
        clock_fake_jump(&p->clocks[1], NOW - USEC_PER_DAY);
        assert_int_equal(try_hold(&p->b), 0);
}

static void without_a_table_the_reason_is_said(void **state) {
        struct pair *p = *state;
        struct errmsg em = {};

        assert_int_equal(db_exec(p->a.db, "CREATE VIEW onebox_lease AS SELECT 1 AS id"), 0);
        assert_true(lease_take(&p->a, &p->a.lease, &em) < 0);
        assert_null(p->a.lease);
        assert_non_null(strstr(em.text, "lease cannot be taken"));
}

/* The waiting one looks once a second; the third time the worker's connection is gone. */
static void on_waiting(void *ctx, bool first) {
        struct pair *p = ctx;

        p->a.started_at++;
        assert_true(first == (p->a.started_at == 1));
        if (p->a.started_at == 2)
                p->a.db = db_free(p->a.db);
}

static void the_lock_is_the_connections(void **state) {
        struct pair *p = *state;
        struct errmsg em = {};

        if (!p)
                skip();
        assert_int_equal(lease_wait(p->a.db, NULL, NULL, &em), 0); /* nobody has it */
        take(&p->a);
        assert_int_equal(lease_again(&p->b), -ESTALE); /* the other has it */
        assert_int_equal(lease_wait(p->b.db, on_waiting, p, &em), 0);
        assert_int_equal(p->a.started_at, 2);
        take(&p->b);
        assert_int_equal(try_hold(&p->b), 0);
        assert_int_equal(lease_again(&p->b), 0);
        begin(p, &p->a, 0); /* it comes back, with the name it had */
        assert_int_equal(lease_again(&p->a), -ESTALE);
        assert_int_equal(try_hold(&p->a), -ESTALE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(who_was_taken_over_writes_nothing_more, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(clocks_decide_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(without_a_table_the_reason_is_said, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(the_lock_is_the_connections, setup_server,
                                                teardown),
        };

        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
