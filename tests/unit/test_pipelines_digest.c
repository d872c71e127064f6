/* What changes the digest of pipeline files, and what does not. */
#include "tests/unit/base_test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemons/scheduler/sources_digest.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static char root[64];

static int setup(void **state) {
        snprintf(root, sizeof(root), "/tmp/test_sources_digest.XXXXXX");
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
        uint64_t d = SOURCES_DIGEST_EMPTY;

        assert_int_equal(sources_digest_add_dir(&d, root, 0), 0);
        assert_int_equal(sources_digest_add_file(&d, env), 0);
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
        uint64_t d = SOURCES_DIGEST_EMPTY;

        put("a/liminal.yml", "name: a\n");
        assert_true(sources_digest_add_file(&d, root) < 0); /* a directory */
        assert_true(sources_digest_add_dir(&d, path, 0) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(follows_texts_and_names, setup, teardown),
                cmocka_unit_test_setup_teardown(keeps_texts_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(what_cannot_be_read_is_never_the_same, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
