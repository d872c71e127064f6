/* Who has not read from one look to the next rests, once; who reads on, or never read, does not. */
#include "fuse-gcs/resting.h"

#include "fuse-gcs/handle.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/reader.h"
#include "tests/unit/mount_test_bucket.h"

static struct handle *open_file(struct mount_test *t, const char *path) {
        struct attrs *a = NULL;
        struct handle *h;
        struct inode *i;

        assert_int_equal(lookup_object(&t->m, path, &a), 0);
        pthread_mutex_lock(&t->m.tree);
        assert_int_equal(inode_get(&t->m, path, a, USEC_INFINITY, &i), 0);
        h = handle_new(&t->m, i, false, false);
        pthread_mutex_unlock(&t->m.tree);
        attrs_unref(a);
        return h;
}

static void read_at(struct mount_test *t, struct handle *h, uint64_t offset) {
        _cleanup_reply_ struct reader_reply reply = {.m = &t->m};

        assert_int_equal(reader_read(&t->m, h, offset, 2, &reply), 0);
        assert_int_equal(reply.n_bytes, 2);
}

static void test_rests(void **state) {
        struct mount_test *t = *state;
        struct handle *reads, *rests, *never;

        mount_test_bucket_put(&t->bucket, "f", "0123456789");
        reads = open_file(t, "f");
        rests = open_file(t, "f");
        never = open_file(t, "f");
        read_at(t, reads, 0);
        read_at(t, rests, 0);
        assert_int_equal(resting_look(&t->m), 0);
        read_at(t, reads, 2);
        assert_int_equal(resting_look(&t->m), 1);
        assert_int_equal(rests->prefetch.n_reads, 0);
        assert_int_equal(rests->prefetch.streams[0].used, 0);
        assert_int_equal(reads->prefetch.n_reads, 2);
        assert_int_equal(never->prefetch.n_reads, 0);
        /* Said once. */
        assert_int_equal(resting_look(&t->m), 1);
        assert_int_equal(resting_look(&t->m), 0);
        /* It goes on as if nothing had been. */
        read_at(t, rests, 8);
        assert_int_equal(resting_look(&t->m), 0);
        assert_int_equal(resting_look(&t->m), 1);
        pthread_mutex_lock(&t->m.tree);
        handle_free_all(&t->m);
        pthread_mutex_unlock(&t->m.tree);
        assert_int_equal(resting_look(&t->m), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_rests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
