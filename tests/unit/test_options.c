#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"

struct words {
        bool json;
        bool follow;
        uint64_t limit;
        char *state_dir;
        char **tags;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct words, json, 'j', BOOL, NULL, "JSON")
                OPTIONS_ROW(struct words, follow, 'f', BOOL, NULL, "go on")
                        OPTIONS_ROW(struct words, limit, 'n', UINT, "N", "how many")
                                OPTIONS_ROW(struct words, state_dir, 0, STRING, "DIR", "where")
                                        OPTIONS_ROW(struct words, tags, 't', LIST, "TAG", "which")};
static const struct options_spec spec = {
        .program = "onebox runs",
        .args = "DAG [RUN]",
        .summary = "Shows runs",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 2,
};

#define N_MAX 16

/* argv from a line of words; parse() leaves them in argv_. */
static char *argv_[N_MAX];
static char line_[256];

static int parse(const char *line, struct words *w, int *ret_n, struct errmsg *em) {
        int argc = 1;

        assert_int_equal(str_copy(line_, sizeof(line_), line), 0);
        argv_[0] = (char *) "onebox";
        for (char *p = strtok(line_, " "); p; p = strtok(NULL, " "))
                argv_[argc++] = p;
        argv_[argc] = NULL;
        return options_parse(&spec, argc, argv_, w, ret_n, em);
}

static void forms(void **state) {
        static const char *const lines[] = {
                "iris --json -n 5 --state-dir /x -t a --tags=b",
                "-jn5 iris --state-dir=/x -ta -tb",
                "--limit=5 --json=yes --tags a,b --state_dir /x -- iris",
                "-j --limit 5 -t a -t b --state-dir /x iris",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                struct words w = {};
                struct errmsg em = {};
                int n = 0;

                if (parse(lines[i], &w, &n, &em) != 0)
                        fail_msg("%s: %s", lines[i], em.text);
                assert_int_equal(n, 1);
                assert_string_equal(argv_[1], "iris");
                assert_true(w.json);
                assert_false(w.follow);
                assert_int_equal(w.limit, 5);
                assert_string_equal(w.state_dir, "/x");
                assert_int_equal(str_count(w.tags), 2);
                options_done(&spec, &w);
        }
}

static void words_after_dashes(void **state) {
        struct words w = {.json = true};
        int n;

        (void) state;
        assert_int_equal(parse("--no-json -- --json -x", &w, &n, NULL), 0);
        assert_false(w.json);
        assert_int_equal(n, 2);
        assert_string_equal(argv_[1], "--json");
        assert_string_equal(argv_[2], "-x");
        assert_int_equal(parse("- x", &w, &n, NULL), 0);
        assert_string_equal(argv_[1], "-");
        options_done(&spec, &w);
}

static void mistakes(void **state) {
        static const struct {
                const char *line, *words;
        } bad[] = {
                {"--jsn x", "unknown option --jsn: did you mean --json?"},
                {"--state-dri x", "did you mean --state-dir?"},
                {"--qqqqqqqq x", "see --help"},
                {"-q x", "unknown option -q"},
                {"x --limit", "--limit needs a value: --limit=N"},
                {"x -n", "-n needs a value"},
                {"x --limit=many", "--limit: limit = many is not understood"},
                {"x --no-json=1", "takes no value"},
                {"", "DAG [RUN] is missing"},
                {"a b c", "one word too many: \"c\""},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct words w = {};
                struct errmsg em = {};
                int n;

                assert_int_equal(parse(bad[i].line, &w, &n, &em), -EINVAL);
                assert_says(em, bad[i].words);
                options_done(&spec, &w);
        }
}

static void help_and_version(void **state) {
        _cleanup_free_ char *text = NULL;
        struct words w = {};
        size_t size;
        FILE *f;
        int n;

        (void) state;
        assert_int_equal(parse("--help", &w, &n, NULL), OPTIONS_HELP);
        assert_int_equal(parse("-h", &w, &n, NULL), OPTIONS_HELP);
        assert_int_equal(parse("--version", &w, &n, NULL), OPTIONS_VERSION);
        f = open_memstream(&text, &size);
        options_print_help(&spec, f);
        fclose(f);
        assert_non_null(strstr(text, "onebox runs [OPTION]… DAG [RUN]"));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_non_null(strstr(text, rows[i].help));
        assert_non_null(strstr(text, "--state-dir=DIR"));
}

static void help_fits_a_terminal(void **state) {
        static const struct options_row row[] = {
                {"one", 'o', CONF_BOOL, 0, NULL,
                 "what is longer than a line goes on below itself, and keeps its wörds whole…"},
                {"other", 'o', CONF_STRING, 0, "some|of|many|words", "the letter is another's"},
                {"third", 0, CONF_STRING, 0, "ID,…", "aligned"}};
        const struct options_spec long_spec = {
                .program = "onebox x",
                .summary = "A summary of more words than there is room for in one line of a "
                           "terminal of eighty",
                .rows = row,
                .args = "[do THIS | do THAT | do ALL of it | and what else there is to be done]",
                .n_rows = ARRAY_SIZE(row),
        };
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        (void) state;
        options_print_help(&long_spec, f);
        fclose(f);
        assert_non_null(strstr(text, "onebox x [OPTION]… [do THIS | do THAT | do ALL of it | and "
                                     "what else there is\n                   to be done]\n\n"));
        assert_non_null(strstr(text, "\n      --other=some|of|many|words\n"
                                     "                              the letter is another's\n"));
        assert_non_null(strstr(text, "\n      --third=ID,…            aligned\n"));
        assert_non_null(strstr(text, "line of a terminal of\neighty.\n\n"));
        assert_non_null(strstr(text,
                               "  -o, --one                   what is longer than a line goes on "
                               "below itself,\n                              and keeps its "
                               "wörds whole…\n"));
}

struct sample {
        char *listen;
        uint64_t workers;
        char **hosts;
};

static const struct conf_key keys[] = {
        CONF_ROW(struct sample, web, listen, STRING, "a:1", "where")
                CONF_ROW(struct sample, web, workers, UINT, "4", "how many")
                        CONF_ROW(struct sample, web, hosts, LIST, "localhost", "who")};
static const struct options_daemon sample_daemon = {
        .program = "onebox-sample",
        .summary = "Serves",
        .conf = {keys, ARRAY_SIZE(keys)},
};

static void daemons(void **state) {
        _cleanup_free_ char *file = str_printf("%s/c", (char *) *state),
                            *config = str_printf("--config=%s", file);
        char *good[] = {(char *) "x",
                        config,
                        (char *) "--listen",
                        (char *) "b:2",
                        (char *) "--hosts=c",
                        (char *) "--state-dir=/s",
                        NULL};
        char *bad[] = {(char *) "x", config, (char *) "--workers=x", NULL};
        char *wrong_level[] = {(char *) "x", config, (char *) "--log-level=loud", NULL};
        _cleanup_(paths_done) struct paths p = {};
        struct sample s = {};
        struct errmsg em = {};

        assert_int_equal(fileio_write_atomic(file, "[web]\nlisten=f:1\nworkers=7\n", 27, 0644), 0);
        if (options_daemon_start(&sample_daemon, 6, good, &s, &p, NULL, &em) != 0)
                fail_msg("%s", em.text);
        assert_string_equal(s.listen, "b:2");
        assert_int_equal(s.workers, 7);
        assert_int_equal(str_count(s.hosts), 1); /* in place of the default */
        assert_string_equal(p.state_dir, "/s");
        conf_done(&sample_daemon.conf, &s);
        paths_done(&p);
        assert_int_equal(options_daemon_start(&sample_daemon, 3, bad, &s, &p, NULL, &em), -EINVAL);
        assert_says(em, "on the command line: workers = x");
        assert_int_equal(options_daemon_start(&sample_daemon, 3, wrong_level, &s, &p, NULL, &em),
                         -EINVAL);
        assert_says(em, "loud");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forms),
                cmocka_unit_test(words_after_dashes),
                cmocka_unit_test(mistakes),
                cmocka_unit_test(help_and_version),
                cmocka_unit_test(help_fits_a_terminal),
                dir_test(daemons),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
