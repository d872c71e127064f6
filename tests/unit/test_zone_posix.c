#include "tests/unit/base_test.h"

#include "lib/base/zone_posix.h"

static void rules(void **state) {
        struct zone_posix p;
        struct zone_info info;

        (void) state;
        assert_int_equal(zone_posix_parse("CET-1CEST,M3.5.0,M10.5.0/3", &p), 0);
        assert_int_equal(p.std_offset_s, 3600);
        assert_int_equal(p.dst_offset_s, 7200);
        zone_posix_at(&p, 1774746000 - 1, &info); /* 2026-03-29T01:00:00Z */
        assert_string_equal(info.abbr, "CET");
        zone_posix_at(&p, 1774746000, &info);
        assert_string_equal(info.abbr, "CEST");
        assert_true(info.is_dst);
        zone_posix_at(&p, 1792890000, &info); /* 2026-10-25T01:00:00Z */
        assert_string_equal(info.abbr, "CET");
}

static void the_south(void **state) {
        struct zone_posix p;
        struct zone_info info;

        (void) state;
        assert_int_equal(zone_posix_parse("AEST-10AEDT,M10.1.0,M4.1.0/3", &p), 0);
        zone_posix_at(&p, 1767225600, &info); /* January */
        assert_int_equal(info.offset_s, 11 * 3600);
        zone_posix_at(&p, 1782864000, &info); /* July */
        assert_int_equal(info.offset_s, 10 * 3600);
}

static void other_forms(void **state) {
        struct zone_posix p;

        (void) state;
        assert_int_equal(zone_posix_parse("<+0330>-3:30", &p), 0);
        assert_int_equal(p.std_offset_s, 12600);
        assert_false(p.has_dst);
        assert_string_equal(p.std_abbr, "+0330");
        assert_int_equal(zone_posix_parse("IST-1GMT0,M10.5.0,M3.5.0/1", &p), 0);
        assert_int_equal(p.dst_offset_s, 0);
        assert_int_equal(zone_posix_parse("EST5EDT,J60/-1:30,365/167", &p), 0);
        assert_int_equal(p.start.time_s, -5400);
}

static void refusals(void **state) {
        static const char *const bad[] = {
                "",
                "C",
                "CET",
                "CET-1CEST",
                "CET-25",
                "CET-1CEST,M3.5.0",
                "CET-1CEST,M13.5.0,M10.5.0",
                "CET-1CEST,M3.6.0,M10.5.0",
                "CET-1CEST,M3.5.7,M10.5.0",
                "CET-1CEST,J0,J1",
                "CET-1CEST,366,1",
                "<CET-1",
                "CET-1CEST,M3.5.0,M10.5.0x",
                "CET-1:60",
                "CET--1",
                "CET-1CEST,M3.5.0/168,M10.5.0",
                "ABCDEFGHIJKLMNOP-1",
        };
        struct zone_posix p = {.std_offset_s = 7};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(zone_posix_parse(bad[i], &p), -EINVAL);
        assert_int_equal(p.std_offset_s, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rules),
                cmocka_unit_test(the_south),
                cmocka_unit_test(other_forms),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
