#include "lib/gcp/bigquery_table.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/str.h"

#define FIELDS "fields=numBytes,numRows,creationTime,lastModifiedTime"
#define PART_MAX 1024u

/* One part of a name, borrowed. */
struct part {
        const char *text;
        size_t len;
};

static bool is_part(const struct part *p, const char *extra) {
        if (p->len == 0 || p->len > PART_MAX)
                return false;
        for (size_t i = 0; i < p->len; i++) {
                unsigned char c = (unsigned char) p->text[i];

                if (!(c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                      (c >= 'a' && c <= 'z') || strchr(extra, c)))
                        return false;
        }
        return true;
}

/* Without back quotes around it and a decorator behind it. */
static struct part bare(const char *name) {
        size_t len = name ? strlen(name) : 0;

        if (len >= 2 && name[0] == '`' && name[len - 1] == '`') {
                name++;
                len -= 2;
        }
        return (struct part){name, len > 0 ? MIN(len, strcspn(name, "$@")) : 0};
}

/* Project, dataset, table. A project of a domain has dots and a colon: "example.com:p.d.t". */
static bool split(const char *name, struct part ret[3]) {
        struct part all = bare(name);
        const char *end = all.text + all.len, *last = NULL, *before = NULL;

        for (const char *p = end; p > all.text && !before; p--) {
                if (!last && p[-1] == '.')
                        last = p - 1;
                else if (last && (p[-1] == '.' || p[-1] == ':'))
                        before = p - 1;
        }
        if (!before)
                return false;
        ret[0] = (struct part){all.text, (size_t) (before - all.text)};
        ret[1] = (struct part){before + 1, (size_t) (last - before - 1)};
        ret[2] = (struct part){last + 1, (size_t) (end - last - 1)};
        return is_part(&ret[0], "-.:") && is_part(&ret[1], "_-") && is_part(&ret[2], "_- ");
}

bool bigquery_table_is_name(const char *name) {
        struct part parts[3];

        return split(name, parts);
}

static void add(struct buf *out, const char *before, const struct part *p) {
        (void) buf_add_str(out, before);
        for (size_t i = 0; i < p->len; i++) {
                unsigned char c = (unsigned char) p->text[i];

                if (c >= 0x80 || c == ' ' || c == ':')
                        (void) buf_printf(out, "%%%02X", c);
                else
                        (void) buf_add_char(out, (char) c);
        }
}

int bigquery_table_url(const char *endpoint, const char *name, struct buf *out) {
        size_t len = strlen(endpoint);
        struct part parts[3];

        if (!split(name, parts))
                return -EINVAL;
        while (len > 0 && endpoint[len - 1] == '/')
                len--;
        (void) buf_add(out, endpoint, len);
        add(out, "/bigquery/v2/projects/", &parts[0]);
        add(out, "/datasets/", &parts[1]);
        add(out, "/tables/", &parts[2]);
        (void) buf_add_str(out, "?" FIELDS);
        return buf_error(out);
}

/* Google's JSON has 64-bit numbers as text. */
static double number(const struct json *j, const char *key) {
        const char *text;
        int64_t n;

        if (json_str(json_get(j, key), &text) != 0)
                return json_i64(json_get(j, key), &n) == 0 && n >= 0 ? (double) n : -1;
        return str_to_i64(text, &n) == 0 && n >= 0 ? (double) n : -1;
}

int bigquery_table_parse(struct arena *a, const char *text, size_t len, struct bigquery_table *ret,
                         struct errmsg *em) {
        struct json *j;
        int r = json_parse_copy(a, text, len, &j, em);

        if (r < 0)
                return r;
        if (!json_is(j, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "is %s, not an object", json_type_name(j));
        *ret = (struct bigquery_table){number(j, "numBytes"), number(j, "numRows"),
                                       number(j, "creationTime"), number(j, "lastModifiedTime")};
        ret->created_s = ret->created_s < 0 ? -1 : ret->created_s / 1000;
        ret->modified_s = ret->modified_s < 0 ? -1 : ret->modified_s / 1000;
        return 0;
}

const char *bigquery_table_reason(struct arena *a, const char *text, size_t len) {
        const char *message = NULL;
        struct json *j;

        if (json_parse_copy(a, text, len, &j, NULL) < 0)
                return NULL;
        (void) json_str(json_get(json_get(j, "error"), "message"), &message);
        return message;
}
