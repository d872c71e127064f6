/* The loop: timers, posts from threads, children, signals, inotify, freeing inside callbacks. */
#include "tests/unit/net_test_cmocka.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/net/loop.h"

static int setup(void **state) {
        struct loop *l;

        assert_int_equal(loop_new(&l), 0);
        *state = l;
        return 0;
}

static int teardown(void **state) {
        loop_free(*state);
        return 0;
}

struct count {
        struct loop *loop;
        unsigned n, n_max;
        usec_t at;
};

static int on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct count *c = ctx;

        c->at = now;
        if (++c->n == c->n_max) {
                loop_quit(c->loop, 7);
                return 0;
        }
        return loop_source_arm_in(s, 1000);
}

static void test_timer_repeats(void **state) {
        struct count c = {.loop = *state, .n_max = 5};
        struct loop_source *s;
        usec_t began_at = loop_now(c.loop, CLOCK_BOOTTIME);

        assert_int_equal(loop_timer_in(c.loop, 2000, 0, on_timer, &c, &s), 0);
        assert_int_equal(loop_run(c.loop), 7);
        assert_int_equal(c.n, 5);
        assert_true(c.at >= began_at + 2000 + 4 * 1000);
        loop_source_free(s);
}

static void test_timer_realtime(void **state) {
        struct count c = {.loop = *state, .n_max = 1};
        usec_t at = loop_now(c.loop, CLOCK_REALTIME) + 1000;

        assert_int_equal(loop_timer(c.loop, CLOCK_REALTIME, at, 0, on_timer, &c, NULL), 0);
        assert_int_equal(loop_run(c.loop), 7);
        assert_true(c.at >= at);
}

static int on_broken(struct loop_source *s, void *ctx) {
        return -EIO;
}

static void test_broken_callback_ends_the_loop(void **state) {
        assert_int_equal(loop_defer(*state, on_broken, NULL, NULL), 0);
        assert_int_equal(loop_run(*state), -EIO);
}

static int on_refused(struct loop_source *s, void *ctx) {
        return -EINVAL;
}

/* -EINVAL of a loop is no word on the configuration. */
static void test_a_main_ends_with_eio(void **state) {
        struct errmsg em = {};

        assert_int_equal(loop_defer(*state, on_refused, NULL, NULL), 0);
        assert_int_equal(loop_run_main(*state, &em), -EIO);
        assert_non_null(strstr(em.text, "the event loop failed: Invalid argument"));
}

static int on_free_self(struct loop_source *s, void *ctx) {
        struct count *c = ctx;

        c->n++;
        loop_source_free(s);
        loop_quit(c->loop, 0);
        return 0;
}

static void test_source_frees_itself(void **state) {
        struct count c = {.loop = *state};
        struct loop_source *s;

        assert_int_equal(loop_defer(*state, on_free_self, &c, &s), 0);
        assert_int_equal(loop_run(*state), 0);
        assert_int_equal(c.n, 1);
        (void) s;
}

static void test_floating_source_frees_itself(void **state) {
        struct count c = {.loop = *state};

        assert_int_equal(loop_defer(*state, on_free_self, &c, NULL), 0);
        assert_int_equal(loop_run(*state), 0);
        assert_int_equal(c.n, 1);
}

/* --- posts ----------------------------------------------------------------------------------- */

#define POSTERS 4
#define POSTS 2000

struct post {
        struct loop_task task;
        struct poster *poster;
        unsigned number;
};

struct poster {
        struct loop *loop;
        pthread_t thread;
        unsigned n_seen;
        unsigned *n_left;
        struct post posts[POSTS];
};

static void on_post(struct loop_task *t) {
        struct post *p = container_of(t, struct post, task);

        /* In the order posted by one thread. */
        assert_int_equal(p->number, p->poster->n_seen);
        p->poster->n_seen++;
        if (--*p->poster->n_left == 0)
                loop_quit(p->poster->loop, 0);
}

static void *post_all(void *arg) {
        struct poster *p = arg;

        for (unsigned i = 0; i < POSTS; i++) {
                p->posts[i] = (struct post){.task.run = on_post, .poster = p, .number = i};
                loop_post_task(p->loop, &p->posts[i].task);
        }
        return NULL;
}

static void test_posts_from_threads(void **state) {
        static struct poster posters[POSTERS];
        unsigned n_left = POSTERS * POSTS;

        for (size_t i = 0; i < POSTERS; i++) {
                posters[i] = (struct poster){.loop = *state, .n_left = &n_left};
                assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]),
                                 0);
        }
        assert_int_equal(loop_run(*state), 0);
        for (size_t i = 0; i < POSTERS; i++) {
                pthread_join(posters[i].thread, NULL);
                assert_int_equal(posters[i].n_seen, POSTS);
        }
}

static void count_up(void *ctx) {
        ++*(unsigned *) ctx;
}

static void test_posts_run_at_free(void **state) {
        struct loop *l;
        unsigned n = 0;

        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_post(l, count_up, &n), 0);
        assert_int_equal(loop_post(l, count_up, &n), 0);
        loop_free(l);
        assert_int_equal(n, 2);
}

/* --- descriptors, children, signals ---------------------------------------------------------- */

static int on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct count *c = ctx;
        char byte;

        if (read(fd, &byte, 1) == 1)
                c->n++;
        else
                loop_quit(c->loop, 0);
        return 0;
}

static void test_io(void **state) {
        struct count c = {.loop = *state};
        struct loop_source *s;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(loop_io(c.loop, fds[0], EPOLLIN, on_io, &c, &s), 0);
        assert_int_equal(write(fds[1], "abc", 3), 3);
        close(fds[1]);
        assert_int_equal(loop_run(c.loop), 0);
        assert_int_equal(c.n, 3);
        loop_source_free(s);
        close(fds[0]);
}

static int on_child(struct loop_source *s, const siginfo_t *si, void *ctx) {
        struct count *c = ctx;

        assert_int_equal(si->si_code, CLD_EXITED);
        c->n = (unsigned) si->si_status;
        loop_quit(c->loop, 0);
        return 0;
}

static void test_child(void **state) {
        struct count c = {.loop = *state};
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(42);
        assert_int_equal(loop_child(c.loop, pid, on_child, &c, NULL), 0);
        assert_int_equal(loop_run(c.loop), 0);
        assert_int_equal(c.n, 42);
        /* Reaped. */
        assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static int on_pidfd(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct count *c = ctx;

        c->n++;
        loop_quit(c->loop, 0);
        return 0;
}

static void test_pidfd(void **state) {
        struct count c = {.loop = *state};
        struct loop_source *s;
        pid_t pid = fork();
        int fd, status;

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(3);
        fd = (int) syscall(SYS_pidfd_open, pid, 0);
        assert_true(fd >= 0);
        assert_int_equal(loop_pidfd(c.loop, fd, on_pidfd, &c, &s), 0);
        assert_int_equal(loop_run(c.loop), 0);
        assert_int_equal(c.n, 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        loop_source_free(s);
        close(fd);
}

static int on_signal(struct loop_source *s, int signo, void *ctx) {
        struct count *c = ctx;

        c->n = (unsigned) signo;
        loop_quit(c->loop, 0);
        return 0;
}

static void test_signal(void **state) {
        struct count c = {.loop = *state};

        assert_int_equal(loop_signal(c.loop, SIGUSR1, on_signal, &c, NULL), 0);
        kill(getpid(), SIGUSR1);
        assert_int_equal(loop_run(c.loop), 0);
        assert_int_equal(c.n, SIGUSR1);
}

static int on_inotify(struct loop_source *s, const struct inotify_event *e, void *ctx) {
        struct count *c = ctx;

        if (e->len > 0 && strcmp(e->name, "file") == 0)
                loop_quit(c->loop, 0);
        return 0;
}

static void test_inotify(void **state) {
        struct count c = {.loop = *state};
        char dir[] = "/tmp/onebox-test-XXXXXX", path[64];
        struct loop_source *s;
        int fd;

        assert_non_null(mkdtemp(dir));
        assert_int_equal(loop_inotify(c.loop, dir, IN_CREATE, on_inotify, &c, &s), 0);
        snprintf(path, sizeof path, "%s/file", dir);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(loop_run(c.loop), 0);
        loop_source_free(s);
        unlink(path);
        rmdir(dir);
}

static int on_first(struct loop_source *s, void *ctx) {
        unsigned *n = ctx;

        assert_int_equal(*n, 0);
        *n = 1;
        return 0;
}

static int on_second(struct loop_source *s, void *ctx) {
        unsigned *n = ctx;

        assert_int_equal(*n, 1);
        *n = 2;
        return 0;
}

static void test_priority(void **state) {
        struct loop_source *first, *second;
        unsigned n = 0;

        assert_int_equal(loop_defer(*state, on_second, &n, &second), 0);
        assert_int_equal(loop_defer(*state, on_first, &n, &first), 0);
        assert_int_equal(loop_source_set_priority(first, -10), 0);
        while (n < 2)
                assert_int_equal(loop_turn(*state, 0), 1);
        loop_source_free(first);
        loop_source_free(second);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_timer_repeats, setup, teardown),
                cmocka_unit_test_setup_teardown(test_timer_realtime, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken_callback_ends_the_loop, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_a_main_ends_with_eio, setup, teardown),
                cmocka_unit_test_setup_teardown(test_source_frees_itself, setup, teardown),
                cmocka_unit_test_setup_teardown(test_floating_source_frees_itself, setup, teardown),
                cmocka_unit_test_setup_teardown(test_posts_from_threads, setup, teardown),
                cmocka_unit_test(test_posts_run_at_free),
                cmocka_unit_test_setup_teardown(test_io, setup, teardown),
                cmocka_unit_test_setup_teardown(test_child, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pidfd, setup, teardown),
                cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
                cmocka_unit_test_setup_teardown(test_inotify, setup, teardown),
                cmocka_unit_test_setup_teardown(test_priority, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
