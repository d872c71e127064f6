/* Which files of a command are kept with its run, and which never. */
#include "tests/unit/base_test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/tracked_files.h"
#include "lib/base/fileio.h"

static void put(const char *dir, const char *name, const char *text, size_t len, unsigned mode) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(fileio_write_atomic(path, text, len, mode), 0);
        assert_int_equal(chmod(path, mode), 0);
}

/* The names found for a command, with commas. */
static void expect(const char *dir, const char *key, const char *value, const char *expected) {
        struct tracked_file files[TRACKED_FILES_MAX];
        char spec[2048], found[1024] = "";
        struct errmsg em = {};
        struct arena a;
        struct json *j;
        size_t n;

        arena_init(&a, 0);
        snprintf(spec, sizeof(spec), "{\"cwd\":\"%s\",\"%s\":%s}", dir, key, value);
        if (json_parse_copy(&a, spec, strlen(spec), &j, &em) < 0)
                fail_msg("%s: %s", spec, em.text);
        assert_int_equal(tracked_files_read(j, &a, files, &n), 0);
        for (size_t i = 0; i < n; i++) {
                strcat(strcat(found, *found ? "," : ""), files[i].name);
                assert_int_equal(files[i].len, 5);
                assert_string_equal(files[i].text, "code\n");
        }
        assert_string_equal(found, expected);
        arena_done(&a);
}

static void what_a_command_names(void **state) {
        char dir[64], path[256];
        static char large[TRACKED_FILES_BYTES_MAX + 1];

        snprintf(dir, sizeof(dir), "%s/work", (const char *) *state);
        assert_int_equal(mkdir(dir, 0755), 0);
        snprintf(path, sizeof(path), "%s/sql", dir);
        assert_int_equal(mkdir(path, 0755), 0);
        put(*state, "beside.py", "code\n", 5, 0644);
        put(dir, "train.py", "code\n", 5, 0644);
        put(dir, "sql/join.sql", "code\n", 5, 0644);
        put(dir, "key.json", "code\n", 5, 0644);
        put(dir, "secret.py", "code\n", 5, 0640);
        put(dir, "binary.py", "co\0e\n", 5, 0644);
        put(dir, "latin.py", "cod\xe4\n", 5, 0644);
        put(dir, "empty.py", "", 0, 0644);
        memset(large, 'x', sizeof(large));
        put(dir, "large.py", large, sizeof(large), 0644);
        snprintf(path, sizeof(path), "%s/link.py", dir);
        assert_int_equal(symlink("train.py", path), 0);
        snprintf(path, sizeof(path), "%s/away", dir);
        assert_int_equal(symlink("..", path), 0);

        expect(dir, "cmd", "\"python -u train.py --C 1 && psql -f ./sql/join.sql\"",
               "train.py,sql/join.sql");
        expect(dir, "cmd", "\"(python 'train.py';python train.py)>x\"", "train.py"); /* once */
        expect(dir, "argv", "[\"python\",\"train.py\",\"sql/join.sql\"]", "train.py,sql/join.sql");
        expect(dir, "cmd", "\"cat key.json secret.py binary.py latin.py empty.py large.py\"", "");
        expect(dir, "cmd", "\"cat link.py away/beside.py ../beside.py none.py .py -x.py\"", "");
        expect(dir, "cmd", "\"echo\"", "");
        snprintf(path, sizeof(path), "\"cat %s/train.py\"", dir);
        expect(dir, "cmd", path, ""); /* below the working directory, and said so */
        expect("/nonexistent", "cmd", "\"python train.py\"", "");
        expect(dir, "kind", "\"marker\"", "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_a_command_names, base_test_dir_setup,
                                                base_test_dir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
