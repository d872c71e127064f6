#include "daemons/tracking/model_stage.h"
#include "daemons/tracking/refusal.h"
#include "daemons/tracking/run_name.h"
#include "lib/base/entropy.h"
#include "tests/unit/tracking_test.h"

static void test_write(void **state) {
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(refusal_write(REFUSAL_RESOURCE_DOES_NOT_EXIST, "é \"x\"", &out), 0);
        assert_string_equal(buf_cstr(&out),
                            "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": "
                            "\"\\u00e9 \\\"x\\\"\", \"sqlstate\": \"KAM00\", "
                            "\"error_class\": \"RESOURCE_NOT_FOUND\"}");
        buf_reset(&out);
        refusal_write(REFUSAL_NOT_IMPLEMENTED, "x", &out);
        assert_string_equal(buf_cstr(&out),
                            "{\"error_code\": \"NOT_IMPLEMENTED\", \"message\": \"x\"}");
        assert_int_equal(refusal_status(REFUSAL_ATTRIBUTE_NOT_FOUND), 400);
        assert_int_equal(refusal_code_of_status(413), REFUSAL_BAD_REQUEST);
        assert_int_equal(refusal_code_of_status(502), REFUSAL_INTERNAL_ERROR);
}

static void test_set(void **state) {
        struct tracking_test *t = *state;

        assert_refused(t, refusal_invalid(&t->refusal, "a %d", 5), "a 5");
        assert_int_equal(t->refusal.code, REFUSAL_INVALID_PARAMETER_VALUE);
        t->arena.limit = 1;
        assert_int_equal(refusal_invalid(&t->refusal, "%*s", 100000, ""), -ENOMEM);
}

static void test_row(void **state) {
        struct tracking_test *t = *state;

        assert_int_equal(refusal_row(&t->refusal, DB_ROW, "no %d", 5), 0);
        assert_int_equal(refusal_row(&t->refusal, -EIO, "no %d", 5), -EIO);
        assert_refused(t, refusal_row(&t->refusal, DB_DONE, "no %d", 5), "no 5");
        assert_int_equal(t->refusal.code, REFUSAL_RESOURCE_DOES_NOT_EXIST);
}

static void test_stages(void **state) {
        struct tracking_test *t = *state;
        enum model_stage stage;

        assert_int_equal(model_stage_parse(&t->refusal, "pRODuction", &stage), 0);
        assert_string_equal(model_stage_print(stage), "Production");
        assert_refused(t, model_stage_parse(&t->refusal, "x", &stage),
                       "Invalid Model Version stage: x. Value must be one of None, Staging, "
                       "Production, Archived.");
}

static void test_run_names(void **state) {
        struct entropy_fake fake;
        char name[RUN_NAME_SIZE], first[RUN_NAME_SIZE];

        entropy_fake_init(&fake, 1);
        assert_int_equal(run_name_generate(&fake.entropy, first), 0);
        for (int i = 0; i < 5000; i++) {
                assert_int_equal(run_name_generate(&fake.entropy, name), 0);
                assert_in_range(strlen(name), 7, 20);
                assert_non_null(strchr(strchr(name, '-') + 1, '-'));
        }
        entropy_fake_init(&fake, 1);
        assert_int_equal(run_name_generate(&fake.entropy, name), 0);
        assert_string_equal(name, first);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_write),  tracking_test(test_set),       tracking_test(test_row),
                tracking_test(test_stages), tracking_test(test_run_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
