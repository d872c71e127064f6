#include "daemons/scheduler/core/expand.h"

#include <errno.h>

#include "daemons/scheduler/core/world.h"
#include "lib/base/buf.h"
#include "lib/base/json_write.h"

/* How many values one argument has. */
static int length_of(const struct dag_task *t, const struct dag_expand *e, const struct json *v,
                     struct errmsg *em) {
        if (!v)
                return errmsg_fail(em, -ENODATA,
                                   "task \"%s\" has left no XCom \"%s\" to map \"%s\" over",
                                   e->task_id, e->key, t->id);
        if (v->type != JSON_ARRAY && (v->type != JSON_OBJECT || !e->name))
                return errmsg_fail(em, -EINVAL,
                                   "\"%s\" cannot be mapped over %s: an array is needed", t->id,
                                   json_type_name(v));
        return 0;
}

static int multiply(unsigned n, unsigned *sum) {
        if (__builtin_mul_overflow(*sum, n, sum) || *sum > WORLD_MAPS_MAX)
                return -ERANGE;
        return 0;
}

int expand_count_written(const struct dag_task *t, unsigned *ret_n) {
        unsigned n = 1;

        assert(t->expand && t->n_expand > 0);
        for (size_t i = 0; i < t->n_expand; i++) {
                if (!t->expand[i].values)
                        return EXPAND_NEEDS_XCOM;
                if (multiply(t->expand[i].values->len, &n) < 0)
                        return -ERANGE;
        }
        *ret_n = n;
        return 0;
}

/* As Airflow's mapped_task_upstream_dep.py has it. */
enum task_state expand_missing_state(const struct world_task *all) {
        bool skipped = false;

        assert(all->all == all && all->spec->expand);
        for (size_t i = 0; i < all->spec->n_expand; i++) {
                const struct dag_expand *e = &all->spec->expand[i];
                const struct world_task *source =
                        e->values ? NULL : world_get_task(all->run, e->task_id, -1);

                if (!source || source->is_expanded)
                        continue;
                if (source->state == TASK_FAILED || source->state == TASK_UPSTREAM_FAILED)
                        return TASK_UPSTREAM_FAILED;
                skipped = skipped || source->state == TASK_SKIPPED;
        }
        return skipped ? TASK_SKIPPED : TASK_UPSTREAM_FAILED;
}

int expand_count(const struct dag_task *t, const struct json *const *values, unsigned *ret_n,
                 struct errmsg *em) {
        unsigned n = 1;

        assert(t->expand && t->n_expand > 0);
        for (size_t i = 0; i < t->n_expand; i++) {
                const struct json *item;
                int r = length_of(t, &t->expand[i], values[i], em);

                if (r < 0)
                        return r;
                if (multiply(values[i]->len, &n) < 0)
                        return errmsg_fail(em, -EINVAL, "\"%s\" would have more than %u instances",
                                           t->id, WORLD_MAPS_MAX);
                json_each (item, t->expand[i].name ? NULL : values[i])
                        if (!json_is(item, JSON_OBJECT))
                                return errmsg_fail(
                                        em, -EINVAL,
                                        "\"%s\" needs objects with its arguments, not %s", t->id,
                                        json_type_name(item));
        }
        *ret_n = n;
        return 0;
}

/* A scalar as it is, all else as JSON. */
static const char *text_of(struct arena *a, const struct json *v) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        const char *text;

        if (json_str(v, &text) == 0)
                return text;
        json_write_init(&w, &b, 0);
        json_write_node(&w, v);
        return json_write_finish(&w) < 0 ? NULL : arena_strdup(a, buf_cstr(&b));
}

static int add(struct arena *a, struct dag_pairs *to, const char *name, const struct json *v) {
        struct dag_pair *p = &to->items[to->n++];

        p->key = name;
        p->value = text_of(a, v);
        return p->value ? 0 : -ENOMEM;
}

/* A member of an object is a pair of its own: ["key", value], as Python's items() has it. */
static int add_member(struct arena *a, struct dag_pairs *to, const char *name,
                      const struct json *v) {
        struct json key = {.type = JSON_STRING, .str = v->key, .len = (unsigned) v->key_len};
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        struct dag_pair *p = &to->items[to->n++];

        json_write_init(&w, &b, 0);
        json_write_array(&w);
        json_write_node(&w, &key);
        json_write_node(&w, v);
        json_write_end(&w);
        p->key = name;
        p->value = json_write_finish(&w) < 0 ? NULL : arena_strdup(a, buf_cstr(&b));
        return p->value ? 0 : -ENOMEM;
}

static int kwargs(const struct json *values, unsigned map_index, struct arena *a,
                  struct dag_pairs *ret) {
        const struct json *object = json_at(values, map_index), *item;
        int r = 0;

        assert(json_is(object, JSON_OBJECT));
        ret->items = arena_zalloc_array(a, object->len + 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        json_each (item, object)
                if (r == 0)
                        r = add(a, ret, item->key, item);
        return r;
}

int expand_arguments(const struct dag_task *t, const struct json *const *values, unsigned map_index,
                     struct arena *a, struct dag_pairs *ret, struct errmsg *em) {
        unsigned n, rest = map_index;
        int r = expand_count(t, values, &n, em);

        *ret = (struct dag_pairs){};
        if (r < 0)
                return r == -ENODATA ? -EINVAL : r;
        if (map_index >= n)
                return errmsg_fail(em, -EINVAL,
                                   "\"%s\" has %u values now: there is none for instance %u", t->id,
                                   n, map_index);
        if (!t->expand[0].name)
                return kwargs(values[0], map_index, a, ret);
        ret->items = arena_zalloc_array(a, t->n_expand + 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = t->n_expand; i-- > 0 && r == 0; rest /= values[i]->len) {
                const struct json *v = json_at(values[i], rest % values[i]->len);

                r = values[i]->type == JSON_OBJECT ? add_member(a, ret, t->expand[i].name, v)
                                                   : add(a, ret, t->expand[i].name, v);
        }
        assert(r < 0 || ret->n == t->n_expand);
        return r;
}
