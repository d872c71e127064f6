#include "lib/db/db_mysql_answer.h"

#include <errno.h>

#include "lib/db/db.h"
#include "tests/unit/db_test_dir.h"

static void test_answers(void **state) {
        static const struct {
                unsigned number;
                int answer;
        } rows[] = {
                {1062, DB_CONFLICT}, {1452, -EINVAL},    {1048, -EINVAL},    {1021, -ENOSPC},
                {1114, -ENOSPC},     {1317, -ECANCELED}, {1969, -ETIME},     {3024, -ETIME},
                {2006, -ENOTCONN},   {2013, -ENOTCONN},  {1213, -ESTALE},    {1205, -EBUSY},
                {1792, -EROFS},      {1064, -EINVAL},    {1406, -EOVERFLOW}, {1045, -EACCES},
                {1049, -ENOENT},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(db_mysql_answer(rows[i].number), rows[i].answer);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
