#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/zone_file.h"

static void fixed_offsets(void **state) {
        static const struct {
                const char *name;
                int offset_s;
        } good[] = {{"+02:00", 7200}, {"-0530", -19800}, {"+8", 28800}, {"UTC", 0}, {"-01", -3600}};
        static const char *const bad[] = {"+", "+24", "+1:60", "+123", "+12:3", "+12:345", "-x"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                _cleanup_(zone_freep) struct zone *z = NULL;

                assert_int_equal(zone_file_load(good[i].name, &z, NULL), 0);
                assert_int_equal(zone_to_local(z, 0), good[i].offset_s);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct zone *z = NULL;
                struct errmsg em;

                assert_int_equal(zone_file_load(bad[i], &z, &em), -ENOENT);
                assert_says(em, bad[i]);
                assert_null(z);
        }
}

static void names_stay_in_the_directory(void **state) {
        static const char *const bad[] = {"../../etc/passwd", "/etc/passwd", "", "Europe/../UTC"};
        struct zone *z = NULL;
        struct errmsg em;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(zone_file_load(bad[i], &z, &em), -EINVAL);
                assert_says(em, "no name of a time zone");
        }
}

static void a_near_name_is_offered(void **state) {
        _cleanup_free_ char *dir = str_printf("%s/Europe", (char *) *state),
                            *file = str_printf("%s/Europe/Berlin", (char *) *state);
        struct zone *z = NULL;
        struct errmsg em;

        setenv("TZDIR", *state, 1);
        assert_int_equal(fileio_mkdir_p(dir, 0755), 0);
        assert_int_equal(fileio_write_atomic(file, "not TZif", 8, 0644), 0);
        assert_int_equal(zone_file_load("Europe/Berln", &z, &em), -ENOENT);
        assert_says(em, "did you mean \"Europe/Berlin\"?");
        assert_int_equal(zone_file_load("Mars/Base", &z, &em), -ENOENT);
        assert_says(em, "Mars/Base");
        assert_int_equal(zone_file_load("Europe/Berlin", &z, &em), -EINVAL);
        assert_says(em, "not a time zone file");
        assert_int_equal(zone_file_load("Europe", &z, &em), -ENOENT);
        unsetenv("TZDIR");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fixed_offsets),
                cmocka_unit_test(names_stay_in_the_directory),
                dir_test(a_near_name_is_offered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
