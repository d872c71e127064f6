/* The content type by a name's ending, else by what the file begins with. */
#include "fuse-gcs/mime.h"

#include <string.h>

#include "tests/unit/base_test.h"

static void test_names(void **state) {
        assert_string_equal(mime_of("a/b.TXT"), "text/plain; charset=utf-8");
        assert_string_equal(mime_of("x.tar.gz"), mime_of("y.gz"));
        assert_null(mime_of("a.txt/b"));
        assert_null(mime_of("noending"));
}

static void test_starts(void **state) {
        char bytes[600];

        assert_string_equal(mime_sniff("", 0), "text/plain; charset=utf-8");
        assert_string_equal(mime_sniff("line 1\nline 2\t\r\n", 15), "text/plain; charset=utf-8");
        assert_string_equal(mime_sniff("a\0b", 3), "application/octet-stream");
        assert_string_equal(mime_sniff("\x1f\x8b", 2), "application/octet-stream");
        /* Only its start counts. */
        memset(bytes, 'a', sizeof(bytes));
        bytes[512] = 0;
        assert_string_equal(mime_sniff(bytes, sizeof(bytes)), "text/plain; charset=utf-8");
        bytes[511] = 0;
        assert_string_equal(mime_sniff(bytes, sizeof(bytes)), "application/octet-stream");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_starts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
