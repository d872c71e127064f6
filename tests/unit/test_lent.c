#include "fuse-gcs/lent.h"

#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

static void test_references(void **state) {
        struct lent_offer offer = {mem_alloc(64)};
        atomic_size_t account = 100;
        void *mem = offer.mem;
        struct lent_page page;
        struct lent *l = lent_new(&offer, &account, 60);

        assert_non_null(l);
        assert_null(offer.mem);
        assert_null(lent_new(&offer, &account, 60)); /* it was taken */
        assert_null(lent_new(NULL, &account, 60));
        page = (struct lent_page){mem, lent_ref(l)};
        assert_null(lent_unref(l));
        assert_int_equal(account, 100);
        assert_null(lent_spare_take());
        lent_page_done(&page);
        assert_null(page.data);
        assert_int_equal(account, 40);
        /* It lies ready. */
        assert_ptr_equal(lent_spare_take(), mem);
        assert_null(lent_spare_take());
        mem_free(mem);
        page = (struct lent_page){mem_alloc(10), NULL};
        lent_page_done(&page);
        assert_null(lent_spare_take());
        assert_null(lent_unref(NULL));
}

/* No more than so many lie ready, and none when that is asked for. */
static void test_spares(void **state) {
        atomic_size_t account = 0;
        struct lent *all[LENT_SPARES + 2];
        void *last = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                struct lent_offer offer = {mem_alloc(64)};

                if (i < LENT_SPARES)
                        last = offer.mem;
                all[i] = lent_new(&offer, &account, 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                lent_unref(all[i]);
        /* The one used last first. */
        assert_ptr_equal(lent_spare_take(), last);
        mem_free(last);
        lent_spare_trim();
        assert_null(lent_spare_take());
}

static void test_no_memory(void **state) {
        struct lent_offer offer = {mem_alloc(64)};
        atomic_size_t account = 10;

        fault_arm(FAULT_ALLOC, 1, 0, 1);
        assert_null(lent_new(&offer, &account, 10));
        fault_reset();
        assert_non_null(offer.mem);
        assert_int_equal(account, 10);
        mem_free(offer.mem);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_spares),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests_name("lent", tests, NULL, NULL);
}
