/* What changes the digest of pipeline files, and what does not. */
#include "tests/unit/base_test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemons/scheduler/pipelines.h"
#include "daemons/scheduler/pipelines_digest.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static char root[64];

static int setup(void **state) {
        snprintf(root, sizeof(root), "/tmp/test_pipelines_digest.XXXXXX");
        assert_non_null(mkdtemp(root));
        return 0;
}

static int teardown(void **state) {
        return fileio_rm_rf(root);
}

static void put(const char *name, const char *text) {
        _cleanup_free_ char *path = str_printf("%s/%s", root, name);

        assert_non_null(path);
        assert_int_equal(fileio_mkdir_parents(path, 0755), 0);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0644), 0);
}

static uint64_t digest(void) {
        _cleanup_free_ char *env = str_printf("%s/env", root);
        const struct pipelines_options o = {.python = "/x", .env_file = env};
        struct pipelines p;
        struct errmsg em;
        uint64_t d = PIPELINES_DIGEST_EMPTY;

        assert_int_equal(pipelines_look(root, &o, &d), 0);
        assert_int_equal(pipelines_load(root, &o, &p, &em), 0);
        assert_true(pipelines_digest_join(PIPELINES_DIGEST_EMPTY, p.digest) ==
                    d); /* a look tells of what was compiled */
        pipelines_done(&p);
        return d;
}

static void follows_texts_and_names(void **state) {
        static const struct {
                const char *name, *text;
                bool changes;
        } steps[] = {
                {"a/liminal.yml", "name: a\n", true},
                {"a/liminal.yml", "name: a\n", false},
                {"a/liminal.yml", "name: b\n", true},
                {"a/other.yml", "name: c\n", false},
                {"b/liminal.yml", "", true},
                {"a/code.py", "print()", false},
                {"env", "A=1\n", true},
                {"env", "A=1\n", false},
        };
        _cleanup_free_ char *gone = str_printf("%s/b/liminal.yml", root);
        uint64_t before = digest(), now;

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                put(steps[i].name, steps[i].text);
                now = digest();
                if ((now != before) != steps[i].changes)
                        fail_msg("step %zu", i);
                before = now;
        }
        assert_int_equal(unlink(gone), 0);
        assert_true(digest() != before);
}

/* What moves from one file into the next is a change, too. */
static void keeps_texts_apart(void **state) {
        uint64_t before;

        put("a/liminal.yml", "name: a\n");
        put("b/liminal.yml", "name: b\n");
        before = digest();
        put("a/liminal.yml", "name: b\n");
        put("b/liminal.yml", "name: a\n");
        assert_true(digest() != before);
}

static void what_cannot_be_read_is_never_the_same(void **state) {
        _cleanup_free_ char *path = str_printf("%s/a/liminal.yml", root);
        const struct pipelines_options o = {.python = "/x"},
                                       env = {.python = "/x", .env_file = root};
        uint64_t d = PIPELINES_DIGEST_EMPTY;

        put("a/liminal.yml", "name: a\n");
        assert_true(pipelines_look(root, &env, &d) < 0); /* a directory */
        assert_true(pipelines_look(path, &o, &d) < 0);
}

/* The order of the directories counts. */
static void joins_directories(void **state) {
        uint64_t ab = pipelines_digest_join(pipelines_digest_join(PIPELINES_DIGEST_EMPTY, 1), 2),
                 ba = pipelines_digest_join(pipelines_digest_join(PIPELINES_DIGEST_EMPTY, 2), 1);

        assert_true(ab != ba && ab != pipelines_digest_join(PIPELINES_DIGEST_EMPTY, 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(follows_texts_and_names, setup, teardown),
                cmocka_unit_test_setup_teardown(keeps_texts_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(what_cannot_be_read_is_never_the_same, setup,
                                                teardown),
                cmocka_unit_test(joins_directories),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
