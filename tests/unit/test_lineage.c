/* What is noted is told in batches to a server of the test's own, again after a refusal, and no
 * more than the limit. */
#include "fuse-gcs/lineage.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/base_test.h"

/* Answers each connection's one request; keeps what it was told. */
struct server {
        char dir[64], path[96], address[112];
        int fd;
        pthread_t thread;
        atomic_bool stops;
        atomic_uint n_requests, n_failing;
        pthread_mutex_t lock;
        char *heard;
        size_t n_heard;
};

static void server_one(struct server *s, int fd) {
        static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        static const char bad[] = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
        char *text = calloc(1, 1 << 20);
        size_t n = 0, want = SIZE_MAX;
        ssize_t k;

        while (n < want && (k = read(fd, text + n, (1 << 20) - 1 - n)) > 0) {
                char *head = NULL, *length;

                n += (size_t) k;
                head = strstr(text, "\r\n\r\n");
                length = strcasestr(text, "content-length:");
                if (head && length)
                        want = (size_t) (head + 4 - text) + (size_t) atol(length + 15);
        }
        s->n_requests++;
        if (s->n_failing > 0) {
                s->n_failing--;
                assert_int_equal(write(fd, bad, sizeof(bad) - 1), sizeof(bad) - 1);
        } else {
                pthread_mutex_lock(&s->lock);
                s->heard = realloc(s->heard, s->n_heard + n + 1);
                memcpy(s->heard + s->n_heard, text, n + 1);
                s->n_heard += n;
                pthread_mutex_unlock(&s->lock);
                assert_int_equal(write(fd, good, sizeof(good) - 1), sizeof(good) - 1);
        }
        free(text);
        close(fd);
}

static void *server_main(void *ctx) {
        struct server *s = ctx;

        while (!s->stops) {
                struct pollfd p = {.fd = s->fd, .events = POLLIN};

                if (poll(&p, 1, 50) > 0)
                        server_one(s, accept(s->fd, NULL, NULL));
        }
        return NULL;
}

static int setup(void **state) {
        struct server *s = calloc(1, sizeof(*s));
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        strcpy(s->dir, "/tmp/onebox-lineage-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        snprintf(s->path, sizeof(s->path), "%s/s", s->dir);
        snprintf(s->address, sizeof(s->address), "unix:%s", s->path);
        snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->fd, (struct sockaddr *) &a, sizeof(a)), 0);
        assert_int_equal(listen(s->fd, 16), 0);
        pthread_mutex_init(&s->lock, NULL);
        assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        struct server *s = *state;

        s->stops = true;
        pthread_join(s->thread, NULL);
        close(s->fd);
        unlink(s->path);
        rmdir(s->dir);
        free(s->heard);
        free(s);
        return 0;
}

/* A process that says it is of a try, by its environment. */
static pid_t task(const char *try_id) {
        char id[64];
        char *const argv[] = {(char *) "sleep", (char *) "1000", NULL};
        char *const env[] = {id, (char *) "MLFLOW_TRACKING_TOKEN=secret", NULL};
        int ready[2];
        char c;
        pid_t pid;

        snprintf(id, sizeof(id), "ONEBOX_TRY_ID=%s", try_id);
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                execve("/bin/sleep", argv, env);
                _exit(1);
        }
        /* Closed by exec: from then on the environment is the program's. */
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 0);
        close(ready[0]);
        return pid;
}

static void end(pid_t pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static size_t count(const struct server *s, const char *what) {
        size_t n = 0;

        for (const char *at = s->heard; at && (at = strstr(at, what)); at++)
                n++;
        return n;
}

static void test_nobody(void **state) {
        struct server *s = *state;
        struct lineage *l;

        assert_int_equal(lineage_who(NULL, getpid()), 0);
        lineage_note(NULL, 1, false, "b", "n", 1);
        assert_int_equal(lineage_new(s->address, &l), 0);
        assert_int_equal(lineage_who(l, getpid()), 0); /* a test is no task */
        assert_int_equal(lineage_who(l, 0), 0);
        lineage_note(l, 0, false, "b", "n", 1);
        lineage_free(l);
        assert_int_equal(s->n_requests, 0);
}

static void test_told(void **state) {
        struct server *s = *state;
        struct lineage *l;
        pid_t a = task("first"), b = task("second");
        uint32_t who_a, who_b;

        assert_int_equal(lineage_new(s->address, &l), 0);
        who_a = lineage_who(l, a);
        who_b = lineage_who(l, b);
        assert_true(who_a > 0 && who_b > 0 && who_a != who_b);
        assert_int_equal(lineage_who(l, a), who_a);
        s->n_failing = 1;
        for (int i = 0; i < 3; i++) /* read often, told once */
                lineage_note(l, who_a, false, "bkt", "dir/with \"quote\"", 17);
        /* Of what is written again and again, the last. */
        for (int i = 0; i < 3; i++)
                lineage_note(l, who_a, true, "bkt", "out", 16 + i);
        lineage_note(l, who_b, false, "bkt", "dir/x", 19);
        while (s->n_requests < 3)
                usleep(1000);
        lineage_free(l);
        end(a);
        end(b);
        assert_true(count(s, "POST /internal/tries/first/objects") >= 1);
        assert_int_equal(count(s, "POST /internal/tries/second/objects"), 1);
        assert_int_equal(count(s, "Authorization: Bearer secret"), count(s, "POST /internal/"));
        assert_int_equal(count(s, "\"name\":\"out\""), 1);
        assert_int_equal(count(s, "\"generation\":\"17\",\"bucket\":\"bkt\",\"name\":\"dir/with "
                                  "\\\"quote\\\"\",\"written\":false"),
                         1);
        assert_int_equal(
                count(s,
                      "\"generation\":\"18\",\"bucket\":\"bkt\",\"name\":\"out\",\"written\":true"),
                1);
        assert_int_equal(count(s, "\"more\":true"), 0);
}

/* The end tells what is left; what is beyond the limit is said to be missing. */
static void test_limit(void **state) {
        struct server *s = *state;
        struct lineage *l;
        pid_t a = task("many");
        uint32_t who;
        char name[32];

        assert_int_equal(lineage_new(s->address, &l), 0);
        who = lineage_who(l, a);
        for (int i = 0; i < LINEAGE_OBJECTS + 5; i++) {
                snprintf(name, sizeof(name), "o%d", i);
                lineage_note(l, who, false, "bkt", name, 1);
        }
        lineage_free(l);
        end(a);
        assert_int_equal(count(s, "\"written\":false"), LINEAGE_OBJECTS);
        assert_true(count(s, "\"more\":true") > 0);
}

/* A server that is away is given up at the end. */
static void test_away(void **state) {
        struct lineage *l;
        pid_t a = task("lost");

        assert_int_equal(lineage_new("unix:/tmp/onebox-nobody-is-here", &l), 0);
        lineage_note(l, lineage_who(l, a), false, "bkt", "x", 1);
        lineage_free(l);
        end(a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_away, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
