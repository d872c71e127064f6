/* field_mask: see field_mask.h. A grammar of two rules, read by one function each:
 *      list = part {"," part}          part = name {"/" name} ["(" list ")"] */
#include "daemons/bucketd/field_mask.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/str.h"

const struct field_mask field_mask_all = {.name = "*"};

struct reader {
        struct arena *a;
        const char *p;
        int error;
};

static struct field_mask *read_list(struct reader *r, unsigned depth);

static struct field_mask *read_part(struct reader *r, unsigned depth) {
        size_t size = strcspn(r->p, ",/()");
        struct field_mask *m = arena_new(r->a, struct field_mask);

        if (size == 0 || depth >= FIELD_MASK_DEPTH || !m) {
                r->error = m ? -EINVAL : -ENOMEM;
                return NULL;
        }
        m->name = arena_strndup(r->a, r->p, size);
        if (!m->name)
                r->error = -ENOMEM;
        r->p += size;
        if (*r->p == '/') {
                r->p++;
                m->parts = read_part(r, depth + 1);
        } else if (*r->p == '(') {
                r->p++;
                m->parts = read_list(r, depth + 1);
                if (r->error == 0 && *r->p++ != ')')
                        r->error = -EINVAL;
        }
        return m;
}

static struct field_mask *read_list(struct reader *r, unsigned depth) {
        struct field_mask *first = NULL, **end = &first;

        do {
                *end = read_part(r, depth);
                if (r->error < 0)
                        return NULL;
                end = &(*end)->next;
        } while (*r->p == ',' && *++r->p != '\0');
        return first;
}

int field_mask_parse(struct arena *a, const char *text, const struct field_mask **ret) {
        struct reader r = {.a = a, .p = text};
        struct field_mask *whole;

        if (str_empty(text)) {
                *ret = &field_mask_all;
                return 0;
        }
        whole = arena_new(a, struct field_mask);
        if (!whole)
                return -ENOMEM;
        whole->parts = read_list(&r, 0);
        if (r.error == 0 && *r.p)
                r.error = -EINVAL;
        if (r.error < 0)
                return r.error;
        *ret = whole;
        return 0;
}

const struct field_mask *field_mask_get(const struct field_mask *m, const char *name) {
        if (!m)
                return NULL;
        if (!m->parts)
                return &field_mask_all;
        for (const struct field_mask *part = m->parts; part; part = part->next)
                if (str_eq(part->name, name) || str_eq(part->name, "*"))
                        return part;
        return NULL;
}

void field_mask_write(struct json_write *w, const struct json *j, const struct field_mask *m) {
        const struct json *item;

        if (!m->parts || !j || j->type < JSON_ARRAY) {
                json_write_node(w, j);
                return;
        }
        if (j->type == JSON_ARRAY)
                json_write_array(w);
        else
                json_write_object(w);
        json_each (item, j) {
                const struct field_mask *part = m;

                if (j->type == JSON_OBJECT) {
                        part = field_mask_get(m, item->key);
                        if (!part)
                                continue;
                        json_write_key(w, item->key);
                }
                field_mask_write(w, item, part);
        }
        json_write_end(w);
}
