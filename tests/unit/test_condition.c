#include "tests/unit/base_test.h"

#include "daemons/bucketd/condition.h"

struct row {
        int64_t match, not_match, meta_match, meta_not_match; /* -1: not asked */
        int64_t generation, metageneration;
        enum condition_result result;
};

/* What Cloud Storage documents for each precondition. */
static void checks(void **state) {
        static const struct row rows[] = {
                {-1, -1, -1, -1, 0, 0, CONDITION_HOLDS},
                {-1, -1, -1, -1, 7, 1, CONDITION_HOLDS},
                /* ifGenerationMatch=0: only if there is none */
                {0, -1, -1, -1, 0, 0, CONDITION_HOLDS},
                {0, -1, -1, -1, 7, 1, CONDITION_FAILS},
                {7, -1, -1, -1, 7, 1, CONDITION_HOLDS},
                {7, -1, -1, -1, 8, 1, CONDITION_FAILS},
                {7, -1, -1, -1, 0, 0, CONDITION_FAILS},
                /* ifGenerationNotMatch=0: only if there is one */
                {-1, 0, -1, -1, 0, 0, CONDITION_UNCHANGED},
                {-1, 0, -1, -1, 7, 1, CONDITION_HOLDS},
                {-1, 7, -1, -1, 7, 1, CONDITION_UNCHANGED},
                {-1, 7, -1, -1, 8, 1, CONDITION_HOLDS},
                {-1, -1, 2, -1, 7, 2, CONDITION_HOLDS},
                {-1, -1, 2, -1, 7, 1, CONDITION_FAILS},
                {-1, -1, 2, -1, 0, 0, CONDITION_FAILS},
                {-1, -1, 0, -1, 0, 0, CONDITION_FAILS},
                {-1, -1, -1, 2, 7, 2, CONDITION_UNCHANGED},
                {-1, -1, -1, 2, 7, 1, CONDITION_HOLDS},
                {-1, -1, -1, 2, 0, 0, CONDITION_HOLDS},
                /* together: what fails wins */
                {7, -1, 1, -1, 7, 1, CONDITION_HOLDS},
                {7, -1, 2, -1, 7, 1, CONDITION_FAILS},
                {8, 7, -1, -1, 7, 1, CONDITION_FAILS},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const int64_t asked[CONDITION_N] = {rows[i].match, rows[i].not_match,
                                                    rows[i].meta_match, rows[i].meta_not_match};
                struct condition c = {};

                for (size_t k = 0; k < CONDITION_N; k++) {
                        c.has[k] = asked[k] >= 0;
                        c.value[k] = c.has[k] ? asked[k] : 0;
                }
                if (condition_check(&c, rows[i].generation, rows[i].metageneration) !=
                    rows[i].result)
                        fail_msg("row %zu", i);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(checks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
