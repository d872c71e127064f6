/* What readers get, also when the bytes are wrong on their way: reader.c over block_fetch.c,
 * sums.c. */
#include "fuse-gcs/reader.h"

#include "fuse-gcs/lookup.h"
#include "fuse-gcs/small_files.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

#define LARGE ((size_t) 3 << 20)

static char *pattern(size_t n) {
        char *data = mem_alloc(n + 1);

        for (size_t k = 0; k < n; k++)
                data[k] = (char) ('a' + k / 1000 % 20);
        data[n] = 0;
        return data;
}

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

static void close_file(struct mount_test *t, struct handle *h) {
        pthread_mutex_lock(&t->m.tree);
        handle_free(&t->m, h);
        pthread_mutex_unlock(&t->m.tree);
}

/* All of it in pieces: 0, or the first error. */
static int read_all(struct mount_test *t, struct handle *h, const char *want, size_t n) {
        size_t at = 0;

        while (at < n) {
                _cleanup_reply_ struct reader_reply reply = {.m = &t->m};
                size_t before = at;
                int r = reader_read(&t->m, h, at, 128 << 10, &reply);

                if (r < 0)
                        return r;
                for (int i = 0; i < reply.n; i++) {
                        if (want)
                                assert_memory_equal(reply.iov[i].iov_base, want + at,
                                                    reply.iov[i].iov_len);
                        at += reply.iov[i].iov_len;
                }
                assert_true(at > before);
        }
        return 0;
}

static void test_right(void **state) {
        struct mount_test *t = *state;
        char *data = pattern(LARGE);
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "f", data);
        h = open_file(t, "f");
        assert_int_equal(read_all(t, h, data, LARGE), 0);
        close_file(t, h);
        mem_free(data);
}

/* Small: nobody sees a wrong byte; it is asked for again as often as that is sensible. */
static void test_small_wrong(void **state) {
        struct mount_test *t = *state;
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "f", "hello");
        h = open_file(t, "f");
        mount_test_bucket_get(&t->bucket, "f")->data[1] ^= 1;
        mount_test_bucket_forget_calls(&t->bucket);
        assert_int_equal(read_all(t, h, NULL, 5), -EIO);
        assert_in_range(t->bucket.n_calls[GCS_READ], 2, 8);
        mount_test_bucket_get(&t->bucket, "f")->data[1] ^= 1;
        assert_int_equal(read_all(t, h, "hello", 5), 0);
        close_file(t, h);
}

/* Large: those who have it open are told, and go on being told; who opens it now gets it anew. */
static void test_large_wrong(void **state) {
        struct mount_test *t = *state;
        char *data = pattern(LARGE);
        struct handle *h, *other, *later;

        mount_test_bucket_put(&t->bucket, "f", data);
        h = open_file(t, "f");
        other = open_file(t, "f");
        mount_test_bucket_get(&t->bucket, "f")->data[1000] ^= 1;
        assert_int_equal(read_all(t, h, NULL, LARGE), -EIO);
        mount_test_bucket_get(&t->bucket, "f")->data[1000] ^= 1;
        assert_int_equal(read_all(t, h, NULL, LARGE), -EIO);
        assert_int_equal(read_all(t, other, NULL, LARGE), -EIO);
        later = open_file(t, "f");
        assert_int_equal(read_all(t, later, data, LARGE), 0);
        close_file(t, h);
        close_file(t, other);
        close_file(t, later);
        mem_free(data);
}

/* Large reads here and there take the same memory again; small ones leave what is around them. */
static void test_lone_reads(void **state) {
        struct mount_test *t = *state;
        char *data = pattern(24 << 20);
        size_t sizes[] = {96 << 10, 4096};
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "f", data);
        for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
                struct block_cache_stats stats;

                h = open_file(t, "f");
                for (uint64_t at = 22 << 20; at > 0; at -= 2 << 20) {
                        _cleanup_reply_ struct reader_reply reply = {.m = &t->m};

                        assert_int_equal(reader_read(&t->m, h, at, sizes[k], &reply), 0);
                        assert_int_equal(reply.n_bytes, sizes[k]);
                        assert_memory_equal(reply.iov[0].iov_base, data + at, 1000);
                }
                block_cache_stats_get(t->m.blocks, &stats);
                if (k == 0)
                        assert_int_equal(stats.n_bytes, BLOCK_CACHE_SIZE);
                else
                        assert_int_equal(stats.n_bytes, 11 * BLOCK_CACHE_SIZE);
                close_file(t, h);
        }
        mem_free(data);
}

/* The second small file of a directory brings those behind it along. */
static void test_small_files(void **state) {
        struct mount_test *t = *state;
        struct handle *h[3];
        char name[16];

        for (int i = 0; i < 6; i++) {
                snprintf(name, sizeof(name), "d/f%d", i);
                mount_test_bucket_put(&t->bucket, name, "text");
        }
        /* Lists the directory. */
        for (int i = 0; i < 2; i++) {
                _cleanup_found_ struct lookup_found f = {};

                assert_int_equal(lookup_name(&t->m, "d/", i ? "f1" : "f0", &f), 0);
        }
        mount_test_bucket_forget_calls(&t->bucket);
        for (int i = 0; i < 3; i++) {
                snprintf(name, sizeof(name), "d/f%d", i);
                h[i] = open_file(t, name);
                small_files_opened(&t->m, h[i]->inode);
                assert_int_equal(read_all(t, h[i], "text", 4), 0);
                /* f0; then f2 … f5 beside f1; then none. */
                assert_int_equal(t->bucket.n_calls[GCS_READ], i == 0 ? 1 : 6);
        }
        for (int i = 0; i < 3; i++)
                close_file(t, h[i]);
}

/* What nobody closed goes with the mount. */
static void test_left_open(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "f", "hello");
        assert_int_equal(read_all(t, open_file(t, "f"), "hello", 5), 0);
        assert_non_null(t->m.handles);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_right),       mount_test_case(test_small_wrong),
                mount_test_case(test_large_wrong), mount_test_case(test_lone_reads),
                mount_test_case(test_small_files), mount_test_case(test_left_open),
        };

        return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
