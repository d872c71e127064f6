/* A mount's life over a bucket that speaks HTTP: refused with reason and remedy, mounted, unmounted
 * by the kernel, and told to go while a file is open. */
#include "fuse-gcs/mounter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/crc32c.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"
#include "tests/unit/net_test_server.h"

static struct {
        atomic_int status; /* of each list; 200: it is there */
        pthread_mutex_t lock;
        char inserted[256];
} bucket = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void print_object(struct buf *out, const char *name, const char *data) {
        char crc[CRC32C_TEXT_SIZE];

        buf_printf(
                out,
                "{\"name\":\"%s\",\"size\":\"%zu\",\"generation\":\"7\",\"metageneration\":\"1\","
                "\"updated\":\"2026-01-02T03:04:05Z\",\"crc32c\":\"%s\"}",
                name, strlen(data), crc32c_print(crc32c_add(0, data, strlen(data)), crc));
}

static int on_list(struct http_request *req) {
        struct buf b = {};

        if (bucket.status != 200)
                return http_request_reply(req, bucket.status, "application/json", "{}", 2);
        buf_add_str(&b, "{\"items\":[");
        print_object(&b, "f", "hello");
        buf_add_str(&b, "]}");
        return http_request_reply_json(req, 200, &b);
}

static int on_read(struct http_request *req) {
        return http_request_reply(req, 206, "text/plain", "hello", 5);
}

static int on_missing(struct http_request *req) {
        return http_request_reply(req, 404, "application/json", "{}", 2);
}

/* All that is written here is "dirty". */
static int on_insert(struct http_request *req) {
        struct buf b = {};

        pthread_mutex_lock(&bucket.lock);
        snprintf(bucket.inserted, sizeof(bucket.inserted), "%s",
                 memmem(req->body, req->body_size, "dirty", 5) ? "dirty" : "something else");
        pthread_mutex_unlock(&bucket.lock);
        print_object(&b, "new", "dirty");
        return http_request_reply_json(req, 200, &b);
}

static void assert_inserted(const char *what) {
        char inserted[sizeof(bucket.inserted)];

        pthread_mutex_lock(&bucket.lock);
        memcpy(inserted, bucket.inserted, sizeof(inserted));
        pthread_mutex_unlock(&bucket.lock);
        assert_string_equal(inserted, what);
}

static const struct http_route rows[] = {
        {.method = HTTP_GET, .path = "/storage/v1/b/{bucket}/o", .handle = on_list},
        {.method = HTTP_GET, .path = "/storage/v1/b/{bucket}/o/{name...}", .handle = on_missing},
        {.method = HTTP_GET, .path = "/storage/v1/b/{bucket}/storageLayout", .handle = on_missing},
        {.method = HTTP_POST, .path = "/upload/storage/v1/b/{bucket}/o", .handle = on_insert},
        {.method = HTTP_GET, .path = "/bkt/{name...}", .handle = on_read},
};

/* --- a mount --------------------------------------------------------------------------------- */

struct run {
        struct mount_flags flags;
        struct mount_conf conf;
        struct errmsg em;
        char dir[32];
        unsigned n_mounted;
        sem_t told; /* mounted, or over */
        int result;
        pthread_t thread;
};

static void on_mounted(void *ctx) {
        struct run *x = ctx;

        x->n_mounted++;
        sem_post(&x->told);
}

static void *run_main(void *ctx) {
        struct run *x = ctx;
        struct mounter_options o = {
                .flags = &x->flags,
                .conf = &x->conf,
                .in_foreground = true,
                .mounted = on_mounted,
                .ctx = x,
        };

        x->result = mounter_run(&o, &x->em);
        sem_post(&x->told);
        return NULL;
}

static void run_start(struct run *x, unsigned port) {
        char endpoint[64];
        const char *argv[] = {"--anonymous-access", "--foreground", endpoint, "bkt", x->dir};

        snprintf(endpoint, sizeof(endpoint), "--custom-endpoint=http://127.0.0.1:%u/storage/v1/",
                 port);
        assert_int_equal(mount_flags_parse(&x->flags, 5, (char *const *) argv, &x->em), 0);
        assert_int_equal(mount_flags_check(&x->flags, &x->em), 0);
        assert_int_equal(mount_conf_init(&x->conf, &x->flags, &x->em), 0);
        sem_init(&x->told, 0, 0);
        assert_int_equal(pthread_create(&x->thread, NULL, run_main, x), 0);
        sem_wait(&x->told);
}

static int run_end(struct run *x) {
        pthread_join(x->thread, NULL);
        mount_conf_done(&x->conf);
        mount_flags_done(&x->flags);
        sem_destroy(&x->told);
        return x->result;
}

static bool can_mount(void) {
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        fileio_close(fd);
        return fd >= 0 && geteuid() == 0;
}

static int setup(void **state) {
        bucket.status = 200;
        bucket.inserted[0] = 0;
        return net_test_setup(state, rows, ARRAY_SIZE(rows));
}

/* --- tests ----------------------------------------------------------------------------------- */

static void assert_refused(struct net_test *t, int status, int error, const char *why) {
        struct run x = {.dir = "/tmp"};

        bucket.status = status;
        run_start(&x, t->port);
        assert_int_equal(run_end(&x), error);
        assert_int_equal(x.n_mounted, 0);
        if (!strstr(x.em.text, "bkt") || !strstr(x.em.text, why))
                fail_msg("%s: no word of %s", x.em.text, why);
}

static void test_refused(void **state) {
        assert_refused(*state, 404, -ENOENT, "check its name");
        assert_refused(*state, 403, -EACCES, "check the credentials");
}

static void test_not_a_directory(void **state) {
        const char *argv[] = {"bkt", "/dev/null"};
        struct run x = {};

        assert_int_equal(mount_flags_parse(&x.flags, 2, (char *const *) argv, &x.em), 0);
        assert_int_equal(mount_conf_init(&x.conf, &x.flags, &x.em), -ENOTDIR);
        assert_non_null(strstr(x.em.text, "/dev/null is not a directory"));
        mount_flags_done(&x.flags);
}

static void test_mounted_and_unmounted(void **state) {
        struct net_test *t = *state;
        struct run x = {.dir = "/tmp/onebox-mounter-XXXXXX"};
        char path[64], got[16] = {};
        struct stat before, within, after;
        int fd;

        if (!can_mount())
                skip();
        assert_non_null(mkdtemp(x.dir));
        assert_int_equal(stat(x.dir, &before), 0);
        run_start(&x, t->port);
        if (x.n_mounted != 1)
                fail_msg("not mounted: %s", x.em.text);
        assert_int_equal(stat(x.dir, &within), 0);
        assert_true(within.st_dev != before.st_dev);
        snprintf(path, sizeof(path), "%s/f", x.dir);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(read(fd, got, sizeof(got)), 5);
        assert_string_equal(got, "hello");
        close(fd);
        assert_int_equal(umount2(x.dir, 0), 0);
        assert_int_equal(run_end(&x), 0);
        assert_int_equal(stat(x.dir, &after), 0);
        assert_int_equal(after.st_dev, before.st_dev);
        rmdir(x.dir);
}

/* The mount's own process: it hears the port, says when it is mounted, and is told to go. */
static void serve(int port_fd, int told_fd, const char *dir) {
        struct run x = {};
        unsigned port;
        sigset_t term;

        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &term, NULL);
        snprintf(x.dir, sizeof(x.dir), "%s", dir);
        if (read(port_fd, &port, sizeof(port)) != sizeof(port))
                _exit(3);
        run_start(&x, port);
        (void) !write(told_fd, x.n_mounted == 1 ? "+" : "-", 1);
        _exit(run_end(&x) < 0 ? 2 : 0);
}

/* What was written and not yet closed is in the bucket when the process has gone. */
static void test_told_to_go(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        char dir[] = "/tmp/onebox-mounter-XXXXXX", path[64], word = 0;
        int to[2], from[2], status = -1, fd;
        unsigned port;
        pid_t pid;

        if (!can_mount())
                skip();
        bucket.status = 200;
        assert_non_null(mkdtemp(dir));
        assert_int_equal(pipe2(to, O_CLOEXEC), 0);
        assert_int_equal(pipe2(from, O_CLOEXEC), 0);
        /* Before there are threads here. */
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                serve(to[0], from[1], dir);
        close(from[1]);
        net_test_start(&t);
        port = t.port;
        assert_int_equal(write(to[1], &port, sizeof(port)), sizeof(port));
        assert_int_equal(read(from[0], &word, 1), 1);
        assert_int_equal(word, '+');
        snprintf(path, sizeof(path), "%s/new", dir);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "dirty", 5), 5);
        assert_inserted("");
        assert_int_equal(kill(pid, SIGTERM), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        close(fd);
        net_test_stop(&t);
        assert_inserted("dirty");
        close(to[0]);
        close(to[1]);
        close(from[0]);
        (void) umount2(dir, MNT_DETACH);
        assert_int_equal(rmdir(dir), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_told_to_go),
                cmocka_unit_test_setup_teardown(test_refused, setup, net_test_teardown),
                cmocka_unit_test(test_not_a_directory),
                cmocka_unit_test_setup_teardown(test_mounted_and_unmounted, setup,
                                                net_test_teardown),
        };

        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("mounter", tests, NULL, NULL);
}
