#include "tests/unit/base_test.h"

#include "lib/base/conf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct sample {
        char *listen;
        bool gzip;
        uint64_t workers;
        usec_t timeout;
        uint64_t max_body;
        char **hosts;
        char *extra;
};

static const struct conf_key keys[] = {
        CONF_ROW(struct sample, web, listen, STRING, "127.0.0.1:8080",
                 "where") CONF_ROW(struct sample, web, gzip, BOOL, "yes", "compress")
                CONF_ROW(struct sample, web, workers, UINT, "4",
                         "how many") CONF_ROW(struct sample, web, timeout, SPAN, "15s", "how long")
                        CONF_ROW(struct sample, web, max_body, SIZE, "64M", "how much") CONF_ROW(
                                struct sample, web, hosts, LIST, "localhost", "who")
                                CONF_ROW(struct sample, onebox, extra, STRING, NULL, "what else")};
static const struct conf_table table = {keys, ARRAY_SIZE(keys)};

static int parse(struct sample *s, const char *text, struct errmsg *em) {
        return conf_parse(&table, text, strlen(text), "onebox.conf", s, em);
}

static void defaults(void **state) {
        struct sample s = {};

        (void) state;
        assert_int_equal(conf_defaults(&table, &s, NULL), 0);
        assert_string_equal(s.listen, "127.0.0.1:8080");
        assert_true(s.gzip);
        assert_int_equal(s.workers, 4);
        assert_int_equal(s.timeout, 15 * USEC_PER_SEC);
        assert_int_equal(s.max_body, 64 << 20);
        assert_int_equal(str_count(s.hosts), 1);
        assert_null(s.extra);
        conf_done(&table, &s);
        assert_null(s.listen);
}

static void values(void **state) {
        struct sample s = {};
        struct errmsg em = {};

        (void) state;
        assert_int_equal(conf_defaults(&table, &s, NULL), 0);
        if (parse(&s,
                  "# a comment\n; another\n\n[web]\r\n listen = 0.0.0.0:80 \ngzip=no\nworkers=8\n"
                  "timeout = 1min \\\n  30s\nmax_body=1G\nhosts=\nhosts = a b\nhosts = c\n"
                  "[tracking]\nwhatever = is not ours\n[onebox]\nextra = \"  kept  \"",
                  &em) < 0)
                fail_msg("%s", em.text);
        assert_string_equal(s.listen, "0.0.0.0:80");
        assert_false(s.gzip);
        assert_int_equal(s.workers, 8);
        assert_int_equal(s.timeout, 90 * USEC_PER_SEC);
        assert_int_equal(s.max_body, 1 << 30);
        assert_int_equal(str_count(s.hosts), 3);
        assert_string_equal(s.extra, "  kept  ");
        assert_int_equal(parse(&s, "[web]\nhosts=\n", &em), 0);
        assert_int_equal(str_count(s.hosts), 0);
        assert_int_equal(parse(&s, "[web]\nlisten=\n", &em), 0);
        assert_string_equal(s.listen, "127.0.0.1:8080");
        conf_done(&table, &s);
}

static void mistakes_are_named(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"[web]\nlisen=1", "onebox.conf:2: unknown key \"lisen\" in [web], did you mean "
                                   "\"listen\"?"},
                {"[web]\nzzzzzzz=1", "onebox.conf:2: unknown key \"zzzzzzz\" in [web]"},
                {"[wbe]", "onebox.conf:1: unknown section \"wbe\", did you mean [web]?"},
                {"\n\n[web", "onebox.conf:3: a section needs its closing ]"},
                {"x=1", "onebox.conf:1: a key before the first [section]"},
                {"[web]\njust words", "\"just words\" is neither [section] nor key = value"},
                {"[web]\n=1", "neither [section]"},
                {"[web]\nworkers=many", "workers = many is not understood: a whole number"},
                {"[web]\nworkers=-1", "workers = -1 is out of range"},
                {"[web]\ngzip=perhaps", "yes or no is wanted"},
                {"[web]\na \\\nb = 1\nmax_body=x", "onebox.conf:2: unknown key"},
                {"[web]\ntimeout=soon", "a time span such as 15s"},
        };
        struct sample s = {};

        (void) state;
        assert_int_equal(conf_defaults(&table, &s, NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};

                assert_int_equal(parse(&s, rows[i].text, &em), -EINVAL);
                assert_says(em, rows[i].words);
        }
        assert_int_equal(conf_parse(&table, "[web]\0", 6, "f", &s, NULL), -EINVAL);
        assert_int_equal(s.workers, 4);
        conf_done(&table, &s);
}

static void files_and_drop_ins(void **state) {
        _cleanup_free_ char *file = str_printf("%s/onebox.conf", (char *) *state),
                            *dir = str_printf("%s/onebox.conf.d", (char *) *state),
                            *first = str_printf("%s/10-a.conf", dir),
                            *second = str_printf("%s/20-b.conf", dir),
                            *ignored = str_printf("%s/30.txt", dir);
        struct sample s = {};
        struct errmsg em;

        assert_int_equal(conf_load(&table, file, &s, &em), 0);
        assert_int_equal(s.workers, 4);
        assert_int_equal(fileio_write_atomic(file, "[web]\nworkers=1\ngzip=no\n", 23, 0644), 0);
        assert_int_equal(fileio_mkdir_p(dir, 0755), 0);
        assert_int_equal(fileio_write_atomic(first, "[web]\nworkers=2\n", 16, 0644), 0);
        assert_int_equal(fileio_write_atomic(second, "[web]\nworkers=3\n", 16, 0644), 0);
        assert_int_equal(fileio_write_atomic(ignored, "rubbish", 7, 0644), 0);
        assert_int_equal(conf_load(&table, file, &s, &em), 0);
        assert_int_equal(s.workers, 3);
        assert_false(s.gzip);
        assert_int_equal(fileio_write_atomic(second, "[web]\nx=3\n", 10, 0644), 0);
        assert_int_equal(conf_load(&table, file, &s, &em), -EINVAL);
        assert_says(em, "20-b.conf:2: unknown key");
        conf_done(&table, &s);
}

static void setting_one(void **state) {
        struct sample s = {};
        struct errmsg em;

        (void) state;
        assert_int_equal(conf_set(&table, "web", "listen", "x:1", &s, &em), 0);
        assert_string_equal(s.listen, "x:1");
        assert_int_equal(conf_set(&table, "web", "listne", "x:1", &s, &em), -ENOENT);
        assert_says(em, "did you mean \"listen\"?");
        assert_int_equal(conf_defaults(&table, &s, &em), 0);
        assert_int_equal(conf_set(&table, "web", "hosts", "one", &s, &em), 0);
        assert_int_equal(str_count(s.hosts), 1); /* in place of the default */
        assert_string_equal(s.hosts[0], "one");
        assert_int_equal(conf_set(&table, "web", "hosts", "two three", &s, &em), 0);
        assert_int_equal(str_count(s.hosts), 3);
        assert_non_null(conf_find(&table, "onebox", "extra"));
        assert_null(conf_find(&table, "web", "extra"));
        conf_done(&table, &s);
}

static void no_memory(void **state) {
        struct sample s = {};
        int r = -ENOMEM;

        (void) state;
        for (unsigned nth = 1; r == -ENOMEM; nth++) {
                assert_true(nth < 100);
                fault_arm(FAULT_ALLOC, nth, 0, 1);
                r = conf_defaults(&table, &s, NULL);
                if (r >= 0)
                        r = parse(&s, "[web]\nlisten=a\nhosts=b c\n[onebox]\nextra=d", NULL);
                fault_reset();
                conf_done(&table, &s);
        }
        assert_int_equal(r, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults),
                cmocka_unit_test(values),
                cmocka_unit_test(mistakes_are_named),
                dir_test(files_and_drop_ins),
                cmocka_unit_test(setting_one),
                cmocka_unit_test_teardown(no_memory, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
