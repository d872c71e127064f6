/* glob_match: see glob_match.h. Backtracking, bounded by a count of steps: a pattern from outside
 * must not hold a thread. */
#include "daemons/bucketd/glob_match.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX 100000

/* What is to be matched: the pattern, and behind its end what follows (an alternative of braces is
 * followed by what is behind them). */
struct rest {
        const char *at, *end;
        const struct rest *next;
        const char *begin; /* of the whole pattern; NULL: of an alternative */
};

static bool match(const struct rest *p, const char *name, unsigned *steps);

/* The "]" of a set that begins behind "["; NULL: none. */
static const char *set_end(const char *at, const char *end) {
        const char *p = at;

        if (p < end && (*p == '!' || *p == '^'))
                p++;
        if (p < end && *p == ']')
                p++;
        while (p < end && *p != ']')
                p++;
        return p < end ? p : NULL;
}

static const char *brace_end(const char *at, const char *end) {
        unsigned depth = 1;

        for (const char *p = at; p < end; p++) {
                if (*p == '\\' && p + 1 < end)
                        p++;
                else if (*p == '{')
                        depth++;
                else if (*p == '}' && --depth == 0)
                        return p;
        }
        return NULL;
}

int glob_match_check(const char *pattern) {
        size_t len = strlen(pattern);
        const char *end = pattern + len;
        unsigned depth = 0;

        if (len > GLOB_MATCH_MAX)
                return -EINVAL;
        for (const char *p = pattern; p < end; p++) {
                if (*p == '\\') {
                        if (++p == end)
                                return -EINVAL;
                } else if (*p == '[') {
                        p = set_end(p + 1, end);
                        if (!p)
                                return -EINVAL;
                } else if (*p == '{') {
                        depth++;
                } else if (*p == '}' && depth > 0) {
                        depth--;
                }
        }
        return depth == 0 ? 0 : -EINVAL;
}

static bool in_set(const char *at, const char *end, char c) {
        bool is_not = at < end && (*at == '!' || *at == '^'), found = false;

        for (const char *p = at + is_not; p < end; p++) {
                if (p + 2 < end && p[1] == '-') {
                        found = found || ((unsigned char) *p <= (unsigned char) c &&
                                          (unsigned char) c <= (unsigned char) p[2]);
                        p += 2;
                } else {
                        found = found || *p == c;
                }
        }
        return found != is_not;
}

static bool match_stars(const struct rest *p, const char *name, unsigned *steps) {
        bool over_slashes = p->end - p->at > 1 && p->at[1] == '*';
        struct rest behind = {.at = p->at + (over_slashes ? 2 : 1),
                              .end = p->end,
                              .next = p->next,
                              .begin = p->begin};
        bool begins = p->at == p->begin || p->at[-1] == '/';

        /* A directory of any depth may be none. */
        if (over_slashes && begins && behind.at < behind.end && *behind.at == '/') {
                struct rest none = behind;

                none.at++;
                if (match(&none, name, steps))
                        return true;
        }
        for (;; name++) {
                if (match(&behind, name, steps))
                        return true;
                if (!*name || (*name == '/' && !over_slashes) || *steps == 0)
                        return false;
        }
}

static bool match_braces(const struct rest *p, const char *name, unsigned *steps) {
        const char *end = brace_end(p->at + 1, p->end), *from = p->at + 1;
        unsigned depth = 0;

        if (!end)
                return false;
        for (const char *q = from; q <= end; q++) {
                struct rest behind = {.at = end + 1, .end = p->end, .next = p->next},
                            one = {.at = from, .end = q, .next = &behind};

                if (*q == '\\' && q < end) {
                        q++;
                        continue;
                }
                if ((*q == ',' && depth == 0) || q == end) {
                        if (match(&one, name, steps))
                                return true;
                        from = q + 1;
                }
                depth += *q == '{';
                depth -= *q == '}' && depth > 0;
        }
        return false;
}

/* One that takes one character; its length in the pattern, 0 when it does not match. */
static size_t match_one(const struct rest *p, char c) {
        const char *end;

        switch (*p->at) {
        case '?':
                return c != '/';
        case '[':
                end = set_end(p->at + 1, p->end);
                return end && c != '/' && in_set(p->at + 1, end, c) ? (size_t) (end + 1 - p->at)
                                                                    : 0;
        case '\\':
                return p->end - p->at > 1 && p->at[1] == c ? 2 : 0;
        default:
                return *p->at == c;
        }
}

static bool match(const struct rest *p, const char *name, unsigned *steps) {
        struct rest here = *p;

        while (*steps > 0) {
                size_t n;

                (*steps)--;
                if (here.at == here.end) {
                        if (!here.next)
                                return !*name;
                        here = *here.next;
                        continue;
                }
                if (*here.at == '*')
                        return match_stars(&here, name, steps);
                if (*here.at == '{')
                        return match_braces(&here, name, steps);
                n = *name ? match_one(&here, *name) : 0;
                if (n == 0)
                        return false;
                here.at += n;
                name++;
        }
        return false;
}

bool glob_match(const char *pattern, const char *name) {
        struct rest p = {.at = pattern, .end = pattern + strlen(pattern), .begin = pattern};
        unsigned steps = STEPS_MAX;

        return match(&p, name, &steps);
}
