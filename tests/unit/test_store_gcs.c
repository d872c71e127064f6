/* The store over onebox-bucketd, as a process of its own, with faults. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/gcp/store_gcs.h"
#include "lib/net/http_call.h"
#include "tests/unit/store_test_same.h"

static char dir[] = "/tmp/test_store_gcs.XXXXXX", address[128];
static pid_t pid;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

/* 0, or the status it was answered with. */
static int ask(const char *method, const char *target, const char *body) {
        struct http_call call = {.address = address,
                                 .method = method,
                                 .target = target,
                                 .body = body,
                                 .body_size = body ? strlen(body) : 0};
        struct http_call_answer a;
        int r = http_call(&call, &a, NULL);

        if (r < 0)
                return r;
        http_call_answer_done(&a);
        return a.status / 100 == 2 ? 0 : a.status;
}

/* A listening socket on a port nobody had; its name comes into `address`. */
static int listen_anywhere(void) {
        struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof sa;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &sa, sizeof sa), 0);
        assert_int_equal(listen(fd, 64), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &sa, &size), 0);
        snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(sa.sin_port));
        return fd;
}

/* The program with the socket handed over, as systemd does. */
static _Noreturn void run_bucketd(const char *program, int fd) {
        char state_dir[64], runtime_dir[64], own[16];
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        snprintf(state_dir, sizeof state_dir, "--state-dir=%s/s", dir);
        snprintf(runtime_dir, sizeof runtime_dir, "--runtime-dir=%s/r", dir);
        snprintf(own, sizeof own, "%d", (int) getpid());
        setenv("LISTEN_PID", own, 1);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_FDNAMES", "bucketd", 1);
        dup2(null, 2);
        if (fd == 3)
                fcntl(fd, F_SETFD, 0);
        else
                dup2(fd, 3);
        execl(program, program, state_dir, runtime_dir, "--socket=none", "--config=/dev/null",
              "--buckets=one two", "--sync=no", "--faults=yes", NULL);
        _exit(127);
}

static int setup(void **state) {
        const char *build = getenv("top_builddir") ?: ".";
        char program[512];
        int fd, r;

        assert_non_null(mkdtemp(dir));
        snprintf(program, sizeof program, "%s/daemons/bucketd/onebox-bucketd", build);
        fd = listen_anywhere();
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                run_bucketd(program, fd);
        close(fd); /* from here on the daemon's alone: when it ends, so does the wait */
        r = ask("GET", "/storage/v1/b/one", NULL);
        if (r != 0)
                fail_msg("%s does not start: %d", program, r);
        setenv("STORAGE_EMULATOR_HOST", address, 1);
        return 0;
}

static int teardown(void **state) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        return 0;
}

static struct store *open_store(const char *uri) {
        struct errmsg em = {};
        struct store *s = NULL;

        if (store_gcs_open(uri, &em, &s) < 0)
                fail_msg("%s", em.text);
        return s;
}

static void test_as_every_store(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("gs://one/some/path/");

        store_test_same(s);
}

static void test_whole_bucket(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("gs://two");

        store_test_same(s);
}

static void test_large(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("gs://one/large");

        store_test_large(s);
}

static void fault(const char *json) {
        assert_int_equal(ask("POST", "/_onebox/faults", json), 0);
}

static int no_faults(void **state) {
        return ask("DELETE", "/_onebox/faults", NULL);
}

static void test_large_with_faults(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("gs://one/faults");

        /* A chunk that was taken and not acknowledged, one that broke off, one refused for now. */
        fault("{\"rules\": [{\"op\": \"chunk\", \"cut\": 1, \"count\": 1}, "
              "{\"op\": \"chunk\", \"cut_request_after\": 3000000, \"count\": 1, \"skip\": 1}, "
              "{\"op\": \"chunk\", \"status\": 503, \"count\": 1, \"skip\": 2}, "
              "{\"op\": \"read\", \"cut_after\": 100000, \"count\": 2}, "
              "{\"op\": \"stat\", \"status\": 500, \"count\": 1}]}");
        store_test_large(s);
}

static void test_corrupted(void **state) {
        _cleanup_(store_freep) struct store *s = open_store("gs://one/bad");
        struct store_info info;
        struct store_get *get;
        struct errmsg em = {};

        store_test_same_put(s, "x", "0123456789");
        fault("{\"rules\": [{\"op\": \"read\", \"corrupt_at\": 3}]}");
        assert_int_equal(store_get_open(s, "x", &em, &info, &get), -EBADMSG);
        assert_non_null(strstr(em.text, "checksum"));
}

static void test_away(void **state) {
        struct errmsg em = {};
        struct store_info info;
        struct store *s;

        assert_int_equal(store_gcs_open("gs://No", &em, &s), -EINVAL);
        assert_int_equal(store_gcs_open("s3://bucket", &em, &s), -EINVAL);
        s = open_store("gs://three");
        assert_int_equal(store_put(s, "x", "1", 1, &em), -ENOENT);
        assert_int_equal(store_stat(s, "x", &em, &info), -ENOENT);
        store_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_every_store),
                cmocka_unit_test(test_whole_bucket),
                cmocka_unit_test(test_large),
                cmocka_unit_test_teardown(test_large_with_faults, no_faults),
                cmocka_unit_test_teardown(test_corrupted, no_faults),
                cmocka_unit_test(test_away),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
