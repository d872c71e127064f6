/* One key for everybody, made on a thread of its own: the loop goes on meanwhile. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/fetch_key.h"

static struct loop *loop;
static unsigned n_told;
static struct tls_key *told[4];

static void on_key(void *ctx, int r, struct tls_key *key) {
        assert_int_equal(r, 0);
        assert_non_null(key);
        told[n_told++] = key;
}

static int setup(void **state) {
        n_told = 0;
        return loop_new(&loop);
}

static int teardown(void **state) {
        loop_free(loop);
        return 0;
}

static void run_until(unsigned n) {
        while (n_told < n)
                assert_true(loop_turn(loop, 100 * USEC_PER_MSEC) >= 0);
}

static void test_all_get_the_same_one(void **state) {
        struct fetch_key_wait *a = NULL, *b = NULL, *c = NULL;
        struct fetch_key *k;

        assert_int_equal(fetch_key_new(loop, true, &k), 0);
        assert_int_equal(fetch_key_get(k, on_key, NULL, &a), 0);
        assert_int_equal(fetch_key_get(k, on_key, NULL, &b), 0);
        assert_int_equal(n_told, 0);
        run_until(2);
        assert_ptr_equal(told[0], told[1]);
        /* What is there is given at once. */
        assert_int_equal(fetch_key_get(k, on_key, NULL, &c), 0);
        assert_int_equal(n_told, 3);
        assert_ptr_equal(told[0], told[2]);
        fetch_key_free(k);
}

static void test_a_lazy_one_is_made_when_it_is_wanted(void **state) {
        struct fetch_key_wait *w = NULL;
        struct fetch_key *k;

        assert_int_equal(fetch_key_new(loop, false, &k), 0);
        assert_int_equal(fetch_key_get(k, on_key, NULL, &w), 0);
        run_until(1);
        fetch_key_free(k);
}

/* Who no longer waits is not told; who frees it while it is made gets its thread back. */
static void test_cancelled_and_freed_early(void **state) {
        struct fetch_key_wait *a = NULL, *b = NULL;
        struct fetch_key *k;

        assert_int_equal(fetch_key_new(loop, true, &k), 0);
        assert_int_equal(fetch_key_get(k, on_key, NULL, &a), 0);
        assert_int_equal(fetch_key_get(k, on_key, NULL, &b), 0);
        fetch_key_cancel(a);
        fetch_key_free(k);
        assert_int_equal(n_told, 0);
}

#define one_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                one_test(test_all_get_the_same_one),
                one_test(test_a_lazy_one_is_made_when_it_is_wanted),
                one_test(test_cancelled_and_freed_early),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
