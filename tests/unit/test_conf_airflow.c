#include "tests/unit/base_test.h"

#include "lib/base/conf_airflow.h"
#include "lib/base/str.h"

struct sample {
        bool remote_logging;
        uint64_t parallelism;
        char **pipelines;
};

/* clang-format off */
static const struct conf_key keys[] = {
        CONF_ROW(struct sample, logging, remote_logging, BOOL, "no", "")
        CONF_ROW(struct sample, scheduler, parallelism, UINT, "4", "")
        CONF_ROW(struct sample, scheduler, pipelines, LIST, NULL, "")};
/* clang-format on */
static const struct conf_table table = {keys, ARRAY_SIZE(keys)}, one = {keys, 1};

static void variables_are_keys(void **state) {
        struct sample s = {};

        setenv("AIRFLOW__LOGGING__REMOTE_LOGGING", "True", 1);
        setenv("AIRFLOW__CORE__PARALLELISM", "32", 1);
        setenv("AIRFLOW__CORE__DAGS_FOLDER", "/srv/dags", 1);
        setenv("AIRFLOW__CORE__LIMINAL_HOME", "/srv/liminal", 1);
        assert_int_equal(conf_defaults(&table, &s, NULL), 0);
        assert_int_equal(conf_airflow_apply(&table, &s, NULL), 0);
        assert_true(s.remote_logging);
        assert_int_equal(s.parallelism, 32);
        assert_int_equal(str_count(s.pipelines), 2);
        assert_string_equal(s.pipelines[0], "/srv/dags");
        assert_string_equal(s.pipelines[1], "/srv/liminal/pipelines");
        conf_done(&table, &s);
}

/* conf_load() applies them over the files. */
static void they_are_stronger_than_the_file(void **state) {
        struct sample s = {};

        setenv("AIRFLOW__CORE__PARALLELISM", "7", 1);
        assert_int_equal(conf_load(&table, "/does/not/exist", &s, NULL), 0);
        assert_int_equal(s.parallelism, 7);
        conf_done(&table, &s);
}

static void others_are_left_alone(void **state) {
        struct sample s = {};

        setenv("AIRFLOW__CORE__PARALLELISM", "many", 1);
        setenv("AIRFLOW__LOGGING__REMOTE_LOGGING", "", 1);
        assert_int_equal(conf_defaults(&one, &s, NULL), 0);
        assert_int_equal(conf_airflow_apply(&one, &s, NULL), 0);
        assert_false(s.remote_logging);
        conf_done(&one, &s);
}

static void a_wrong_one_is_named(void **state) {
        struct sample s = {};
        struct errmsg em = {};

        setenv("AIRFLOW__CORE__PARALLELISM", "many", 1);
        assert_int_equal(conf_defaults(&table, &s, NULL), 0);
        assert_int_equal(conf_airflow_apply(&table, &s, &em), -EINVAL);
        assert_says(em, "AIRFLOW__CORE__PARALLELISM: ");
        conf_done(&table, &s);
}

static int forget(void **state) {
        unsetenv("AIRFLOW__LOGGING__REMOTE_LOGGING");
        unsetenv("AIRFLOW__CORE__PARALLELISM");
        unsetenv("AIRFLOW__CORE__DAGS_FOLDER");
        unsetenv("AIRFLOW__CORE__LIMINAL_HOME");
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(variables_are_keys, forget),
                cmocka_unit_test_teardown(they_are_stronger_than_the_file, forget),
                cmocka_unit_test_teardown(others_are_left_alone, forget),
                cmocka_unit_test_teardown(a_wrong_one_is_named, forget),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
