/* str: see str.h. */
#include "lib/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/json_number.h"
#include "lib/base/mem.h"

bool str_eq(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static char lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

bool str_eq_fold(const char *a, const char *b) {
        while (*a && lower(*a) == lower(*b)) {
                a++;
                b++;
        }
        return *a == 0 && *b == 0;
}

bool str_empty(const char *s) {
        return !s || !*s;
}

const char *str_after(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_starts(const char *s, const char *prefix) {
        return str_after(s, prefix) != NULL;
}

bool str_ends(const char *s, const char *suffix) {
        size_t n = strlen(s), k = strlen(suffix);

        return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

static bool is_blank(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

char *str_strip(char *s) {
        char *end;

        while (is_blank(*s))
                s++;
        end = s + strlen(s);
        while (end > s && is_blank(end[-1]))
                end--;
        *end = 0;
        return s;
}

void str_lower(char *s) {
        for (; *s; s++)
                *s = lower(*s);
}

bool str_is_name(const char *s, size_t max) {
        static const char good[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
        size_t n;

        if (!s)
                return false;
        n = strspn(s, good);
        return n > 0 && n <= max && s[n] == 0 && !str_eq(s, ".") && !str_eq(s, "..");
}

/* [+-]digits: the sign is kept apart so that both i64 and u64 have their whole range. */
static int parse_digits(const char *s, bool *ret_negative, uint64_t *ret) {
        bool negative = *s == '-', overflow = false;
        uint64_t v = 0;

        if (*s == '-' || *s == '+')
                s++;
        if (!*s)
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                overflow |= __builtin_mul_overflow(v, 10, &v) ||
                            __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v);
        }
        if (overflow)
                return -ERANGE;
        *ret_negative = negative;
        *ret = v;
        return 0;
}

int str_to_i64(const char *s, int64_t *ret) {
        bool negative;
        uint64_t v;
        int r = parse_digits(s, &negative, &v);

        if (r < 0)
                return r;
        if (v > (uint64_t) INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t) -v : (int64_t) v;
        return 0;
}

int str_to_u64(const char *s, uint64_t *ret) {
        bool negative;
        uint64_t v;
        int r = parse_digits(s, &negative, &v);

        if (r < 0)
                return r;
        if (negative && v > 0)
                return -ERANGE;
        *ret = v;
        return 0;
}

int str_to_int(const char *s, int *ret) {
        int64_t v;
        int r = str_to_i64(s, &v);

        if (r < 0)
                return r;
        if (v < INT32_MIN || v > INT32_MAX)
                return -ERANGE;
        *ret = (int) v;
        return 0;
}

int str_to_f64(const char *s, double *ret) {
        const char *p = s + (*s == '-' || *s == '+');
        size_t n_int = strspn(p, "0123456789"), n_frac = 0;

        p += n_int;
        if (*p == '.')
                n_frac = strspn(++p, "0123456789");
        p += n_frac;
        if (n_int + n_frac == 0)
                return -EINVAL;
        if (*p == 'e' || *p == 'E') {
                size_t n;

                p += 1 + (p[1] == '-' || p[1] == '+');
                n = strspn(p, "0123456789");
                if (n == 0)
                        return -EINVAL;
                p += n;
        }
        if (*p)
                return -EINVAL;
        return json_number_parse_f64(s, (size_t) (p - s), ret);
}

int str_to_bool(const char *s, bool *ret) {
        static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eq_fold(s, words[i])) {
                        *ret = i % 2 == 1;
                        return 0;
                }
        return -EINVAL;
}

/* The number at the start of *s, as units * scale, and *s behind it. */
static int scaled_number(const char **s, const char **ret_number, size_t *ret_len) {
        size_t n = strspn(*s, "0123456789.");

        if (n == 0 || **s == '.')
                return -EINVAL;
        *ret_number = *s;
        *ret_len = n;
        *s += n;
        return 0;
}

/* number * scale into *sum; exact for whole numbers. */
static int add_scaled(const char *number, size_t len, uint64_t scale, uint64_t *sum) {
        uint64_t whole = 0, add;
        size_t i = 0;

        for (; i < len && number[i] != '.'; i++)
                if (__builtin_mul_overflow(whole, 10, &whole) ||
                    __builtin_add_overflow(whole, (uint64_t) (number[i] - '0'), &whole))
                        return -ERANGE;
        if (__builtin_mul_overflow(whole, scale, &add) || __builtin_add_overflow(*sum, add, sum))
                return -ERANGE;
        if (i < len) {
                double fraction = 0, weight = 0.1;

                for (i++; i < len; i++, weight /= 10) {
                        if (number[i] == '.')
                                return -EINVAL;
                        fraction += weight * (number[i] - '0');
                }
                add = (uint64_t) (fraction * (double) scale + 0.5);
                if (__builtin_add_overflow(*sum, add, sum))
                        return -ERANGE;
        }
        return 0;
}

int str_to_size(const char *s, uint64_t *ret_bytes) {
        static const char units[] = "BKMGT";
        uint64_t sum = 0, scale = 1;
        const char *number, *unit;
        size_t len;
        int r = scaled_number(&s, &number, &len);

        if (r < 0)
                return r;
        if (*s) {
                unit = strchr(units, lower(*s) - 'a' + 'A');
                if (!unit || s[1])
                        return -EINVAL;
                scale = UINT64_C(1) << (10 * (unit - units));
        }
        r = add_scaled(number, len, scale, &sum);
        if (r < 0)
                return r;
        *ret_bytes = sum;
        return 0;
}

static uint64_t span_unit(const char *s, size_t len) {
        static const struct {
                const char *name;
                uint64_t scale;
        } units[] = {
                {"us", 1},
                {"usec", 1},
                {"ms", USEC_PER_MSEC},
                {"msec", USEC_PER_MSEC},
                {"s", USEC_PER_SEC},
                {"sec", USEC_PER_SEC},
                {"second", USEC_PER_SEC},
                {"seconds", USEC_PER_SEC},
                {"", USEC_PER_SEC},
                {"m", USEC_PER_MINUTE},
                {"min", USEC_PER_MINUTE},
                {"minute", USEC_PER_MINUTE},
                {"minutes", USEC_PER_MINUTE},
                {"h", USEC_PER_HOUR},
                {"hr", USEC_PER_HOUR},
                {"hour", USEC_PER_HOUR},
                {"hours", USEC_PER_HOUR},
                {"d", USEC_PER_DAY},
                {"day", USEC_PER_DAY},
                {"days", USEC_PER_DAY},
                {"w", 7 * USEC_PER_DAY},
                {"week", 7 * USEC_PER_DAY},
                {"weeks", 7 * USEC_PER_DAY},
        };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (strlen(units[i].name) == len && memcmp(units[i].name, s, len) == 0)
                        return units[i].scale;
        return 0;
}

int str_to_span(const char *s, usec_t *ret_for) {
        uint64_t sum = 0;

        if (str_eq(s, "infinity")) {
                *ret_for = USEC_INFINITY;
                return 0;
        }
        do {
                const char *number;
                size_t len, unit_len;
                uint64_t scale;
                int r = scaled_number(&s, &number, &len);

                if (r < 0)
                        return r;
                if (*s == ' ' && s[1] && !(s[1] >= '0' && s[1] <= '9'))
                        s++;
                unit_len = strspn(s, "abcdefghijklmnopqrstuvwxyz");
                scale = span_unit(s, unit_len);
                if (scale == 0)
                        return -EINVAL;
                r = add_scaled(number, len, scale, &sum);
                if (r < 0)
                        return r;
                s += unit_len;
                s += strspn(s, " ");
        } while (*s);
        *ret_for = sum;
        return 0;
}

int str_copy(char *dst, size_t dst_size, const char *src) {
        size_t n = strlen(src);

        assert(dst_size > 0);
        if (n >= dst_size) {
                dst[0] = 0;
                return -E2BIG;
        }
        memcpy(dst, src, n + 1);
        return 0;
}

char *str_vprintf(const char *fmt, va_list ap) {
        va_list again;
        char *s = NULL;
        int n;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, ap);
        if (n >= 0)
                s = mem_alloc((size_t) n + 1);
        if (s)
                (void) vsnprintf(s, (size_t) n + 1, fmt, again);
        va_end(again);
        return s;
}

char *str_printf(const char *fmt, ...) {
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = str_vprintf(fmt, ap);
        va_end(ap);
        return s;
}

bool str_word(const char **s, const char *seps, const char **ret_word, size_t *ret_len) {
        const char *word = *s + strspn(*s, seps);
        size_t len = strcspn(word, seps);

        *s = word + len;
        if (len == 0)
                return false;
        *ret_word = word;
        *ret_len = len;
        return true;
}

bool str_has_word(const char *s, const char *seps, const char *word) {
        const char *one;
        size_t len;

        while (str_word(&s, seps, &one, &len))
                if (len == strlen(word) && memcmp(one, word, len) == 0)
                        return true;
        return false;
}

#define DISTANCE_MAX 64

/* Optimal string alignment, three rows at a time. */
unsigned str_distance(const char *a, const char *b) {
        unsigned rows[3][DISTANCE_MAX + 1];
        size_t n = strnlen(a, DISTANCE_MAX), m = strnlen(b, DISTANCE_MAX);

        for (size_t j = 0; j <= m; j++)
                rows[0][j] = (unsigned) j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *now = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];

                now[0] = (unsigned) i;
                for (size_t j = 1; j <= m; j++) {
                        unsigned d = up[j - 1] + (a[i - 1] != b[j - 1]);

                        d = MIN(d, MIN(up[j], now[j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                d = MIN(d, up2[j - 2] + 1);
                        now[j] = d;
                }
        }
        return rows[n % 3][m];
}

const char *str_nearest(const char *s, const char *const *candidates, size_t n) {
        unsigned best = 1 + (unsigned) strnlen(s, DISTANCE_MAX) / 3;
        const char *found = NULL;

        for (size_t i = 0; i < n; i++) {
                unsigned d = str_distance(s, candidates[i]);

                if (d <= best && (d < best || !found)) {
                        best = d;
                        found = candidates[i];
                }
        }
        return found;
}

void str_free_list(char **list) {
        if (!list)
                return;
        for (char **s = list; *s; s++)
                mem_free(*s);
        mem_free(list);
}

size_t str_count(char *const *list) {
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

bool str_in(const char *s, char *const *list) {
        for (; list && *list; list++)
                if (strcmp(s, *list) == 0)
                        return true;
        return false;
}

static int list_take(char ***list, char *s) {
        size_t n = str_count(*list);
        char **more;

        if (!s)
                return -ENOMEM;
        more = mem_realloc_array(*list, n + 2, sizeof(char *));
        if (!more) {
                mem_free(s);
                return -ENOMEM;
        }
        more[n] = s;
        more[n + 1] = NULL;
        *list = more;
        return 0;
}

int str_list_add(char ***list, const char *s) {
        return list_take(list, mem_strdup(s));
}

char **str_split(const char *s, const char *seps) {
        _cleanup_(str_free_listp) char **list = mem_zalloc(sizeof(char *));
        const char *word;
        size_t len;

        if (!list)
                return NULL;
        while (str_word(&s, seps, &word, &len))
                if (list_take(&list, mem_memdup(word, len)) < 0)
                        return NULL;
        return TAKE_PTR(list);
}
