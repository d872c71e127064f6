#include "fuse-gcs/fill.h"

#include <errno.h>

#include "fuse-gcs/cache_filter.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/reader.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

#define SIZE (5 * BLOCK_CACHE_SIZE + 10)

static struct fill_plan plan;
static char dir[64];

static void with_disk(struct mount_test *t, uint64_t n_bytes_max) {
        const struct disk_cache_options o = {
                .root = dir, .bucket = "bkt", .n_bytes_max = n_bytes_max};

        assert_int_equal(disk_cache_new(&o, &t->m.disk, NULL), 0);
}

static int setup(void **state) {
        struct mount_test *t;
        char *data = mem_alloc(SIZE + 1);

        assert_int_equal(mount_test_setup(state), 0);
        t = *state;
        strcpy(dir, "/tmp/onebox-fill-XXXXXX");
        assert_non_null(mkdtemp(dir));
        with_disk(t, UINT64_MAX);
        plan = (struct fill_plan){.line_bytes = 2 * BLOCK_CACHE_SIZE};
        t->m.o.fill = &plan;
        memset(data, 'x', SIZE);
        data[SIZE] = 0;
        mount_test_bucket_put(&t->bucket, "a", data);
        mount_test_bucket_put(&t->bucket, "b", data);
        mem_free(data);
        return 0;
}

static int teardown(void **state) {
        struct mount_test *t = *state;

        block_fetch_drain(&t->m);
        t->m.disk = disk_cache_free(t->m.disk);
        assert_int_equal(fileio_rm_rf(dir), 0);
        return mount_test_teardown(state);
}

static struct block_fetch_source source(struct mount_test *t, const char *name) {
        struct block_fetch_source s;
        struct attrs *a = NULL;

        assert_int_equal(lookup_object(&t->m, name, &a), 0);
        block_fetch_source_init(&s, name, a);
        attrs_unref(a);
        return s;
}

/* How many blocks of it are on the disk when all is quiet. */
static unsigned n_kept(struct mount_test *t, const struct block_fetch_source *s) {
        const struct disk_files_key k = block_fetch_key(s);
        unsigned n = 0;

        block_fetch_drain(&t->m);
        disk_cache_sync(t->m.disk);
        for (uint64_t i = 0; i * BLOCK_CACHE_SIZE < SIZE; i++)
                n += disk_cache_has(t->m.disk, &k, i);
        return n;
}

static void test_whole(void **state) {
        struct mount_test *t = *state;
        const struct block_fetch_source a = source(t, "a"), b = source(t, "b");
        atomic_bool done = false;

        fill_after(&t->m, &a, 0, &done);
        assert_false(done);
        plan.at_start = true;
        fill_after(&t->m, &a, 4096, &done);
        assert_false(done);
        assert_int_equal(n_kept(t, &a), 0);
        fill_after(&t->m, &a, 0, &done);
        assert_true(done);
        plan.anywhere = true;
        fill_after(&t->m, &b, 4096, &done);
        fill_after(&t->m, &b, 4096, &done);
        assert_int_equal(n_kept(t, &a), 6);
        assert_int_equal(n_kept(t, &b), 6);
        /* What came once does not come again. */
        mount_test_bucket_forget_calls(&t->bucket);
        fill_after(&t->m, &a, 0, &done);
        assert_int_equal(n_kept(t, &a), 6);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
}

/* Who comes to where it is brought just now waits for it; nobody else does. */
static void test_waited_for(void **state) {
        struct mount_test *t = *state;
        const struct block_fetch_source a = source(t, "a");
        const struct disk_files_key k = block_fetch_key(&a);

        plan.at_start = plan.waits = true;
        plan.line_bytes = 4 * BLOCK_CACHE_SIZE;
        fill_wait(&t->m, a.content, 0);
        fill_after(&t->m, &a, 0, &(atomic_bool){false});
        fill_wait(&t->m, a.content + 1, 0);
        fill_wait(&t->m, a.content, 3 * BLOCK_CACHE_SIZE);
        assert_true(disk_cache_has(t->m.disk, &k, 3));
        assert_int_equal(n_kept(t, &a), 6);
        fill_wait(&t->m, a.content, 5 * BLOCK_CACHE_SIZE);
        /* Gone before it came: nobody waits for ever. */
        disk_cache_drop(t->m.disk, "a");
        block_cache_drop(t->m.blocks, a.content, 6);
        mount_test_bucket_remove(&t->bucket, "a");
        fill_after(&t->m, &a, 0, &(atomic_bool){false});
        fill_wait(&t->m, a.content, BLOCK_CACHE_SIZE);
        assert_int_equal(n_kept(t, &a), 0);
}

static void test_chunks(void **state) {
        struct mount_test *t = *state;
        const struct block_fetch_source a = source(t, "a");

        plan.chunk_bytes = 2 * BLOCK_CACHE_SIZE;
        assert_int_equal(fill_chunks(&t->m, &a, SIZE - 5, SIZE + 100), 0);
        assert_int_equal(n_kept(t, &a), 2);
        assert_int_equal(fill_chunks(&t->m, &a, BLOCK_CACHE_SIZE, 2 * BLOCK_CACHE_SIZE + 1), 0);
        assert_int_equal(n_kept(t, &a), 6);
        mount_test_bucket_forget_calls(&t->bucket);
        assert_int_equal(fill_chunks(&t->m, &a, 0, SIZE), 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
}

/* What the cache does not take, and what is gone. */
static void test_not_to_be(void **state) {
        struct mount_test *t = *state;
        const struct block_fetch_source a = source(t, "a"), b = source(t, "b");
        struct cache_filter *filter;
        atomic_bool done = false;

        plan.anywhere = true;
        plan.chunk_bytes = 2 * BLOCK_CACHE_SIZE;
        assert_int_equal(cache_filter_new("bkt", "", "bkt/a", &filter, NULL), 0);
        t->m.o.disk_filter = filter;
        fill_after(&t->m, &a, 0, &done);
        assert_int_equal(fill_chunks(&t->m, &a, 0, 1), -ENOENT);
        assert_int_equal(n_kept(t, &a), 0);
        mount_test_bucket_remove(&t->bucket, "b");
        assert_true(fill_chunks(&t->m, &b, 0, 1) < 0);
        fill_after(&t->m, &b, 0, &done);
        assert_int_equal(n_kept(t, &b), 0);
        t->m.o.disk_filter = NULL;
        cache_filter_free(filter);
        disk_cache_free(t->m.disk);
        with_disk(t, 2 * BLOCK_CACHE_SIZE);
        fill_after(&t->m, &a, 0, &done);
        assert_int_equal(fill_chunks(&t->m, &a, 0, 1), -ENOSPC);
        assert_int_equal(n_kept(t, &a), 0);
}

/* Whoever reads it has it though all of the memory is in use. */
static void test_no_room_in_memory(void **state) {
        struct mount_test *t = *state;
        const struct block_fetch_source a = source(t, "a");
        size_t n = block_cache_limit(t->m.blocks) / BLOCK_CACHE_SIZE;
        struct block_cache_block **held = mem_zalloc_array(n, sizeof(struct block_cache_block *));
        char *data = mem_zalloc(SIZE);
        struct prefetch alone = {};

        plan.anywhere = true;
        fill_after(&t->m, &a, 0, &(atomic_bool){false});
        assert_int_equal(n_kept(t, &a), 6);
        block_cache_drop(t->m.blocks, a.content, 6);
        for (size_t i = 0; i < n; i++) {
                block_cache_add(t->m.blocks, 1, i, data, BLOCK_CACHE_SIZE, &held[i]);
                assert_non_null(held[i]);
        }
        mount_test_bucket_forget_calls(&t->bucket);
        assert_int_equal(reader_copy(&t->m, &a, &alone, 0, data, SIZE), SIZE);
        for (size_t i = 0; i < SIZE; i++)
                assert_int_equal(data[i], 'x');
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        for (size_t i = 0; i < n; i++)
                block_cache_put(t->m.blocks, held[i]);
        mem_free(held);
        mem_free(data);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waited_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_to_be, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_room_in_memory, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
