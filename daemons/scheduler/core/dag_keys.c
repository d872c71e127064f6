#include "daemons/scheduler/core/dag_keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define KEYS_MAX 64u

/* --- the path --------------------------------------------------------------------------------- */

int dag_keys_fail(struct dag_reader *r, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(r->em, fmt, ap);
        va_end(ap);
        if (r->n_path > 0)
                errmsg_prefix(r->em, "%s", r->path);
        return -EINVAL;
}

int dag_keys_wrong(struct dag_reader *r, const struct json *value, const char *wanted) {
        return dag_keys_fail(r, "must be %s, not %s", wanted, json_type_name(value));
}

static size_t path_add(struct dag_reader *r, const char *key, size_t index) {
        size_t mark = r->n_path, room = sizeof(r->path) - mark;
        int n;

        assert(mark < sizeof(r->path) && r->path[mark] == 0);
        if (key)
                n = snprintf(r->path + mark, room, "%s%.80s", mark > 0 ? "." : "", key);
        else
                n = snprintf(r->path + mark, room, "[%zu]", index);
        r->n_path = MIN(mark + (size_t) MAX(n, 0), sizeof(r->path) - 1);
        return mark;
}

size_t dag_keys_enter(struct dag_reader *r, const char *key) {
        return path_add(r, key, 0);
}

size_t dag_keys_enter_item(struct dag_reader *r, size_t index) {
        return path_add(r, NULL, index);
}

void dag_keys_leave(struct dag_reader *r, size_t mark) {
        assert(mark <= r->n_path);
        assert(mark < sizeof(r->path));
        r->n_path = mark;
        r->path[mark] = 0;
}

/* --- values ----------------------------------------------------------------------------------- */

static int read_string(struct dag_reader *r, const struct json *v, const char **ret) {
        if (!json_is(v, JSON_STRING))
                return dag_keys_wrong(r, v, "a string");
        if (v->len == 0)
                return dag_keys_fail(r, "must not be empty");
        *ret = v->str;
        return 0;
}

static int read_id(struct dag_reader *r, const struct json *v, const char **ret) {
        const char *s;
        int k = read_string(r, v, &s);

        if (k < 0)
                return k;
        if (!str_is_name(s, DAG_ID_MAX))
                return dag_keys_fail(r,
                                     "\"%.60s\" is not an id: use at most %u letters, digits, "
                                     "dots, dashes and underscores",
                                     s, DAG_ID_MAX);
        *ret = s;
        return 0;
}

static int read_path(struct dag_reader *r, const struct json *v, const char **ret) {
        const char *s;
        int k = read_string(r, v, &s);

        if (k < 0)
                return k;
        if (*s != '/')
                return dag_keys_fail(r, "\"%.60s\" must be an absolute path", s);
        *ret = s;
        return 0;
}

static int read_integer(struct dag_reader *r, const struct json *v, int64_t min, int64_t max,
                        int64_t *ret) {
        int64_t n;

        assert(min < max);
        if (json_i64(v, &n) != 0)
                return dag_keys_wrong(r, v, "a whole number");
        if (n < min || n > max)
                return dag_keys_fail(r, "%lld is not between %lld and %lld", (long long) n,
                                     (long long) min, (long long) max);
        *ret = n;
        return 0;
}

int dag_keys_span(struct dag_reader *r, const struct json *v, usec_t *ret) {
        double seconds;
        usec_t span;

        if (json_f64(v, &seconds) == 0) {
                if (!(seconds >= 0 && seconds <= 1e9))
                        return dag_keys_fail(r, "must be between 0 and 1000000000 seconds");
                *ret = (usec_t) (seconds * (double) USEC_PER_SEC + 0.5);
                return 0;
        }
        if (!json_is(v, JSON_STRING))
                return dag_keys_wrong(r, v, "seconds or a span like \"1h 30min\"");
        if (str_to_span(v->str, &span) < 0 || span > 1000000000 * USEC_PER_SEC)
                return dag_keys_fail(r, "\"%.40s\" is not a span like \"90s\" or \"1h 30min\"",
                                     v->str);
        *ret = span;
        return 0;
}

static int read_moment(struct dag_reader *r, const struct json *v, usec_t *ret) {
        if (!json_is(v, JSON_STRING))
                return dag_keys_wrong(r, v, "a date like \"2026-01-31\"");
        if (timestamp_parse(v->str, ret) < 0)
                return dag_keys_fail(r,
                                     "\"%.40s\" is not a date like \"2026-01-31\" or "
                                     "\"2026-01-31T08:00:00+01:00\"",
                                     v->str);
        return 0;
}

static int read_size(struct dag_reader *r, const struct json *v, uint64_t *ret) {
        if (json_u64(v, ret) == 0)
                return 0;
        if (!json_is(v, JSON_STRING))
                return dag_keys_wrong(r, v, "bytes or a size like \"512M\"");
        if (str_to_size(v->str, ret) < 0)
                return dag_keys_fail(r, "\"%.40s\" is not a size like \"512M\" or \"2G\"", v->str);
        return 0;
}

static int scalar_text(struct dag_reader *r, const struct json *v, const char **ret) {
        switch (v->type) {
        case JSON_STRING:
                *ret = v->str;
                return 0;
        case JSON_NUMBER:
                *ret = arena_strndup(r->arena, v->str, v->len);
                return *ret ? 0 : -ENOMEM;
        case JSON_TRUE:
        case JSON_FALSE:
                *ret = v->type == JSON_TRUE ? "true" : "false";
                return 0;
        case JSON_NULL:
                *ret = "";
                return 0;
        default:
                return dag_keys_wrong(r, v, "a string, number or boolean");
        }
}

static int read_pairs(struct dag_reader *r, const struct json *v, struct dag_pairs *ret) {
        struct dag_pairs p = {};
        const struct json *item;

        if (!json_is(v, JSON_OBJECT))
                return dag_keys_wrong(r, v, "an object");
        p.items = arena_zalloc_array(r->arena, v->len + 1, sizeof(*p.items));
        if (!p.items)
                return -ENOMEM;
        json_each (item, v) {
                size_t mark = dag_keys_enter(r, item->key);
                int k = item->key_len == 0 ? dag_keys_fail(r, "a name must not be empty")
                                           : scalar_text(r, item, &p.items[p.n].value);

                if (k < 0)
                        return k;
                p.items[p.n++].key = item->key;
                dag_keys_leave(r, mark);
        }
        *ret = p;
        return 0;
}

int dag_keys_scalars(struct dag_reader *r, const struct json *object, struct dag_pairs *ret) {
        struct dag_pairs p = {};
        const struct json *item;

        p.items = arena_zalloc_array(r->arena, object->len + 1, sizeof(*p.items));
        if (!p.items)
                return -ENOMEM;
        json_each (item, object) {
                int k;

                if (item->type == JSON_ARRAY || item->type == JSON_OBJECT)
                        continue;
                k = scalar_text(r, item, &p.items[p.n].value);
                if (k < 0)
                        return k;
                p.items[p.n++].key = item->key;
        }
        *ret = p;
        return 0;
}

int dag_keys_strings(struct dag_reader *r, const struct json *v, const char *const **ret,
                     size_t *ret_n) {
        const struct json *item;
        const char **list;
        size_t n = 0;

        if (!json_is(v, JSON_ARRAY))
                return dag_keys_wrong(r, v, "an array of strings");
        list = arena_zalloc_array(r->arena, v->len + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        json_each (item, v) {
                size_t mark = dag_keys_enter_item(r, n);

                if (!json_is(item, JSON_STRING))
                        return dag_keys_wrong(r, item, "a string");
                list[n++] = item->str;
                dag_keys_leave(r, mark);
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

int dag_keys_choice(struct dag_reader *r, const struct json *v, const char *const *names,
                    size_t n_names, unsigned *ret) {
        const char *near;

        if (!json_is(v, JSON_STRING))
                return dag_keys_wrong(r, v, "a string");
        for (unsigned i = 0; i < n_names; i++)
                if (str_eq(names[i], v->str)) {
                        *ret = i;
                        return 0;
                }
        near = str_nearest(v->str, names, n_names);
        return dag_keys_fail(r, "\"%.40s\" is not known: did you mean \"%s\"?", v->str,
                             near ? near : names[0]);
}

/* --- the table -------------------------------------------------------------------------------- */

static int read_number_key(struct dag_reader *r, const struct dag_key *k, const struct json *v,
                           void *field) {
        int64_t n;
        int e = read_integer(r, v, k->min, k->max, &n);

        if (e < 0)
                return e;
        if (k->type == DAG_KEY_INT) {
                assert(n >= INT_MIN && n <= INT_MAX);
                *(int *) field = (int) n;
        } else {
                assert(n >= 0 && n <= UINT_MAX);
                *(unsigned *) field = (unsigned) n;
        }
        return 0;
}

static int read_key(struct dag_reader *r, const struct dag_key *k, const struct json *v,
                    void *target) {
        void *field = (char *) target + k->offset;

        switch (k->type) {
        case DAG_KEY_STR:
                return read_string(r, v, field);
        case DAG_KEY_ID:
                return read_id(r, v, field);
        case DAG_KEY_PATH:
                return read_path(r, v, field);
        case DAG_KEY_UNSIGNED:
        case DAG_KEY_INT:
                return read_number_key(r, k, v, field);
        case DAG_KEY_BOOL:
                return json_bool(v, field) == 0 ? 0 : dag_keys_wrong(r, v, "true or false");
        case DAG_KEY_SPAN:
                return dag_keys_span(r, v, field);
        case DAG_KEY_MOMENT:
                return read_moment(r, v, field);
        case DAG_KEY_SIZE:
                return read_size(r, v, field);
        case DAG_KEY_PAIRS:
                return read_pairs(r, v, field);
        default:
                assert(k->type == DAG_KEY_CUSTOM && k->set);
                return k->set(r, v, target);
        }
}

static int unknown_key(struct dag_reader *r, const char *name, const struct dag_key *keys,
                       size_t n_keys) {
        const char *names[KEYS_MAX];
        const char *near;

        assert(n_keys <= KEYS_MAX);
        for (size_t i = 0; i < n_keys; i++)
                names[i] = keys[i].name;
        near = str_nearest(name, names, n_keys);
        if (near)
                return dag_keys_fail(r, "unknown key \"%.60s\": did you mean \"%s\"?", name, near);
        return dag_keys_fail(r, "unknown key \"%.60s\": see onebox-dag(5)", name);
}

int dag_keys_read(struct dag_reader *r, const struct json *object, const struct dag_key *keys,
                  size_t n_keys, void *target) {
        const struct json *v;
        uint64_t seen = 0;

        assert(n_keys <= KEYS_MAX);
        if (!json_is(object, JSON_OBJECT))
                return dag_keys_wrong(r, object, "an object");
        json_each (v, object) {
                size_t i = 0, mark;
                int e;

                while (i < n_keys && !str_eq(keys[i].name, v->key))
                        i++;
                if (i == n_keys)
                        return unknown_key(r, v->key, keys, n_keys);
                if (v->type == JSON_NULL)
                        continue;
                mark = dag_keys_enter(r, v->key);
                e = read_key(r, &keys[i], v, target);
                if (e < 0)
                        return e;
                dag_keys_leave(r, mark);
                seen |= UINT64_C(1) << i;
        }
        for (size_t i = 0; i < n_keys; i++)
                if (keys[i].required && !(seen >> i & 1))
                        return dag_keys_fail(r, "\"%s\" is missing", keys[i].name);
        return 0;
}

int dag_keys_items(struct dag_reader *r, const struct json *array, const struct dag_key *keys,
                   size_t n_keys, size_t item_size, void *ret_items, size_t *ret_n) {
        const struct json *item;
        char *items;
        size_t n = 0;

        if (!json_is(array, JSON_ARRAY))
                return dag_keys_wrong(r, array, "an array of objects");
        items = arena_zalloc_array(r->arena, array->len + 1, item_size);
        if (!items)
                return -ENOMEM;
        json_each (item, array) {
                size_t mark = dag_keys_enter_item(r, n);
                int e = dag_keys_read(r, item, keys, n_keys, items + n * item_size);

                if (e < 0)
                        return e;
                dag_keys_leave(r, mark);
                n++;
        }
        *(void **) ret_items = items;
        *ret_n = n;
        return 0;
}
