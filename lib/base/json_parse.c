/* json_parse: the parser of json.h. Recursive descent over mutable text; the NUL at its end stops
 * every scan, so no step compares with the end. Lines are counted at blanks only: unescaping may
 * leave newlines in text already passed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/base/json.h"
#include "lib/base/json_number.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"

#define KEY_LEN_MAX ((size_t) 0xFFFFFF)
#define N_PAIRWISE 16 /* objects up to this size are checked for twins pair by pair */

struct parser {
        char *p;
        char *end;
        char *line_start;
        unsigned line;
        unsigned depth;
        struct arena *arena;
        struct errmsg *em;
        bool has_odd_numbers; /* NaN, Infinity and -Infinity are numbers */
        bool merges_twins;    /* of equal keys the last one counts */
};

/* What ends the plain run of a string: a quote, a backslash, control characters, beyond ASCII. */
static const bool is_special[256] = {
        [0x00 ... 0x1F] = true,
        ['"'] = true,
        ['\\'] = true,
        [0x80 ... 0xFF] = true,
};

static int parse_value(struct parser *s, struct json *node);

_printf_(3, 4) static int fail_at(struct parser *s, const char *at, const char *fmt, ...) {
        va_list ap;

        if (s->em) {
                va_start(ap, fmt);
                errmsg_vset(s->em, fmt, ap);
                va_end(ap);
                errmsg_prefix(s->em, "line %u, column %zu", s->line,
                              (size_t) (at - s->line_start) + 1);
        }
        return -EINVAL;
}

static int fail_expected(struct parser *s, const char *what) {
        unsigned char c = (unsigned char) *s->p;

        if (s->p >= s->end)
                return fail_at(s, s->p, "the text ends where %s should stand", what);
        if (c > 0x20 && c < 0x7F)
                return fail_at(s, s->p, "%s should stand here, not '%c'", what, c);
        return fail_at(s, s->p, "%s should stand here, not the byte 0x%02x", what, c);
}

static inline void skip_blanks(struct parser *s) {
        for (;;) {
                char c = *s->p;

                if (likely((unsigned char) c > ' '))
                        return;
                if (c == '\n') {
                        s->line++;
                        s->line_start = s->p + 1;
                } else if (c != ' ' && c != '\t' && c != '\r') {
                        return;
                }
                s->p++;
        }
}

/* Four hex digits behind "\u". */
static int parse_unit(struct parser *s, const char *escape, uint32_t *ret) {
        uint32_t v = 0;

        for (unsigned i = 2; i < 6; i++) {
                int digit = hex_digit(escape[i]);

                if (digit < 0)
                        return fail_at(s, escape, "\\u needs four hex digits");
                v = v << 4 | (uint32_t) digit;
        }
        *ret = v;
        return 0;
}

/* "\uXXXX", perhaps with its second half, at *in; the character goes to *out. */
static int parse_unicode(struct parser *s, char **in, char **out) {
        uint32_t cp, low;
        int r = parse_unit(s, *in, &cp);

        if (r < 0)
                return r;
        if (cp == 0)
                return fail_at(s, *in, "\\u0000 is not allowed in a string");
        if (cp >= 0xD800 && cp <= 0xDFFF) {
                if (cp >= 0xDC00 || (*in)[6] != '\\' || (*in)[7] != 'u')
                        return fail_at(s, *in, "half of a surrogate pair");
                r = parse_unit(s, *in + 6, &low);
                if (r < 0)
                        return r;
                if (low < 0xDC00 || low > 0xDFFF)
                        return fail_at(s, *in, "half of a surrogate pair");
                cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
                *in += 6;
        }
        *in += 6;
        *out += utf8_encode(cp, *out);
        return 0;
}

static int parse_escape(struct parser *s, char **in, char **out) {
        char c = (*in)[1];

        switch (c) {
        case 'u':
                return parse_unicode(s, in, out);
        case 'n':
                c = '\n';
                break;
        case 't':
                c = '\t';
                break;
        case 'r':
                c = '\r';
                break;
        case 'b':
                c = '\b';
                break;
        case 'f':
                c = '\f';
                break;
        case '"':
        case '\\':
        case '/':
                break;
        default:
                return fail_at(s, *in, "unknown escape in a string: use \\\\ for a backslash");
        }
        *in += 2;
        *(*out)++ = c;
        return 0;
}

/* A character beyond ASCII is copied whole or refused. */
static int copy_character(struct parser *s, char **in, char **out) {
        uint32_t cp;
        int n = utf8_decode(*in, (size_t) (s->end - *in), &cp);

        if (n < 0)
                return fail_at(s, *in, "invalid UTF-8 in a string");
        if (*in != *out)
                memmove(*out, *in, (size_t) n);
        *in += n;
        *out += n;
        return 0;
}

/* s->p is behind the opening quote. The unescaped text never grows, so it stays where it was. */
static int parse_string(struct parser *s, const char **ret, size_t *ret_len) {
        char *start = s->p, *in = s->p, *out;
        int r = 0;

        while (!is_special[(unsigned char) *in])
                in++;
        out = in;
        while (*in != '"') {
                if (*in == '\\')
                        r = parse_escape(s, &in, &out);
                else if ((unsigned char) *in >= 0x80)
                        r = copy_character(s, &in, &out);
                else if (in >= s->end)
                        r = fail_at(s, start - 1, "a string without its closing quote");
                else if ((unsigned char) *in < 0x20)
                        r = fail_at(s, in, "a control character (0x%02x) in a string: escape it",
                                    (unsigned char) *in);
                if (r < 0)
                        return r;
                while (!is_special[(unsigned char) *in])
                        *out++ = *in++;
        }
        *out = 0;
        s->p = in + 1;
        *ret = start;
        *ret_len = (size_t) (out - start);
        return 0;
}

static char *skip_digits(char *p) {
        while (*p >= '0' && *p <= '9')
                p++;
        return p;
}

static int take_number(struct parser *s, struct json *node, char *end) {
        node->type = JSON_NUMBER;
        node->str = s->p;
        node->len = (uint32_t) (end - s->p);
        s->p = end;
        return 0;
}

static int parse_number(struct parser *s, struct json *node) {
        char *p = s->p, *digits;

        if (*p == '-')
                p++;
        if (s->has_odd_numbers && strncmp(p, "Infinity", 8) == 0)
                return take_number(s, node, p + 8);
        digits = p;
        p = skip_digits(p);
        if (p == digits)
                return fail_at(s, s->p,
                               *p == 'I' ? "Infinity is not a JSON number"
                                         : "a digit should follow the minus sign");
        if (*digits == '0' && p > digits + 1)
                return fail_at(s, s->p, "a number must not begin with 0");
        if (*p == '.') {
                digits = ++p;
                p = skip_digits(p);
                if (p == digits)
                        return fail_at(s, s->p, "a digit should follow the decimal point");
        }
        if (*p == 'e' || *p == 'E') {
                p += 1 + (p[1] == '+' || p[1] == '-');
                digits = p;
                p = skip_digits(p);
                if (p == digits)
                        return fail_at(s, s->p, "a digit should follow the exponent");
        }
        if (p - s->p > JSON_NUMBER_LEN_MAX)
                return fail_at(s, s->p, "a number of more than %d digits", JSON_NUMBER_LEN_MAX);
        return take_number(s, node, p);
}

static int parse_word(struct parser *s, struct json *node) {
        static const struct {
                const char *word;
                size_t len;
                enum json_type type;
        } words[] = {{"null", 4, JSON_NULL}, {"true", 4, JSON_TRUE}, {"false", 5, JSON_FALSE}};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strncmp(s->p, words[i].word, words[i].len) == 0) {
                        node->type = words[i].type;
                        s->p += words[i].len;
                        return 0;
                }
        if (s->has_odd_numbers && strncmp(s->p, "NaN", 3) == 0)
                return take_number(s, node, s->p + 3);
        if (s->has_odd_numbers && strncmp(s->p, "Infinity", 8) == 0)
                return take_number(s, node, s->p + 8);
        if (strncmp(s->p, "NaN", 3) == 0 || strncmp(s->p, "Infinity", 8) == 0)
                return fail_at(s, s->p, "NaN and Infinity are not JSON numbers");
        return fail_expected(s, "a value");
}

static struct json *add_child(struct parser *s, struct json *node, struct json ***tail) {
        struct json *child = arena_alloc(s->arena, sizeof(*child));

        if (!child)
                return NULL;
        *child = (struct json){};
        **tail = child;
        *tail = &child->next;
        node->len++;
        return child;
}

static int enter(struct parser *s, struct json *node, enum json_type type) {
        if (++s->depth > JSON_DEPTH_MAX)
                return fail_at(s, s->p, "more than %d levels of nesting", JSON_DEPTH_MAX);
        node->type = type;
        node->child = NULL;
        s->p++;
        skip_blanks(s);
        return 0;
}

static int leave(struct parser *s) {
        s->depth--;
        s->p++;
        return 0;
}

static int parse_array(struct parser *s, struct json *node) {
        struct json **tail = &node->child;
        int r = enter(s, node, JSON_ARRAY);

        if (r < 0)
                return r;
        if (*s->p == ']')
                return leave(s);
        for (;;) {
                struct json *child = add_child(s, node, &tail);

                if (!child)
                        return -ENOMEM;
                r = parse_value(s, child);
                if (r < 0)
                        return r;
                skip_blanks(s);
                if (*s->p == ']')
                        return leave(s);
                if (*s->p != ',')
                        return fail_expected(s, "',' or ']'");
                s->p++;
                skip_blanks(s);
        }
}

static int by_key(const void *pa, const void *pb) {
        const struct json *a = *(struct json *const *) pa, *b = *(struct json *const *) pb;

        if (a->key_len != b->key_len)
                return a->key_len < b->key_len ? -1 : 1;
        return memcmp(a->key, b->key, a->key_len);
}

static int fail_twice(struct parser *s, const struct json *child) {
        return fail_at(s, s->p, "the key \"%.100s\" stands twice in this object", child->key);
}

/* Sorting keeps hostile keys from costing more than n log n. */
static int check_unique_sorted(struct parser *s, const struct json *node) {
        _cleanup_free_ struct json **all = mem_alloc_array(node->len, sizeof(*all));
        size_t n = 0;

        if (!all)
                return -ENOMEM;
        for (struct json *child = node->child; child; child = child->next)
                all[n++] = child;
        assert(n == node->len);
        qsort(all, n, sizeof(*all), by_key);
        for (size_t i = 1; i < n; i++)
                if (by_key(&all[i - 1], &all[i]) == 0)
                        return fail_twice(s, all[i]);
        return 0;
}

static int check_unique(struct parser *s, const struct json *node) {
        if (node->len > N_PAIRWISE)
                return check_unique_sorted(s, node);
        for (const struct json *a = node->child; a; a = a->next)
                for (const struct json *b = a->next; b; b = b->next)
                        if (a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0)
                                return fail_twice(s, b);
        return 0;
}

struct place {
        struct json *child;
        uint32_t i; /* in the object */
};

static int by_key_and_place(const void *pa, const void *pb) {
        const struct place *a = pa, *b = pb;
        int r = by_key(&a->child, &b->child);

        return r != 0 ? r : a->i < b->i ? -1 : 1;
}

/* The first of equal keys takes the value of the last one; the others leave the object. */
static int merge_twins(struct json *node) {
        _cleanup_free_ struct place *all = mem_alloc_array(node->len, sizeof(*all));
        struct json *first, **link = &node->child;
        size_t n = 0;

        if (!all)
                return -ENOMEM;
        for (struct json *child = node->child; child; child = child->next, n++)
                all[n] = (struct place){child, (uint32_t) n};
        qsort(all, n, sizeof(*all), by_key_and_place);
        first = all[0].child;
        for (size_t i = 1; i < n; i++) {
                struct json *twin = all[i].child;

                if (by_key(&first, &twin) != 0) {
                        first = twin;
                        continue;
                }
                first->str = twin->str; /* or child */
                first->len = twin->len;
                first->type = twin->type;
                twin->key = NULL;
        }
        while (*link)
                if ((*link)->key) {
                        link = &(*link)->next;
                } else {
                        *link = (*link)->next;
                        node->len--;
                }
        return 0;
}

static int parse_member(struct parser *s, struct json *child) {
        size_t len;
        int r;

        if (*s->p != '"')
                return fail_expected(s, "a key in quotes");
        s->p++;
        r = parse_string(s, &child->key, &len);
        if (r < 0)
                return r;
        if (len > KEY_LEN_MAX)
                return fail_at(s, s->p, "a key of more than %zu bytes", KEY_LEN_MAX);
        child->key_len = len & KEY_LEN_MAX;
        skip_blanks(s);
        if (*s->p != ':')
                return fail_expected(s, "':'");
        s->p++;
        skip_blanks(s);
        return parse_value(s, child);
}

static int parse_object(struct parser *s, struct json *node) {
        struct json **tail = &node->child;
        int r = enter(s, node, JSON_OBJECT);

        if (r < 0)
                return r;
        if (*s->p == '}')
                return leave(s);
        for (;;) {
                struct json *child = add_child(s, node, &tail);

                if (!child)
                        return -ENOMEM;
                r = parse_member(s, child);
                if (r < 0)
                        return r;
                skip_blanks(s);
                if (*s->p == '}')
                        break;
                if (*s->p != ',')
                        return fail_expected(s, "',' or '}'");
                s->p++;
                skip_blanks(s);
        }
        r = s->merges_twins ? merge_twins(node) : check_unique(s, node);
        return r < 0 ? r : leave(s);
}

/* s->p is at the first byte of the value; node is zeroed but for its key. */
static int parse_value(struct parser *s, struct json *node) {
        size_t len;
        int r;

        switch (*s->p) {
        case '{':
                return parse_object(s, node);
        case '[':
                return parse_array(s, node);
        case '"':
                s->p++;
                r = parse_string(s, &node->str, &len);
                if (r < 0)
                        return r;
                node->type = JSON_STRING;
                node->len = (uint32_t) len;
                return 0;
        case '-':
        case '0' ... '9':
                return parse_number(s, node);
        default:
                return parse_word(s, node);
        }
}

static int parse(struct arena *a, char *text, size_t len, bool has_odd_numbers, bool merges_twins,
                 struct json **ret, struct errmsg *em) {
        struct parser s = {
                .has_odd_numbers = has_odd_numbers,
                .merges_twins = merges_twins,
                .p = text,
                .end = text + len,
                .line_start = text,
                .line = 1,
                .arena = a,
                .em = em,
        };
        struct json *root;
        int r;

        assert(text[len] == 0);

        if (len >= UINT32_MAX)
                return errmsg_fail(em, -EINVAL, "more than 4 GiB of JSON");
        root = arena_zalloc(a, sizeof(*root));
        if (!root)
                return -ENOMEM;
        skip_blanks(&s);
        r = parse_value(&s, root);
        if (r < 0)
                return r;
        skip_blanks(&s);
        if (s.p != s.end)
                return fail_expected(&s, "the end of the text");
        assert(s.depth == 0);
        *ret = root;
        return 0;
}

int json_parse(struct arena *a, char *text, size_t len, struct json **ret, struct errmsg *em) {
        return parse(a, text, len, false, false, ret, em);
}

int json_parse_odd_numbers(struct arena *a, char *text, size_t len, struct json **ret,
                           struct errmsg *em) {
        return parse(a, text, len, true, false, ret, em);
}

int json_parse_copy(struct arena *a, const char *text, size_t len, struct json **ret,
                    struct errmsg *em) {
        char *copy = arena_memdup(a, text, len);

        return copy ? json_parse(a, copy, len, ret, em) : -ENOMEM;
}

int json_parse_python_copy(struct arena *a, const char *text, size_t len, struct json **ret,
                           struct errmsg *em) {
        char *copy = arena_memdup(a, text, len);

        return copy ? parse(a, copy, len, true, true, ret, em) : -ENOMEM;
}
