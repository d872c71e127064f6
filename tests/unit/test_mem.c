#include "tests/unit/base_test.h"

#include "lib/base/mem.h"

static void sizes_are_checked(void **state) {
        (void) state;
        assert_null(mem_alloc_array(SIZE_MAX / 2, 3));
        assert_null(mem_zalloc_array(SIZE_MAX / 2, 3));
        assert_null(mem_realloc_array(NULL, SIZE_MAX / 2, 3));
        assert_null(mem_memdup("x", SIZE_MAX));
}

static void copies_end_with_nul(void **state) {
        _cleanup_free_ char *a = mem_strdup("abc"), *b = mem_strndup("abcdef", 3),
                            *c = mem_memdup("ab\0c", 4), *d = mem_strndup("ab", 9);

        (void) state;
        assert_string_equal(a, "abc");
        assert_string_equal(b, "abc");
        assert_memory_equal(c, "ab\0c\0", 5);
        assert_string_equal(d, "ab");
        assert_null(mem_strdup(NULL));
        assert_null(mem_free(NULL));
}

static void empty_blocks_are_blocks(void **state) {
        _cleanup_free_ void *a = mem_alloc(0), *b = mem_zalloc_array(0, 8);

        (void) state;
        assert_non_null(a);
        assert_non_null(b);
}

static void growing_keeps_what_is_there(void **state) {
        _cleanup_free_ int *v = NULL;
        size_t cap = 0;

        (void) state;
        for (size_t i = 0; i < 1000; i++) {
                assert_int_equal(mem_grow((void **) &v, &cap, i + 1, sizeof(int)), 0);
                v[i] = (int) i;
        }
        for (size_t i = 0; i < 1000; i++)
                assert_int_equal(v[i], i);
        fault_arm(FAULT_ALLOC, 1, 0, 1);
        assert_int_equal(mem_grow((void **) &v, &cap, cap + 1, sizeof(int)), -ENOMEM);
        assert_int_equal(v[999], 999);
}

static void every_way_in_can_fail(void **state) {
        _cleanup_free_ void *p = mem_alloc(1);

        (void) state;
        fault_arm(FAULT_ALLOC, 1, 0, 0);
        assert_null(mem_alloc(1));
        assert_null(mem_zalloc(1));
        assert_null(mem_alloc_array(1, 1));
        assert_null(mem_strdup("x"));
        assert_null(mem_memdup("x", 1));
        assert_null(mem_realloc(p, 2));
        assert_int_equal(fault_count(FAULT_ALLOC), 6);
}

static unsigned long file_pages(void) {
        unsigned long size, resident, shared = 0;
        FILE *f = fopen("/proc/self/statm", "r");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%lu %lu %lu", &size, &resident, &shared), 3);
        assert_int_equal(fclose(f), 0);
        return shared;
}

static int of_texts(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Constants and relocated pointers are what they were, and what is used comes back. */
static void code_goes_and_comes(void **state) {
        static const char *texts[] = {"c", "b", "a"};
        unsigned long before = file_pages();

        for (int i = 0; i < 3; i++) {
                mem_trim_code();
                assert_true(file_pages() < before);
                qsort(texts, 3, sizeof(*texts), of_texts);
                assert_string_equal(texts[0], "a");
                assert_string_equal(texts[2], "c");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_are_checked),
                cmocka_unit_test(copies_end_with_nul),
                cmocka_unit_test(empty_blocks_are_blocks),
                cmocka_unit_test_teardown(growing_keeps_what_is_there, base_test_no_faults),
                cmocka_unit_test_teardown(every_way_in_can_fail, base_test_no_faults),
                cmocka_unit_test(code_goes_and_comes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
