#include "tests/unit/base_test.h"

#include "cli/up.h"

static void only_the_whole_line_counts(void **state) {
        (void) state;
        assert_true(up_notify_is_ready("READY=1"));
        assert_true(up_notify_is_ready("STATUS=x\nREADY=1\nMAINPID=5"));
        assert_false(up_notify_is_ready(""));
        assert_false(up_notify_is_ready("READY=0"));
        assert_false(up_notify_is_ready("READY=11"));
        assert_false(up_notify_is_ready("STATUS=READY=1"));
        assert_false(up_notify_is_ready("NOTREADY=1\nSTOPPING=1"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_the_whole_line_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
