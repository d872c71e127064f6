/* tracking_test.h: cmocka's includes, and what tests of daemons/tracking share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/refusal.h"
#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/db/db.h"

/* Every test has an arena and a refusal in it. */
struct tracking_test {
        struct arena arena;
        struct refusal refusal;
        struct db *db; /* with tracking_test_db_setup */
};

static inline int tracking_test_setup(void **state) {
        struct tracking_test *t = calloc(1, sizeof(*t));

        assert_non_null(t);
        arena_init(&t->arena, 0);
        t->refusal.arena = &t->arena;
        *state = t;
        return 0;
}

static inline int tracking_test_teardown(void **state) {
        struct tracking_test *t = *state;

        db_free(t->db);
        arena_done(&t->arena);
        free(t);
        return 0;
}

#define tracking_test(f) \
        cmocka_unit_test_setup_teardown(f, tracking_test_setup, tracking_test_teardown)

/* The refusal's words hold these. */
#define assert_refused(t, result, words)                                                    \
        do {                                                                                \
                assert_int_equal(result, REFUSED);                                          \
                if (!strstr((t)->refusal.text, (words)))                                    \
                        fail_msg("\"%s\" does not say \"%s\"", (t)->refusal.text, (words)); \
        } while (0)
