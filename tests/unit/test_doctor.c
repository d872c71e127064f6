#include "tests/unit/base_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/doctor_fix.h"
#include "cli/doctor_machine.h"
#include "cli/doctor_proxy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct {
        const char *path;
        mode_t mode;
        const char *user, *group;
} dirs[] = {
#define DOCTOR_DIR(path, mode, user, group, need, all) {path, mode, user, group},
#include "cli/doctor_dirs.def"
#undef DOCTOR_DIR
};

/* Every directory of the package's tmpfiles, in its order, with its mode and owner. */
static void directories_are_those_of_tmpfiles(void **state) {
        const char *top = getenv("top_srcdir");
        _cleanup_free_ char *path = str_printf("%s/units/onebox.tmpfiles", top ? top : ".");
        _cleanup_free_ char *text = NULL;
        size_t n = 0;

        (void) state;
        assert_int_equal(fileio_read(path, 65536, &text, NULL), 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                char where[128], user[64], group[64];
                unsigned mode;

                if (sscanf(line, "d %127s %o %63s %63s", where, &mode, user, group) != 4)
                        continue;
                assert_true(n < ARRAY_SIZE(dirs));
                assert_string_equal(where, dirs[n].path);
                assert_int_equal(mode, dirs[n].mode);
                assert_string_equal(user, dirs[n].user);
                assert_string_equal(group, dirs[n].group);
                n++;
        }
        assert_int_equal(n, ARRAY_SIZE(dirs));
}

static void space(void **state) {
        const uint64_t gib = 1ULL << 30;

        (void) state;
        assert_int_equal(doctor_machine_space(50 * gib, 100 * gib, true), DOCTOR_OK);
        assert_int_equal(doctor_machine_space(4 * gib, 100 * gib, true), DOCTOR_WARNING);
        assert_int_equal(doctor_machine_space(gib / 2, 2 * gib, true), DOCTOR_WARNING);
        assert_int_equal(doctor_machine_space(gib / 2, 100 * gib, true), DOCTOR_FAULT);
        assert_int_equal(doctor_machine_space(gib / 10, gib, true), DOCTOR_FAULT);
        assert_int_equal(doctor_machine_space(1000, 2000, false), DOCTOR_OK);
        assert_int_equal(doctor_machine_space(0, 2000, false), DOCTOR_FAULT);
        assert_int_equal(doctor_machine_space(0, 0, false), DOCTOR_OK); /* btrfs counts none */
}

static void the_clock(void **state) {
        const usec_t now = 1000 * USEC_PER_HOUR;

        (void) state;
        assert_int_equal(doctor_machine_clock(now, 0, true), DOCTOR_OK);
        assert_int_equal(doctor_machine_clock(now, now + USEC_PER_MINUTE, true), DOCTOR_OK);
        assert_int_equal(doctor_machine_clock(now, now, false), DOCTOR_WARNING);
        assert_int_equal(doctor_machine_clock(now, now + USEC_PER_HOUR, true), DOCTOR_FAULT);
}

static void values_of_an_environment_file(void **state) {
        static const char text[] = "# CSQL_PROXY_PORT=1\n"
                                   "CSQL_PROXY_PORT_X=2\n"
                                   "  CSQL_PROXY_PORT=3309 \r\n"
                                   "A=\"b c\"\nB='x\nC=\nD=1\nD=2";
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        assert_string_equal(doctor_proxy_value(&a, text, "CSQL_PROXY_PORT"), "3309");
        assert_string_equal(doctor_proxy_value(&a, text, "A"), "b c");
        assert_string_equal(doctor_proxy_value(&a, text, "B"), "'x");
        assert_string_equal(doctor_proxy_value(&a, text, "C"), "");
        assert_string_equal(doctor_proxy_value(&a, text, "D"), "2");
        assert_null(doctor_proxy_value(&a, text, "E"));
        assert_null(doctor_proxy_value(&a, "", "E"));
        arena_done(&a);
}

static void findings_and_their_worst(void **state) {
        struct cli c = {.paths = {.state_dir = "/nowhere"}};
        struct doctor d;

        (void) state;
        arena_init(&c.arena, 0);
        doctor_init(&d, &c);
        assert_false(d.is_system);
        assert_int_equal(doctor_worst(&d), DOCTOR_OK);
        doctor_say(&d, DOCTOR_SKIPPED, "a", NULL, "%d", 1);
        assert_int_equal(doctor_worst(&d), DOCTOR_SKIPPED);
        doctor_say(&d, DOCTOR_FAULT, "b", "do", "two");
        doctor_say(&d, DOCTOR_WARNING, "c", NULL, "three");
        assert_int_equal(doctor_worst(&d), DOCTOR_FAULT);
        assert_string_equal(d.first->text, "1");
        assert_string_equal(d.first->next->next->name, "c");
        assert_string_equal(doctor_state_name(DOCTOR_WARNING), "warning");
        assert_false(d.failed);
        arena_done(&c.arena);
}

static void fixes(void **state) {
        _cleanup_free_ char *dir = str_printf("%s/a/b", (char *) *state);
        _cleanup_free_ char *link = str_printf("%s/link", (char *) *state);
        struct doctor_fix fix = {.kind = DOCTOR_MKDIR,
                                 .path = dir,
                                 .uid = geteuid(),
                                 .gid = getegid(),
                                 .mode = 0750};
        struct errmsg em = {};
        struct stat st;

        assert_int_equal(doctor_fix_run(&fix, &em), 0);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0750);
        fix.kind = DOCTOR_CHMOD;
        fix.mode = 02770;
        assert_int_equal(doctor_fix_run(&fix, &em), 0);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 02770);
        assert_int_equal(symlink(dir, link), 0);
        fix.path = link;
        fix.mode = 0777;
        assert_true(doctor_fix_run(&fix, &em) < 0); /* a link leads elsewhere */
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 02770);
        fix.path = "/nonexistent/x";
        assert_true(doctor_fix_run(&fix, &em) < 0);
        assert_says(em, "/nonexistent/x");
}

static void strangers(void **state) {
        _cleanup_free_ char *dir = str_printf("%s/below", (char *) *state);
        _cleanup_free_ char *file = str_printf("%s/deep/er/file", dir);
        const char *first;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(fileio_mkdir_parents(file, 0755), 0);
        assert_int_equal(fileio_write_atomic(file, "x", 1, 0644), 0);
        assert_int_equal(doctor_fix_strangers(&a, dir, geteuid(), 100, &first), 0);
        assert_null(first);
        assert_int_equal(doctor_fix_strangers(&a, dir, geteuid() + 1, 100, &first), 3);
        assert_non_null(strstr(first, "/below/deep"));
        assert_int_equal(doctor_fix_strangers(&a, dir, geteuid() + 1, 2, &first), 2);
        assert_int_equal(doctor_fix_strangers(&a, file, geteuid(), 100, &first), -ENOTDIR);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(directories_are_those_of_tmpfiles),
                cmocka_unit_test(space),
                cmocka_unit_test(the_clock),
                cmocka_unit_test(values_of_an_environment_file),
                cmocka_unit_test(findings_and_their_worst),
                dir_test(fixes),
                dir_test(strangers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
