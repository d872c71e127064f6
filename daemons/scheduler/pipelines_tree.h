/* pipelines_tree: YAML as a tree whose every node knows its file and place, and how such trees are
 * laid over one another. Nodes live in an arena and are never changed once shared. Pure. */
#pragma once

#include "lib/base/json.h"

struct pipelines_node {
        enum json_type type;
        const char *key;  /* in a map; else NULL */
        const char *text; /* of a string or number */
        struct pipelines_node *first;
        struct pipelines_node *next;
        unsigned n; /* children */
        const char *file;
        unsigned line; /* of its key, else its own */
        unsigned column;
};

#define pipelines_each(item, node) \
        for ((item) = (node) ? (node)->first : NULL; (item); (item) = (item)->next)

/* From yaml_parse()'s tree; strings are shared with it. 0 or -ENOMEM. */
int pipelines_tree_new(struct arena *a, const struct json *yaml, const char *file,
                       struct pipelines_node **ret);

/* A value by key; NULL when absent, null, or when map is NULL or no map. */
const struct pipelines_node *pipelines_tree_get(const struct pipelines_node *map, const char *key);
bool pipelines_tree_is(const struct pipelines_node *node, enum json_type type);

/* A scalar as Python's str() has it (True, None, 1.5); NULL for lists and maps. */
const char *pipelines_tree_text(const struct pipelines_node *node);

/* `over` laid over `under`: maps merge, everything else is replaced. Either may be NULL.
 * NULL only when out of memory or both are. */
const struct pipelines_node *pipelines_tree_merge(struct arena *a,
                                                  const struct pipelines_node *under,
                                                  const struct pipelines_node *over);
/* Lists of maps that have a name under `key`: equal names merge, the rest is appended. */
const struct pipelines_node *pipelines_tree_merge_named(struct arena *a, const char *key,
                                                        const struct pipelines_node *under,
                                                        const struct pipelines_node *over);
/* One list after the other. */
const struct pipelines_node *pipelines_tree_join(struct arena *a,
                                                 const struct pipelines_node *first,
                                                 const struct pipelines_node *second);
/* A map without one of its keys. */
const struct pipelines_node *pipelines_tree_without(struct arena *a,
                                                    const struct pipelines_node *map,
                                                    const char *key);
