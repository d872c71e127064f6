#include "daemons/tracking/filter_lex.h"
#include <stdio.h>

#include "tests/unit/tracking_test.h"

/* The text's words, each as its kind's letter and itself. */
static void words(const char *text, const char *expected) {
        static const char kinds[] = "EnsifckgCo";
        struct filter_lex lex = {text};
        struct filter_word w;
        char got[512] = "";

        while ((w = filter_lex_next(&lex)).kind != FILTER_END)
                snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%c%.*s", *got ? "|" : "",
                         kinds[w.kind], (int) w.size, w.text);
        assert_string_equal(got, expected);
        assert_int_equal(filter_lex_next(&lex).kind, FILTER_END);
}

static void test_words(void **state) {
        words("", "");
        words(" \t\n", "");
        words("metrics.acc>0.5", "nmetrics.acc|c>|f0.5");
        words("metrics.`a b` <= -1.5e-3", "nmetrics.`a b`|c<=|f-1.5e-3");
        words("params.\"x.y\" != 'it''s'", "nparams.\"x.y\"|c!=|s'it''s'");
        words("a=1 AND b=.5 and c=5.", "na|c=|i1|kAND|nb|c=|f.5|kand|nc|c=|f5.");
        words("x like '%' OR y NOT  ILIKE 'z'", "nx|clike|s'%'|kOR|ny|cNOT  ILIKE|s'z'");
        words("likes = 1", "nlikes|c=|i1");
        words("run_id IN ('a', \")\")", "nrun_id|kIN|g('a', \")\")");
        words("tags.a.b.c", "ntags.a.b.c");
        words("tags.é = 'ü'", "ntags.é|c=|s'ü'");
        words("metrics.1a = 0", "nmetrics.1a|c=|i0");
}

static void test_odd_words(void **state) {
        words("'open", "o'|nopen");
        words("(open", "o(|nopen");
        words("`open", "o`|nopen");
        words("a.", "na|o.");
        words("0x10", "o0x10");
        words("1e", "o1e");
        words("- 1", "o-|i1");
        words("-- c\n1", "C-- c|i1");
        words("/* c */2/* d", "C/* c */|i2|C/* d");
        words("a == b <=> c", "na|c==|nb|c<=>|nc");
        words(";,", "o;|o,");
        words("'a\\'b'", "s'a\\'b'");
}

static void test_is(void **state) {
        const struct filter_word w = {FILTER_KEYWORD, "AnD x", 3};

        assert_true(filter_lex_is(&w, "AND"));
        assert_false(filter_lex_is(&w, "AN"));
        assert_true(filter_lex_quoted("'a'", 3, '\''));
        assert_false(filter_lex_quoted("'", 1, '\''));
        assert_false(filter_lex_quoted("'a\"", 3, '\''));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_odd_words),
                cmocka_unit_test(test_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
