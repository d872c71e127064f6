#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/strmap.h"

#define N 5000

static void many_keys(void **state) {
        _cleanup_(strmap_done) struct strmap m = {};
        char key[16];

        (void) state;
        for (size_t i = 0; i < N; i++) {
                (void) snprintf(key, sizeof(key), "key%zu", i);
                assert_int_equal(strmap_set(&m, key, (void *) (i + 1)), 0);
        }
        for (size_t i = 0; i < N; i += 2) {
                (void) snprintf(key, sizeof(key), "key%zu", i);
                assert_true(strmap_remove(&m, key));
                assert_false(strmap_remove(&m, key));
        }
        assert_int_equal(m.n, N / 2);
        for (size_t i = 0; i < N; i++) {
                (void) snprintf(key, sizeof(key), "key%zu", i);
                assert_ptr_equal(strmap_get(&m, key), i % 2 ? (void *) (i + 1) : NULL);
        }
}

/* Removed and added again for long: holes must not pile up. */
static void churn_stays_small(void **state) {
        _cleanup_(strmap_done) struct strmap m = {};
        char key[16];

        (void) state;
        for (size_t i = 0; i < 20 * N; i++) {
                (void) snprintf(key, sizeof(key), "k%zu", i);
                assert_int_equal(strmap_set(&m, key, &m), 0);
                assert_ptr_equal(strmap_take(&m, key), &m);
        }
        assert_int_equal(m.n, 0);
        assert_true(m.n_slots <= 64);
}

static void order_is_kept(void **state) {
        static const char *const keys[] = {"z", "a", "m", "b"};
        _cleanup_(strmap_done) struct strmap m = {};
        struct strmap_entry *e;
        size_t i = 0;

        (void) state;
        for (size_t k = 0; k < 4; k++)
                assert_int_equal(strmap_add(&m, keys[k], (void *) keys[k]), 0);
        assert_int_equal(strmap_add(&m, "a", NULL), 1);
        map_each (e, &m)
                assert_string_equal(e->key, keys[i++]);
        assert_int_equal(i, 4);
        map_each (e, &m)
                strmap_remove(&m, e->key);
        assert_int_equal(m.n, 0);
        assert_null(strmap_next(&m, NULL));
}

static void values_are_freed_once(void **state) {
        struct strmap m;

        (void) state;
        strmap_init(&m, free);
        assert_int_equal(strmap_set(&m, "a", strdup("1")), 0);
        assert_int_equal(strmap_set(&m, "a", strdup("2")), 0);
        assert_int_equal(strmap_set(&m, "b", strdup("3")), 0);
        assert_string_equal(strmap_get(&m, "a"), "2");
        free(strmap_take(&m, "b"));
        strmap_clear(&m);
        assert_int_equal(strmap_set(&m, "c", strdup("4")), 0);
        strmap_done(&m);
}

static void no_memory_changes_nothing(void **state) {
        _cleanup_(strmap_done) struct strmap m = {};
        char key[16];
        int r;

        (void) state;
        for (unsigned i = 0; i < 100; i++) {
                (void) snprintf(key, sizeof(key), "k%u", i);
                fault_arm(FAULT_ALLOC, 1, 0, 1);
                r = strmap_set(&m, key, &m);
                assert_int_equal(r, -ENOMEM);
                assert_false(strmap_has(&m, key));
                assert_int_equal(m.n, i);
                assert_int_equal(strmap_set(&m, key, &m), 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_keys),
                cmocka_unit_test(churn_stays_small),
                cmocka_unit_test(order_is_kept),
                cmocka_unit_test(values_are_freed_once),
                cmocka_unit_test_teardown(no_memory_changes_nothing, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
