#include "tests/unit/base_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemons/task/task_spec.h"
#include "lib/base/str.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define SPEC(rest) "{\"version\":1,\"try_id\":\"" ID "\"" rest "}"

static int setup(void **state) {
        static struct arena a;

        arena_init(&a, 0);
        *state = &a;
        return 0;
}

static int teardown(void **state) {
        arena_done(*state);
        return 0;
}

static int parse(struct arena *a, const char *text, char *const *base, struct task_spec *ret,
                 struct errmsg *em) {
        return task_spec_parse(a, arena_strdup(a, text), strlen(text), base, ret, em);
}

static const char *value_of(const struct task_spec *s, const char *name) {
        for (const char *const *e = s->envp; *e; e++) {
                const char *rest = str_after(*e, name);

                if (rest && *rest == '=')
                        return rest + 1;
        }
        return NULL;
}

static void a_text_for_bash(void **state) {
        struct task_spec s;

        assert_int_equal(parse(*state, SPEC(",\"cmd\":\"echo hi\""), NULL, &s, NULL), 0);
        assert_string_equal(s.try_id, ID);
        assert_string_equal(s.argv[0], "/bin/bash");
        assert_string_equal(s.argv[1], "-c");
        assert_string_equal(s.argv[2], "echo hi");
        assert_null(s.argv[3]);
        assert_null(s.cwd);
        assert_int_equal(s.timeout_for, 0);
        assert_int_equal(s.grace_for, TASK_SPEC_GRACE_FOR);
        assert_int_equal(s.log_limit, TASK_SPEC_LOG_LIMIT);
}

static void everything_said(void **state) {
        struct task_spec s;

        assert_int_equal(parse(*state,
                               SPEC(",\"argv\":[\"ls\",\"-l\"],\"cwd\":\"/x\",\"timeout_s\":1.5,"
                                    "\"grace_s\":0,\"log_limit\":0,\"later\":[1]"),
                               NULL, &s, NULL),
                         0);
        assert_string_equal(s.argv[1], "-l");
        assert_null(s.argv[2]);
        assert_string_equal(s.cwd, "/x");
        assert_int_equal(s.timeout_for, 1500000);
        assert_int_equal(s.grace_for, 0);
        assert_int_equal(s.log_limit, 0);
}

static void the_spec_goes_over_the_environment(void **state) {
        char *const base[] = {(char *) "A=old", (char *) "B=kept", (char *) "AB=kept too", NULL};
        struct task_spec s;
        size_t n = 0;

        assert_int_equal(parse(*state, SPEC(",\"cmd\":\"x\",\"env\":{\"A\":\"new\",\"C\":\"a=b\"}"),
                               base, &s, NULL),
                         0);
        assert_string_equal(value_of(&s, "A"), "new");
        assert_string_equal(value_of(&s, "B"), "kept");
        assert_string_equal(value_of(&s, "AB"), "kept too");
        assert_string_equal(value_of(&s, "C"), "a=b");
        while (s.envp[n])
                n++;
        assert_int_equal(n, 4);
}

static void what_is_wrong_is_named(void **state) {
        static const struct {
                const char *text, *says;
        } rows[] = {
                {"", "line 1"},
                {"[]", "version"},
                {"{}", "version"},
                {"{\"version\":2}", "version"},
                {SPEC(""), "exactly one"},
                {SPEC(",\"cmd\":\"x\",\"argv\":[\"x\"]"), "exactly one"},
                {SPEC(",\"cmd\":7"), "cmd"},
                {SPEC(",\"argv\":[]"), "argv"},
                {SPEC(",\"argv\":[\"\"]"), "argv"},
                {SPEC(",\"argv\":[1]"), "argv"},
                {SPEC(",\"argv\":\"ls\""), "argv"},
                {SPEC(",\"cmd\":\"x\",\"env\":[]"), "env"},
                {SPEC(",\"cmd\":\"x\",\"env\":{\"A\":1}"), "\"A\""},
                {SPEC(",\"cmd\":\"x\",\"env\":{\"\":\"1\"}"), "env"},
                {SPEC(",\"cmd\":\"x\",\"env\":{\"A=\":\"1\"}"), "env"},
                {SPEC(",\"cmd\":\"x\",\"cwd\":\"x\""), "absolute"},
                {SPEC(",\"cmd\":\"x\",\"timeout_s\":-1"), "timeout_s"},
                {SPEC(",\"cmd\":\"x\",\"timeout_s\":\"1\""), "timeout_s"},
                {SPEC(",\"cmd\":\"x\",\"grace_s\":1e10"), "grace_s"},
                {SPEC(",\"cmd\":\"x\",\"log_limit\":-1"), "log_limit"},
                {SPEC(",\"cmd\":\"x\",\"log_limit\":1.5"), "log_limit"},
                {"{\"version\":1,\"try_id\":\"x\",\"cmd\":\"x\"}", "UUID"},
                {"{\"version\":1,\"cmd\":\"x\"}", "try_id"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct task_spec s = {.cwd = "untouched"};
                struct errmsg em = {};

                assert_int_equal(parse(*state, rows[i].text, NULL, &s, &em), -EINVAL);
                assert_says(em, rows[i].says);
                assert_string_equal(s.cwd, "untouched");
        }
}

static void without_memory(void **state) {
        for (unsigned n = 1; n < 20; n++) {
                struct task_spec s;
                struct arena a;
                char text[] = SPEC(",\"cmd\":\"x\",\"env\":{\"A\":\"1\"}");
                int r;

                arena_init(&a, 0);
                fault_arm(FAULT_ALLOC, n, ENOMEM, 0);
                r = task_spec_parse(&a, text, strlen(text), NULL, &s, NULL);
                fault_reset();
                arena_done(&a);
                assert_true(r == 0 || r == -ENOMEM);
        }
        (void) state;
}

static void programs_are_found_in_path(void **state) {
        const char *const envp[] = {"PATH=/nonexistent:/usr/bin:/bin", NULL}, *const none[] = {
                                                                                      NULL};
        const char *const env_argv[] = {"env", NULL}, *const away[] = {"no-such-program", NULL};
        const char *const slash[] = {"./x", NULL};
        struct task_spec s = {.argv = env_argv, .envp = envp};
        struct errmsg em;
        const char *path;

        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        assert_true(str_ends(path, "/env"));
        s.envp = none;
        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        s.argv = slash;
        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        assert_string_equal(path, "./x");
        s.argv = away;
        assert_int_equal(task_spec_program(*state, &s, &path, &em), -ENOENT);
        assert_says(em, "no-such-program");
}

static void what_needs_no_shell_gets_none(void **state) {
        char file[] = "/tmp/test_task_spec.XXXXXX";
        struct task_spec s;
        struct errmsg em;
        const char *path;
        int fd;

        assert_int_equal(
                parse(*state, SPEC(",\"cmd\":\"env -u A\",\"cwd\":\"/tmp\""), NULL, &s, NULL), 0);
        assert_string_equal(s.argv[0], "/bin/bash");
        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        assert_true(str_ends(path, "/env"));
        assert_string_equal(s.argv[1], "-u");
        assert_string_equal(value_of(&s, "PWD"), "/tmp");

        /* what is not there, or no program, bash has to speak of */
        assert_int_equal(parse(*state, SPEC(",\"cmd\":\"no-such-program\""), NULL, &s, NULL), 0);
        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        assert_string_equal(path, "/bin/bash");
        fd = mkstemp(file);
        assert_int_equal(write(fd, "echo hi\n", 8), 8);
        close(fd);
        const char *const words[] = {file, NULL};
        s.plain = words;
        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        assert_string_equal(path, "/bin/bash");
        unlink(file);
        assert_int_equal(parse(*state, SPEC(",\"cmd\":\"./here\",\"cwd\":\"/\""), NULL, &s, NULL),
                         0);
        assert_int_equal(task_spec_program(*state, &s, &path, &em), 0);
        assert_string_equal(path, "/bin/bash");
}

#define spec_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                spec_test(a_text_for_bash),
                spec_test(everything_said),
                spec_test(the_spec_goes_over_the_environment),
                spec_test(what_is_wrong_is_named),
                spec_test(without_memory),
                spec_test(programs_are_found_in_path),
                spec_test(what_needs_no_shell_gets_none),
        };

        return cmocka_run_group_tests_name("task_spec", tests, NULL, NULL);
}
