#include "daemons/scheduler/pipelines_tree.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/base/yaml.h"

static int copy_text(struct arena *a, const struct json *j, struct pipelines_node *n) {
        if (j->type == JSON_STRING)
                n->text = j->str;
        else if (j->type == JSON_NUMBER) {
                n->text = arena_strndup(a, j->str, j->len);
                if (!n->text)
                        return -ENOMEM;
        }
        return 0;
}

int pipelines_tree_new(struct arena *a, const struct json *yaml, const char *file,
                       struct pipelines_node **ret) {
        struct pipelines_node *n = arena_new(a, struct pipelines_node), **tail;
        const struct json *item;

        if (!n || copy_text(a, yaml, n) < 0)
                return -ENOMEM;
        n->type = yaml->type;
        n->key = yaml->key;
        n->file = file;
        n->line = yaml->key ? yaml_key_line(yaml) : yaml_line(yaml);
        n->column = yaml->key ? yaml_key_column(yaml) : yaml_column(yaml);
        tail = &n->first;
        json_each (item, yaml) {
                int r = pipelines_tree_new(a, item, file, tail);

                if (r < 0)
                        return r;
                tail = &(*tail)->next;
                n->n++;
        }
        *ret = n;
        return 0;
}

/* Also when its value is null. */
static const struct pipelines_node *find(const struct pipelines_node *map, const char *key) {
        const struct pipelines_node *item;

        if (!pipelines_tree_is(map, JSON_OBJECT))
                return NULL;
        pipelines_each(item, map) if (str_eq(item->key, key)) return item;
        return NULL;
}

const struct pipelines_node *pipelines_tree_get(const struct pipelines_node *map, const char *key) {
        const struct pipelines_node *v = find(map, key);

        return v && v->type != JSON_NULL ? v : NULL;
}

bool pipelines_tree_is(const struct pipelines_node *node, enum json_type type) {
        return node && node->type == type;
}

const char *pipelines_tree_text(const struct pipelines_node *node) {
        switch (node->type) {
        case JSON_NULL:
                return "None";
        case JSON_TRUE:
                return "True";
        case JSON_FALSE:
                return "False";
        case JSON_NUMBER:
        case JSON_STRING:
                return node->text;
        default:
                return NULL;
        }
}

/* --- laying one over another ------------------------------------------------------------------ */

static struct pipelines_node *shallow(struct arena *a, const struct pipelines_node *n) {
        struct pipelines_node *copy = arena_alloc(a, sizeof(*copy));

        if (copy) {
                *copy = *n;
                copy->next = NULL;
        }
        return copy;
}

/* The same map or list without children, and where to put them. */
static struct pipelines_node *empty(struct arena *a, const struct pipelines_node *like,
                                    struct pipelines_node ***ret_tail) {
        struct pipelines_node *n = shallow(a, like);

        if (!n)
                return NULL;
        n->first = NULL;
        n->n = 0;
        *ret_tail = &n->first;
        return n;
}

static int append(struct arena *a, struct pipelines_node *to, struct pipelines_node ***tail,
                  const struct pipelines_node *item) {
        struct pipelines_node *copy = item ? shallow(a, item) : NULL;

        if (!copy)
                return -ENOMEM;
        **tail = copy;
        *tail = &copy->next;
        to->n++;
        return 0;
}

const struct pipelines_node *pipelines_tree_merge(struct arena *a,
                                                  const struct pipelines_node *under,
                                                  const struct pipelines_node *over) {
        const struct pipelines_node *item, *other;
        struct pipelines_node *n, **tail;

        if (!under || !over)
                return over ? over : under;
        if (under->type != JSON_OBJECT || over->type != JSON_OBJECT)
                return over;
        n = empty(a, over, &tail);
        if (!n)
                return NULL;
        pipelines_each(item, under) {
                other = find(over, item->key);
                if (append(a, n, &tail, pipelines_tree_merge(a, item, other)) < 0)
                        return NULL;
        }
        pipelines_each(item, over) if (!find(under, item->key) &&
                                       append(a, n, &tail, item) < 0) return NULL;
        return n;
}

static const struct pipelines_node *find_named(const struct pipelines_node *list, const char *key,
                                               const char *name) {
        const struct pipelines_node *item, *v;

        pipelines_each(item, list) {
                v = pipelines_tree_get(item, key);
                if (v && name && str_eq(pipelines_tree_text(v), name))
                        return item;
        }
        return NULL;
}

static const char *name_of(const struct pipelines_node *item, const char *key) {
        const struct pipelines_node *v = pipelines_tree_get(item, key);

        return v ? pipelines_tree_text(v) : NULL;
}

const struct pipelines_node *pipelines_tree_merge_named(struct arena *a, const char *key,
                                                        const struct pipelines_node *under,
                                                        const struct pipelines_node *over) {
        const struct pipelines_node *item;
        struct pipelines_node *n, **tail;

        if (!pipelines_tree_is(under, JSON_ARRAY) || !pipelines_tree_is(over, JSON_ARRAY))
                return over ? over : under;
        n = empty(a, over, &tail);
        if (!n)
                return NULL;
        pipelines_each(item, under) {
                const struct pipelines_node *other = find_named(over, key, name_of(item, key));

                if (append(a, n, &tail, pipelines_tree_merge(a, item, other)) < 0)
                        return NULL;
        }
        pipelines_each(item, over) if (!find_named(under, key, name_of(item, key)) &&
                                       append(a, n, &tail, item) < 0) return NULL;
        return n;
}

const struct pipelines_node *pipelines_tree_join(struct arena *a,
                                                 const struct pipelines_node *first,
                                                 const struct pipelines_node *second) {
        const struct pipelines_node *item;
        struct pipelines_node *n, **tail;

        if (!first || !second)
                return first ? first : second;
        n = empty(a, first, &tail);
        if (!n)
                return NULL;
        pipelines_each(item, first) if (append(a, n, &tail, item) < 0) return NULL;
        pipelines_each(item, second) if (append(a, n, &tail, item) < 0) return NULL;
        return n;
}

const struct pipelines_node *pipelines_tree_without(struct arena *a,
                                                    const struct pipelines_node *map,
                                                    const char *key) {
        const struct pipelines_node *item;
        struct pipelines_node *n, **tail;

        if (!find(map, key))
                return map;
        n = empty(a, map, &tail);
        if (!n)
                return NULL;
        pipelines_each(item, map) if (!str_eq(item->key, key) &&
                                      append(a, n, &tail, item) < 0) return NULL;
        return n;
}
