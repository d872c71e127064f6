#include "lib/db/db_postgres_answer.h"

#include <errno.h>

#include "lib/db/db.h"
#include "tests/unit/db_test_dir.h"

static void test_answers(void **state) {
        static const struct {
                const char *state;
                int answer;
        } rows[] = {
                {"23505", DB_CONFLICT}, {"23503", -EINVAL},    {"23502", -EINVAL},
                {"53100", -ENOSPC},     {"57014", -ECANCELED}, {"57P01", -ENOTCONN},
                {"08006", -ENOTCONN},   {"40P01", -ESTALE},    {"40001", -ESTALE},
                {"25006", -EROFS},      {"42601", -EINVAL},    {"42501", -EACCES},
                {"XX001", -EUCLEAN},    {"XX000", -EINVAL},    {"22003", -EOVERFLOW},
                {NULL, -ENOTCONN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(db_postgres_answer(rows[i].state), rows[i].answer);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
