/* Which of an instance's addresses are dialed, and how long an identity is good. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/identity.h"
#include "lib/base/str.h"

static void add(char ***list, const char *text) {
        assert_int_equal(str_list_add(list, text), 0);
}

static void test_each_way_has_its_addresses(void **state) {
        _cleanup_(identity_unrefp) struct identity *id = identity_new();
        struct errmsg em = {};

        add(&id->public_host, "203.0.113.3");
        add(&id->psc_hosts, "10.1.0.1");
        add(&id->psc_hosts, "10.1.0.2");
        assert_string_equal(identity_hosts(id, IDENTITY_PUBLIC, "p:r:i", &em)[0], "203.0.113.3");
        assert_string_equal(identity_hosts(id, IDENTITY_PSC, "p:r:i", &em)[1], "10.1.0.2");
        assert_null(identity_hosts(id, IDENTITY_PRIVATE, "p:r:i", &em));
        assert_says(em, "does not have IP of type \"PRIVATE\" (connection name = \"p:r:i\")");
}

static void test_auto_is_public_else_private(void **state) {
        _cleanup_(identity_unrefp) struct identity *id = identity_new();
        struct errmsg em = {};

        assert_null(identity_hosts(id, IDENTITY_AUTO, "p:r:i", &em));
        assert_says(em, "AutoIP");
        add(&id->private_host, "10.0.0.3");
        assert_string_equal(identity_hosts(id, IDENTITY_AUTO, "p:r:i", &em)[0], "10.0.0.3");
        add(&id->public_host, "203.0.113.3");
        assert_string_equal(identity_hosts(id, IDENTITY_AUTO, "p:r:i", &em)[0], "203.0.113.3");
}

/* What the name in the command line leads to is dialed, but makes no way that the instance lacks.
 */
static void test_a_name_of_the_users_own_goes_first(void **state) {
        _cleanup_(identity_unrefp) struct identity *id = identity_new();
        struct errmsg em = {};

        add(&id->domain_hosts, "192.0.2.7");
        assert_null(identity_hosts(id, IDENTITY_PUBLIC, "db.example", &em));
        add(&id->public_host, "203.0.113.3");
        assert_string_equal(identity_hosts(id, IDENTITY_PUBLIC, "db.example", &em)[0], "192.0.2.7");
}

static void test_good_until_its_end(void **state) {
        _cleanup_(identity_unrefp) struct identity *id = identity_new();

        id->expires_at = 1000;
        assert_true(identity_is_valid(id, 999));
        assert_false(identity_is_valid(id, 1000));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_way_has_its_addresses),
                cmocka_unit_test(test_auto_is_public_else_private),
                cmocka_unit_test(test_a_name_of_the_users_own_goes_first),
                cmocka_unit_test(test_good_until_its_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
