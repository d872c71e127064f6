/* db_test_dir.h: a directory of its own for each test, and the cmocka includes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/macros.h"

struct test_dir {
        char path[64];
        char uri[192];  /* of path/test.db */
        char file[128]; /* path/test.db */
};

static inline _unused_ int test_dir_setup(void **state) {
        struct test_dir *t = calloc(1, sizeof(*t));

        assert_non_null(t);
        (void) snprintf(t->path, sizeof(t->path), "/tmp/onebox-test-XXXXXX");
        assert_non_null(mkdtemp(t->path));
        (void) snprintf(t->file, sizeof(t->file), "%s/test.db", t->path);
        (void) snprintf(t->uri, sizeof(t->uri), "sqlite:///%s", t->file);
        *state = t;
        return 0;
}

static inline _unused_ int test_dir_teardown(void **state) {
        struct test_dir *t = *state;

        assert_int_equal(fileio_rm_rf(t->path), 0);
        free(t);
        return 0;
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, test_dir_setup, test_dir_teardown)

/* The call answers 0, or the test ends with what `em` says. */
#define assert_ok(em, call)                                              \
        do {                                                             \
                int ok_r_ = (call);                                      \
                if (ok_r_ != 0)                                          \
                        fail_msg("%s: %d: %s", #call, ok_r_, (em).text); \
        } while (0)
