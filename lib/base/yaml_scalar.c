/* yaml_scalar: see yaml_scalar.h. The patterns are those of PyYAML's resolver.py. */
#include "lib/base/yaml_scalar.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json_number.h"
#include "lib/base/yaml.h"

struct span {
        const char *s;
        size_t len;
};

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_one_of(struct span v, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strlen(words[i]) == v.len && memcmp(words[i], v.s, v.len) == 0)
                        return true;
        return false;
}

/* Bytes from `at` on that are digits of the base, or underscores. */
static size_t run_of(struct span v, size_t at, unsigned base) {
        size_t i = at;

        for (; i < v.len; i++) {
                char c = v.s[i];
                bool hex = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

                if (c != '_' && !(is_digit(c) && (unsigned) (c - '0') < base) &&
                    !(base == 16 && hex))
                        break;
        }
        return i - at;
}

/* (:[0-5]?[0-9])+ from `at` on; returns the end, or `at` when there is none. */
static size_t skip_sexagesimal(struct span v, size_t at) {
        size_t end = at;

        while (end < v.len && v.s[end] == ':') {
                size_t n = 0;

                while (n < 3 && end + 1 + n < v.len && is_digit(v.s[end + 1 + n]))
                        n++;
                if (n == 0 || n > 2 || (n == 2 && v.s[end + 1] > '5'))
                        return at;
                end += 1 + n;
        }
        return end;
}

static int set_text(struct arena *a, struct json *node, const char *text, size_t len) {
        char *copy = arena_memdup(a, text, len);

        if (!copy)
                return -ENOMEM;
        node->type = JSON_NUMBER;
        node->str = copy;
        node->len = (uint32_t) len;
        return 0;
}

static int set_integer(struct arena *a, struct json *node, bool negative, uint64_t v) {
        char text[JSON_NUMBER_SIZE];
        size_t n;

        if (negative && v > (uint64_t) INT64_MAX + 1)
                return -ERANGE;
        n = negative ? json_number_print_i64((int64_t) -v, text) : json_number_print_u64(v, text);
        return set_text(a, node, text, n);
}

static int add_digit(uint64_t *v, uint64_t base, uint64_t digit) {
        if (__builtin_mul_overflow(*v, base, v) || __builtin_add_overflow(*v, digit, v))
                return -ERANGE;
        return 0;
}

/* Digits of the base from `at` on, underscores left out. */
static int set_based(struct arena *a, struct json *node, struct span v, size_t at, unsigned base,
                     bool negative) {
        uint64_t sum = 0;

        for (; at < v.len; at++) {
                char c = v.s[at];
                unsigned digit =
                        is_digit(c) ? (unsigned) (c - '0') : ((unsigned) c | 32) - 'a' + 10;

                if (c != '_' && add_digit(&sum, base, digit) < 0)
                        return -ERANGE;
        }
        return set_integer(a, node, negative, sum);
}

/* Decimal keeps all its digits, however many. */
static int set_decimal(struct arena *a, struct json *node, struct span v, size_t at,
                       bool negative) {
        char text[JSON_NUMBER_LEN_MAX];
        size_t n = 0;

        if (v.len > sizeof(text))
                return -ERANGE;
        if (negative && !(v.len - at == 1 && v.s[at] == '0'))
                text[n++] = '-';
        for (; at < v.len; at++)
                if (v.s[at] != '_')
                        text[n++] = v.s[at];
        return set_text(a, node, text, n);
}

static int set_sexagesimal(struct arena *a, struct json *node, struct span v, size_t at,
                           bool negative) {
        uint64_t sum = 0, part = 0;

        for (; at <= v.len; at++) {
                if (at == v.len || v.s[at] == ':') {
                        if (add_digit(&sum, 60, part) < 0)
                                return -ERANGE;
                        part = 0;
                } else if (v.s[at] != '_' && add_digit(&part, 10, (uint64_t) (v.s[at] - '0')) < 0) {
                        return -ERANGE;
                }
        }
        return set_integer(a, node, negative, sum);
}

static bool has_digit(struct span v, size_t at) {
        for (; at < v.len; at++)
                if (v.s[at] != '_')
                        return true;
        return false;
}

/* 0b1, 0x1F, 017 from `at` on; 1: it is none of them. */
static int resolve_based(struct arena *a, struct json *node, struct span v, size_t at,
                         bool negative) {
        const char *p = v.s + at;
        size_t left = v.len - at, skip = 1;
        unsigned base = 8;

        if (p[0] != '0' || left < 2)
                return 1;
        if (left > 2 && (p[1] == 'b' || p[1] == 'x')) {
                base = p[1] == 'b' ? 2 : 16;
                skip = 2;
        }
        if (run_of(v, at + skip, base) != left - skip)
                return 1;
        if (skip == 2 && !has_digit(v, at + skip))
                return 1;
        return set_based(a, node, v, at + skip, base, negative);
}

/* 1: it is no integer. */
static int resolve_int(struct arena *a, struct json *node, struct span v) {
        bool negative = v.s[0] == '-';
        size_t at = v.s[0] == '-' || v.s[0] == '+', head;
        int r;

        if (at == v.len || !is_digit(v.s[at]))
                return 1;
        r = resolve_based(a, node, v, at, negative);
        if (r != 1)
                return r;
        if (v.s[at] == '0')
                return v.len - at == 1 ? set_decimal(a, node, v, at, negative) : 1;
        head = at + run_of(v, at, 10);
        if (head == v.len)
                return set_decimal(a, node, v, at, negative);
        if (skip_sexagesimal(v, head) == v.len)
                return set_sexagesimal(a, node, v, at, negative);
        return 1;
}

/* [eE][-+][0-9]+ up to the end, or nothing. */
static bool is_exponent(struct span v, size_t at) {
        if (at == v.len)
                return true;
        if ((v.s[at] != 'e' && v.s[at] != 'E') || v.len - at < 3)
                return false;
        if (v.s[at + 1] != '-' && v.s[at + 1] != '+')
                return false;
        for (at += 2; at < v.len; at++)
                if (!is_digit(v.s[at]))
                        return false;
        return true;
}

static int set_double(struct arena *a, struct json *node, double d) {
        char text[JSON_NUMBER_SIZE];
        size_t n = json_number_print_f64(d, text);

        return set_text(a, node, text, n);
}

/* hours:minutes.fraction; the parts before the last are whole. */
static int set_sexagesimal_float(struct arena *a, struct json *node, struct span v) {
        bool negative = v.s[0] == '-';
        size_t at = v.s[0] == '-' || v.s[0] == '+';
        double sum = 0, part = 0, weight = 0;

        for (; at < v.len; at++) {
                char c = v.s[at];

                if (c == ':') {
                        sum = (sum + part) * 60;
                        part = 0;
                } else if (c == '.') {
                        weight = 1;
                } else if (c != '_' && weight > 0) {
                        weight /= 10;
                        part += weight * (c - '0');
                } else if (c != '_') {
                        part = part * 10 + (c - '0');
                }
        }
        sum += part;
        return sum > 1e300 ? -ERANGE : set_double(a, node, negative ? -sum : sum);
}

static int set_float(struct arena *a, struct json *node, struct span v) {
        char text[JSON_NUMBER_LEN_MAX];
        size_t n = 0;
        double d;

        if (v.len > sizeof(text))
                return -ERANGE;
        for (size_t i = 0; i < v.len; i++)
                if (v.s[i] != '_')
                        text[n++] = v.s[i];
        if (json_number_parse_f64(text, n, &d) < 0)
                return -ERANGE;
        return set_double(a, node, d);
}

/* Digits first, from `at` on: 1.5e+3, 1., 1:30.5. 1: it is no float. */
static int resolve_float_digits(struct arena *a, struct json *node, struct span v, size_t at) {
        size_t head = at + run_of(v, at, 10), end;

        if (head < v.len && v.s[head] == '.') {
                end = head + 1 + run_of(v, head + 1, 10);
                return is_exponent(v, end) ? set_float(a, node, v) : 1;
        }
        end = skip_sexagesimal(v, head);
        if (end == head || end == v.len || v.s[end] != '.')
                return 1;
        if (end + 1 + run_of(v, end + 1, 10) != v.len)
                return 1;
        return set_sexagesimal_float(a, node, v);
}

/* 1: it is no float. */
static int resolve_float(struct arena *a, struct json *node, struct span v) {
        static const char *const odd[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
        size_t sign = v.s[0] == '-' || v.s[0] == '+';
        struct span unsigned_part = {v.s + sign, v.len - sign};

        if (is_one_of(unsigned_part, odd, sign ? 3 : 6))
                return -EINVAL;
        if (sign < v.len && is_digit(v.s[sign]))
                return resolve_float_digits(a, node, v, sign);
        if (v.len > 1 && v.s[0] == '.' && is_digit(v.s[1]) && is_exponent(v, 1 + run_of(v, 1, 10)))
                return set_float(a, node, v);
        return 1;
}

/* A pattern of date and time: '9' a digit, '8' a digit or nothing, else itself. */
static size_t match(struct span v, size_t at, const char *pattern) {
        for (; *pattern; pattern++) {
                bool digit = at < v.len && is_digit(v.s[at]);

                if (*pattern == '8' && !digit)
                        continue;
                if (*pattern == '9' || *pattern == '8' ? !digit
                                                       : at >= v.len || v.s[at] != *pattern)
                        return 0;
                at++;
        }
        return at;
}

static size_t skip_blanks(struct span v, size_t at) {
        while (at < v.len && (v.s[at] == ' ' || v.s[at] == '\t'))
                at++;
        return at;
}

static bool is_offset(struct span v, size_t at) {
        size_t end;

        at = skip_blanks(v, at);
        if (at == v.len)
                return true;
        if (v.s[at] == 'Z')
                return at + 1 == v.len;
        if (v.s[at] != '-' && v.s[at] != '+')
                return false;
        end = match(v, at + 1, "98");
        return end && (end == v.len || match(v, end, ":99") == v.len);
}

static unsigned date_flags(struct span v) {
        size_t at = match(v, 0, "9999-98-98"), blanks;

        if (match(v, 0, "9999-99-99") == v.len)
                return YAML_DATE;
        if (at == 0 || at >= v.len)
                return 0;
        blanks = skip_blanks(v, at);
        if (blanks == at && (v.s[at] | 32) == 't')
                blanks++;
        if (blanks == at)
                return 0;
        at = match(v, blanks, "98:99:99");
        if (at && at < v.len && v.s[at] == '.')
                for (at++; at < v.len && is_digit(v.s[at]);)
                        at++;
        return at && is_offset(v, at) ? YAML_TIMESTAMP : 0;
}

static const char *const yes_words[] = {"yes",  "Yes", "YES", "true", "True",
                                        "TRUE", "on",  "On",  "ON"};
static const char *const no_words[] = {"no",    "No",  "NO",  "false", "False",
                                       "FALSE", "off", "Off", "OFF"};
static const char *const null_words[] = {"", "~", "null", "Null", "NULL"};

int yaml_scalar_resolve(struct arena *a, const char *s, size_t len, struct json *node) {
        struct span v = {s, len};
        int r = 1;

        if (is_one_of(v, null_words, ARRAY_SIZE(null_words))) {
                node->type = JSON_NULL;
                return 0;
        }
        if (is_one_of(v, yes_words, ARRAY_SIZE(yes_words)) ||
            is_one_of(v, no_words, ARRAY_SIZE(no_words))) {
                node->type =
                        is_one_of(v, yes_words, ARRAY_SIZE(yes_words)) ? JSON_TRUE : JSON_FALSE;
                return 0;
        }
        if (strchr("+-.0123456789", s[0])) {
                r = resolve_float(a, node, v);
                if (r == 1)
                        r = resolve_int(a, node, v);
                if (r != 1)
                        return r;
                node->flags = date_flags(v) & 15;
        }
        node->type = JSON_STRING;
        node->str = s;
        node->len = (uint32_t) len;
        return 0;
}
