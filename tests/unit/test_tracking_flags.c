/* The command line of `mlflow server`. */
#include "daemons/tracking/tracking_flags.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/tracking_test.h"

/* The arguments that are left, joined by blanks; or the refusal. */
static const char *read_all(const char *a, const char *b, const char *c) {
        static char text[600];
        char words[3][64], *argv[] = {"onebox-tracking", NULL, NULL, NULL, NULL};
        const char *in[] = {a, b, c};
        struct errmsg em = {};
        int argc = 1, n;

        for (size_t i = 0; i < 3 && in[i]; i++) {
                snprintf(words[i], sizeof(words[i]), "%s", in[i]);
                argv[argc++] = words[i];
        }
        n = tracking_flags_read(argc, argv, &em);
        *text = '\0';
        if (n < 0) {
                assert_int_equal(n, -EINVAL);
                snprintf(text, sizeof(text), "%s", em.text);
        }
        for (int i = 1; i < n; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 1 ? " " : "",
                         argv[i]);
        if (n >= 0)
                assert_null(argv[n]);
        return text;
}

static void test_spelled_out(void **state) {
        assert_string_equal(read_all("-p", "5001", NULL), "--port 5001");
        assert_string_equal(read_all("-w", "2", "--serve-artifacts"),
                            "--workers 2 --serve-artifacts=yes");
        assert_string_equal(read_all("--no-serve-artifacts", NULL, NULL), "--serve-artifacts=no");
        assert_string_equal(read_all("--serve-artifacts=no", NULL, NULL), "--serve-artifacts=no");
        assert_string_equal(read_all("-h", "0.0.0.0", NULL), "--host 0.0.0.0");
        assert_string_equal(read_all("-h", NULL, NULL), "-h");
        assert_string_equal(read_all("--unknown", "x", NULL), "--unknown x");
}

static void test_taken_away(void **state) {
        assert_string_equal(read_all("--gunicorn-opts", "--timeout 5", "-p"), "-p");
        assert_string_equal(read_all("--uvicorn-opts=-x", "--host", "::1"), "--host ::1");
        assert_string_equal(read_all("--dev", "--host", "::1"), "--host ::1");
        assert_string_equal(read_all("--expose-prometheus", NULL, NULL), "");
}

static void test_refused(void **state) {
        assert_string_equal(read_all("--artifacts-only", NULL, NULL),
                            "--artifacts-only: runs and artifacts are served together: leave the "
                            "option away");
        assert_non_null(strstr(read_all("--registry-store-uri=x", NULL, NULL), "models are in"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_spelled_out),
                cmocka_unit_test(test_taken_away),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
