/* Where a daemon's server listens: what is handed over, addresses, its own socket. */
#include "tests/unit/net_test_cmocka.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/net/listeners.h"
#include "tests/unit/base_test.h"

struct opened {
        char address[4][128];
        size_t n;
        int result; /* of on_open() */
};

static int on_open(void *ctx, const char *address) {
        struct opened *o = ctx;

        assert_true(o->n < ARRAY_SIZE(o->address));
        snprintf(o->address[o->n++], sizeof o->address[0], "%s", address);
        return o->result;
}

static int answer(struct http_request *req) {
        return http_request_reply_text(req, 200, "here");
}

static const struct http_route routes[] = {{.method = HTTP_GET, .path = "/", .handle = answer}};

/* What each test works on; `dir` is its directory. */
struct stand {
        const char *dir;
        struct loop *loop;
        struct opened opened;
        struct errmsg em;
        struct listeners l;
};

static void stand_open(struct stand *s, void **state) {
        struct http_server_options o = {};

        *s = (struct stand){.dir = *state, .l = {.options = {.name = "api"}, .on_open = on_open}};
        s->l.ctx = &s->opened;
        assert_int_equal(loop_new(&s->loop), 0);
        o.loop = s->loop;
        assert_int_equal(http_server_new(&o, routes, 1, &s->l.server, &s->em), 0);
}

static void stand_close(struct stand *s) {
        http_server_free(s->l.server);
        loop_free(s->loop);
}

static void test_addresses(void **state) {
        struct stand s;

        stand_open(&s, state);
        assert_int_equal(listeners_open_addresses(&s.l, NULL, &s.em), 0);
        assert_int_equal(listeners_open_addresses(&s.l, "none", &s.em), 0);
        assert_int_equal(s.opened.n, 0);
        assert_int_equal(listeners_open_addresses(&s.l, " 127.0.0.1:0\t127.0.0.1:0 ", &s.em), 0);
        assert_int_equal(s.opened.n, 2);
        assert_memory_equal(s.opened.address[1], "127.0.0.1:", 10);
        assert_string_not_equal(s.opened.address[0], s.opened.address[1]);
        assert_int_equal(listeners_open_addresses(&s.l, "0.0.0.0:0", &s.em), -EINVAL);
        assert_says(s.em, "0.0.0.0");
        stand_close(&s);
}

static void test_socket(void **state) {
        char path[160], directory[128];
        struct stand s;
        struct stat st;

        stand_open(&s, state);
        assert_int_equal(listeners_open_socket(&s.l, "none", s.dir, &s.em), 0);
        assert_int_equal(s.opened.n, 0);
        snprintf(directory, sizeof directory, "%s/made/deep", s.dir);
        assert_int_equal(listeners_open_socket(&s.l, NULL, directory, &s.em), 0);
        snprintf(path, sizeof path, "%s/api.sock", directory);
        assert_int_equal(stat(path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        snprintf(path, sizeof path, "%s/other", s.dir);
        assert_int_equal(listeners_open_socket(&s.l, path, directory, &s.em), 0);
        assert_int_equal(stat(path, &st), 0);
        stand_close(&s);
        assert_int_equal(stat(path, &st), -1); /* gone with the server */
}

static void test_no_directory(void **state) {
        char path[128];
        struct stand s;

        stand_open(&s, state);
        snprintf(path, sizeof path, "%s/file", s.dir);
        assert_int_equal(fileio_write_atomic(path, "", 0, 0600), 0);
        snprintf(path, sizeof path, "%s/file/run", s.dir);
        assert_true(listeners_open_socket(&s.l, NULL, path, &s.em) < 0);
        assert_says(s.em, path);
        assert_says(s.em, "--runtime-dir");
        stand_close(&s);
}

/* What is told of it may not want it: then it is not left behind. */
static void test_not_wanted(void **state) {
        char path[128];
        struct stand s;
        struct stat st;

        stand_open(&s, state);
        s.opened.result = -ENOSPC;
        snprintf(path, sizeof path, "%s/api", s.dir);
        assert_int_equal(listeners_open_socket(&s.l, path, s.dir, &s.em), -ENOSPC);
        assert_says(s.em, path);
        assert_int_equal(stat(path, &st), -1);
        stand_close(&s);
}

static int listening(void) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(listen(fd, 5), 0);
        return fd;
}

/* In a child: the service manager numbers them from 3. */
static int take_handed(void **state) {
        int a = listening(), b = listening();
        struct stand s;
        char pid[16];

        if (dup2(b, 14) != 14 || dup2(a, 13) != 13 || dup2(13, 3) != 3 || dup2(14, 4) != 4)
                return 10;
        snprintf(pid, sizeof pid, "%d", (int) getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", "api:api", 1);
        stand_open(&s, state);
        if (listeners_open_handed(&s.l, &s.em) != 2 || s.opened.n != 2)
                return 11;
        if (listeners_open_handed(&s.l, &s.em) != 0)
                return 12;
        stand_close(&s);
        return 0;
}

static void test_handed(void **state) {
        struct stand s;
        int status;
        pid_t pid;

        stand_open(&s, state);
        assert_int_equal(listeners_open_handed(&s.l, &s.em), 0); /* started by hand */
        stand_close(&s);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(take_handed(state));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_true(WIFEXITED(status));
}

#define in_directory(test) \
        cmocka_unit_test_setup_teardown(test, base_test_dir_setup, base_test_dir_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                in_directory(test_addresses),    in_directory(test_socket),
                in_directory(test_no_directory), in_directory(test_not_wanted),
                in_directory(test_handed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
