/* The log's file: which names are what became of a full one, and that lines go on in a new one. */
#include "tests/unit/base_test.h"

#include <dirent.h>
#include <sys/stat.h>

#include "fuse-gcs/log_file.h"
#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_gzip.h"

static void test_names(void **state) {
        static const struct {
                const char *base, *name;
                bool is, compressed;
        } rows[] = {
                {"x.log", "x-2026-11-29T19-20-30.123.log", true, false},
                {"x.log", "x-2026-11-29T19-20-30.123.log.gz", true, true},
                {"x", "x-2026-11-29T19-20-30.123", true, false},
                {"x", "x-2026-11-29T19-20-30.123.gz", true, true},
                {"a.b.log", "a.b-2026-11-29T19-20-30.123.log", true, false},
                {"x.log", "x.log", false, false},
                {"x.log", "x-2026-11-29T19-20-30.123", false, false},
                {"x.log", "x-2026-11-29T19-20-30.123.txt", false, false},
                {"x.log", "x-2026-11-29T19-20-30.123.log.gz.tmp", false, false},
                {"x.log", "x-2026-11-29T19-20-30.12.log", false, false},
                {"x.log", "x-2026-11-29 19-20-30.123.log", false, false},
                {"x.log", "y-2026-11-29T19-20-30.123.log", false, false},
                {"x.log", "x", false, false},
                {"x.log", "", false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool compressed = false;

                if (log_file_is_backup(rows[i].base, rows[i].name, &compressed) != rows[i].is)
                        fail_msg("%s of %s", rows[i].name, rows[i].base);
                if (rows[i].is)
                        assert_int_equal(compressed, rows[i].compressed);
        }
}

/* How many lines stand in all of the directory's files; none is longer than `max`. */
static size_t count_lines(const char *dir, size_t max) {
        DIR *d = opendir(dir);
        struct dirent *e;
        size_t n = 0;

        assert_non_null(d);
        while ((e = readdir(d))) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, e->d_name), *text = NULL;
                _cleanup_buf_ struct buf plain = {};
                size_t size;

                if (e->d_name[0] == '.')
                        continue;
                assert_int_equal(fileio_read(path, 1 << 24, &text, &size), 0);
                if (str_ends(e->d_name, ".gz"))
                        assert_int_equal(http_gzip_unpack(text, size, 1 << 24, &plain), 0);
                else
                        buf_add(&plain, text, size);
                assert_true(plain.len <= max);
                for (size_t i = 0; i < plain.len; i++)
                        n += plain.data[i] == '\n';
        }
        closedir(d);
        return n;
}

static size_t count_files(const char *dir, const char *end) {
        DIR *d = opendir(dir);
        struct dirent *e;
        size_t n = 0;

        assert_non_null(d);
        while ((e = readdir(d)))
                n += str_ends(e->d_name, end);
        closedir(d);
        return n;
}

static void test_a_full_one_goes_aside(void **state) {
        enum { MAX_BYTES = 64 * 1024, LINES = 4000 };
        const char *dir = *state;
        _cleanup_free_ char *path = str_printf("%s/x.log", dir);
        struct log_file_options o = {.path = path, .bytes_max = MAX_BYTES, .compress = true};
        struct errmsg em = {};

        log_init("test");
        assert_int_equal(log_file_open(&o, &em), 0);
        for (int i = 0; i < LINES; i++)
                log_info("line %d of those that fill a file after the other", i);
        /* compressing goes on beside it: until only the last is not */
        while (count_files(dir, ".log") > 1)
                usleep(1000);
        while (count_files(dir, ".gz") == 0)
                usleep(1000);
        assert_true(count_files(dir, ".log.gz") >= 3);
        assert_int_equal(count_lines(dir, MAX_BYTES), LINES);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                dir_test(test_a_full_one_goes_aside),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
