#include "daemons/scheduler/pipelines_keys.h"

#include <string.h>

#include "lib/base/str.h"

static const struct {
        enum pipelines_keys_of of;
        const char *name;
        const char *why_not;
} keys[] = {
#define PIPELINES_KEY(of, name, why_not) {PIPELINES_KEYS_##of, name, why_not},
#include "daemons/scheduler/pipelines_keys.def"
#undef PIPELINES_KEY
};

static int check_unknown(struct pipelines_context *c, const struct pipelines_node *item,
                         enum pipelines_keys_of of, const char *what) {
        const char *names[ARRAY_SIZE(keys)];
        const char *near;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (keys[i].of == of)
                        names[n++] = keys[i].name;
        near = str_nearest(item->key, names, n);
        if (near && str_distance(item->key, near) <= (strlen(near) > 4 ? 2u : 1u))
                return pipelines_context_error(c, item,
                                               "%s has no key \"%s\": did you mean \"%s\"?", what,
                                               item->key, near);
        return pipelines_context_warn(c, item, "\"%s\" means nothing to %s here and is ignored",
                                      item->key, what);
}

static int check_key(struct pipelines_context *c, const struct pipelines_node *item,
                     enum pipelines_keys_of of, const char *what) {
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (keys[i].of != of || !str_eq(keys[i].name, item->key))
                        continue;
                if (!keys[i].why_not)
                        return 0;
                return pipelines_context_warn(c, item, "\"%s\" is ignored: %s", item->key,
                                              keys[i].why_not);
        }
        return check_unknown(c, item, of, what);
}

int pipelines_keys_check(struct pipelines_context *c, const struct pipelines_node *map,
                         enum pipelines_keys_of of, const char *what) {
        const struct pipelines_node *item;
        int worst = 0;

        assert(of < _PIPELINES_KEYS_MAX);
        if (!pipelines_tree_is(map, JSON_OBJECT))
                return pipelines_context_error(c, map, "%s must be a map, not %s", what,
                                               pipelines_context_kind(map));
        pipelines_each(item, map) {
                int r = check_key(c, item, of, what);

                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        return worst;
}

int pipelines_keys_check_list(struct pipelines_context *c, const struct pipelines_node *list,
                              enum pipelines_keys_of of, const char *what) {
        const struct pipelines_node *item;
        int worst = 0;

        if (!list)
                return 0;
        if (list->type != JSON_ARRAY)
                return pipelines_context_error(c, list, "\"%s\" must be a list, not %s", list->key,
                                               pipelines_context_kind(list));
        pipelines_each(item, list) {
                int r = pipelines_keys_check(c, item, of, what);

                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        return worst;
}
