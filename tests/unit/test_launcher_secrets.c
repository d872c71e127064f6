#include "tests/unit/base_test.h"

#include <sys/stat.h>

#include "daemons/launcher/launcher_secrets.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void copies_come_and_go(void **state) {
        _cleanup_free_ char *dir = str_printf("%s/run/secrets", (char *) *state),
                            *source = str_printf("%s/key", (char *) *state),
                            *copy = str_printf("%s/01/k", dir), *text = NULL;
        struct launcher_carry_secret list[] = {{"k", source, NULL, false}};
        const struct launcher_carry carry = {.secrets = list, .n_secrets = 1};
        const struct launcher_allow allow = {
                .own = true, .state_dir = "/state", .runtime_dir = "/run/onebox"};
        struct errmsg em;
        struct stat st;

        assert_int_equal(fileio_mkdir_parents(dir, 0755), 0);
        assert_int_equal(fileio_write_atomic(source, "value\n", 6, 0600), 0);
        assert_int_equal(launcher_secrets_put(dir, "01", &allow, &carry, &em), 0);
        assert_int_equal(fileio_read(copy, 100, &text, NULL), 0);
        assert_string_equal(text, "value\n");
        assert_int_equal(stat(copy, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0400);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        /* asked for once more: the same again */
        assert_int_equal(launcher_secrets_put(dir, "01", &allow, &carry, &em), 0);
        launcher_secrets_drop(dir, "01");
        assert_int_equal(stat(copy, &st), -1);
        launcher_secrets_drop(dir, "01");
}

static void half_of_it_does_not_stay(void **state) {
        _cleanup_free_ char *source = str_printf("%s/key", (char *) *state),
                            *dir = str_printf("%s/secrets", (char *) *state),
                            *own = str_printf("%s/01", dir);
        struct launcher_carry_secret list[] = {{"k", source, NULL, false},
                                               {"l", "/none/there", NULL, false}};
        const struct launcher_carry carry = {.secrets = list, .n_secrets = 2};
        const struct launcher_allow allow = {
                .own = true, .state_dir = "/state", .runtime_dir = "/run/onebox"};
        struct errmsg em;
        struct stat st;

        assert_int_equal(fileio_write_atomic(source, "value\n", 6, 0600), 0);
        assert_int_equal(launcher_secrets_put(dir, "01", &allow, &carry, &em), -ENOENT);
        assert_says(em, "\"l\"");
        assert_int_equal(stat(own, &st), -1);
        list[1].source = "/dev/zero";
        assert_int_equal(launcher_secrets_put(dir, "01", &allow, &carry, &em), -EPERM);
        assert_int_equal(launcher_secrets_put(dir, "02", &allow, &(struct launcher_carry){}, &em),
                         0);
}

int main(void) {
        const struct CMUnitTest tests[] = {dir_test(copies_come_and_go),
                                           dir_test(half_of_it_does_not_stay)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
