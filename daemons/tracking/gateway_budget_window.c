#include "daemons/tracking/gateway_budget_window.h"

#include <errno.h>

#include "lib/base/civil.h"
#include "lib/base/str.h"

#define MINUTE_MS (INT64_C(60) * 1000)
#define DAY_MS (24 * 60 * MINUTE_MS)
#define SUNDAY_MS (-4 * DAY_MS) /* the last one before 1970 */

static const struct {
        const char *unit;
        int64_t ms, from_ms;
} units[] = {
        {"MINUTES", MINUTE_MS, 0},
        {"HOURS", 60 * MINUTE_MS, 0},
        {"DAYS", DAY_MS, 0},
        {"WEEKS", 7 * DAY_MS, SUNDAY_MS},
};

static int64_t month_ms(int64_t months) {
        return civil_to_days((int) (1970 + months / 12), (int) (months % 12) + 1, 1) * DAY_MS;
}

int gateway_budget_window(const char *unit, int64_t n, int64_t now_ms, int64_t *ret_start_ms,
                          int64_t *ret_end_ms) {
        struct civil now;
        int64_t month;

        if (n < 1 || n > INT32_MAX || now_ms < 0)
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                int64_t ms = units[i].ms * n;

                if (!str_eq(unit, units[i].unit))
                        continue;
                *ret_start_ms = units[i].from_ms + (now_ms - units[i].from_ms) / ms * ms;
                *ret_end_ms = *ret_start_ms + ms;
                return 0;
        }
        if (!str_eq(unit, "MONTHS"))
                return -EINVAL;
        civil_from_seconds(now_ms / 1000, &now);
        month = (now.year - 1970) * 12 + now.month - 1;
        *ret_start_ms = month_ms(month / n * n);
        *ret_end_ms = month_ms(month / n * n + n);
        return 0;
}
