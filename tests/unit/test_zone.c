/* The oracle is glibc, one TZ after the other; zones are read from the system's files. */
#include "tests/unit/base_test.h"

#include <time.h>

#include "lib/base/civil.h"
#include "lib/base/zone_file.h"

static const char *const names[] = {
        "Europe/Berlin", "America/New_York",  "Asia/Kolkata",     "Australia/Lord_Howe",
        "UTC",           "America/Sao_Paulo", "Pacific/Apia",     "Africa/Casablanca",
        "Asia/Tehran",   "Europe/Dublin",     "America/St_Johns", "Pacific/Chatham",
};

static struct zone *load(const char *name) {
        struct zone *z = NULL;
        struct errmsg em = {};

        if (zone_file_load(name, &z, &em) < 0)
                fail_msg("%s", em.text);
        return z;
}

static int64_t local(int year, int month, int day, int hour, int minute) {
        struct civil c = {.year = year, .month = month, .day = day, .hour = hour, .minute = minute};

        return civil_to_seconds(&c);
}

static void agrees_with_glibc(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_(zone_freep) struct zone *z = load(names[i]);

                setenv("TZ", names[i], 1);
                tzset();
                for (int64_t s = -2000000000; s < 6000000000; s += 3600 * 31 + 1) {
                        time_t t = (time_t) s;
                        struct zone_info info;
                        struct tm tm;

                        assert_non_null(localtime_r(&t, &tm));
                        zone_at(z, s, &info);
                        if (info.offset_s != tm.tm_gmtoff || info.is_dst != (tm.tm_isdst > 0))
                                fail_msg("%s at %lld: %d, not %ld", names[i], (long long) s,
                                         info.offset_s, tm.tm_gmtoff);
                        assert_string_equal(info.abbr, tm.tm_zone);
                }
        }
        unsetenv("TZ");
        tzset();
}

static void every_moment_comes_back(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_(zone_freep) struct zone *z = load(names[i]);

                for (int64_t s = 1000000000; s < 2500000000; s += 1799) {
                        int64_t early, later;
                        int answer = zone_to_utc(z, zone_to_local(z, s), &early, &later);

                        assert_int_not_equal(answer, ZONE_GAP);
                        assert_true(early == s || later == s);
                        assert_true(answer == ZONE_FOLD ? early < later : early == later);
                }
        }
}

static void gaps_and_folds(void **state) {
        _cleanup_(zone_freep) struct zone *berlin = load("Europe/Berlin"),
                                          *apia = load("Pacific/Apia");
        int64_t early, later;

        (void) state;
        assert_int_equal(zone_to_utc(berlin, local(2026, 3, 29, 2, 30), &early, &later), ZONE_GAP);
        assert_int_equal(early, local(2026, 3, 29, 1, 30)); /* UTC: 03:30 summer time */
        assert_int_equal(later, local(2026, 3, 29, 0, 30));
        assert_int_equal(zone_to_utc(berlin, local(2026, 10, 25, 2, 30), &early, &later),
                         ZONE_FOLD);
        assert_int_equal(early, local(2026, 10, 25, 0, 30));
        assert_int_equal(later, local(2026, 10, 25, 1, 30));
        assert_int_equal(zone_to_utc(berlin, local(2026, 10, 25, 3, 0), &early, NULL), ZONE_UNIQUE);
        assert_int_equal(early, local(2026, 10, 25, 2, 0));
        assert_int_equal(zone_to_utc(berlin, local(2100, 3, 28, 2, 0), &early, NULL), ZONE_GAP);
        /* Samoa skipped the whole 30 December 2011. */
        assert_int_equal(zone_to_utc(apia, local(2011, 12, 30, 12, 0), &early, NULL), ZONE_GAP);
        assert_int_equal(zone_to_utc(apia, local(2011, 12, 29, 12, 0), &early, NULL), ZONE_UNIQUE);
        assert_int_equal(zone_to_utc(apia, local(2011, 12, 31, 0, 0), &early, NULL), ZONE_UNIQUE);
}

static void utc_and_fixed(void **state) {
        _cleanup_(zone_freep) struct zone *z = zone_new_fixed(19800, "+05:30");
        struct zone_info info;
        int64_t utc;

        (void) state;
        zone_at(zone_utc(), 123, &info);
        assert_int_equal(info.offset_s, 0);
        assert_string_equal(info.abbr, "UTC");
        assert_null(zone_free((struct zone *) zone_utc()));
        assert_int_equal(zone_to_utc(z, 19800, &utc, NULL), ZONE_UNIQUE);
        assert_int_equal(utc, 0);
        assert_string_equal(zone_name(z), "+05:30");
}

/* A file cut anywhere, or with a byte changed, is refused or read without harm. */
static void damaged_files(void **state) {
        char *data = NULL;
        size_t len;

        (void) state;
        assert_int_equal(fileio_read("/usr/share/zoneinfo/Europe/Berlin", 1 << 20, &data, &len), 0);
        for (size_t cut = 0; cut < len; cut++) {
                char *exact = malloc(cut ? cut : 1);
                struct zone *z = NULL;
                struct errmsg em = {};

                memcpy(exact, data, cut);
                assert_int_equal(zone_parse(exact, cut, "cut", &z, &em), -EINVAL);
                assert_says(em, "cut");
                free(exact);
        }
        for (size_t at = 0; at < len; at++) {
                _cleanup_(zone_freep) struct zone *z = NULL;
                struct zone_info info;

                data[at] ^= 0x55;
                if (zone_parse(data, len, "flipped", &z, NULL) >= 0) {
                        zone_at(z, 1700000000, &info);
                        zone_at(z, 9700000000, &info);
                }
                data[at] ^= 0x55;
        }
        free(data);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agrees_with_glibc), cmocka_unit_test(every_moment_comes_back),
                cmocka_unit_test(gaps_and_folds),    cmocka_unit_test(utc_and_fixed),
                cmocka_unit_test(damaged_files),
        };

        if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
                printf("1..0 # SKIP no tzdata on this machine\n");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
