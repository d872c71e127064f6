/* timestamp: see timestamp.h. */
#include "lib/base/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_AT (UINT64_C(253402300800) * USEC_PER_SEC - 1) /* the end of 9999 */

/* Exactly n digits; *s moves behind them. */
static int take_digits(const char **s, unsigned n, int *ret) {
        int v = 0;

        for (; n > 0; n--, (*s)++) {
                if (**s < '0' || **s > '9')
                        return -EINVAL;
                v = v * 10 + (**s - '0');
        }
        *ret = v;
        return 0;
}

static bool take(const char **s, char c) {
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

static int take_date(const char **s, struct civil *c) {
        if (take_digits(s, 4, &c->year) < 0 || !take(s, '-') || take_digits(s, 2, &c->month) < 0 ||
            !take(s, '-'))
                return -EINVAL;
        return take_digits(s, 2, &c->day);
}

static int take_time(const char **s, struct civil *c) {
        if (take_digits(s, 2, &c->hour) < 0 || !take(s, ':') || take_digits(s, 2, &c->minute) < 0)
                return -EINVAL;
        if (!take(s, ':'))
                return 0;
        if (take_digits(s, 2, &c->second) < 0)
                return -EINVAL;
        if (take(s, '.') || take(s, ',')) {
                int weight = 100000;

                if (**s < '0' || **s > '9')
                        return -EINVAL;
                for (; **s >= '0' && **s <= '9'; (*s)++, weight /= 10)
                        c->usec += (**s - '0') * weight;
        }
        return 0;
}

/* "Z", "+01:00", "+0100", "+01", or nothing. */
static int take_offset(const char **s, int *ret_offset_s, bool *ret_zoned) {
        int hours, minutes = 0;
        bool east = **s == '+';

        *ret_offset_s = 0;
        *ret_zoned = **s != 0;
        if (**s == 0 || take(s, 'Z') || take(s, 'z'))
                return 0;
        if (!take(s, '+') && !take(s, '-'))
                return -EINVAL;
        if (take_digits(s, 2, &hours) < 0)
                return -EINVAL;
        if ((take(s, ':') || **s) && take_digits(s, 2, &minutes) < 0)
                return -EINVAL;
        if (hours > 23 || minutes > 59)
                return -EINVAL;
        *ret_offset_s = (east ? 1 : -1) * (hours * 3600 + minutes * 60);
        return 0;
}

int timestamp_parse_zoned(const char *s, usec_t *ret_at, bool *ret_zoned) {
        struct civil c = {};
        int offset_s = 0;
        bool zoned = false;
        int64_t seconds;

        if (take_date(&s, &c) < 0)
                return -EINVAL;
        if (take(&s, 'T') || take(&s, 't') || take(&s, ' '))
                if (take_time(&s, &c) < 0 || take_offset(&s, &offset_s, &zoned) < 0)
                        return -EINVAL;
        if (*s || !civil_is_valid(&c))
                return -EINVAL;
        seconds = civil_to_seconds(&c) - offset_s;
        if (seconds < 0 || (usec_t) seconds > MAX_AT / USEC_PER_SEC)
                return -ERANGE;
        *ret_at = (usec_t) seconds * USEC_PER_SEC + (usec_t) c.usec;
        if (ret_zoned)
                *ret_zoned = zoned;
        return 0;
}

int timestamp_parse(const char *s, usec_t *ret_at) {
        return timestamp_parse_zoned(s, ret_at, NULL);
}

static void print_civil(const struct civil *c, unsigned flags, const char *zone,
                        char ret[TIMESTAMP_SIZE]) {
        char separator = flags & TIMESTAMP_SPACE ? ' ' : 'T';
        int n = snprintf(ret, TIMESTAMP_SIZE, "%04d-%02d-%02d%c%02d:%02d:%02d", c->year, c->month,
                         c->day, separator, c->hour, c->minute, c->second);

        assert(n > 0 && n + 14 <= TIMESTAMP_SIZE);
        if (flags & TIMESTAMP_MSEC)
                n += snprintf(ret + n, TIMESTAMP_SIZE - (size_t) n, ".%03d", c->usec / 1000);
        else if (!(flags & TIMESTAMP_SECONDS) && !(flags & TIMESTAMP_AUTO && c->usec == 0))
                n += snprintf(ret + n, TIMESTAMP_SIZE - (size_t) n, ".%06d", c->usec);
        (void) snprintf(ret + n, TIMESTAMP_SIZE - (size_t) n, "%s", zone);
}

void timestamp_to_civil(usec_t at, struct civil *ret) {
        at = MIN(at, MAX_AT);
        civil_from_seconds((int64_t) (at / USEC_PER_SEC), ret);
        ret->usec = (int) (at % USEC_PER_SEC);
}

const char *timestamp_print(usec_t at, unsigned flags, char ret[TIMESTAMP_SIZE]) {
        struct civil c;

        timestamp_to_civil(at, &c);
        print_civil(&c, flags, flags & TIMESTAMP_OFFSET ? "+00:00" : "Z", ret);
        return ret;
}

const char *timestamp_print_offset(usec_t at, int offset_s, unsigned flags,
                                   char ret[TIMESTAMP_SIZE]) {
        int minutes = abs(offset_s) / 60 % (24 * 60);
        struct civil c;
        char zone[16];

        at = MIN(at, MAX_AT);
        civil_from_seconds((int64_t) (at / USEC_PER_SEC) + offset_s, &c);
        c.usec = (int) (at % USEC_PER_SEC);
        (void) snprintf(zone, sizeof(zone), "%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60,
                        minutes % 60);
        print_civil(&c, flags, zone, ret);
        return ret;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

const char *timestamp_print_http(usec_t at, char ret[TIMESTAMP_SIZE]) {
        static const char days[] = "SunMonTueWedThuFriSat";
        struct civil c;

        timestamp_to_civil(at, &c);
        (void) snprintf(ret, TIMESTAMP_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                        days + 3 * c.weekday, c.day, months + 3 * (c.month - 1), c.year, c.hour,
                        c.minute, c.second);
        return ret;
}

int timestamp_parse_http(const char *s, usec_t *ret_at) {
        struct civil c = {};
        char month[4];
        const char *at;

        if (sscanf(s, "%*3s, %2d %3s %4d %2d:%2d:%2d", &c.day, month, &c.year, &c.hour, &c.minute,
                   &c.second) != 6)
                return -EINVAL;
        at = strstr(months, month);
        if (!at || strlen(month) != 3 || (at - months) % 3 != 0)
                return -EINVAL;
        c.month = (int) (at - months) / 3 + 1;
        if (!civil_is_valid(&c) || c.year < 1970 || c.year > 9999)
                return -EINVAL;
        *ret_at = (usec_t) civil_to_seconds(&c) * USEC_PER_SEC;
        return 0;
}

static const struct {
        const char *name;
        usec_t usec;
} units[] = {
        {"d", USEC_PER_DAY}, {"h", USEC_PER_HOUR},  {"min", USEC_PER_MINUTE},
        {"s", USEC_PER_SEC}, {"ms", USEC_PER_MSEC}, {"us", 1},
};

const char *timestamp_span_print(usec_t for_usec, char ret[TIMESTAMP_SIZE]) {
        size_t i = 0;
        usec_t rest;
        int n;

        if (for_usec == USEC_INFINITY || for_usec == 0) {
                (void) snprintf(ret, TIMESTAMP_SIZE, "%s", for_usec ? "infinity" : "0s");
                return ret;
        }
        while (for_usec < units[i].usec)
                i++;
        rest = for_usec % units[i].usec;
        if (units[i].usec == USEC_PER_SEC && rest >= USEC_PER_SEC / 10) {
                (void) snprintf(ret, TIMESTAMP_SIZE, "%d.%ds", (int) (for_usec / USEC_PER_SEC),
                                (int) (rest * 10 / USEC_PER_SEC));
                return ret;
        }
        n = snprintf(ret, TIMESTAMP_SIZE, "%llu%s", (unsigned long long) (for_usec / units[i].usec),
                     units[i].name);
        if (i < 3 && rest >= units[i + 1].usec)
                (void) snprintf(ret + n, TIMESTAMP_SIZE - (size_t) n, " %llu%s",
                                (unsigned long long) (rest / units[i + 1].usec), units[i + 1].name);
        return ret;
}

const char *timestamp_relative_print(usec_t at, usec_t now_at, char ret[TIMESTAMP_SIZE]) {
        char span[TIMESTAMP_SIZE];
        usec_t diff = at > now_at ? at - now_at : now_at - at;

        if (diff < USEC_PER_SEC) {
                (void) snprintf(ret, TIMESTAMP_SIZE, "now");
                return ret;
        }
        timestamp_span_print(diff >= 10 * USEC_PER_SEC ? diff / USEC_PER_SEC * USEC_PER_SEC : diff,
                             span);
        (void) snprintf(ret, TIMESTAMP_SIZE, "%s%.30s%s", at > now_at ? "in " : "", span,
                        at > now_at ? "" : " ago");
        return ret;
}
