#include "tests/unit/base_test.h"

#include <stdalign.h>

#include "lib/base/arena.h"

static void blocks_are_aligned_and_apart(void **state) {
        _cleanup_(arena_done) struct arena a;
        char *blocks[300];

        (void) state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
                blocks[i] = arena_alloc(&a, i + 1);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t) blocks[i] % alignof(max_align_t), 0);
                memset(blocks[i], (int) i, i + 1);
        }
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
                for (size_t k = 0; k <= i; k++)
                        assert_int_equal((unsigned char) blocks[i][k], i & 255);
}

static void large_blocks_get_their_own_chunk(void **state) {
        _cleanup_(arena_done) struct arena a;
        char *big;

        (void) state;
        arena_init(&a, 0);
        big = arena_zalloc(&a, 3 << 20);
        assert_non_null(big);
        assert_int_equal(big[(3 << 20) - 1], 0);
        assert_null(arena_alloc(&a, SIZE_MAX - 4));
        assert_null(arena_zalloc_array(&a, SIZE_MAX / 2, 4));
}

static void the_limit_holds(void **state) {
        _cleanup_(arena_done) struct arena a;
        size_t n = 0;

        (void) state;
        arena_init(&a, 10000);
        while (arena_alloc(&a, 100))
                n++;
        assert_in_range(n, 60, 100);
        assert_true(a.n_bytes <= 10000);
        assert_null(arena_alloc(&a, 20000));
        arena_reset(&a);
        assert_non_null(arena_alloc(&a, 100));
}

static void text_helpers(void **state) {
        _cleanup_(arena_done) struct arena a;

        (void) state;
        arena_init(&a, 0);
        assert_string_equal(arena_strdup(&a, "hello"), "hello");
        assert_string_equal(arena_strndup(&a, "hello", 2), "he");
        assert_memory_equal(arena_memdup(&a, "a\0b", 3), "a\0b\0", 4);
        assert_string_equal(arena_printf(&a, "%s-%05d", "x", 42), "x-00042");
        assert_null(arena_strdup(&a, NULL));
}

static void reset_reuses_one_chunk(void **state) {
        _cleanup_(arena_done) struct arena a;
        size_t before;

        (void) state;
        arena_init(&a, 0);
        for (int i = 0; i < 100; i++)
                assert_non_null(arena_alloc(&a, 1000));
        before = a.n_bytes;
        arena_reset(&a);
        assert_true(a.n_bytes > 0 && a.n_bytes < before);
        fault_arm(FAULT_ALLOC, 1, 0, 0);
        assert_non_null(arena_alloc(&a, 1000));
        assert_null(arena_alloc(&a, 1 << 20));
        assert_non_null(arena_alloc(&a, 10));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(blocks_are_aligned_and_apart),
                cmocka_unit_test(large_blocks_get_their_own_chunk),
                cmocka_unit_test(the_limit_holds),
                cmocka_unit_test(text_helpers),
                cmocka_unit_test_teardown(reset_reuses_one_chunk, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
