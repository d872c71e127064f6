/* A file has its name when all of it is there. */
#include "lib/db/db_sqlite_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

static const struct db_sqlite_file_part parts[] = {{0, 2}, {9, 3}};
static const struct db_sqlite_file_image image = {parts, "abcde", 2, 14};

static void holds(const char *path, const char *data, size_t n) {
        _cleanup_free_ char *found = NULL;
        size_t n_found;

        assert_int_equal(fileio_read(path, 100, &found, &n_found), 0);
        assert_int_equal(n_found, n);
        assert_memory_equal(found, data, n);
}

static void test_make(void **state) {
        char dir[] = "/tmp/onebox-file-XXXXXX", a[64], b[64], beyond[64];
        struct errmsg em = {};
        struct stat st;

        (void) state;
        assert_non_null(mkdtemp(dir));
        snprintf(a, sizeof(a), "%s/a", dir);
        snprintf(b, sizeof(b), "%s/b", dir);
        snprintf(beyond, sizeof(beyond), "%s/no/c", dir);
        assert_int_equal(db_sqlite_file_make(a, &image, &em), 0);
        holds(a, "ab\0\0\0\0\0\0\0cde\0\0", 14);
        assert_int_equal(db_sqlite_file_make(b, NULL, &em), 0);
        holds(b, "", 0);
        assert_int_equal(stat(b, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(db_sqlite_file_make(b, &image, &em), 0); /* it is there */
        holds(b, "", 0);
        assert_int_equal(db_sqlite_file_make(beyond, &image, &em), -ENOENT);
        assert_non_null(strstr(em.text, "its directory must be there"));
        assert_int_equal(unlink(a), 0);
        fault_arm(FAULT_DB_WRITE, 1, ENOSPC, 1);
        assert_int_equal(db_sqlite_file_make(a, &image, &em), -ENOSPC);
        fault_reset();
        assert_int_equal(access(a, F_OK), -1);
        assert_int_equal(unlink(b), 0);
        assert_int_equal(rmdir(dir), 0); /* nothing is left beside it */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_make),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
