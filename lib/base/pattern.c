#include "lib/base/pattern.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/base/mem.h"
#include "lib/base/pattern_code.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

enum { DEPTH_MAX = 100, FOREVER = -1 };

/* What (?ims) set. */
struct flags {
        bool icase, many_lines, dot_all;
};

struct parse {
        const char *p;
        struct pattern *out;
        struct flags flags;
        int depth;
};

/* --- steps --- */

static int emit(struct parse *s, struct pattern_step step) {
        struct pattern *o = s->out;

        if (o->n >= PATTERN_CODE_MAX)
                return -E2BIG;
        if (mem_grow((void **) &o->code, &o->cap, o->n + 1, sizeof(*o->code)) < 0)
                return -ENOMEM;
        o->code[o->n++] = step;
        return 0;
}

/* Before what was made since `at`; jumps are relative and stay right inside of it. */
static int insert(struct parse *s, size_t at, struct pattern_step step) {
        int r = emit(s, step);

        if (r < 0)
                return r;
        memmove(s->out->code + at + 1, s->out->code + at,
                (s->out->n - 1 - at) * sizeof(*s->out->code));
        s->out->code[at] = step;
        return 0;
}

static int add_range(struct parse *s, uint32_t from, uint32_t to) {
        struct pattern *o = s->out;

        if (mem_grow((void **) &o->ranges, &o->ranges_cap, o->n_ranges + 1, sizeof(*o->ranges)) < 0)
                return -ENOMEM;
        o->ranges[o->n_ranges++] = (struct pattern_range){from, to, 0};
        return 0;
}

static int add_class(struct parse *s, char letter) {
        struct pattern *o = s->out;
        int r = add_range(s, 0, 0);

        if (r == 0)
                o->ranges[o->n_ranges - 1].class = letter;
        return r;
}

/* --- escapes --- */

static int read_char(struct parse *s, uint32_t *ret) {
        int n = utf8_decode(s->p, strlen(s->p), ret);

        if (n < 0)
                return -EINVAL;
        s->p += n;
        return 0;
}

static int hex_value(struct parse *s, int n, uint32_t *ret) {
        uint32_t v = 0;

        for (int i = 0; i < n; i++) {
                int digit = hex_digit(*s->p);

                if (digit < 0)
                        return -EINVAL;
                v = v << 4 | (uint32_t) digit;
                s->p++;
        }
        if (v > 0x10FFFF)
                return -EINVAL;
        *ret = v;
        return 0;
}

/* \x41 \u0041 \U00000041 \101 */
static int read_number_escape(struct parse *s, uint32_t *ret) {
        int n = *s->p == 'x' ? 2 : *s->p == 'u' ? 4 : 8;

        if (*s->p != '0') {
                s->p++;
                return hex_value(s, n, ret);
        }
        *ret = 0;
        for (n = 0, s->p++; n < 2 && *s->p >= '0' && *s->p <= '7'; n++)
                *ret = *ret * 8 + (uint32_t) (*s->p++ - '0');
        return 0;
}

/* The character that stands for another or for itself behind the backslash; classes and places are
 * read before. */
static int read_escape(struct parse *s, uint32_t *ret) {
        static const char letters[] = "ntrfva", values[] = "\n\t\r\f\v\a";
        const char *found;

        if (!*s->p)
                return -EINVAL;
        found = strchr(letters, *s->p);
        if (found) {
                s->p++;
                *ret = (uint32_t) values[found - letters];
                return 0;
        }
        if (strchr("xuU0", *s->p))
                return read_number_escape(s, ret);
        if (isdigit((unsigned char) *s->p) || *s->p == 'N')
                return -EOPNOTSUPP;
        if (isalpha((unsigned char) *s->p))
                return -EINVAL;
        return read_char(s, ret);
}

static bool is_class(char c) {
        return c && strchr("dDwWsS", c);
}

/* --- [sets] --- */

static int read_set_char(struct parse *s, uint32_t *ret) {
        if (*s->p != '\\')
                return read_char(s, ret);
        s->p++;
        if (*s->p == 'b') {
                s->p++;
                *ret = '\b';
                return 0;
        }
        return read_escape(s, ret);
}

static bool at_class(const struct parse *s) {
        return *s->p == '\\' && is_class(s->p[1]);
}

static int read_set_item(struct parse *s) {
        uint32_t from, to;
        int r;

        if (at_class(s)) {
                s->p += 2;
                if (*s->p == '-' && s->p[1] && s->p[1] != ']')
                        return -EINVAL; /* [\d-x] */
                return add_class(s, s->p[-1]);
        }
        r = read_set_char(s, &from);
        to = from;
        if (r == 0 && *s->p == '-' && s->p[1] && s->p[1] != ']') {
                s->p++;
                r = at_class(s) ? -EINVAL : read_set_char(s, &to);
        }
        if (r == 0 && to < from)
                r = -EINVAL;
        return r < 0 ? r : add_range(s, from, to);
}

static int read_set(struct parse *s) {
        struct pattern_step step = {.op = PATTERN_SET, .icase = s->flags.icase};
        int r = 0;

        step.x = (int32_t) s->out->n_ranges;
        s->p++;
        if (*s->p == '^') {
                step.op = PATTERN_NOT_SET;
                s->p++;
        }
        do {
                if (!*s->p)
                        return -EINVAL;
                r = read_set_item(s);
        } while (r == 0 && *s->p != ']');
        if (r < 0)
                return r;
        s->p++;
        step.y = (int32_t) s->out->n_ranges;
        return emit(s, step);
}

/* (?#…) is not there. */
static int skip_comments(struct parse *s) {
        while (str_starts(s->p, "(?#")) {
                s->p += strcspn(s->p, ")");
                if (!*s->p++)
                        return -EINVAL;
        }
        return 0;
}

/* --- atoms --- */

static int read_alternatives(struct parse *s);

static int read_backslash(struct parse *s, bool *ret_is_place) {
        static const struct {
                char letter;
                enum pattern_op op;
        } places[] = {
                {'A', PATTERN_TEXT_START},
                {'Z', PATTERN_TEXT_END},
                {'b', PATTERN_WORD_EDGE},
                {'B', PATTERN_NO_WORD_EDGE},
        };
        struct pattern_step step = {.op = PATTERN_CHAR, .icase = s->flags.icase};
        uint32_t c;
        int r;

        s->p++;
        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
                if (*s->p == places[i].letter) {
                        s->p++;
                        *ret_is_place = true;
                        return emit(s, (struct pattern_step){.op = places[i].op});
                }
        if (is_class(*s->p)) {
                step = (struct pattern_step){.op = PATTERN_SET, .x = (int32_t) s->out->n_ranges};
                r = add_class(s, *s->p++);
                step.y = (int32_t) s->out->n_ranges;
                return r < 0 ? r : emit(s, step);
        }
        r = read_escape(s, &c);
        step.x = (int32_t) c;
        return r < 0 ? r : emit(s, step);
}

static bool *flag_of(struct flags *f, char letter) {
        switch (letter) {
        case 'i':
                return &f->icase;
        case 'm':
                return &f->many_lines;
        case 's':
                return &f->dot_all;
        default:
                return NULL;
        }
}

/* ims-ims of (?ims) or (?ims-ims:…); s->p is behind it then. */
static int read_flags(struct parse *s, struct flags *f) {
        const char *start = s->p;
        bool on = true;

        for (; *s->p && *s->p != ')' && *s->p != ':'; s->p++) {
                bool *flag = flag_of(f, *s->p);

                if (*s->p == '-' && on)
                        on = false;
                else if (*s->p == 'x')
                        return -EOPNOTSUPP;
                else if (flag)
                        *flag = on;
                else if (!strchr("au", *s->p))
                        return -EINVAL;
        }
        return *s->p && s->p > start ? 0 : -EINVAL;
}

/* Behind "(?". */
static int read_extension(struct parse *s) {
        int r;

        if (*s->p == ':') {
                s->p++;
                return 0;
        }
        if (s->p[0] == 'P' && s->p[1] == '<') {
                s->p += 2;
                if (!isalpha((unsigned char) *s->p) && *s->p != '_')
                        return -EINVAL;
                while (isalnum((unsigned char) *s->p) || *s->p == '_')
                        s->p++;
                return *s->p++ == '>' ? 0 : -EINVAL;
        }
        if (!*s->p)
                return -EINVAL;
        if (strchr("=!<>(P", *s->p))
                return -EOPNOTSUPP;
        r = read_flags(s, &s->flags);
        if (r < 0)
                return r;
        return *s->p++ == ':' ? 0 : -EINVAL; /* (?i) stands at the start only */
}

static int read_group(struct parse *s) {
        struct flags before = s->flags;
        int r = 0;

        if (++s->depth > DEPTH_MAX)
                return -E2BIG;
        s->p++;
        if (*s->p == '?') {
                s->p++;
                r = read_extension(s);
        }
        if (r == 0)
                r = read_alternatives(s);
        if (r == 0 && *s->p++ != ')')
                r = -EINVAL;
        s->flags = before;
        s->depth--;
        return r;
}

static int read_atom(struct parse *s, bool *ret_is_place) {
        struct pattern_step step = {.op = PATTERN_CHAR, .icase = s->flags.icase};
        uint32_t c;
        int r;

        switch (*s->p) {
        case '(':
                return read_group(s);
        case '[':
                return read_set(s);
        case '\\':
                return read_backslash(s, ret_is_place);
        case '.':
                s->p++;
                step.op = s->flags.dot_all ? PATTERN_ANY : PATTERN_ANY_IN_LINE;
                return emit(s, step);
        case '^':
        case '$':
                *ret_is_place = true;
                step.op = *s->p == '^' ? PATTERN_START : PATTERN_END;
                step.x = s->flags.many_lines;
                s->p++;
                return emit(s, step);
        default:
                r = read_char(s, &c);
                step.x = (int32_t) c;
                return r < 0 ? r : emit(s, step);
        }
}

/* --- how often --- */

static int read_number(const char **p, int otherwise) {
        int n = 0;

        if (!isdigit((unsigned char) **p))
                return otherwise;
        while (isdigit((unsigned char) **p))
                n = MIN(n * 10 + (*(*p)++ - '0'), PATTERN_CODE_MAX + 1);
        return n;
}

/* {2} {2,} {,3} {2,3}; what looks otherwise is text. */
static bool read_braces(struct parse *s, int *ret_min, int *ret_max) {
        const char *p = s->p + 1;
        int min = read_number(&p, 0), max = min;

        if (p == s->p + 1 && *p != ',')
                return false;
        if (*p == ',') {
                p++;
                max = read_number(&p, FOREVER);
        }
        if (*p != '}')
                return false;
        s->p = p + 1;
        *ret_min = min;
        *ret_max = max;
        return true;
}

static bool read_times(struct parse *s, int *ret_min, int *ret_max) {
        switch (*s->p) {
        case '*':
        case '+':
        case '?':
                *ret_min = *s->p == '+';
                *ret_max = *s->p == '?' ? 1 : FOREVER;
                s->p++;
                return true;
        case '{':
                return read_braces(s, ret_min, ret_max);
        default:
                return false;
        }
}

/* A loop around, or a way past, what was made since `at`. */
static int wrap(struct parse *s, size_t at, bool loops) {
        int32_t n = (int32_t) (s->out->n - at);
        int r = insert(s, at, (struct pattern_step){PATTERN_SPLIT, false, 1, n + 1 + loops});

        if (r < 0 || !loops)
                return r;
        return emit(s, (struct pattern_step){PATTERN_JUMP, false, -(n + 1), 0});
}

static int again(struct parse *s, const struct pattern_step *body, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = emit(s, body[i]);
        return r;
}

/* What was made since `at`, from `min` to `max` times. */
static int repeat(struct parse *s, size_t at, int min, int max) {
        size_t n = s->out->n - at;
        _cleanup_free_ struct pattern_step *body =
                n == 0 ? NULL : mem_memdup(s->out->code + at, n * sizeof(*body));
        int r = 0;

        if (n == 0)
                return 0;
        if (!body)
                return -ENOMEM;
        s->out->n = at;
        for (int i = 0; r == 0 && i < min; i++)
                r = again(s, body, n);
        for (int i = min; r == 0 && (max == FOREVER ? i == min : i < max); i++) {
                at = s->out->n;
                r = again(s, body, n);
                if (r == 0)
                        r = wrap(s, at, max == FOREVER);
        }
        return r;
}

static int read_piece(struct parse *s) {
        size_t at = s->out->n;
        bool is_place = false;
        int min, max, r;

        if (read_times(s, &min, &max))
                return -EINVAL; /* nothing */
        r = read_atom(s, &is_place);
        if (r == 0)
                r = skip_comments(s);
        if (r < 0 || !read_times(s, &min, &max))
                return r;
        if (is_place || (max != FOREVER && max < min))
                return -EINVAL;
        r = repeat(s, at, min, max);
        if (r < 0)
                return r;
        if (*s->p == '+')
                return -EOPNOTSUPP;
        if (*s->p == '?')
                s->p++; /* as few as can be: found or not is the same */
        r = skip_comments(s);
        if (r == 0 && read_times(s, &min, &max))
                r = -EINVAL;
        return r;
}

/* The jumps behind the alternatives are tied together by their .x until the end is known. */
static int read_alternatives(struct parse *s) {
        size_t at = s->out->n, last = 0, jump;
        int r = skip_comments(s);

        for (;;) {
                while (r == 0 && *s->p && *s->p != '|' && *s->p != ')')
                        r = read_piece(s);
                if (r < 0 || *s->p != '|')
                        break;
                s->p++;
                r = insert(s, at,
                           (struct pattern_step){PATTERN_SPLIT, false, 1,
                                                 (int32_t) (s->out->n - at) + 2});
                jump = s->out->n;
                if (r == 0)
                        r = emit(s, (struct pattern_step){PATTERN_JUMP, false, (int32_t) last, 0});
                last = jump;
                at = s->out->n;
                if (r == 0)
                        r = skip_comments(s);
        }
        for (; r == 0 && last > 0; last = jump) {
                jump = (size_t) s->out->code[last].x;
                s->out->code[last].x = (int32_t) (s->out->n - last);
        }
        return r;
}

/* (?i) before everything else. */
static int read_leading_flags(struct parse *s) {
        int r = skip_comments(s);

        while (r == 0 && s->p[0] == '(' && s->p[1] == '?' && s->p[2] && strchr("aimsux", s->p[2])) {
                const char *start = s->p;
                struct flags f = s->flags;

                s->p += 2;
                r = read_flags(s, &f);
                if (r < 0)
                        return r;
                if (*s->p == ':') {
                        s->p = start;
                        return 0;
                }
                s->p++;
                s->flags = f;
                r = skip_comments(s);
        }
        return r;
}

struct pattern *pattern_free(struct pattern *p) {
        if (!p)
                return NULL;
        mem_free(p->code);
        mem_free(p->ranges);
        mem_free(p->lists);
        mem_free(p->marks);
        return mem_free(p);
}

int pattern_compile(const char *text, struct pattern **ret) {
        struct parse s = {.p = text, .out = mem_new(struct pattern)};
        int r = strlen(text) > PATTERN_MAX ? -E2BIG : 0;

        if (!s.out)
                return -ENOMEM;
        if (r == 0)
                r = read_leading_flags(&s);
        if (r == 0)
                r = read_alternatives(&s);
        if (r == 0 && *s.p)
                r = -EINVAL; /* a ) too many */
        if (r == 0)
                r = emit(&s, (struct pattern_step){.op = PATTERN_FOUND});
        if (r == 0) {
                s.out->lists = mem_alloc_array(3 * s.out->n, sizeof(*s.out->lists));
                s.out->marks = mem_zalloc_array(s.out->n, sizeof(*s.out->marks));
                if (!s.out->lists || !s.out->marks)
                        r = -ENOMEM;
        }
        if (r < 0) {
                pattern_free(s.out);
                return r;
        }
        *ret = s.out;
        return 0;
}

bool pattern_search(struct pattern *p, const char *text, size_t n_bytes) {
        return pattern_code_search(p, text, n_bytes);
}
