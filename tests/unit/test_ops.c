/* The rows of ops.c as the kernel calls them: a bucket in memory mounted on a directory, looked at
 * with system calls, and what the kernel is told and asked: teller and forgetter_ask. */
#include "fuse-gcs/ops.h"

#define FUSE_USE_VERSION 314
#include <dirent.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>

#include "fuse-gcs/device.h"
#include "fuse-gcs/forgetter_ask.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/teller.h"
#include "fuse-gcs/workers.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

struct mounted {
        struct mount_test *t;
        struct fuse_session *session;
        struct workers *workers;
        char dir[32], path[64];
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool ended;
};

static void on_ended(void *ctx) {
        struct mounted *m = ctx;

        pthread_mutex_lock(&m->lock);
        m->ended = true;
        pthread_cond_signal(&m->changed);
        pthread_mutex_unlock(&m->lock);
}

static void mount_it(struct mounted *m) {
        const char *argv[] = {"test_ops", "-o", "fsname=test,default_permissions"};
        struct fuse_args args = FUSE_ARGS_INIT(3, (char **) argv);
        struct mnt *mnt = &m->t->m;

        m->session = fuse_session_new(&args, ops_table(), sizeof(*ops_table()), mnt);
        fuse_opt_free_args(&args);
        assert_non_null(m->session);
        assert_int_equal(fuse_session_mount(m->session, m->dir), 0);
        mnt->session = m->session;
        assert_int_equal(device_init(m->session), 0);
        assert_int_equal(teller_start(mnt, m->session), 0);
        assert_int_equal(workers_start(m->session, on_ended, m, &m->workers), 0);
}

static int setup_with(void **state, bool read_only) {
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        struct mounted *m;
        void *t;

        *state = NULL;
        if (fd < 0 || geteuid() != 0) {
                fileio_close(fd);
                return 0;
        }
        fileio_close(fd);
        m = mem_new(struct mounted);
        assert_non_null(m);
        assert_int_equal(mount_test_setup(&t), 0);
        m->t = t;
        m->t->m.o.read_only = read_only;
        pthread_mutex_init(&m->lock, NULL);
        pthread_cond_init(&m->changed, NULL);
        strcpy(m->dir, "/tmp/onebox-ops-XXXXXX");
        assert_non_null(mkdtemp(m->dir));
        mount_it(m);
        *state = m;
        return 0;
}

static int setup(void **state) {
        return setup_with(state, false);
}

static int setup_read_only(void **state) {
        return setup_with(state, true);
}

static int teardown(void **state) {
        struct mounted *m = *state;
        void *t;

        if (!m)
                return 0;
        teller_stop(&m->t->m);
        fuse_session_unmount(m->session);
        pthread_mutex_lock(&m->lock);
        while (!m->ended)
                pthread_cond_wait(&m->changed, &m->lock);
        pthread_mutex_unlock(&m->lock);
        m->workers = workers_free(m->workers);
        device_done();
        fuse_session_destroy(m->session);
        rmdir(m->dir);
        t = m->t;
        mount_test_teardown(&t);
        pthread_cond_destroy(&m->changed);
        pthread_mutex_destroy(&m->lock);
        mem_free(m);
        return 0;
}

#define skip_without(m)         \
        do {                    \
                if (!(m))       \
                        skip(); \
        } while (0)

static const char *at(struct mounted *m, const char *name) {
        snprintf(m->path, sizeof(m->path), "%s/%s", m->dir, name);
        return m->path;
}

/* The bucket, while the mount may be at it. */
static void put_object(struct mounted *m, const char *name, const char *data) {
        pthread_mutex_lock(&m->t->bucket.lock);
        mount_test_bucket_put(&m->t->bucket, name, data);
        pthread_mutex_unlock(&m->t->bucket.lock);
}

static bool has_object(struct mounted *m, const char *name) {
        bool has;

        pthread_mutex_lock(&m->t->bucket.lock);
        has = mount_test_bucket_get(&m->t->bucket, name);
        pthread_mutex_unlock(&m->t->bucket.lock);
        return has;
}

static void assert_object(struct mounted *m, const char *name, const char *data) {
        pthread_mutex_lock(&m->t->bucket.lock);
        mount_test_bucket_assert(&m->t->bucket, name, data);
        pthread_mutex_unlock(&m->t->bucket.lock);
}

static void write_file(struct mounted *m, const char *name, const char *text) {
        int fd = open(at(m, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        assert_int_equal(close(fd), 0);
}

static void assert_reads(struct mounted *m, const char *name, const char *text) {
        char got[64] = {};
        int fd = open(at(m, name), O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
        assert_string_equal(got, text);
        assert_int_equal(close(fd), 0);
}

static void test_files(void **state) {
        struct mounted *m = *state;
        struct timespec times[2] = {{1700000000, 0}, {1700000000, 7}};
        struct stat st;

        skip_without(m);
        write_file(m, "f", "hello");
        assert_object(m, "f", "hello");
        assert_reads(m, "f", "hello");
        assert_int_equal(stat(at(m, "f"), &st), 0);
        assert_true(S_ISREG(st.st_mode) && st.st_size == 5 && (st.st_mode & 0777) == 0644);
        assert_int_equal(truncate(at(m, "f"), 2), 0);
        assert_object(m, "f", "he");
        assert_int_equal(utimensat(AT_FDCWD, at(m, "f"), times, 0), 0);
        assert_int_equal(stat(at(m, "f"), &st), 0);
        assert_true(st.st_mtim.tv_sec == 1700000000 && st.st_mtim.tv_nsec == 7);
        assert_int_equal(unlink(at(m, "f")), 0);
        assert_false(has_object(m, "f"));
        assert_true(stat(at(m, "f"), &st) < 0 && errno == ENOENT);
}

static void test_fsync_commits_and_errors_are_said(void **state) {
        struct mounted *m = *state;
        int fd;

        skip_without(m);
        fd = open(at(m, "f"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        assert_int_equal(write(fd, "one", 3), 3);
        assert_false(has_object(m, "f"));
        assert_int_equal(fsync(fd), 0);
        assert_object(m, "f", "one");
        assert_int_equal(write(fd, "two", 3), 3);
        pthread_mutex_lock(&m->t->bucket.lock);
        m->t->bucket.fault = (struct mount_test_fault){.verb = GCS_INSERT, .status = 403, .n = 1};
        pthread_mutex_unlock(&m->t->bucket.lock);
        assert_true(fsync(fd) < 0 && errno == EACCES);
        assert_int_equal(close(fd), 0); /* tried again, and it went well */
        assert_object(m, "f", "onetwo");
        assert_true(open(at(m, "f"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) < 0);
        assert_int_equal(errno, EEXIST);
}

static void test_names(void **state) {
        struct mounted *m = *state;
        char target[64] = {}, to[64];
        struct stat st;

        skip_without(m);
        assert_int_equal(mkdir(at(m, "d"), 0755), 0);
        assert_true(has_object(m, "d/"));
        write_file(m, "d/a", "x");
        assert_true(rmdir(at(m, "d")) < 0 && errno == ENOTEMPTY);
        snprintf(to, sizeof(to), "%s/d/b", m->dir);
        assert_int_equal(rename(at(m, "d/a"), to), 0);
        assert_object(m, "d/b", "x");
        assert_int_equal(symlink("b", at(m, "d/l")), 0);
        assert_int_equal(readlink(at(m, "d/l"), target, sizeof(target) - 1), 1);
        assert_string_equal(target, "b");
        assert_true(link(to, at(m, "hard")) < 0);
        assert_int_equal(mknod(at(m, "d/n"), S_IFREG | 0644, 0), 0);
        assert_int_equal(stat(at(m, "d/n"), &st), 0);
        assert_int_equal(st.st_size, 0);
        snprintf(to, sizeof(to), "%s/e", m->dir);
        assert_int_equal(rename(at(m, "d"), to), 0);
        assert_reads(m, "e/b", "x");
        assert_true(stat(at(m, "d/b"), &st) < 0 && errno == ENOENT);
}

static size_t count(struct mounted *m, const char *name, bool ask) {
        DIR *d = opendir(at(m, name));
        const struct dirent *e;
        struct stat st;
        size_t n = 0;

        assert_non_null(d);
        while ((e = readdir(d)))
                if (e->d_name[0] != '.') {
                        n++;
                        if (ask)
                                assert_int_equal(fstatat(dirfd(d), e->d_name, &st, 0), 0);
                }
        closedir(d);
        return n;
}

static size_t n_inodes(struct mounted *m) {
        size_t n;

        pthread_mutex_lock(&m->t->m.tree);
        n = m->t->m.n_inodes;
        pthread_mutex_unlock(&m->t->m.tree);
        return n;
}

/* It goes by a message from the kernel: however long that takes, the harness ends what hangs. */
static void wait_for_inodes(struct mounted *m, size_t n_max) {
        while (n_inodes(m) > n_max)
                usleep(1000);
}

/* Names are looked up, and the real kernel is asked to let go of them, in each of the three ways.
 */
static void test_directories_and_forgetting(void **state) {
        struct mounted *m = *state;
        struct forgetter_ask ask;
        uint64_t inos[300];
        size_t n = 0;
        char name[16];

        skip_without(m);
        for (unsigned k = 0; k < 300; k++) {
                snprintf(name, sizeof(name), "d/f%03u", k);
                put_object(m, name, "x");
        }
        forgetter_ask_init(&ask, m->session, m->dir);
        assert_true(ask.dev != 0);
        assert_int_equal(count(m, "d", true), 300);
        assert_int_equal(n_inodes(m), 302);
        pthread_mutex_lock(&m->t->m.tree);
        for (size_t s = 0; s < m->t->m.n_inode_slots; s++)
                for (struct inode *i = m->t->m.inodes[s]; i; i = i->next_in_slot)
                        if (!i->is_dir && n < 300)
                                inos[n++] = (uint64_t) (uintptr_t) i;
        pthread_mutex_unlock(&m->t->m.tree);
        /* By number, where the kernel knows how. */
        if (ask.kernel.prune(ask.kernel.ctx, inos, n) == 0)
                wait_for_inodes(m, 2);
        assert_int_equal(count(m, "d", true), 300);
        assert_int_equal(n_inodes(m), 302);
        /* By name. */
        pthread_mutex_lock(&m->t->m.tree);
        inos[0] = (uint64_t) (uintptr_t) inode_find(&m->t->m, "d/");
        pthread_mutex_unlock(&m->t->m.tree);
        assert_int_equal(ask.kernel.drop(ask.kernel.ctx, inos[0], "f007"), 0);
        wait_for_inodes(m, 301);
        /* All at once. */
        assert_int_equal(ask.kernel.shrink(ask.kernel.ctx), 0);
        wait_for_inodes(m, 2);
        assert_reads(m, "d/f007", "x");
}

/* What is open is not let go of. */
static void test_open_files_stay(void **state) {
        struct mounted *m = *state;
        struct forgetter_ask ask;
        char got[8] = {};
        int fd;

        skip_without(m);
        put_object(m, "open", "x");
        put_object(m, "other", "x");
        fd = open(at(m, "open"), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_reads(m, "other", "x");
        forgetter_ask_init(&ask, m->session, m->dir);
        assert_int_equal(ask.kernel.shrink(ask.kernel.ctx), 0);
        wait_for_inodes(m, 2);
        assert_int_equal(pread(fd, got, sizeof(got), 0), 1);
        close(fd);
}

/* The kernel's pages of a file go when it is told that they are another content's. */
static void test_teller(void **state) {
        struct mounted *m = *state;
        struct inode *i;

        skip_without(m);
        put_object(m, "f", "old");
        assert_reads(m, "f", "old");
        pthread_mutex_lock(&m->t->m.tree);
        i = inode_find(&m->t->m, "f");
        pthread_mutex_unlock(&m->t->m.tree);
        assert_non_null(i);
        for (unsigned k = 0; k < 1000; k++) /* more than it remembers */
                teller_content(&m->t->m, i);
        assert_reads(m, "f", "old");
}

static void test_read_only(void **state) {
        struct mounted *m = *state;

        skip_without(m);
        put_object(m, "f", "x");
        assert_true(mkdir(at(m, "d"), 0755) < 0 && errno == EROFS);
        assert_true(unlink(at(m, "f")) < 0 && errno == EROFS);
        assert_true(open(at(m, "new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644) < 0);
        assert_int_equal(errno, EROFS);
        assert_reads(m, "f", "x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_fsync_commits_and_errors_are_said, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_names, setup, teardown),
                cmocka_unit_test_setup_teardown(test_directories_and_forgetting, setup, teardown),
                cmocka_unit_test_setup_teardown(test_open_files_stay, setup, teardown),
                cmocka_unit_test_setup_teardown(test_teller, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read_only, setup_read_only, teardown),
        };

        return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
