/* base_test.h: cmocka's includes, and what tests of lib/base share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/macros.h"

/* What is said must hold both the thing and the reason. */
#define assert_says(em, words)                                                      \
        do {                                                                        \
                if (!strstr((em).text, (words)))                                    \
                        fail_msg("\"%s\" does not say \"%s\"", (em).text, (words)); \
        } while (0)

/* A directory that goes with the test: setup and teardown for cmocka, *state is its path. */
static inline _unused_ int base_test_dir_setup(void **state) {
        char *path = strdup("/tmp/onebox-base-XXXXXX");

        assert_non_null(path);
        assert_non_null(mkdtemp(path));
        *state = path;
        return 0;
}

static inline _unused_ int base_test_dir_teardown(void **state) {
        fault_reset();
        assert_int_equal(fileio_rm_rf(*state), 0);
        free(*state);
        return 0;
}

static inline _unused_ int base_test_no_faults(void **state) {
        (void) state;
        fault_reset();
        return 0;
}

#define dir_test(f) cmocka_unit_test_setup_teardown(f, base_test_dir_setup, base_test_dir_teardown)
