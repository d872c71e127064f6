#include "tests/unit/base_test.h"

#include "daemons/task/task_words.h"

static void only_what_means_nothing_to_a_shell_is_plain(void **state) {
        static const char *const plain[] = {"true", "sleep 3",
                                            "python3  train.py --epochs=3 --to=gs://b/x,y",
                                            "/usr/bin/env A=1 b", "dvc+x@1:2%"};
        static const char *const not [] = {
                "",       " true",    "A=1 x",   "x; y",   "x | y",  "x > y",   "x $A",
                "x `y`",  "x 'y'",    "x \"y\"", "x *",    "x ?",    "x [a]",   "x {a}",
                "x ~",    "x \\y",    "x #y",    "x\ty",   "x\ny",   "x & y",   "(x)",
                "! x",    "[ a ]",    "[[ a ]]", "exit 3", "cd /",   "echo hi", "test a",
                "time x", "source x", ". x",     ": x",    "kill 1", "x ^y",    "x\xc3"};
        struct arena a;
        const char *const *argv;

        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
                assert_int_equal(task_words_split(&a, plain[i], NULL, &argv), 0);
        for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
                assert_int_equal(task_words_split(&a, not [i], NULL, &argv), 1);
        arena_done(&a);
        (void) state;
}

static void the_words_are_those_of_bash(void **state) {
        const char *const *argv;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(task_words_split(&a, "a  b=1 c ", NULL, &argv), 0);
        assert_string_equal(argv[0], "a");
        assert_string_equal(argv[1], "b=1");
        assert_string_equal(argv[2], "c");
        assert_null(argv[3]);
        arena_done(&a);
        (void) state;
}

static void what_bash_would_read_first_makes_nothing_plain(void **state) {
        static const char *const names[] = {"BASH_ENV=/x", "BASH_FUNC_ls%%=() { :; }",
                                            "SHELLOPTS=errexit"};
        const char *const *argv;
        struct arena a;

        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *const envp[] = {"A=1", names[i], NULL};

                assert_int_equal(task_words_split(&a, "ls", envp, &argv), 1);
        }
        arena_done(&a);
        (void) state;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_means_nothing_to_a_shell_is_plain),
                cmocka_unit_test(the_words_are_those_of_bash),
                cmocka_unit_test(what_bash_would_read_first_makes_nothing_plain),
        };

        return cmocka_run_group_tests_name("task_words", tests, NULL, NULL);
}
