#include "daemons/tracking/graphql_lex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hex.h"
#include "lib/base/utf8.h"

static bool is_name_start(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static const char *skip_ignored(const char *p) {
        for (;;) {
                if (*p && strchr(" \t\r\n,", *p))
                        p++;
                else if ((unsigned char) p[0] == 0xef && (unsigned char) p[1] == 0xbb &&
                         (unsigned char) p[2] == 0xbf)
                        p += 3;
                else if (*p == '#')
                        p += strcspn(p, "\r\n");
                else
                        return p;
        }
}

static const char *digits(const char *p) {
        while (is_digit(*p))
                p++;
        return p;
}

static void lex_number(const char **at, struct graphql_token *ret) {
        const char *p = *at + (**at == '-'), *q = digits(p);

        ret->kind = GRAPHQL_TOKEN_INT;
        if (q == p || (*p == '0' && q > p + 1)) {
                ret->kind = GRAPHQL_TOKEN_BAD;
                return;
        }
        p = q;
        if (*p == '.') {
                ret->kind = GRAPHQL_TOKEN_FLOAT;
                q = digits(p + 1);
                if (q == p + 1)
                        ret->kind = GRAPHQL_TOKEN_BAD;
                p = q;
        }
        if (ret->kind != GRAPHQL_TOKEN_BAD && (*p == 'e' || *p == 'E')) {
                p += p[1] == '+' || p[1] == '-' ? 2 : 1;
                q = digits(p);
                ret->kind = q == p ? GRAPHQL_TOKEN_BAD : GRAPHQL_TOKEN_FLOAT;
                p = q;
        }
        if (*p == '.' || is_name_start(*p))
                ret->kind = GRAPHQL_TOKEN_BAD;
        *at = p;
}

/* \uXXXX or \u{X…} at p, behind the u. How many characters it takes; 0: it is none. */
static size_t unescape_unicode(const char *p, uint32_t *ret) {
        size_t n = 0, max = *p == '{' ? 6 : 4;
        const char *start = *p == '{' ? p + 1 : p;
        uint32_t code = 0;

        for (; n < max; n++) {
                int d = hex_digit(start[n]);

                if (d < 0)
                        break;
                code = code << 4 | (uint32_t) d;
        }
        *ret = code;
        if (*p == '{')
                return n > 0 && start[n] == '}' ? n + 2 : 0;
        return n == 4 ? 4 : 0;
}

/* \uXXXX at p, behind the backslash, with its second half when it is one of a pair; 0: it is none.
 */
static size_t unescape_pair(const char *p, uint32_t *ret) {
        size_t n = unescape_unicode(p + 1, ret), m;
        uint32_t low;

        if (n == 0)
                return 0;
        if (*ret >= 0xd800 && *ret < 0xdc00 && p[1 + n] == '\\' && p[2 + n] == 'u') {
                m = unescape_unicode(p + 3 + n, &low);
                if (m == 0 || low < 0xdc00 || low > 0xdfff)
                        return 0;
                *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
                n += 2 + m;
        }
        return n + 1;
}

/* One escape at p, behind the backslash, to *out. How many characters it takes; 0: it is none. */
static size_t unescape(const char *p, char **out) {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *found = *p ? strchr(from, *p) : NULL;
        uint32_t code = 0;
        size_t n;

        if (found) {
                *(*out)++ = to[found - from];
                return 1;
        }
        n = *p == 'u' ? unescape_pair(p, &code) : 0;
        if (n == 0 || code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                return 0;
        *out += utf8_encode(code, *out);
        return n;
}

/* Bytes from p to the quote or the end of the line. */
static size_t string_size(const char *p) {
        size_t n = 0;

        while (p[n] && p[n] != '"' && p[n] != '\n' && p[n] != '\r')
                n += p[n] == '\\' && p[n + 1] ? 2 : 1;
        return n;
}

static int lex_string(struct arena *a, const char **at, struct graphql_token *ret) {
        const char *p = *at + 1;
        char *out = arena_alloc(a, string_size(p) + 4); /* an escape is longer than its character */
        char *start = out;
        size_t n;

        if (!out)
                return -ENOMEM;
        for (; *p && *p != '"' && *p != '\n' && *p != '\r';) {
                if (*p != '\\') {
                        *out++ = *p++;
                        continue;
                }
                n = unescape(p + 1, &out);
                if (n == 0)
                        break;
                p += n + 1;
        }
        *out = 0;
        ret->kind = *p == '"' ? GRAPHQL_TOKEN_STRING : GRAPHQL_TOKEN_BAD;
        ret->text = start;
        *at = *p == '"' ? p + 1 : p;
        return 0;
}

/* """…""": as it stands, without the indentation that all lines share. Only \""" is an escape; what
 * MLflow's requests need is the plain text, so indentation is kept. */
static int lex_block(struct arena *a, const char **at, struct graphql_token *ret) {
        const char *p = *at + 3, *end = strstr(p, "\"\"\"");

        while (end && end > p && end[-1] == '\\')
                end = strstr(end + 3, "\"\"\"");
        ret->kind = end ? GRAPHQL_TOKEN_STRING : GRAPHQL_TOKEN_BAD;
        ret->text = end ? arena_strndup(a, p, (size_t) (end - p)) : NULL;
        if (end && !ret->text)
                return -ENOMEM;
        *at = end ? end + 3 : p;
        return 0;
}

int graphql_lex_next(struct arena *a, const char **at, struct graphql_token *ret) {
        const char *p = skip_ignored(*at);
        int r = 0;

        *ret = (struct graphql_token){.start = p, .kind = GRAPHQL_TOKEN_BAD};
        *at = p;
        if (!*p) {
                ret->kind = GRAPHQL_TOKEN_END;
        } else if (is_name_start(*p)) {
                ret->kind = GRAPHQL_TOKEN_NAME;
                while (is_name_start(**at) || is_digit(**at))
                        (*at)++;
        } else if (is_digit(*p) || *p == '-') {
                lex_number(at, ret);
        } else if (strncmp(p, "\"\"\"", 3) == 0) {
                r = lex_block(a, at, ret);
        } else if (*p == '"') {
                r = lex_string(a, at, ret);
        } else if (strncmp(p, "...", 3) == 0) {
                ret->kind = GRAPHQL_TOKEN_PUNCTUATION;
                *at += 3;
        } else if (strchr("!$&():=@[]{|}", *p)) {
                ret->kind = GRAPHQL_TOKEN_PUNCTUATION;
                (*at)++;
        }
        ret->size = (size_t) (*at - p);
        return r;
}
