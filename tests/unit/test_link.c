/* The states of a link and of a run; what they do is shown by tests/api, over real sockets. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/link.h"
#include "daemons/sqlproxy/proxy.h"

static void test_tables(void **state) {
        struct errmsg em = {};

        if (state_table_validate(&link_states, LINK_WAITING, &em) < 0)
                fail_msg("%s", em.text);
        if (state_table_validate(&proxy_phases, PROXY_STARTING, &em) < 0)
                fail_msg("%s", em.text);
        assert_true(state_table_is_final(&link_states, LINK_CLOSED));
        assert_false(state_table_allows(&link_states, LINK_CLOSED, LINK_OPEN));
        assert_false(state_table_allows(&link_states, LINK_WAITING, LINK_OPEN));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tables),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
