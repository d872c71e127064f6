/* json_number: see json_number.h. */
#include "lib/base/json_number.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At most 20 digits and the NUL. */
static size_t print_integer(uint64_t v, char *out) {
        static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930"
                                    "31323334353637383940414243444546474849505152535455565758596061"
                                    "62636465666768697071727374757677787980818283848586878889909192"
                                    "93949596979899";
        char digits[20];
        size_t n = sizeof(digits);

        while (v >= 100) {
                n -= 2;
                memcpy(digits + n, pairs + 2 * (v % 100), 2);
                v /= 100;
        }
        if (v >= 10) {
                n -= 2;
                memcpy(digits + n, pairs + 2 * v, 2);
        } else {
                digits[--n] = (char) ('0' + v);
        }
        memcpy(out, digits + n, sizeof(digits) - n);
        out[sizeof(digits) - n] = 0;
        return sizeof(digits) - n;
}

size_t json_number_print_u64(uint64_t v, char out[JSON_NUMBER_SIZE]) {
        return print_integer(v, out);
}

size_t json_number_print_i64(int64_t v, char out[JSON_NUMBER_SIZE]) {
        if (v >= 0)
                return print_integer((uint64_t) v, out);
        out[0] = '-';
        return 1 + print_integer(-(uint64_t) v, out + 1);
}

static size_t print_words(double v, char out[JSON_NUMBER_SIZE]) {
        const char *word = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";

        strcpy(out, word);
        return strlen(word);
}

/* digits with the decimal point after the first `point` of them, as Python's repr() lays them out
 */
static size_t lay_out(const char *digits, int n, int point, char *out) {
        char *p = out;

        if (point > 16 || point < -3) {
                *p++ = digits[0];
                if (n > 1) {
                        *p++ = '.';
                        memcpy(p, digits + 1, (size_t) n - 1);
                        p += n - 1;
                }
                p += sprintf(p, "e%c%02d", point > 0 ? '+' : '-', abs(point - 1));
        } else if (point <= 0) {
                p += sprintf(p, "0.");
                memset(p, '0', (size_t) -point);
                p += -point;
                memcpy(p, digits, (size_t) n);
                p += n;
        } else {
                int head = n < point ? n : point;

                memcpy(p, digits, (size_t) head);
                p += head;
                memset(p, '0', (size_t) (point - head));
                p += point - head;
                *p++ = '.';
                if (n > head) {
                        memcpy(p, digits + head, (size_t) (n - head));
                        p += n - head;
                } else {
                        *p++ = '0';
                }
        }
        *p = 0;
        return (size_t) (p - out);
}

/* The fewest digits that read back: 15 always survive a normal number, so fewer need no try.
 * v is positive and finite. */
static size_t print_shortest(double v, char *out) {
        char text[40], digits[20];
        int n = 0, exponent;

        for (int precision = v < DBL_MIN ? 0 : 14; precision <= 16; precision++) {
                (void) snprintf(text, sizeof(text), "%.*e", precision, v);
                if (strtod(text, NULL) == v)
                        break;
        }
        exponent = atoi(strchr(text, 'e') + 1);
        for (const char *p = text; *p != 'e'; p++)
                if (*p >= '0' && *p <= '9')
                        digits[n++] = *p;
        while (n > 1 && digits[n - 1] == '0')
                n--;
        return lay_out(digits, n, exponent + 1, out);
}

size_t json_number_print_f64(double v, char out[JSON_NUMBER_SIZE]) {
        size_t n = 0;

        if (!isfinite(v))
                return print_words(v, out);
        if (signbit(v)) {
                out[n++] = '-';
                v = -v;
        }
        if (v < 0x1p53 && v == (double) (uint64_t) v) {
                n += print_integer((uint64_t) v, out + n);
                memcpy(out + n, ".0", 3);
                return n + 2;
        }
        return n + print_shortest(v, out + n);
}

static locale_t c_locale;

static void make_c_locale(void) {
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
}

static int parse_by_strtod(const char *s, size_t len, double *ret) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        char text[JSON_NUMBER_LEN_MAX + 1];
        double v;

        pthread_once(&once, make_c_locale);
        memcpy(text, s, len);
        text[len] = 0;
        v = c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
        if (isinf(v))
                return -ERANGE;
        *ret = v;
        return 0;
}

struct decimal {
        uint64_t digits;
        int exponent; /* of ten */
        bool negative;
        bool exact; /* no digit was left out */
};

static struct decimal read_decimal(const char *s, const char *end) {
        struct decimal d = {.exact = true};
        bool fraction = false, negative_exponent;
        int exponent = 0;

        if (*s == '-' || *s == '+')
                d.negative = *s++ == '-';
        for (; s < end && *s != 'e' && *s != 'E'; s++) {
                if (*s == '.') {
                        fraction = true;
                        continue;
                }
                if (d.digits > (UINT64_MAX - 9) / 10) {
                        d.exact = false;
                        return d;
                }
                d.digits = d.digits * 10 + (uint64_t) (*s - '0');
                d.exponent -= fraction;
        }
        if (s == end)
                return d;
        s++;
        negative_exponent = *s == '-';
        if (*s == '-' || *s == '+')
                s++;
        for (; s < end && exponent < 100000; s++)
                exponent = exponent * 10 + (*s - '0');
        d.exponent += negative_exponent ? -exponent : exponent;
        return d;
}

/* Both digits and power of ten are exact doubles, so one operation rounds once (Clinger). */
int json_number_parse_f64(const char *s, size_t len, double *ret) {
        static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        struct decimal d;
        double v;

        if (len > JSON_NUMBER_LEN_MAX)
                return -ERANGE;
        d = read_decimal(s, s + len);
        if (!d.exact || d.digits > UINT64_C(1) << 53 || d.exponent < -22 || d.exponent > 22)
                return parse_by_strtod(s, len, ret);
        v = (double) d.digits;
        v = d.exponent < 0 ? v / tens[-d.exponent] : v * tens[d.exponent];
        *ret = d.negative ? -v : v;
        return 0;
}

static int parse_digits(const char *s, size_t len, bool *ret_negative, uint64_t *ret) {
        const char *end = s + len;
        bool negative = *s == '-', overflow = false;
        uint64_t v = 0;

        for (s += negative; s < end; s++) {
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

int json_number_parse_i64(const char *s, size_t len, int64_t *ret) {
        bool negative;
        uint64_t v;
        int r = parse_digits(s, len, &negative, &v);

        if (r < 0)
                return r;
        if (v > (uint64_t) INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t) -v : (int64_t) v;
        return 0;
}

int json_number_parse_u64(const char *s, size_t len, uint64_t *ret) {
        bool negative;
        uint64_t v;
        int r = parse_digits(s, len, &negative, &v);

        if (r < 0)
                return r;
        if (negative && v > 0)
                return -ERANGE;
        *ret = v;
        return 0;
}
