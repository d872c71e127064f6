/* See toml.h. */
#include "daemons/sqlproxy/toml.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"

#define DEPTH_MAX 32

struct reader {
        const char *at, *end;
        unsigned line;
        unsigned depth;
        const char *name;
        struct errmsg *em;
};

static int bad(struct reader *t, const char *what) {
        return errmsg_fail(t->em, -EINVAL, "%s:%u: %s", t->name, t->line, what);
}

static int peek(const struct reader *t) {
        return t->at < t->end ? (unsigned char) *t->at : -1;
}

static bool take(struct reader *t, const char *word) {
        size_t n = strlen(word);

        if ((size_t) (t->end - t->at) < n || memcmp(t->at, word, n) != 0)
                return false;
        t->at += n;
        return true;
}

static void skip_blanks(struct reader *t) {
        while (peek(t) == ' ' || peek(t) == '\t')
                t->at++;
}

static void skip_comment(struct reader *t) {
        if (peek(t) == '#')
                while (t->at < t->end && *t->at != '\n')
                        t->at++;
}

/* Blanks, comments and line ends. */
static void skip_space(struct reader *t) {
        for (;;) {
                skip_blanks(t);
                skip_comment(t);
                if (peek(t) == '\n')
                        t->line++;
                else if (peek(t) != '\r')
                        return;
                t->at++;
        }
}

/* --- strings --------------------------------------------------------------------------------- */

static int take_code_point(struct reader *t, size_t digits, struct buf *out) {
        uint32_t cp = 0;
        char bytes[4];
        size_t n;

        for (size_t i = 0; i < digits; i++, t->at++) {
                int c = peek(t);

                if (!isxdigit(c))
                        return bad(t, "a \\u escape needs hexadecimal digits");
                cp = cp << 4 | (uint32_t) (isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
        }
        if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
                return bad(t, "a \\u escape names no character");
        n = utf8_encode(cp, bytes);
        return buf_add(out, bytes, n);
}

static int take_escape(struct reader *t, bool is_multi, struct buf *out) {
        static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
        const char *p;
        int c = peek(t);

        if (is_multi && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) {
                while (isspace(peek(t))) {
                        if (peek(t) == '\n')
                                t->line++;
                        t->at++;
                }
                return 0;
        }
        p = c > 0 ? strchr(from, c) : NULL;
        if (c >= 0)
                t->at++;
        if (p)
                return buf_add_char(out, to[p - from]);
        if (c == 'u' || c == 'U')
                return take_code_point(t, c == 'u' ? 4 : 8, out);
        return bad(t, "unknown escape in a string");
}

/* Behind the opening quotes, up to and with the closing ones. */
static int take_string(struct reader *t, const char *quotes, struct buf *out) {
        bool is_multi = strlen(quotes) == 3, is_basic = quotes[0] == '"';
        int r = 0;

        if (is_multi && (take(t, "\r\n") || take(t, "\n")))
                t->line++;
        while (r >= 0) {
                int c = peek(t);

                if (c < 0 || (!is_multi && c == '\n'))
                        return bad(t, "a string has no end");
                if (take(t, quotes)) {
                        /* Up to two quotes may stand before the closing three. */
                        while (is_multi && peek(t) == quotes[0]) {
                                buf_add_char(out, quotes[0]);
                                t->at++;
                        }
                        return buf_error(out);
                }
                if (c == 0)
                        return bad(t, "a NUL stands in a string");
                t->at++;
                if (c == '\n')
                        t->line++;
                r = is_basic && c == '\\' ? take_escape(t, is_multi, out)
                                          : buf_add_char(out, (char) c);
        }
        return r;
}

/* 1 = there is a string, 0 = there is none. */
static int maybe_string(struct reader *t, struct buf *out) {
        static const char *const quotes[] = {"\"\"\"", "'''", "\"", "'"};
        int r;

        for (size_t i = 0; i < 4; i++)
                if (take(t, quotes[i])) {
                        r = take_string(t, quotes[i], out);
                        return r < 0 ? r : 1;
                }
        return 0;
}

/* --- keys and values ------------------------------------------------------------------------- */

static bool is_bare(int c) {
        return isalnum(c) || c == '_' || c == '-';
}

/* "a", "a.b" or quoted ones, joined by dots. */
static int take_key(struct reader *t, struct buf *out) {
        int r;

        for (;;) {
                const char *start;

                skip_blanks(t);
                if (peek(t) == '"' || peek(t) == '\'') {
                        r = maybe_string(t, out);
                        if (r < 0)
                                return r;
                } else {
                        start = t->at;
                        while (is_bare(peek(t)))
                                t->at++;
                        if (t->at == start)
                                return bad(t, "a key is wanted here");
                        buf_add(out, start, (size_t) (t->at - start));
                }
                skip_blanks(t);
                if (!take(t, "."))
                        return buf_error(out);
                buf_add_char(out, '.');
        }
}

static int skip_list(struct reader *t, char closing);

static int take_bare(struct reader *t, struct buf *out) {
        const char *start = t->at;

        while (peek(t) > ' ' && !strchr(",]}#", peek(t)))
                t->at++;
        if (t->at == start)
                return bad(t, "a value is wanted here");
        for (const char *p = start; p < t->at; p++) {
                if (!is_bare((unsigned char) *p) && !strchr("+.:", *p))
                        return bad(t, "a value that is no number, boolean or date needs quotes");
                if (*p != '_')
                        buf_add_char(out, *p);
        }
        if (!isdigit((unsigned char) *start) && !strchr("+-", *start) &&
            strcmp(buf_cstr(out), "true") != 0 && strcmp(buf_cstr(out), "false") != 0 &&
            strcmp(buf_cstr(out), "inf") != 0 && strcmp(buf_cstr(out), "nan") != 0)
                return bad(t, "a value that is no number, boolean or date needs quotes");
        return buf_error(out);
}

/* 1 = *out has a plain value, 0 = it was an array or a table. */
static int take_value(struct reader *t, struct buf *out) {
        int r;

        skip_blanks(t);
        if (take(t, "["))
                return skip_list(t, ']');
        if (take(t, "{"))
                return skip_list(t, '}');
        r = maybe_string(t, out);
        if (r != 0)
                return r;
        r = take_bare(t, out);
        return r < 0 ? r : 1;
}

static int skip_item(struct reader *t, char closing) {
        _cleanup_buf_ struct buf dropped = {};
        int r = 0;

        if (closing == '}') {
                r = take_key(t, &dropped);
                if (r >= 0 && !take(t, "="))
                        r = bad(t, "\"=\" is wanted behind a key");
        }
        buf_reset(&dropped);
        return r < 0 ? r : take_value(t, &dropped);
}

static int skip_list(struct reader *t, char closing) {
        int r = 0;

        if (++t->depth > DEPTH_MAX)
                return bad(t, "too many levels");
        for (;;) {
                skip_space(t);
                if (peek(t) == closing)
                        break;
                r = skip_item(t, closing);
                if (r < 0)
                        return r;
                skip_space(t);
                if (peek(t) == closing)
                        break;
                if (!take(t, ","))
                        return bad(t, "\",\" or the end of the list is wanted");
        }
        t->at++;
        t->depth--;
        return 0;
}

/* --- lines ----------------------------------------------------------------------------------- */

static int take_table(struct reader *t) {
        _cleanup_buf_ struct buf name = {};
        bool is_array = take(t, "[[");
        int r;

        if (!is_array)
                take(t, "[");
        r = take_key(t, &name);
        if (r >= 0 && !take(t, is_array ? "]]" : "]"))
                r = bad(t, "the name of a table has no end");
        return r;
}

static int take_line(struct reader *t, bool *in_table,
                     int (*fn)(void *ctx, const char *key, const char *value, size_t len),
                     void *ctx) {
        _cleanup_buf_ struct buf key = {}, value = {};
        int r;

        if (peek(t) == '[') {
                *in_table = true;
                return take_table(t);
        }
        r = take_key(t, &key);
        if (r >= 0 && !take(t, "="))
                r = bad(t, "\"=\" is wanted behind a key");
        if (r >= 0)
                r = take_value(t, &value);
        if (r > 0 && !*in_table && strlen(buf_cstr(&key)) == key.len)
                r = fn(ctx, buf_cstr(&key), buf_cstr(&value), value.len);
        return r;
}

int toml_parse(const char *text, size_t len, const char *name,
               int (*fn)(void *ctx, const char *key, const char *value, size_t len), void *ctx,
               struct errmsg *em) {
        struct reader t = {.at = text, .end = text + len, .line = 1, .name = name, .em = em};
        bool in_table = false;
        int r;

        for (;;) {
                skip_space(&t);
                if (peek(&t) < 0)
                        return 0;
                r = take_line(&t, &in_table, fn, ctx);
                if (r < 0)
                        return r;
                skip_blanks(&t);
                skip_comment(&t);
                take(&t, "\r");
                if (peek(&t) >= 0 && peek(&t) != '\n')
                        return bad(&t, "the end of the line is wanted behind a value");
        }
}
