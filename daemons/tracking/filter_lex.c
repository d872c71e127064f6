#include "daemons/tracking/filter_lex.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_name_start(char c) {
        return isalpha((unsigned char) c) || c == '_' || (c & 0x80);
}

static bool is_name_char(char c) {
        return is_name_start(c) || isdigit((unsigned char) c) || c == '$' || c == '#';
}

static const char *skip_space(const char *p) {
        while (isspace((unsigned char) *p))
                p++;
        return p;
}

/* The end of a quoted piece that starts at `p`; NULL when it is never closed. A doubled quote and a
 * backslash before a quote stay inside. */
static const char *quoted_end(const char *p) {
        char quote = *p++;

        while (*p) {
                if (*p == '\\' && p[1] == quote && quote != '`') {
                        /* `\'` is inside, unless the text ends with it */
                        if (!p[2])
                                return p + 2;
                        p += 2;
                        continue;
                }
                if (*p++ != quote)
                        continue;
                if (*p != quote || quote == '`')
                        return p;
                p++;
        }
        return NULL;
}

static const char *name_part_end(const char *p, bool first) {
        if (*p == '`' || *p == '"' || (!first && *p == '\''))
                return quoted_end(p);
        if (first ? !is_name_start(*p) : !is_name_char(*p))
                return NULL;
        while (is_name_char(*p))
                p++;
        return p;
}

static const char *name_end(const char *p) {
        const char *end = name_part_end(p, true);

        while (end && *end == '.') {
                const char *next = name_part_end(end + 1, false);

                if (!next)
                        break;
                end = next;
        }
        return end;
}

static const char *digits_end(const char *p) {
        while (isdigit((unsigned char) *p))
                p++;
        return p;
}

/* A number's end, or NULL: [-] digits [. digits] [e [-] digits], not glued to a name. */
static const char *number_end(const char *p, bool *ret_float) {
        const char *start, *end, *e;

        if (*p == '-')
                p++;
        start = p;
        end = digits_end(p);
        *ret_float = false;
        if (*end == '.') {
                const char *fraction = digits_end(end + 1);

                if (end == start && fraction == end + 1)
                        return NULL;
                *ret_float = true;
                end = fraction;
        }
        if (end == start)
                return NULL;
        if ((*end == 'e' || *end == 'E')) {
                e = end[1] == '-' || end[1] == '+' ? end + 2 : end + 1;
                if (isdigit((unsigned char) *e)) {
                        *ret_float = true;
                        end = digits_end(e);
                }
        }
        return is_name_start(*end) ? NULL : end;
}

static bool word_at(const char *p, const char *word, const char **ret_end) {
        size_t n = strlen(word);

        if (strncasecmp(p, word, n) || is_name_char(p[n]))
                return false;
        *ret_end = p + n;
        return true;
}

static const char *compare_end(const char *p) {
        static const char *const likes[] = {"LIKE", "ILIKE", "RLIKE"};
        const char *end = p + strspn(p, "<>=~!");
        const char *rest = p;

        if (end != p)
                return end;
        if (word_at(p, "NOT", &rest))
                rest = skip_space(rest);
        for (size_t i = 0; i < sizeof(likes) / sizeof(*likes); i++)
                if (word_at(rest, likes[i], &end))
                        return end;
        return NULL;
}

static const char *comment_end(const char *p) {
        if (p[0] == '-' && p[1] == '-')
                return p + strcspn(p, "\n");
        if (p[0] == '/' && p[1] == '*') {
                const char *end = strstr(p + 2, "*/");

                return end ? end + 2 : p + strlen(p);
        }
        return NULL;
}

/* Quotes are honoured, nesting is counted; NULL when it is never closed. */
static const char *group_end(const char *p) {
        size_t depth = 0;

        while (*p) {
                if (*p == '\'' || *p == '"' || *p == '`') {
                        const char *end = quoted_end(p);

                        p = end ? end : p + 1;
                        continue;
                }
                if (*p == '(')
                        depth++;
                if (*p++ == ')' && --depth == 0)
                        return p;
        }
        return NULL;
}

static bool is_keyword(const char *p, size_t size) {
        static const char *const words[] = {
                "ALL",    "AND",    "AS",     "ASC",    "BETWEEN", "BY",      "CASE",   "DELETE",
                "DESC",   "DROP",   "ELSE",   "END",    "EXISTS",  "FALSE",   "FROM",   "GROUP",
                "HAVING", "IN",     "INSERT", "INTO",   "IS",      "JOIN",    "LIMIT",  "NOT",
                "NULL",   "OFFSET", "ON",     "OR",     "ORDER",   "SCHEMA",  "SELECT", "SOURCE",
                "THEN",   "TRUE",   "UNION",  "UPDATE", "VALUES",  "VERSION", "WHEN",   "WHERE",
        };

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (strlen(words[i]) == size && !strncasecmp(p, words[i], size))
                        return true;
        return false;
}

static const char *string_end(const char *p) {
        return *p == '\'' ? quoted_end(p) : NULL;
}

static const char *paren_end(const char *p) {
        return *p == '(' ? group_end(p) : NULL;
}

struct filter_word filter_lex_next(struct filter_lex *lex) {
        const char *p = skip_space(lex->at), *end;
        struct filter_word w = {.text = p};
        bool is_float = false;

        if (!*p) {
                end = p;
                w.kind = FILTER_END;
        } else if ((end = comment_end(p))) {
                w.kind = FILTER_COMMENT;
        } else if ((end = string_end(p))) {
                w.kind = FILTER_STRING;
        } else if ((end = number_end(p, &is_float))) {
                w.kind = is_float ? FILTER_FLOAT : FILTER_INTEGER;
        } else if ((end = compare_end(p))) {
                w.kind = FILTER_COMPARE;
        } else if ((end = paren_end(p))) {
                w.kind = FILTER_GROUP;
        } else if ((end = name_end(p))) {
                w.kind = is_keyword(p, (size_t) (end - p)) ? FILTER_KEYWORD : FILTER_NAME;
        } else {
                for (end = p + 1; isalnum((unsigned char) *p) && is_name_char(*end); end++)
                        ;
                w.kind = FILTER_OTHER;
        }
        w.size = (size_t) (end - p);
        lex->at = end;
        return w;
}

bool filter_lex_is(const struct filter_word *w, const char *text) {
        return strlen(text) == w->size && !strncasecmp(w->text, text, w->size);
}

bool filter_lex_quoted(const char *text, size_t size, char quote) {
        return size >= 2 && text[0] == quote && text[size - 1] == quote;
}
