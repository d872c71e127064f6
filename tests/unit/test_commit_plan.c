#include "fuse-gcs/commit_plan.h"

#include "tests/unit/base_test.h"

static void test_choices(void **state) {
        static const struct {
                struct commit_plan_facts f;
                enum commit_plan want;
        } rows[] = {
                /* has_base, base_size, base_valid, size, first_local, streaming, tail, min */
                {{false, 0, 0, 10, 0, false, false, 100}, COMMIT_PLAN_WHOLE},
                {{true, 50, 0, 10, 0, false, false, 100}, COMMIT_PLAN_WHOLE},
                {{true, 50, 50, 50, UINT64_MAX, false, false, 100}, COMMIT_PLAN_NOTHING},
                {{true, 50, 50, 60, 50, false, false, 100}, COMMIT_PLAN_MERGE},
                {{true, 100, 100, 110, 100, false, false, 100}, COMMIT_PLAN_APPEND},
                {{true, 100, 100, 110, UINT64_MAX, false, false, 100}, COMMIT_PLAN_APPEND},
                {{true, 100, 100, 110, 99, false, false, 100}, COMMIT_PLAN_MERGE},
                {{true, 100, 60, 110, 100, false, false, 100}, COMMIT_PLAN_MERGE},
                {{true, 100, 100, 100, 5, false, false, 100}, COMMIT_PLAN_MERGE},
                {{true, 100, 60, 60, UINT64_MAX, false, false, 100}, COMMIT_PLAN_MERGE},
                {{true, 100, 0, 900, 800, true, false, 100}, COMMIT_PLAN_FINISH},
                {{true, 100, 100, 900, 800, true, true, 100}, COMMIT_PLAN_APPEND},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (commit_plan_choose(&rows[i].f) != rows[i].want)
                        fail_msg("row %zu: %d", i, commit_plan_choose(&rows[i].f));
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_choices)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
