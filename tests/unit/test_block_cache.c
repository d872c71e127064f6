#include "fuse-gcs/block_cache.h"

#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

static usec_t waited_for;

static void fill(struct block_cache *c, struct block_cache_run *run, size_t n, char with) {
        char *data = mem_alloc(n);

        memset(data, with, n);
        assert_int_equal(block_cache_fill(c, run, data, n), 0);
        mem_free(data);
}

static void test_run(void **state) {
        struct block_cache_block *b, *first;
        struct block_cache_run *run, *none;
        struct block_cache *c;

        assert_int_equal(block_cache_new(4 << 20, &c), 0);
        assert_null(block_cache_get(c, 7, 0));
        /* Two and a half blocks. */
        assert_int_equal(block_cache_reserve(c, 7, 0, 10, BLOCK_CACHE_SIZE * 5 / 2, &first, &run),
                         0);
        assert_int_equal(run->n, 3);
        assert_ptr_equal(first, run->blocks[0]);
        /* Another reader gets the same, and nothing to fetch. */
        assert_int_equal(block_cache_reserve(c, 7, 0, 10, BLOCK_CACHE_SIZE * 5 / 2, &b, &none), 1);
        assert_ptr_equal(b, first);
        block_cache_put(c, b);
        fill(c, run, BLOCK_CACHE_SIZE + 100, 'x');
        assert_int_equal(block_cache_wait(c, first, BLOCK_CACHE_SIZE, &waited_for), 0);
        b = block_cache_get(c, 7, 1);
        assert_int_equal(block_cache_wait(c, b, 100, &waited_for), 0);
        fill(c, run, BLOCK_CACHE_SIZE * 3 / 2 - 100, 'y');
        assert_int_equal(block_cache_fill(c, run, "z", 1), -EMSGSIZE);
        block_cache_end(c, run, 0);
        assert_int_equal(b->data[99], 'x');
        assert_int_equal(b->data[100], 'y');
        block_cache_put(c, b);
        block_cache_put(c, first);
        b = block_cache_get(c, 7, 2);
        assert_int_equal(b->n_wanted, BLOCK_CACHE_SIZE / 2);
        block_cache_put(c, b);
        block_cache_free(c);
}

static void test_failed(void **state) {
        struct block_cache_block *first;
        struct block_cache_run *run;
        struct block_cache *c;

        assert_int_equal(block_cache_new(4 << 20, &c), 0);
        assert_int_equal(block_cache_reserve(c, 7, 0, 2, BLOCK_CACHE_SIZE * 2, &first, &run), 0);
        fill(c, run, 10, 'x');
        block_cache_end(c, run, -ENOENT);
        assert_int_equal(block_cache_wait(c, first, 10, &waited_for), 0);
        assert_int_equal(block_cache_wait(c, first, 11, &waited_for), -ENOENT);
        block_cache_put(c, first);
        assert_null(block_cache_get(c, 7, 0));
        block_cache_free(c);
}

static void test_bounded(void **state) {
        const size_t n_blocks = 16;
        struct block_cache_block *held[16], *extra;
        struct block_cache_stats stats;
        struct block_cache_run *run;
        struct block_cache *c;
        char *data = mem_zalloc(BLOCK_CACHE_SIZE);

        assert_int_equal(block_cache_new(0, &c), 0); /* the least */
        for (uint64_t i = 0; i < 100; i++)
                block_cache_add(c, 1, i, data, BLOCK_CACHE_SIZE, NULL);
        block_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_bytes, n_blocks * BLOCK_CACHE_SIZE);
        assert_null(block_cache_get(c, 1, 0));
        for (size_t i = 0; i < n_blocks; i++) {
                held[i] = block_cache_get(c, 1, 84 + i);
                assert_non_null(held[i]);
        }
        /* All is in use: nothing ahead, but what a read waits for. */
        assert_int_equal(block_cache_reserve(c, 2, 0, 4, BLOCK_CACHE_SIZE * 4, NULL, &run),
                         -ENOBUFS);
        assert_int_equal(block_cache_reserve(c, 2, 0, 4, BLOCK_CACHE_SIZE * 4, &extra, &run), 0);
        assert_int_equal(run->n, 1);
        fill(c, run, BLOCK_CACHE_SIZE, 'e');
        block_cache_end(c, run, 0);
        block_cache_put(c, extra);
        assert_null(block_cache_get(c, 2, 0)); /* it was over the limit */
        block_cache_add(c, 3, 0, data, BLOCK_CACHE_SIZE, NULL);
        assert_null(block_cache_get(c, 3, 0));
        for (int k = 0; k < 2; k++) {
                extra = NULL;
                block_cache_add(c, 3, 0, data, BLOCK_CACHE_SIZE, &extra);
                assert_non_null(extra);
                assert_int_equal(extra->n_filled, BLOCK_CACHE_SIZE);
                block_cache_put(c, extra);
                assert_null(block_cache_get(c, 3, 0));
        }
        for (size_t i = 0; i < n_blocks; i++)
                block_cache_put(c, held[i]);
        block_cache_drop(c, 1, 100);
        assert_null(block_cache_get(c, 1, 99));
        mem_free(data);
        block_cache_free(c);
}

/* A stream goes by in the memory of its own window. */
static void test_last(void **state) {
        struct block_cache_block *b, *old;
        struct block_cache_stats stats;
        struct block_cache_run *run;
        struct block_cache *c;
        char *data = mem_zalloc(BLOCK_CACHE_SIZE);

        assert_int_equal(block_cache_new(64 * BLOCK_CACHE_SIZE, &c), 0);
        block_cache_add(c, 1, 0, data, BLOCK_CACHE_SIZE, NULL);
        for (uint64_t i = 0; i < 1000; i++) {
                assert_int_equal(block_cache_reserve(c, 2, i, 1, 1000 * BLOCK_CACHE_SIZE, &b, &run),
                                 0);
                fill(c, run, BLOCK_CACHE_SIZE, 'x');
                /* Before its GET is over, and after it. */
                if (i % 2)
                        block_cache_end(c, run, 0);
                block_cache_put_last(c, b);
                if (i % 2 == 0)
                        block_cache_end(c, run, 0);
        }
        block_cache_stats_get(c, &stats);
        assert_true(stats.n_bytes <= 3 * BLOCK_CACHE_SIZE);
        /* What was there before it still is, and so is its last block until room is needed. */
        old = block_cache_get(c, 1, 0);
        assert_non_null(old);
        block_cache_put(c, old);
        b = block_cache_get(c, 2, 999);
        assert_non_null(b);
        /* Asked for again: no longer the first to go. */
        block_cache_put(c, b);
        block_cache_add(c, 1, 1, data, BLOCK_CACHE_SIZE, NULL);
        b = block_cache_get(c, 2, 999);
        assert_non_null(b);
        block_cache_put(c, b);
        mem_free(data);
        block_cache_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_run),
                cmocka_unit_test(test_failed),
                cmocka_unit_test(test_last),
                cmocka_unit_test(test_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
