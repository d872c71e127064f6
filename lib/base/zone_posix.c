/* zone_posix: see zone_posix.h. */
#include "lib/base/zone_posix.h"

#include <errno.h>
#include <string.h>

#include "lib/base/civil.h"

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* One number of at most three digits within first … last. */
static int take_number(const char **s, int first, int last, int *ret) {
        int v = 0, n = 0;

        for (; is_digit(**s) && n < 4; n++)
                v = v * 10 + (*(*s)++ - '0');
        if (n == 0 || n > 3 || v < first || v > last)
                return -EINVAL;
        *ret = v;
        return 0;
}

/* "CET" or "<+03>". */
static int take_abbr(const char **s, char ret[16]) {
        const char *start = *s;
        size_t n;

        if (*start == '<') {
                n = strcspn(++start, ">");
                if (start[n] != '>')
                        return -EINVAL;
                *s = start + n + 1;
        } else {
                n = strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
                *s = start + n;
        }
        if (n < 3 || n > 15)
                return -EINVAL;
        memcpy(ret, start, n);
        ret[n] = 0;
        return 0;
}

/* [+-]hh[:mm[:ss]] */
static int take_time(const char **s, int max_hours, int *ret_s) {
        int sign = **s == '-' ? -1 : 1, part[3] = {};

        if (**s == '-' || **s == '+')
                (*s)++;
        for (int i = 0; i < 3; i++) {
                if (take_number(s, 0, i == 0 ? max_hours : 59, &part[i]) < 0)
                        return -EINVAL;
                if (**s != ':')
                        break;
                if (i < 2)
                        (*s)++;
        }
        *ret_s = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
        return 0;
}

static int take_rule(const char **s, struct zone_posix_rule *ret) {
        struct zone_posix_rule rule = {.kind = '0', .time_s = 2 * 3600};

        if (**s == 'M') {
                rule.kind = 'M';
                ++*s;
                if (take_number(s, 1, 12, &rule.month) < 0 || *(*s)++ != '.' ||
                    take_number(s, 1, 5, &rule.week) < 0 || *(*s)++ != '.' ||
                    take_number(s, 0, 6, &rule.day) < 0)
                        return -EINVAL;
        } else if (**s == 'J') {
                rule.kind = 'J';
                ++*s;
                if (take_number(s, 1, 365, &rule.day) < 0)
                        return -EINVAL;
        } else if (take_number(s, 0, 365, &rule.day) < 0) {
                return -EINVAL;
        }
        if (**s == '/') {
                ++*s;
                if (take_time(s, 167, &rule.time_s) < 0)
                        return -EINVAL;
        }
        *ret = rule;
        return 0;
}

int zone_posix_parse(const char *s, struct zone_posix *ret) {
        struct zone_posix p = {};
        int west;

        if (take_abbr(&s, p.std_abbr) < 0 || take_time(&s, 24, &west) < 0)
                return -EINVAL;
        p.std_offset_s = -west;
        if (!*s) {
                *ret = p;
                return 0;
        }
        p.has_dst = true;
        p.dst_offset_s = p.std_offset_s + 3600;
        if (take_abbr(&s, p.dst_abbr) < 0)
                return -EINVAL;
        if (*s && *s != ',') {
                if (take_time(&s, 24, &west) < 0)
                        return -EINVAL;
                p.dst_offset_s = -west;
        }
        if (*s++ != ',' || take_rule(&s, &p.start) < 0 || *s++ != ',' || take_rule(&s, &p.end) < 0)
                return -EINVAL;
        if (*s)
                return -EINVAL;
        *ret = p;
        return 0;
}

/* Days since 1970 of the rule's day in a year. */
static int64_t rule_day(const struct zone_posix_rule *rule, int year) {
        int64_t first = civil_to_days(year, 1, 1);
        int n_days, day;

        if (rule->kind == '0')
                return first + rule->day;
        if (rule->kind == 'J')
                return first + rule->day - 1 + (civil_is_leap(year) && rule->day >= 60);
        first = civil_to_days(year, rule->month, 1);
        n_days = civil_days_in_month(year, rule->month);
        day = (rule->day - civil_weekday(first) + 7) % 7 + (rule->week - 1) * 7;
        return first + (day >= n_days ? day - 7 : day);
}

void zone_posix_at(const struct zone_posix *p, int64_t utc_s, struct zone_info *ret) {
        int64_t start, end;
        bool dst = false;
        struct civil c;

        if (p->has_dst) {
                civil_from_seconds(utc_s + p->std_offset_s, &c);
                start = rule_day(&p->start, c.year) * 86400 + p->start.time_s - p->std_offset_s;
                end = rule_day(&p->end, c.year) * 86400 + p->end.time_s - p->dst_offset_s;
                dst = start < end ? utc_s >= start && utc_s < end : utc_s >= start || utc_s < end;
        }
        *ret = (struct zone_info){
                .offset_s = dst ? p->dst_offset_s : p->std_offset_s,
                .is_dst = dst,
                .abbr = dst ? p->dst_abbr : p->std_abbr,
        };
}
