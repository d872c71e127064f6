/* Blocks by the ways they come: received by who wants them, by a thread of the pool, and what is
 * left of either by the remote's loop. */
#include "fuse-gcs/block_fetch.h"

#include <errno.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/reader.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

#define LARGE ((size_t) 3 << 20)

/* A remote whose reads bring n_direct bytes, then say what is to be said. */
static struct way {
        struct remote remote;
        struct mount_test_bucket *bucket;
        pthread_mutex_t lock; /* the bucket in memory is for one thread */
        uint64_t n_direct;
        int then; /* when that was not all */
        unsigned n_reads, n_starts;
        bool flips;                 /* a bit of what it brings */
        struct block_fetch *inside; /* made when all came of another one, before that ends */
} way;

static int way_read(struct remote *r, struct gcs_request *q, const struct gcs_direct_sink *sink) {
        const char *data = mount_test_bucket_get(way.bucket, q->name)->data;
        uint64_t left = MIN(q->length, way.n_direct);
        bool all = left == q->length;
        int x = 0;

        pthread_mutex_lock(&way.lock);
        way.n_reads++;
        pthread_mutex_unlock(&way.lock);
        while (left > 0 && x >= 0) {
                struct iovec v[GCS_DIRECT_PIECES];
                size_t n_rooms = sink->rooms(sink->ctx, v, ARRAY_SIZE(v)), n = 0, part;

                assert_true(n_rooms > 0);
                for (size_t i = 0; i < n_rooms && n < 200000 && left > n; i++, n += part) {
                        part = MIN(MIN(v[i].iov_len, (size_t) left - n), (size_t) 200000 - n);
                        memcpy(v[i].iov_base, data + q->offset + n, part);
                }
                if (way.flips)
                        ((char *) v[0].iov_base)[0] ^= 1;
                x = sink->took(sink->ctx, n);
                q->offset += n;
                q->length -= n;
                left -= n;
        }
        if (way.inside) {
                struct block_fetch *inside = way.inside;

                way.inside = NULL;
                way.flips = true;
                block_fetch_go(inside);
                way.flips = false;
        }
        return x < 0 ? x : all ? 0 : way.then;
}

static int way_start(struct remote *r, struct gcs_request *q) {
        int x;

        pthread_mutex_lock(&way.lock);
        way.n_starts++;
        x = remote_start(&way.bucket->remote, q);
        pthread_mutex_unlock(&way.lock);
        return x;
}

static int setup(void **state) {
        static const struct remote_ops ops = {.start = way_start, .read = way_read};
        struct mount_test *t;

        assert_int_equal(mount_test_setup(state), 0);
        t = *state;
        way = (struct way){.remote.ops = &ops, .bucket = &t->bucket, .n_direct = UINT64_MAX};
        pthread_mutex_init(&way.lock, NULL);
        return 0;
}

static char *put(struct mount_test *t, const char *name, size_t n) {
        char *data = mem_alloc(n + 1);

        for (size_t k = 0; k < n; k++)
                data[k] = (char) ('a' + k / 777 % 23);
        data[n] = 0;
        mount_test_bucket_put(&t->bucket, name, data);
        return data;
}

static void source(struct mount_test *t, const char *name, struct block_fetch_source *ret) {
        struct attrs *a = NULL;

        t->m.remote = &t->bucket.remote;
        assert_int_equal(lookup_object(&t->m, name, &a), 0);
        block_fetch_source_init(ret, name, a);
        attrs_unref(a);
        t->m.remote = &way.remote;
        way.n_reads = way.n_starts = 0;
}

static int read_back(struct mount_test *t, const struct block_fetch_source *s, const char *want,
                     size_t n) {
        struct prefetch p = {};
        char *data = mem_alloc(n);
        ssize_t k = reader_copy(&t->m, s, &p, 0, data, n);

        if (k >= 0) {
                assert_int_equal(k, n);
                assert_memory_equal(data, want, n);
        }
        mem_free(data);
        return k < 0 ? (int) k : 0;
}

static void forget(struct mount_test *t, const struct block_fetch_source *s) {
        block_fetch_drain(&t->m);
        block_cache_drop(t->m.blocks, s->content, s->size / BLOCK_CACHE_SIZE + 1);
}

static void test_direct(void **state) {
        struct mount_test *t = *state;
        char *large = put(t, "large", LARGE), *small = put(t, "small", 300000);
        struct block_fetch_source s;

        source(t, "large", &s);
        assert_int_equal(read_back(t, &s, large, LARGE), 0);
        assert_int_equal(way.n_reads, 1); /* all of it is wanted */
        assert_int_equal(way.n_starts, 0);
        source(t, "small", &s);
        assert_int_equal(read_back(t, &s, small, 300000), 0);
        assert_int_equal(way.n_reads, 1);
        assert_int_equal(way.n_starts, 0);
        mem_free(large);
        mem_free(small);
}

/* What did not come is asked for, and nothing else. */
static void test_the_rest(void **state) {
        struct mount_test *t = *state;
        char *large = put(t, "large", LARGE), *small = put(t, "small", 300000);
        static const uint64_t n_direct[] = {0, 1, 100000, 131072, 200001};
        struct block_fetch_source s;

        way.then = 1;
        for (size_t i = 0; i < ARRAY_SIZE(n_direct); i++) {
                way.n_direct = n_direct[i];
                source(t, "large", &s);
                assert_int_equal(read_back(t, &s, large, LARGE), 0);
                assert_int_equal(way.n_starts, way.n_reads);
                forget(t, &s);
                source(t, "small", &s);
                assert_int_equal(read_back(t, &s, small, 300000), 0);
                assert_int_equal(way.n_starts, 1);
                forget(t, &s);
        }
        mem_free(large);
        mem_free(small);
}

static void test_wrong(void **state) {
        struct mount_test *t = *state;
        char *large = put(t, "large", LARGE), *small = put(t, "small", 300000);
        struct block_fetch_source s;

        way.flips = true;
        source(t, "small", &s);
        assert_int_equal(read_back(t, &s, small, 300000), -EIO);
        source(t, "large", &s);
        /* What came before the verdict was seen. */
        assert_int_equal(read_back(t, &s, large, 0), 0);
        block_fetch_drain(&t->m);
        way.flips = false;
        forget(t, &s);
        assert_int_equal(read_back(t, &s, large, LARGE), 0);
        way.n_direct = 1000;
        way.then = -ECANCELED;
        forget(t, &s);
        assert_int_equal(read_back(t, &s, large, LARGE), -ECANCELED);
        mem_free(large);
        mem_free(small);
}

/* The caller's own, and those that somebody else makes. */
static void test_own(void **state) {
        struct mount_test *t = *state;
        char *large = put(t, "large", LARGE);
        struct block_cache_block *b = NULL, *again = NULL;
        struct block_fetch *own = NULL, *none = NULL;
        struct block_fetch_source s;
        usec_t waited_for = 0;

        source(t, "large", &s);
        assert_int_equal(block_fetch_range(&t->m, &s, 0, 1000, 1 << 20, &b, &own), 0);
        assert_non_null(own);
        assert_int_equal(way.n_reads, 0);
        /* It is on its way: nothing to be done. */
        assert_int_equal(block_fetch_range(&t->m, &s, 0, 1000, 1 << 20, &again, &none), 0);
        assert_null(none);
        assert_ptr_equal(again, b);
        block_cache_put(t->m.blocks, again);
        block_fetch_go(own);
        assert_int_equal(way.n_reads, 1);
        assert_int_equal(block_cache_wait(t->m.blocks, b, 1000, &waited_for), 0);
        assert_int_equal(waited_for, 0);
        block_cache_put(t->m.blocks, b);
        assert_int_equal(block_fetch_range(&t->m, &s, 0, LARGE, 1 << 20, NULL, NULL), 0);
        block_fetch_drain(&t->m);
        assert_int_equal(way.n_reads, 4);
        assert_int_equal(read_back(t, &s, large, LARGE), 0);
        assert_int_equal(way.n_reads, 4);
        mem_free(large);
}

/* The verdict comes with the last GET's last bytes: what others brought, and have not put away yet,
 * is as little worth. */
static void test_wrong_meanwhile(void **state) {
        struct mount_test *t = *state;
        char *large = put(t, "large", 2 << 20), dir[] = "/tmp/onebox-fetch-XXXXXX";
        struct block_cache_block *b[2] = {};
        struct block_fetch *own[2] = {};
        struct disk_cache_options o = {.bucket = "bkt", .n_bytes_max = 64 << 20};
        struct block_fetch_source s;
        struct disk_files_key k;
        char command[64];

        assert_non_null(mkdtemp(dir));
        o.root = dir;
        assert_int_equal(disk_cache_new(&o, &t->m.disk, NULL), 0);
        source(t, "large", &s);
        k = block_fetch_key(&s);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(block_fetch_range(&t->m, &s, i << 20, (i + 1) << 20, 1 << 20,
                                                   &b[i], &own[i]),
                                 0);
        way.inside = own[1];
        block_fetch_go(own[0]);
        assert_null(way.inside);
        assert_true(block_fetch_was_bad(&t->m, &s));
        disk_cache_sync(t->m.disk);
        for (uint64_t i = 0; i < 16; i++) {
                assert_false(disk_cache_has(t->m.disk, &k, i));
                assert_null(block_cache_get(t->m.blocks, s.content, i));
        }
        for (size_t i = 0; i < 2; i++)
                block_cache_put(t->m.blocks, b[i]);
        assert_int_equal(read_back(t, &s, large, 2 << 20), 0);
        block_fetch_drain(&t->m); /* bytes are told of before they are stored */
        disk_cache_sync(t->m.disk);
        assert_true(disk_cache_has(t->m.disk, &k, 0));
        t->m.disk = disk_cache_free(t->m.disk);
        snprintf(command, sizeof(command), "rm -rf %s", dir);
        assert_int_equal(system(command), 0);
        mem_free(large);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_direct, setup, mount_test_teardown),
                cmocka_unit_test_setup_teardown(test_the_rest, setup, mount_test_teardown),
                cmocka_unit_test_setup_teardown(test_wrong, setup, mount_test_teardown),
                cmocka_unit_test_setup_teardown(test_own, setup, mount_test_teardown),
                cmocka_unit_test_setup_teardown(test_wrong_meanwhile, setup, mount_test_teardown),
        };

        return cmocka_run_group_tests_name("block_fetch", tests, NULL, NULL);
}
