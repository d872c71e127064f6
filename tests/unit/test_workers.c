/* workers and device: a file system of one file whose reads wait until they are let go, mounted on
 * a directory. Every request must be answered, also when the mount is taken away meanwhile. */
#include "fuse-gcs/workers.h"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "fuse-gcs/device.h"
#include "tests/unit/base_test.h"

#define N_READERS 40 /* more than wait when nothing is to be done, fewer than WORKERS_MAX */
#define N_BYTES 4096 /* of each reader's part */

struct mounted {
        struct fuse_session *session;
        struct workers *workers;
        char dir[32], file[48];
        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned n_waiting; /* reads that are held */
        bool go, ended;
};

static void answer_attr(struct stat *st, fuse_ino_t ino) {
        *st = (struct stat){.st_ino = ino, .st_nlink = 1};
        st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
        st->st_size = ino == FUSE_ROOT_ID ? 0 : N_READERS * N_BYTES;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
        struct fuse_entry_param e = {.ino = 2};

        answer_attr(&e.attr, 2);
        fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct stat st;

        answer_attr(&st, ino);
        fuse_reply_attr(req, &st, 0);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        fi->direct_io = 1;
        fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
                    struct fuse_file_info *fi) {
        struct mounted *m = fuse_req_userdata(req);
        char data[N_BYTES];

        pthread_mutex_lock(&m->lock);
        m->n_waiting++;
        pthread_cond_broadcast(&m->changed);
        while (!m->go)
                pthread_cond_wait(&m->changed, &m->lock);
        pthread_mutex_unlock(&m->lock);
        memset(data, 'a' + (int) (at / N_BYTES) % 26, sizeof(data));
        fuse_reply_buf(req, data, MIN(size, sizeof(data)));
}

static void on_ended(void *ctx) {
        struct mounted *m = ctx;

        pthread_mutex_lock(&m->lock);
        m->ended = true;
        pthread_cond_broadcast(&m->changed);
        pthread_mutex_unlock(&m->lock);
}

static void on_signal(int signo) {
}

static int setup(void **state) {
        static const struct fuse_lowlevel_ops ops = {
                .lookup = on_lookup, .getattr = on_getattr, .open = on_open, .read = on_read};
        static const char *argv[] = {"test", "-o", "fsname=test"};
        struct fuse_args args = FUSE_ARGS_INIT(3, (char **) argv);
        struct sigaction act = {.sa_handler = on_signal};
        struct mounted *m;
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        if (fd < 0 || geteuid() != 0) {
                fileio_close(fd);
                *state = NULL;
                return 0;
        }
        fileio_close(fd);
        m = calloc(1, sizeof(*m));
        assert_non_null(m);
        pthread_mutex_init(&m->lock, NULL);
        pthread_cond_init(&m->changed, NULL);
        strcpy(m->dir, "/tmp/onebox-workers-XXXXXX");
        assert_non_null(mkdtemp(m->dir));
        snprintf(m->file, sizeof(m->file), "%s/file", m->dir);
        /* Without SA_RESTART: what is interrupted is told to the file system. */
        assert_int_equal(sigaction(SIGUSR2, &act, NULL), 0);
        m->session = fuse_session_new(&args, &ops, sizeof(ops), m);
        fuse_opt_free_args(&args);
        assert_non_null(m->session);
        assert_int_equal(fuse_session_mount(m->session, m->dir), 0);
        assert_int_equal(device_init(m->session), 0);
        assert_int_equal(workers_start(m->session, on_ended, m, &m->workers), 0);
        *state = m;
        return 0;
}

static int teardown(void **state) {
        struct mounted *m = *state;

        if (!m)
                return 0;
        fuse_session_unmount(m->session);
        pthread_mutex_lock(&m->lock);
        while (!m->ended)
                pthread_cond_wait(&m->changed, &m->lock);
        pthread_mutex_unlock(&m->lock);
        m->workers = workers_free(m->workers);
        device_done();
        fuse_session_destroy(m->session);
        rmdir(m->dir);
        pthread_cond_destroy(&m->changed);
        pthread_mutex_destroy(&m->lock);
        free(m);
        return 0;
}

struct reader {
        pthread_t thread;
        int fd;
        off_t at;
        ssize_t got;
        int error;
        char data[N_BYTES];
};

static void *reader_main(void *ctx) {
        struct reader *r = ctx;

        r->got = pread(r->fd, r->data, sizeof(r->data), r->at);
        r->error = r->got < 0 ? errno : 0;
        return NULL;
}

/* Readers whose reads are all with the file system. */
static void readers_begin(struct mounted *m, struct reader *r, size_t n) {
        for (size_t i = 0; i < n; i++) {
                r[i] = (struct reader){.at = (off_t) (i * N_BYTES)};
                r[i].fd = open(m->file, O_RDONLY | O_CLOEXEC);
                assert_true(r[i].fd >= 0);
                assert_int_equal(pthread_create(&r[i].thread, NULL, reader_main, &r[i]), 0);
        }
        pthread_mutex_lock(&m->lock);
        while (m->n_waiting < n)
                pthread_cond_wait(&m->changed, &m->lock);
        pthread_mutex_unlock(&m->lock);
}

static void let_go(struct mounted *m) {
        pthread_mutex_lock(&m->lock);
        m->go = true;
        pthread_cond_broadcast(&m->changed);
        pthread_mutex_unlock(&m->lock);
}

static void readers_end(struct reader *r, size_t n, bool may_be_interrupted) {
        for (size_t i = 0; i < n; i++) {
                pthread_join(r[i].thread, NULL);
                close(r[i].fd);
                if (may_be_interrupted && r[i].error == EINTR)
                        continue;
                assert_int_equal(r[i].error, 0);
                assert_int_equal(r[i].got, N_BYTES);
                assert_int_equal(r[i].data[0], 'a' + (int) (i % 26));
                assert_int_equal(r[i].data[N_BYTES - 1], 'a' + (int) (i % 26));
        }
}

static void test_many(void **state) {
        struct reader *r = calloc(N_READERS, sizeof(*r));

        assert_non_null(r);
        if (*state) {
                readers_begin(*state, r, N_READERS);
                let_go(*state);
                readers_end(r, N_READERS, false);
        }
        free(r);
        if (!*state)
                skip();
}

/* What is being worked on when the mount is taken away is answered all the same. */
static void test_unmounted_meanwhile(void **state) {
        struct reader *r = calloc(N_READERS, sizeof(*r));
        int others[8];

        assert_non_null(r);
        if (*state) {
                struct mounted *m = *state;

                readers_begin(m, r, N_READERS);
                fuse_session_unmount(m->session);
                /* Whoever gets the number of the session's descriptor must not get the answers. */
                for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                        others[i] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
                let_go(m);
                readers_end(r, N_READERS, false);
                for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                        struct stat st;

                        assert_int_equal(fstat(others[i], &st), 0);
                        assert_int_equal(st.st_size, 0);
                        close(others[i]);
                }
        }
        free(r);
        if (!*state)
                skip();
}

/* The callers are interrupted: the kernel says so and waits for the answers. */
static void test_interrupted(void **state) {
        struct reader *r = calloc(N_READERS, sizeof(*r));

        assert_non_null(r);
        if (*state) {
                readers_begin(*state, r, N_READERS);
                for (unsigned round = 0; round < 5; round++)
                        for (size_t i = 0; i < N_READERS; i++)
                                pthread_kill(r[i].thread, SIGUSR2);
                let_go(*state);
                readers_end(r, N_READERS, true);
        }
        free(r);
        if (!*state)
                skip();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_many, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unmounted_meanwhile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
        };

        return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
