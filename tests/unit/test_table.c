#include "tests/unit/arena_test.h"

#include "cli/table.h"

static void assert_prints(struct table *t, const char *empty, const char *text) {
        char *out = NULL;
        size_t size;
        FILE *f = open_memstream(&out, &size);

        assert_non_null(f);
        assert_int_equal(table_print(t, empty, f), 0);
        fclose(f);
        assert_string_equal(out, text);
        free(out);
}

static void columns_align(void **state) {
        struct table t;

        (void) state;
        table_init(&t, &arena, false);
        table_column(&t, "NAME", TABLE_LEFT);
        table_column(&t, "N", TABLE_RIGHT);
        table_column(&t, "NOTE", TABLE_LEFT);
        table_row(&t, "a", "1", "x");
        table_row(&t, "longer", "1000", NULL);
        assert_prints(&t, "none",
                      "NAME       N  NOTE\n"
                      "a          1  x\n"
                      "longer  1000\n");
}

static void wide_characters_align(void **state) {
        struct table t;

        (void) state;
        table_init(&t, &arena, false);
        table_column(&t, "A", TABLE_LEFT);
        table_column(&t, "B", TABLE_LEFT);
        table_row(&t, "\xe6\x97\xa5\xe6\x9c\xac", "x");
        table_row(&t, "caf\xc3\xa9", "y");
        assert_prints(&t, NULL,
                      "A     B\n"
                      "\xe6\x97\xa5\xe6\x9c\xac  x\n"
                      "caf\xc3\xa9  y\n");
}

static void text_is_cut_to_the_terminal(void **state) {
        struct table t;

        (void) state;
        table_init(&t, &arena, false);
        table_column(&t, "NAME", TABLE_LEFT);
        table_column(&t, "A", TABLE_TEXT);
        table_column(&t, "B", TABLE_TEXT);
        table_row(&t, "a_name_is_never_cut", "what it does, at length", "short");
        table_row(&t, "b",
                  "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97"
                  "\xa5",
                  "");
        table_fit(&t, 200);
        table_fit(&t, 41);
        assert_prints(&t, NULL,
                      "NAME                 A              B\n"
                      "a_name_is_never_cut  what it does\xe2\x80\xa6  short\n"
                      "b                    "
                      "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac\xe2"
                      "\x80\xa6\n");
        table_fit(&t, 1);
        assert_int_equal(t.widths[1], 12);
        assert_int_equal(t.widths[2], 5);
}

static void cells_cannot_move_the_cursor(void **state) {
        struct table t;

        (void) state;
        table_init(&t, &arena, false);
        table_column(&t, "A", TABLE_LEFT);
        table_row(&t, "x\n\x1b[31my\x7f");
        assert_prints(&t, NULL, "A\nx  [31my \n");
}

static void empty_says_so(void **state) {
        struct table t;

        (void) state;
        table_init(&t, &arena, true);
        table_column(&t, "A", TABLE_LEFT);
        assert_prints(&t, "nothing", "nothing\n");
        assert_prints(&t, NULL, "");
}

static void states_have_colours(void **state) {
        struct table t;

        (void) state;
        table_init(&t, &arena, true);
        table_column(&t, "S", TABLE_LEFT);
        table_row(&t, "success");
        table_row(&t, "other");
        assert_prints(&t, NULL, "\x1b[2mS\x1b[0m\n\x1b[32msuccess\x1b[0m\nother\n");
        assert_string_not_equal(table_colour("failed"), "");
        assert_string_equal(table_colour("whatever"), "");
}

static void no_memory_is_told(void **state) {
        struct arena small;
        struct table t;

        (void) state;
        arena_init(&small, 64);
        table_init(&t, &small, false);
        table_column(&t, "A", TABLE_LEFT);
        table_row(&t, "a");
        table_row(&t, "b");
        assert_int_equal(table_print(&t, NULL, stdout), -ENOMEM);
        arena_done(&small);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                arena_test(columns_align),
                arena_test(wide_characters_align),
                arena_test(text_is_cut_to_the_terminal),
                arena_test(cells_cannot_move_the_cursor),
                arena_test(empty_says_so),
                arena_test(states_have_colours),
                arena_test(no_memory_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
