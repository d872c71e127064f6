/* crew.c: each index once, by several threads at a time, and the end that one of them asks for */
#include "lib/base/crew.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/base_test.h"

#define N 1000

struct work {
        atomic_uint seen[N], n;
        size_t stop_at;
        pthread_barrier_t *together;
};

static bool each(void *ctx, size_t index) {
        struct work *w = ctx;

        if (w->together)
                (void) pthread_barrier_wait(w->together);
        atomic_fetch_add(&w->seen[index], 1);
        atomic_fetch_add(&w->n, 1);
        return index != w->stop_at;
}

static void test_each_once(void **state) {
        static const size_t n_threads[] = {0, 1, 2, 16, 1000};

        for (size_t k = 0; k < ARRAY_SIZE(n_threads); k++) {
                struct work w = {.stop_at = N};

                crew_run(N, n_threads[k], each, &w);
                assert_int_equal(w.n, N);
                for (size_t i = 0; i < N; i++)
                        assert_int_equal(w.seen[i], 1);
        }
}

static void test_nothing_to_do(void **state) {
        struct work w = {.stop_at = N};

        crew_run(0, 16, each, &w);
        assert_int_equal(w.n, 0);
}

/* Would not come back were they not at it together. */
static void test_at_once(void **state) {
        pthread_barrier_t together;
        struct work w = {.stop_at = N, .together = &together};

        assert_int_equal(pthread_barrier_init(&together, NULL, 4), 0);
        crew_run(8, 4, each, &w);
        assert_int_equal(w.n, 8);
        pthread_barrier_destroy(&together);
}

static void test_an_end(void **state) {
        struct work w = {.stop_at = 5};

        crew_run(N, 1, each, &w);
        assert_int_equal(w.n, 6);
        w = (struct work){.stop_at = 5};
        crew_run(N, 8, each, &w);
        assert_true(w.n >= 6);
        for (size_t i = 0; i <= 5; i++)
                assert_int_equal(w.seen[i], 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_once),
                cmocka_unit_test(test_nothing_to_do),
                cmocka_unit_test(test_at_once),
                cmocka_unit_test(test_an_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
