#include "tests/unit/base_test.h"

#include <errno.h>
#include <unistd.h>

#include "cli/part_process.h"

static void memory_is_the_resident_part(void **state) {
        uint64_t bytes = 7;

        (void) state;
        assert_int_equal(part_process_memory("2000 300 200 10 0 90 0\n", 4096, &bytes), 0);
        assert_int_equal(bytes, 300 * 4096);
        assert_int_equal(part_process_memory("2000", 4096, &bytes), -EINVAL);
        assert_int_equal(part_process_memory("", 4096, &bytes), -EINVAL);
        assert_int_equal(bytes, 300 * 4096);
}

static void the_start_is_found_behind_any_name(void **state) {
        static const char stat[] = "77 (a ) S 1) S 1 77 77 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 4 0 "
                                   "12345 1000 20 18446744073709551615 1 1 0";
        usec_t up_for = 0;

        (void) state;
        assert_int_equal(part_process_up_for(stat, "200.45 300.00\n", 100, &up_for), 0);
        assert_int_equal(up_for, 77 * USEC_PER_SEC);
        assert_int_equal(part_process_up_for(stat, "1.0 1.0", 100, &up_for), 0);
        assert_int_equal(up_for, 0); /* clocks of a boot that was restored */
        assert_int_equal(part_process_up_for("77 (x) S 1 2", "200.45", 100, &up_for), -EINVAL);
        assert_int_equal(part_process_up_for("", "200.45", 100, &up_for), -EINVAL);
        assert_int_equal(part_process_up_for(stat, "", 100, &up_for), -EINVAL);
}

static void memory_is_printed_for_people(void **state) {
        char text[PART_PROCESS_SIZE];

        (void) state;
        assert_string_equal(part_process_print_memory(18140365, text), "17.3 MiB");
        assert_string_equal(part_process_print_memory((uint64_t) 3 << 29, text), "1.5 GiB");
}

/* Nobody listens, and no unit has such a name. */
static void what_is_not_there_is_nothing(void **state) {
        struct part_process p = {.pid = 1, .memory = 1, .up_for = 1};

        (void) state;
        part_process_look("no-such-part", "/nonexistent/x.sock", &p);
        assert_int_equal(p.pid, 0);
        assert_int_equal(p.memory, 0);
        assert_int_equal(p.up_for, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_is_the_resident_part),
                cmocka_unit_test(the_start_is_found_behind_any_name),
                cmocka_unit_test(memory_is_printed_for_people),
                cmocka_unit_test(what_is_not_there_is_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
