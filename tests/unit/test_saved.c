/* An instance's last good settings on disk. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/saved.h"
#include "lib/base/mem.h"

static void test_there_and_back(void **state) {
        struct instance_settings s = {.engine = "POSTGRES_15", .address = "10.0.0.3"}, got = {};
        char pem[] = "-----BEGIN\nx\"y\n";
        struct errmsg em = {};

        s.ca_pem = pem;
        assert_int_equal(saved_write(*state, "example.com:p:r:i", &s), 0);
        assert_int_equal(saved_read(*state, "example.com:p:r:i", &got, &em), 0);
        assert_string_equal(got.engine, "POSTGRES_15");
        assert_string_equal(got.address, "10.0.0.3");
        assert_string_equal(got.ca_pem, pem);
        mem_free(got.ca_pem);
        assert_int_equal(saved_read(*state, "p:r:other", &got, &em), -ENOENT);
        assert_says(em, "p:r:other");
        /* A name is no way out of the directory. */
        assert_int_equal(saved_write(*state, "../p:r:i", &s), 0);
        assert_int_equal(saved_read(*state, "..-p:r:i", &got, &em), 0);
        mem_free(got.ca_pem);
}

static void test_a_full_disk_leaves_the_old_one(void **state) {
        struct instance_settings s = {.engine = "MYSQL_8_0"}, got = {};
        struct errmsg em = {};

        assert_int_equal(saved_write(*state, "p:r:i", &s), 0);
        strcpy(s.engine, "POSTGRES_15");
        fault_arm(FAULT_WRITE, 1, ENOSPC, 0);
        assert_int_equal(saved_write(*state, "p:r:i", &s), -ENOSPC);
        fault_reset();
        assert_int_equal(saved_read(*state, "p:r:i", &got, &em), 0);
        assert_string_equal(got.engine, "MYSQL_8_0");
        mem_free(got.ca_pem);
}

static void test_garbage(void **state) {
        static const char *const bad[] = {"", "{}", "{\"engine\":1}", "[",
                                          "{\"engine\":\"x\",\"server_ca\":2}"};
        struct instance_settings got = {};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct errmsg em = {};
                char *copy = strdup(bad[i]);

                assert_true(saved_parse(copy, strlen(copy), &got, &em) < 0);
                assert_true(em.text[0]);
                free(copy);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(test_there_and_back),
                dir_test(test_a_full_disk_leaves_the_old_one),
                cmocka_unit_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
