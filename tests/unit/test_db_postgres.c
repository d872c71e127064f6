/* postgres: see db_server_suite.h. */
#define SERVER_KIND "postgres"
#define SERVER_DIALECT DB_POSTGRES
#include "tests/unit/db_server_suite.h"

int main(void) {
        const struct CMUnitTest tests[] = {SERVER_SUITE};

        if (server_setup(NULL) != 0) /* before a plan is printed: it may be skipped */
                return 1;
        return cmocka_run_group_tests(tests, NULL, server_teardown);
}
