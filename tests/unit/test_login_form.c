/* The login form: what is read from a browser, where it may lead, what the page says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "daemons/web/login_form.h"
#include "lib/base/fault.h"
#include "lib/base/macros.h"

static struct arena arena;

static int setup(void **state) {
        arena_init(&arena, 0);
        return 0;
}

static int teardown(void **state) {
        arena_done(&arena);
        return 0;
}

static struct login_form parse(const char *body) {
        struct login_form f;

        assert_int_equal(login_form_parse(&arena, body, strlen(body), &f), 0);
        return f;
}

static void reads(void **state) {
        struct login_form f = parse("username=ada&password=a%26b+c%3D%C3%A9&next=run%3Fdag%3Dx");

        assert_string_equal(f.user, "ada");
        assert_string_equal(f.password, "a&b c=\xc3\xa9");
        assert_string_equal(f.next, "run?dag=x");
}

static void lacks(void **state) {
        struct login_form f = parse("");

        assert_string_equal(f.user, "");
        assert_string_equal(f.password, "");
        assert_string_equal(f.next, "./");
        f = parse("username&&password=&next=https://evil.example/");
        assert_string_equal(f.user, "");
        assert_string_equal(f.next, "./");
        f = parse("username=%zz&password=%00");
        assert_string_equal(f.user, "");
        assert_string_equal(f.password, "");
        assert_int_equal(login_form_parse(&arena, "username=a\0b", 12, &f), -EINVAL);
}

static void leads_only_home(void **state) {
        static const char *const good[] = {
                "./",           "",     "run?dag=x&run=y",           "pipelines",
                "./models?q=1", "?x=1", "run?next=http://elsewhere/"};
        static const char *const bad[] = {"/",
                                          "//evil.example",
                                          "http://evil.example",
                                          "run/x",
                                          "..",
                                          "../x",
                                          "javascript:alert(1)",
                                          "a\\b",
                                          ".",
                                          "run?a\r\nb",
                                          "run?a b",
                                          "Run",
                                          "./../x",
                                          "\\\\evil",
                                          "login\t"};
        char text[2000];

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!login_form_is_page(good[i]))
                        fail_msg("%s is a page", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (login_form_is_page(bad[i]))
                        fail_msg("%s is no page", bad[i]);
        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        assert_false(login_form_is_page(text));
}

static void page(void **state) {
        static const char html[] = "<p><!--error--></p><input value=\"<!--next-->\">end";
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(login_form_page(&out, html, strlen(html), "<b>&\"'", "run?a=\"><script>"),
                         0);
        assert_string_equal(out.data, "<p>&lt;b&gt;&amp;&quot;&#39;</p><input "
                                      "value=\"run?a=&quot;&gt;&lt;script&gt;\">end");
        buf_reset(&out);
        assert_int_equal(login_form_page(&out, html, strlen(html), NULL, "./"), 0);
        assert_string_equal(out.data, "<p></p><input value=\"./\">end");
        buf_reset(&out);
        assert_int_equal(login_form_page(&out, "nothing", 7, "e", "n"), 0);
        assert_string_equal(out.data, "nothing");
}

/* Memory that runs out at every place in turn. */
static void out_of_memory(void **state) {
        static const char body[] = "username=ada&password=x&next=models";
        unsigned n = 0;
        int r = -ENOMEM;

        while (r == -ENOMEM) {
                struct buf out = {};
                struct login_form f;
                struct arena a;

                arena_init(&a, 0);
                fault_arm(FAULT_ALLOC, ++n, 0, 1);
                r = login_form_parse(&a, body, strlen(body), &f);
                if (r == 0)
                        r = login_form_page(&out, "<!--error--><!--next-->", 23, f.user, f.next);
                fault_reset();
                buf_done(&out);
                arena_done(&a);
        }
        assert_int_equal(r, 0);
        assert_true(n > 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {TEST(reads), TEST(lacks), TEST(leads_only_home),
                                           TEST(page), TEST(out_of_memory)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
