#include "tests/unit/base_test.h"

#include "cli/all_conf.h"
#include "lib/base/conf.h"

/* Every row's default is a value of its type, no key stands twice, and every section is known. */
static void rows_are_sound(void **state) {
        const struct conf_table *t = &all_conf_table;
        struct all_conf conf = {};
        struct errmsg em = {};

        (void) state;
        if (conf_defaults(t, &conf, &em) < 0)
                fail_msg("%s", em.text);
        for (size_t i = 0; i < t->n_keys; i++) {
                char text[128];
                int n;

                assert_ptr_equal(conf_find(t, t->keys[i].section, t->keys[i].key), &t->keys[i]);
                assert_true(strlen(t->keys[i].help) > 10);
                n = snprintf(text, sizeof(text), "[%s]\n", t->keys[i].section);
                if (conf_parse(t, text, (size_t) n, "t", &conf, &em) < 0)
                        fail_msg("%s", em.text);
        }
        conf_done(t, &conf);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rows_are_sound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
