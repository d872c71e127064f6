/* The machine as it is, and /proc/meminfo as it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>

#include "daemons/web/box.h"

static void memory(void **state) {
        uint64_t total = 7, used = 7;

        box_parse_memory("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:   400 kB\n", &total,
                         &used);
        assert_int_equal(total, 1024000);
        assert_int_equal(used, 600 * 1024);
}

static void nonsense(void **state) {
        static const char *const texts[] = {
                "",
                "\n",
                "MemTotal",
                "MemTotal:\nMemAvailable:\n",
                "XMemTotal: 5 kB\n",
                "MemTotal: 99999999999999999999 kB\n",
                "MemTotal: 1 kB\nMemAvailable: 2 kB\n",
        };
        uint64_t total = 7, used = 8;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                box_parse_memory(texts[i], &total, &used);
                assert_int_equal(total, 7);
                assert_int_equal(used, 8);
        }
}

static void looks(void **state) {
        const usec_t now_at = 1800000000 * USEC_PER_SEC;
        struct box b;

        box_look("/", now_at, &b);
        assert_true(b.disk_total > 0 && b.disk_used <= b.disk_total);
        assert_true(b.memory_total > 0 && b.memory_used < b.memory_total);
        assert_true(b.cpus >= 1 && b.load >= 0);
        assert_true(b.booted_at > 0 && b.booted_at < now_at);
        box_look("/nonexistent", now_at, &b);
        assert_int_equal(b.disk_total, 0);
        assert_true(b.memory_total > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory),
                cmocka_unit_test(nonsense),
                cmocka_unit_test(looks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
