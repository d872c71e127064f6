#include "daemons/tracking/evaluation_schema.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/python_json.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

enum { INPUTS, OUTPUTS, EXPECTATIONS, N_PARTS };

static const char *const names[N_PARTS] = {"inputs", "outputs", "expectations"};

struct schema {
        struct strmap parts[N_PARTS]; /* field → const char *type */
        const char *whole;            /* outputs that are no object have one type; else NULL */
};

static void schema_done(struct schema *s) {
        for (int i = 0; i < N_PARTS; i++)
                strmap_done(&s->parts[i]);
}

static const char *type_of(const struct json *j) {
        static const char *const types[] = {
                [JSON_NULL] = "null",     [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
                [JSON_NUMBER] = "float",  [JSON_STRING] = "string", [JSON_ARRAY] = "array",
                [JSON_OBJECT] = "object",
        };

        if (json_is(j, JSON_NUMBER) && !memchr(j->str, '.', j->len) &&
            !memchr(j->str, 'e', j->len) && !memchr(j->str, 'E', j->len) &&
            !strchr("Ny", j->str[j->len - 1]))
                return "integer";
        return types[j->type];
}

/* 0 or -ENOMEM. */
static int add_type(struct strmap *m, const char *key, const char *type) {
        int r = strmap_add(m, key, (void *) (uintptr_t) type);

        return r < 0 ? r : 0;
}

static int read_existing(struct schema *s, const char *existing, struct arena *a) {
        const struct json *part, *item;
        struct json *root = NULL;
        int r = json_parse_python_copy(a, existing, strlen(existing), &root, NULL);

        for (int i = 0; r == 0 && i < N_PARTS; i++) {
                part = json_get(root, names[i]);
                if (i == OUTPUTS && json_is(part, JSON_STRING))
                        s->whole = part->str;
                json_each (item, part) {
                        if (r == 0 && item->key && json_is(item, JSON_STRING))
                                r = add_type(&s->parts[i], item->key, item->str);
                }
        }
        return r;
}

static int add_record(struct schema *s, const struct json *record) {
        const struct json *part, *item;
        int r = 0;

        for (int i = 0; r == 0 && i < N_PARTS; i++) {
                part = json_get(record, names[i]);
                if (i == OUTPUTS && part && !json_is(part, JSON_OBJECT)) {
                        if (part->type != JSON_NULL && s->parts[i].n == 0 && !s->whole)
                                s->whole = type_of(part);
                        continue;
                }
                if (i == OUTPUTS && s->whole)
                        continue;
                json_each (item, part) {
                        if (r == 0 && item->key)
                                r = add_type(&s->parts[i], item->key, type_of(item));
                }
        }
        return r;
}

static int print(const struct schema *s, struct arena *a, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        const struct strmap_entry *e;
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        for (int i = 0; i < N_PARTS; i++) {
                if (i == OUTPUTS && s->whole) {
                        json_write_kv_str(&w, names[i], s->whole);
                        continue;
                }
                json_write_kv_object(&w, names[i]);
                map_each (e, &s->parts[i]) {
                        json_write_kv_str(&w, e->key, e->value);
                }
                json_write_end(&w);
        }
        json_write_kv_str(&w, "version", "1.0");
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strndup(a, buf_cstr(&out), out.len);
        return *ret ? 0 : -ENOMEM;
}

int evaluation_schema_update(const char *existing, const struct json *records, struct arena *a,
                             const char **ret) {
        struct schema s _cleanup_(schema_done) = {};
        const struct json *record;
        int r = 0;

        *ret = NULL;
        if (!json_first(records) && str_empty(existing))
                return 0;
        if (!str_empty(existing))
                r = read_existing(&s, existing, a);
        json_each (record, records) {
                if (r == 0)
                        r = add_record(&s, record);
        }
        return r < 0 ? r : print(&s, a, ret);
}

static int set_all(struct strmap *m, const struct json *object) {
        const struct json *item;
        int r = 0;

        json_each (item, object) {
                if (r == 0 && item->key)
                        r = strmap_set(m, item->key, (void *) (uintptr_t) item);
        }
        return r;
}

static int print_members(const struct strmap *m, struct arena *a, struct buf *out) {
        const struct strmap_entry *e;
        int r = 0;

        buf_add_char(out, '{');
        map_each (e, m) {
                if (out->len > 1)
                        buf_add_lit(out, ", ");
                json_write_quoted(out, e->key, strlen(e->key), JSON_WRITE_ASCII);
                buf_add_lit(out, ": ");
                r = python_json_print(e->value, 0, a, out);
                if (r < 0)
                        return r;
        }
        buf_add_char(out, '}');
        return buf_error(out);
}

int evaluation_schema_merge(const char *existing, const struct json *given, struct arena *a,
                            const char **ret) {
        struct strmap members _cleanup_(strmap_done) = {};
        _cleanup_buf_ struct buf out = {};
        struct json *old = NULL;
        int r = 0;

        if (!str_empty(existing))
                r = json_parse_python_copy(a, existing, strlen(existing), &old, NULL);
        if (r == 0)
                r = set_all(&members, old);
        if (r == 0)
                r = set_all(&members, given);
        if (r == 0)
                r = print_members(&members, a, &out);
        if (r < 0)
                return r;
        *ret = arena_strndup(a, buf_cstr(&out), out.len);
        return *ret ? 0 : -ENOMEM;
}
