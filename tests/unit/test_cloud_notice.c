#include "tests/unit/base_test.h"

#include "daemons/night/cloud_notice.h"

static void what_takes_the_machine(void **state) {
        usec_t in_for = 0;

        (void) state;
        assert_true(cloud_notice_takes("TRUE", &in_for));
        assert_int_equal(in_for, CLOUD_NOTICE_SPOT_FOR);
        assert_true(cloud_notice_takes("TERMINATE_ON_HOST_MAINTENANCE", &in_for));
        assert_int_equal(in_for, CLOUD_NOTICE_HOST_FOR);
        assert_false(cloud_notice_takes("FALSE", &in_for));
        assert_false(cloud_notice_takes("NONE", &in_for));
        assert_false(cloud_notice_takes("MIGRATE_ON_HOST_MAINTENANCE", &in_for));
        assert_false(cloud_notice_takes("", &in_for));
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(what_takes_the_machine)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
