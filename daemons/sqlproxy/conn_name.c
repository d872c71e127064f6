/* See conn_name.h. */
#include "daemons/sqlproxy/conn_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"

#define SEGMENTS_MAX 4

struct segment {
        const char *text;
        size_t len;
};

/* The segments of one run: non-empty, one colon between them; *text goes behind the run. */
static size_t take_run(const char **text, struct segment seg[SEGMENTS_MAX]) {
        size_t n = 0;

        for (;;) {
                seg[n].text = *text;
                seg[n].len = strcspn(*text, ":");
                *text += seg[n++].len;
                if (n == SEGMENTS_MAX || **text != ':' || (*text)[1] == ':' || !(*text)[1])
                        return n;
                ++*text;
        }
}

static int copy(char dst[CONN_NAME_PART_MAX], const char *text, size_t len) {
        if (len >= CONN_NAME_PART_MAX)
                return -ENAMETOOLONG;
        memcpy(dst, text, len);
        dst[len] = 0;
        return 0;
}

static int take_name(const struct segment *seg, size_t n, struct conn_name *ret) {
        struct conn_name name = {};
        const struct segment *first_of_rest = seg + (n == SEGMENTS_MAX ? 2 : 1);
        const char *project_end = first_of_rest[-1].text + first_of_rest[-1].len;
        int r;

        r = copy(name.project, seg->text, (size_t) (project_end - seg->text));
        if (r >= 0)
                r = copy(name.region, first_of_rest[0].text, first_of_rest[0].len);
        if (r >= 0)
                r = copy(name.name, first_of_rest[1].text, first_of_rest[1].len);
        if (r >= 0)
                *ret = name;
        return r;
}

int conn_name_parse(const char *text, struct conn_name *ret, struct errmsg *em) {
        struct segment seg[SEGMENTS_MAX];
        const char *p = text;
        size_t n;
        int r;

        for (;;) {
                p += strspn(p, ":");
                if (!*p)
                        break;
                n = take_run(&p, seg);
                if (n < 3)
                        continue;
                r = take_name(seg, n, ret);
                return r < 0 ? errmsg_fail(em, r,
                                           "config error: a part of the instance connection name "
                                           "is too long (connection name = \"%.64s…\")",
                                           text)
                             : 0;
        }
        return errmsg_fail(em, -EINVAL,
                           "config error: invalid instance connection name, expected "
                           "PROJECT:REGION:INSTANCE (connection name = \"%s\")",
                           text);
}

bool conn_name_equal(const struct conn_name *a, const struct conn_name *b) {
        return str_eq(a->project, b->project) && str_eq(a->region, b->region) &&
               str_eq(a->name, b->name) && str_eq(a->domain, b->domain);
}

const char *conn_name_print(const struct conn_name *n, char ret[CONN_NAME_TEXT_MAX]) {
        if (n->domain[0])
                snprintf(ret, CONN_NAME_TEXT_MAX, "%s -> %s:%s:%s", n->domain, n->project,
                         n->region, n->name);
        else
                snprintf(ret, CONN_NAME_TEXT_MAX, "%s:%s:%s", n->project, n->region, n->name);
        return ret;
}

/* --- DNS names ------------------------------------------------------------------------------- */

static bool is_alnum_lower(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One label of at most 63 bytes; the last one begins with a letter and has no underscore. */
static bool is_label(const char *s, size_t len, bool is_last) {
        if (len == 0 || len > 63)
                return false;
        if (is_last ? !(s[0] >= 'a' && s[0] <= 'z') : !(is_alnum_lower(s[0]) || s[0] == '_'))
                return false;
        for (size_t i = 1; i < len; i++)
                if (!is_alnum_lower(s[i]) && s[i] != '-' && (is_last || s[i] != '_'))
                        return false;
        return len == 1 || is_alnum_lower(s[len - 1]);
}

bool conn_name_is_domain(const char *text) {
        const char *dot;

        if (!strchr(text, '.') || strlen(text) >= CONN_NAME_PART_MAX)
                return false;
        while ((dot = strchr(text, '.'))) {
                if (!is_label(text, (size_t) (dot - text), false))
                        return false;
                text = dot + 1;
        }
        return !*text || is_label(text, strlen(text), true);
}

static bool is_goog_label(const char *s, size_t len) {
        if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!isalnum((unsigned char) s[i]) && s[i] != '-')
                        return false;
        return true;
}

bool conn_name_is_goog(const char *domain, char ret_region[CONN_NAME_PART_MAX]) {
        static const char *const ends[] = {"sql.goog", "sql-psa.goog", "sql-psc.goog"};
        const char *label[3];
        size_t len[3];
        char rest[32], region[CONN_NAME_PART_MAX];

        for (size_t i = 0; i < 3; i++) {
                label[i] = domain;
                len[i] = strcspn(domain, ".");
                if (!is_goog_label(domain, len[i]) || domain[len[i]] != '.')
                        return false;
                domain += len[i] + 1;
        }
        if (str_copy(rest, sizeof rest, domain) < 0 || copy(region, label[2], len[2]) < 0)
                return false;
        if (*rest && rest[strlen(rest) - 1] == '.')
                rest[strlen(rest) - 1] = 0;
        str_lower(rest);
        str_lower(region);
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (str_eq(rest, ends[i]) && !str_eq(region, "global")) {
                        memcpy(ret_region, region, sizeof region);
                        return true;
                }
        return false;
}
