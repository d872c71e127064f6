/* json_number: see json_number.h. */
#include "lib/base/json_number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_number_table.h"

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
                *p++ = 'e';
                *p++ = point > 0 ? '+' : '-';
                if (abs(point - 1) < 10)
                        *p++ = '0';
                p += print_integer((uint64_t) abs(point - 1), p);
        } else if (point <= 0) {
                memcpy(p, "0.", 2);
                p += 2;
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

/* --- printing: Schubfach (R. Giulietti, "The Schubfach way to render doubles") ------------------
 */

struct wide {
        uint64_t high, low;
};

/* The 128 leading bits of 10^k, rounded down. */
static struct wide power_of_ten(int k) {
        const uint64_t *row = json_number_table[k - JSON_NUMBER_TABLE_FIRST];

        assert(k >= JSON_NUMBER_TABLE_FIRST && k <= JSON_NUMBER_TABLE_LAST);
        return (struct wide){row[0], row[1]};
}

static struct wide plus_one(struct wide w) {
        w.low++;
        w.high += w.low == 0;
        return w;
}

static struct wide multiply(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128) a * b;

        return (struct wide){(uint64_t) (product >> 64), (uint64_t) product};
}

/* The upper 64 bits of g * c, its last bit set when anything was cut off. */
static uint64_t round_to_odd(struct wide g, uint64_t c) {
        struct wide x = multiply(g.low, c), y = multiply(g.high, c);

        y.low += x.high;
        y.high += y.low < x.high;
        return y.high | (y.low > 1);
}

/* floor(log2(10^e)) */
static int log2_of_ten_to(int e) {
        return (e * 1741647) >> 19;
}

/* v = c * 2^q: the shortest digits that read back, the nearest to v among them, as
 * *ret_digits * 10^result. */
static int shortest(uint64_t c, int q, bool lower_is_closer, uint64_t *ret_digits) {
        int k = (q * 1262611 - (lower_is_closer ? 524031 : 0)) >> 22;
        int h = q + log2_of_ten_to(-k) + 1;
        struct wide g = power_of_ten(-k);
        uint64_t low, v, up, s, shorter;
        bool odd = c & 1, down_fits, up_fits;

        if (-k < 0 || -k > 55) /* the others are exact */
                g = plus_one(g);
        low = round_to_odd(g, (4 * c - 2 + lower_is_closer) << h) + odd;
        v = round_to_odd(g, (4 * c) << h);
        up = round_to_odd(g, (4 * c + 2) << h) - odd;
        s = v / 4;
        if (s >= 10) {
                shorter = s / 10;
                down_fits = low <= 40 * shorter;
                up_fits = 40 * shorter + 40 <= up;
                if (down_fits != up_fits) {
                        *ret_digits = shorter + up_fits;
                        return k + 1;
                }
        }
        down_fits = low <= 4 * s;
        up_fits = 4 * s + 4 <= up;
        if (down_fits != up_fits)
                *ret_digits = s + up_fits;
        else
                *ret_digits = s + (v > 4 * s + 2 || (v == 4 * s + 2 && (s & 1)));
        return k;
}

/* v is positive and finite. */
static size_t print_shortest(double v, char *out) {
        char digits[JSON_NUMBER_SIZE];
        uint64_t bits, fraction, d = 0;
        int exponent, n;

        memcpy(&bits, &v, sizeof(bits));
        fraction = bits & ((UINT64_C(1) << 52) - 1);
        exponent = (int) (bits >> 52);
        if (exponent > 0)
                exponent = shortest(fraction | UINT64_C(1) << 52, exponent - 1075,
                                    fraction == 0 && exponent > 1, &d);
        else
                exponent = shortest(fraction, -1074, false, &d);
        n = (int) print_integer(d, digits);
        exponent += n;
        while (n > 1 && digits[n - 1] == '0')
                n--;
        return lay_out(digits, n, exponent, out);
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

/* 64 bits of w * 10^q, with 64 more below them where those can matter. */
static struct wide scale(uint64_t w, int q) {
        struct wide g = power_of_ten(q), product, below;

        if (q >= -27 && q < 0)
                g = plus_one(g);
        product = multiply(w, g.high);
        if ((product.high & 0x1FF) == 0x1FF) {
                below = multiply(w, g.low);
                product.low += below.high;
                product.high += product.low < below.high;
        }
        return product;
}

/* digits * 10^q to the nearest double, ties to even (D. Lemire, "Number Parsing at a Gigabyte per
 * Second"); digits is not zero. 0 or -ERANGE. */
static int nearest(uint64_t digits, int q, double *ret) {
        int zeros = __builtin_clzll(digits), upper, power;
        struct wide product = scale(digits << zeros, q);
        uint64_t m;

        upper = (int) (product.high >> 63);
        m = product.high >> (upper + 9);
        power = ((217706 * q) >> 16) + 63 + upper - zeros + 1023;
        if (power <= 0) {
                if (power <= -63) {
                        *ret = 0;
                        return 0;
                }
                m >>= 1 - power;
                m = (m + (m & 1)) >> 1;
                power = m >= UINT64_C(1) << 52;
        } else {
                /* exactly between two doubles: to the even one */
                if (product.low <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 &&
                    m << (upper + 9) == product.high)
                        m &= ~UINT64_C(1);
                m = (m + (m & 1)) >> 1;
                if (m >= UINT64_C(2) << 52) {
                        m = UINT64_C(1) << 52;
                        power++;
                }
        }
        if (power >= 0x7FF)
                return -ERANGE;
        m = (m & ~(UINT64_C(1) << 52)) | (uint64_t) power << 52;
        memcpy(ret, &m, sizeof(*ret));
        return 0;
}

/* Where digits and power of ten are exact doubles one operation rounds once (Clinger); up to 19
 * digits are read exactly; the rest is strtod's. */
int json_number_parse_f64(const char *s, size_t len, double *ret) {
        static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        struct decimal d;
        double v = 0;

        if (len > JSON_NUMBER_LEN_MAX)
                return -ERANGE;
        d = read_decimal(s, s + len);
        if (!d.exact)
                return parse_by_strtod(s, len, ret);
        if (d.digits <= UINT64_C(1) << 53 && d.exponent >= -22 && d.exponent <= 22) {
                v = (double) d.digits;
                v = d.exponent < 0 ? v / tens[-d.exponent] : v * tens[d.exponent];
        } else if (d.digits == 0 || d.exponent < JSON_NUMBER_TABLE_FIRST) {
                v = 0;
        } else if (d.exponent > 308 || nearest(d.digits, d.exponent, &v) < 0) {
                return -ERANGE;
        }
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
