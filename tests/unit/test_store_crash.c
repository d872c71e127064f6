/* Puts, deletes and copies of the local store killed at moments by chance, and failing at every
 * place in turn: a committed object is there and whole, an uncommitted one is not there at all. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/base/fault.h"
#include "lib/base/str.h"
#include "lib/store/store_local.h"

enum { OBJECT_MAX = 200000 };

static struct store *open_store(const struct test_dir *t) {
        struct store *s = NULL;
        struct errmsg em = {};

        assert_ok(em, store_local_open(t->path, &em, &s));
        return s;
}

static size_t size_of(uint32_t id) {
        return (size_t) (id * 2654435761u) % OBJECT_MAX;
}

static char byte_of(uint32_t id) {
        return (char) ('a' + id % 26);
}

static void name_of(uint32_t id, char ret[64]) {
        (void) snprintf(ret, 64, "dir%u/sub%u/object%u", id % 3, id % 7, id);
}

/* Puts an object in pieces. */
static int put(struct store *s, uint32_t id) {
        static char piece[8192];
        struct store_put *p;
        size_t left = size_of(id);
        char name[64];
        int r;

        name_of(id, name);
        memset(piece, byte_of(id), sizeof(piece));
        r = store_put_begin(s, name, NULL, &p);
        while (r >= 0 && left > 0) {
                size_t n = MIN(left, sizeof(piece));

                r = store_put_write(s, p, piece, n);
                left -= n;
                if (r < 0)
                        store_put_abort(s, p);
        }
        return r < 0 ? r : store_put_commit(s, p, NULL, NULL);
}

static bool is_whole(struct store *s, const char *name) {
        static char data[OBJECT_MAX];
        uint32_t id = (uint32_t) strtoul(strrchr(name, 't') + 1, NULL, 10);
        struct store_info info;
        struct store_get *g;
        bool whole;
        ssize_t n;

        assert_int_equal(store_get_open(s, name, NULL, &info, &g), 0);
        n = store_get_read(s, g, 0, data, sizeof(data));
        whole = n == (ssize_t) size_of(id);
        for (ssize_t i = 0; whole && i < n; i++)
                whole = data[i] == byte_of(id);
        store_get_close(s, g);
        return whole;
}

static int check_whole(const struct store_entry *entry, void *userdata) {
        return is_whole(userdata, entry->name) ? 0 : -EBADMSG;
}

static void assert_all_whole(struct store *s) {
        struct store_list list = {.is_deep = true};
        struct errmsg em = {};

        assert_ok(em, store_list(s, &list, check_whole, s, &em, NULL));
}

static void work_for_ever(const struct test_dir *t, uint32_t first_id, int fd) {
        struct store *s = open_store(t);

        for (uint32_t id = first_id;; id++) {
                char name[64];

                if (put(s, id) < 0 || write(fd, &id, sizeof(id)) != sizeof(id))
                        _exit(1);
                name_of(id - 3, name); /* an older one goes, and its directory perhaps */
                if (id % 3 == 0 && id >= first_id + 3 && store_delete(s, name, NULL) < 0)
                        _exit(2);
        }
}

/* What was acknowledged last is there unless its delete may have begun. */
static size_t check_acked(struct store *s, int fd) {
        uint32_t id, last = 0;
        size_t n = 0;
        char name[64];

        for (; read(fd, &id, sizeof(id)) == sizeof(id); n++)
                last = id;
        for (uint32_t i = 0; n > 3 && i < 3; i++) {
                struct store_info info;

                name_of(last - i, name);
                assert_int_equal(store_stat(s, name, NULL, &info), 0);
        }
        assert_all_whole(s);
        return n;
}

static void test_kills(void **state) {
        const char *rounds = getenv("ONEBOX_TEST_ROUNDS");
        int n_rounds = rounds ? atoi(rounds) : 10;
        struct test_dir *t = *state;
        size_t n_acked = 0;

        srandom(42);
        for (int round = 0; round < n_rounds; round++) {
                _cleanup_(store_freep) struct store *s = NULL;
                _cleanup_(str_free_listp) char **names = NULL;
                int fds[2], status;
                char staging[128];
                pid_t pid;

                assert_int_equal(pipe(fds), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        (void) close(fds[0]);
                        work_for_ever(t, (uint32_t) round * 100000 + 10, fds[1]);
                }
                (void) close(fds[1]);
                (void) usleep(20000 + (useconds_t) (random() % 100000)); /* a moment by chance */
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                s = open_store(t);
                n_acked += check_acked(s, fds[0]);
                (void) close(fds[0]);
                (void) snprintf(staging, sizeof(staging), "%s/.onebox-tmp", t->path);
                assert_int_equal(fileio_list(staging, NULL, &names), 0);
                assert_int_equal(str_count(names), 0); /* swept */
        }
        assert_true(n_acked > 0);
        print_message("# %d kills, %zu acknowledged objects\n", n_rounds, n_acked);
}

static int do_all(struct store *s) {
        int r = put(s, 26); /* another of the same name but first */

        if (r >= 0)
                r = store_copy(s, "dir2/sub5/object26", "copy/of/object26", NULL);
        if (r >= 0)
                r = store_delete(s, "copy/of/object26", NULL);
        if (r >= 0)
                r = store_delete_prefix(s, "dir2", NULL, NULL);
        return r;
}

static void test_failures_at_every_place(void **state) {
        static const enum fault_point points[] = {FAULT_ALLOC, FAULT_OPEN,   FAULT_WRITE,
                                                  FAULT_FSYNC, FAULT_RENAME, FAULT_UNLINK};
        struct test_dir *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(points); i++)
                for (unsigned nth = 1, failed = 1; failed; nth++) {
                        _cleanup_(store_freep) struct store *s = open_store(t);
                        int r;

                        fault_arm(points[i], nth, EIO, 1);
                        r = do_all(s);
                        failed = fault_count(points[i]) >= nth;
                        fault_reset();
                        assert_true(failed ? r <= 0 : r == 0);
                        assert_all_whole(s);
                        assert_int_equal(do_all(s), 0); /* all is well again */
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_kills),
                IN_DIR(test_failures_at_every_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
