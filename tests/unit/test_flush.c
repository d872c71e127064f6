/* All that is being written goes to the bucket, or is counted as what did not. */
#include "fuse-gcs/flush.h"

#include <errno.h>

#include "fuse-gcs/closing.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/writer.h"
#include "tests/unit/mount_test_bucket.h"

static struct inode *write_file(struct mount_test *t, const char *name, const char *text) {
        struct inode *i;

        assert_int_equal(entries_create(&t->m, "", name, &i), 0);
        pthread_mutex_lock(&i->lock);
        assert_int_equal(writer_write(&t->m, i, 0, text, strlen(text)), 0);
        pthread_mutex_unlock(&i->lock);
        return i;
}

static void assert_flushed(struct mount_test *t, usec_t until_at, size_t n_good, size_t n_failed) {
        struct flush_result f;

        assert_int_equal(flush_all(&t->m, until_at, &f), 0);
        assert_int_equal(f.n_good, n_good);
        assert_int_equal(f.n_failed, n_failed);
}

static void test_all(void **state) {
        struct mount_test *t = *state;
        char name[16];

        assert_flushed(t, USEC_INFINITY, 0, 0);
        for (unsigned k = 0; k < 20; k++) {
                snprintf(name, sizeof(name), "f%u", k);
                (void) write_file(t, name, name);
        }
        assert_flushed(t, USEC_INFINITY, 20, 0);
        for (unsigned k = 0; k < 20; k++) {
                snprintf(name, sizeof(name), "f%u", k);
                mount_test_bucket_assert(&t->bucket, name, name);
        }
        /* Nothing is left to be written. */
        mount_test_bucket_forget_calls(&t->bucket);
        assert_flushed(t, USEC_INFINITY, 0, 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
}

/* Uploads wait here for one another. */
struct meeting {
        struct remote remote;
        struct mount_test_bucket *bucket;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned n_here, n_wanted;
};

static int meet(struct remote *r, struct gcs_request *q) {
        struct meeting *at = container_of(r, struct meeting, remote);
        struct timespec until_at;
        int late = 0;

        clock_gettime(CLOCK_REALTIME, &until_at);
        until_at.tv_sec += 60;
        pthread_mutex_lock(&at->lock);
        at->n_here += q->verb == GCS_INSERT;
        pthread_cond_broadcast(&at->changed);
        while (q->verb == GCS_INSERT && at->n_here < at->n_wanted && late == 0)
                late = pthread_cond_timedwait(&at->changed, &at->lock, &until_at);
        pthread_mutex_unlock(&at->lock);
        assert_int_equal(late, 0);
        return remote_start(&at->bucket->remote, q);
}

/* One that waits for the network holds up no other. */
static void test_several_at_once(void **state) {
        static const struct remote_ops ops = {.start = meet};
        struct mount_test *t = *state;
        struct meeting at = {.remote.ops = &ops,
                             .bucket = &t->bucket,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER,
                             .n_wanted = 8};
        char name[16];

        for (unsigned k = 0; k < at.n_wanted; k++) {
                snprintf(name, sizeof(name), "f%u", k);
                (void) write_file(t, name, name);
        }
        t->m.remote = &at.remote;
        assert_flushed(t, USEC_INFINITY, at.n_wanted, 0);
        assert_int_equal(at.n_here, at.n_wanted);
}

static void test_one_that_fails_is_not_all(void **state) {
        struct mount_test *t = *state;
        struct inode *bad = write_file(t, "a", "a"), *good = write_file(t, "b", "b");

        t->bucket.fault = (struct mount_test_fault){.verb = GCS_INSERT, .status = 403, .n = 1};
        assert_flushed(t, USEC_INFINITY, 1, 1);
        assert_true(bad->is_dirty != good->is_dirty);
        /* It is still here, and goes the next time. */
        assert_flushed(t, USEC_INFINITY, 1, 0);
        mount_test_bucket_assert(&t->bucket, "a", "a");
        mount_test_bucket_assert(&t->bucket, "b", "b");
}

static void test_who_is_busy_is_waited_for_until_it_is_late(void **state) {
        struct mount_test *t = *state;
        struct inode *busy = write_file(t, "busy", "x");

        (void) write_file(t, "free", "x");
        pthread_mutex_lock(&busy->lock);
        assert_flushed(t, mnt_now() + USEC_PER_SEC / 4, 1, 1);
        pthread_mutex_unlock(&busy->lock);
        assert_null(mount_test_bucket_get(&t->bucket, "busy"));
        assert_true(busy->is_dirty);
        assert_flushed(t, USEC_INFINITY, 1, 0);
}

static void test_what_a_close_was_refused_stays_away(void **state) {
        struct mount_test *t = *state;
        struct inode *i = write_file(t, "f", "x");

        t->bucket.fault = (struct mount_test_fault){.verb = GCS_INSERT, .status = 403, .n = 1};
        assert_int_equal(closing_flush(&t->m, i), -EACCES);
        mount_test_bucket_forget_calls(&t->bucket);
        assert_flushed(t, USEC_INFINITY, 0, 1);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        /* What is written after it is tried. */
        pthread_mutex_lock(&i->lock);
        assert_int_equal(writer_write(&t->m, i, 1, "y", 1), 0);
        pthread_mutex_unlock(&i->lock);
        assert_flushed(t, USEC_INFINITY, 1, 0);
        mount_test_bucket_assert(&t->bucket, "f", "xy");
}

static void test_nothing_is_begun_too_late(void **state) {
        struct mount_test *t = *state;

        (void) write_file(t, "f", "x");
        assert_flushed(t, mnt_now() - 1, 0, 1);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
}

/* The one reference that it takes goes again: a file that is forgotten meanwhile is freed by it. */
static void test_references(void **state) {
        struct mount_test *t = *state;
        struct inode *i = write_file(t, "f", "x");
        uint64_t n = i->n_lookup;

        assert_flushed(t, USEC_INFINITY, 1, 0);
        assert_int_equal(i->n_lookup, n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_all),
                mount_test_case(test_several_at_once),
                mount_test_case(test_one_that_fails_is_not_all),
                mount_test_case(test_who_is_busy_is_waited_for_until_it_is_late),
                mount_test_case(test_what_a_close_was_refused_stays_away),
                mount_test_case(test_nothing_is_begun_too_late),
                mount_test_case(test_references),
        };

        return cmocka_run_group_tests_name("flush", tests, NULL, NULL);
}
