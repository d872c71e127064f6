/* See flags_value.h. */
#include "daemons/sqlproxy/flags_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

int flags_value_bool(const char *s, bool *ret, struct errmsg *em) {
        static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
        static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
                if (str_eq(s, yes[i]) || str_eq(s, no[i])) {
                        *ret = str_eq(s, yes[i]);
                        return 0;
                }
        }
        return errmsg_fail(em, -EINVAL, "strconv.ParseBool: parsing \"%s\": invalid syntax", s);
}

int flags_value_int(const char *s, int64_t *ret, struct errmsg *em) {
        char *end;
        long long v;

        errno = 0;
        v = strtoll(s, &end, 0);
        if (!*s || *end || isspace((unsigned char) *s))
                return errmsg_fail(em, -EINVAL, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                   s);
        if (errno == ERANGE)
                return errmsg_fail(em, -ERANGE,
                                   "strconv.ParseInt: parsing \"%s\": value out of range", s);
        *ret = v;
        return 0;
}

int flags_value_uint(const char *s, uint64_t *ret, struct errmsg *em) {
        char *end;
        unsigned long long v;

        errno = 0;
        v = strtoull(s, &end, 0);
        if (!isdigit((unsigned char) *s) || *end)
                return errmsg_fail(em, -EINVAL, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                                   s);
        if (errno == ERANGE)
                return errmsg_fail(em, -ERANGE,
                                   "strconv.ParseUint: parsing \"%s\": value out of range", s);
        *ret = v;
        return 0;
}

/* --- durations ------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        double usec;
} units[] = {
        {"ns", 1e-3}, {"us", 1.0}, {"\xc2\xb5s", 1.0}, {"\xce\xbcs", 1.0},
        {"ms", 1e3},  {"s", 1e6},  {"m", 60.0 * 1e6},  {"h", 3600.0 * 1e6},
};

/* One number and its unit, e.g. "1.5h". */
static int take_term(const char **s, const char *whole, double *sum, struct errmsg *em) {
        const char *p = *s;
        size_t digits = strspn(p, "0123456789"), len;
        size_t fraction = p[digits] == '.' ? strspn(p + digits + 1, "0123456789") : 0;
        char number[64], unit[16];

        len = digits + (p[digits] == '.' ? 1 + fraction : 0);
        if (digits + fraction == 0 || len >= sizeof number)
                return errmsg_fail(em, -EINVAL, "time: invalid duration \"%s\"", whole);
        memcpy(number, p, len);
        number[len] = 0;
        p += len;
        len = strcspn(p, "0123456789.");
        if (len == 0)
                return errmsg_fail(em, -EINVAL, "time: missing unit in duration \"%s\"", whole);
        if (len >= sizeof unit)
                return errmsg_fail(em, -EINVAL, "time: unknown unit in duration \"%s\"", whole);
        memcpy(unit, p, len);
        unit[len] = 0;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (str_eq(unit, units[i].name)) {
                        *sum += strtod(number, NULL) * units[i].usec;
                        *s = p + len;
                        return 0;
                }
        return errmsg_fail(em, -EINVAL, "time: unknown unit \"%s\" in duration \"%s\"", unit,
                           whole);
}

int flags_value_duration(const char *s, usec_t *ret_for, struct errmsg *em) {
        const char *whole = s;
        bool negative = *s == '-';
        double sum = 0;
        int r;

        if (*s == '-' || *s == '+')
                s++;
        if (str_eq(s, "0")) {
                *ret_for = 0;
                return 0;
        }
        if (!*s)
                return errmsg_fail(em, -EINVAL, "time: invalid duration \"%s\"", whole);
        while (*s) {
                r = take_term(&s, whole, &sum, em);
                if (r < 0)
                        return r;
        }
        if (sum > 9.2e15)
                return errmsg_fail(em, -ERANGE, "time: invalid duration \"%s\"", whole);
        *ret_for = negative ? 0 : (usec_t) (sum + 0.5);
        return 0;
}

const char *flags_value_print_duration(usec_t for_usec, char ret[FLAGS_VALUE_DURATION_MAX]) {
        unsigned long long s = for_usec / USEC_PER_SEC, us = for_usec % USEC_PER_SEC;
        size_t size = FLAGS_VALUE_DURATION_MAX;
        char seconds[32];

        if (for_usec > 0 && s == 0) {
                snprintf(ret, size, "%gms", (double) us / 1000.0);
                return ret;
        }
        snprintf(seconds, sizeof seconds, "%gs", (double) (s % 60) + (double) us / 1e6);
        if (s >= 3600)
                snprintf(ret, size, "%lluh%llum%s", s / 3600, s / 60 % 60, seconds);
        else if (s >= 60)
                snprintf(ret, size, "%llum%s", s / 60, seconds);
        else
                snprintf(ret, size, "%s", seconds);
        return ret;
}
