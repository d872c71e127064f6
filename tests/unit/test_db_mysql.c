/* mysql: see db_server_suite.h. */
#define SERVER_KIND "mysql"
#define SERVER_DIALECT DB_MYSQL
#include "tests/unit/db_server_suite.h"

int main(void) {
        const struct CMUnitTest tests[] = {SERVER_SUITE};

        return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
