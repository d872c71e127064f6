/* arena_test.h: an arena for each test of a file, and no fault armed behind it. */
#pragma once

#include "tests/unit/base_test.h"

#include "lib/base/arena.h"

static struct arena arena;

static int arena_test_start(void **state) {
        (void) state;
        arena_init(&arena, 0);
        return 0;
}

static int arena_test_end(void **state) {
        arena_done(&arena);
        return base_test_no_faults(state);
}

#define arena_test(f) cmocka_unit_test_setup_teardown(f, arena_test_start, arena_test_end)
