/* See flags_file.h. */
#include "daemons/sqlproxy/flags_file.h"

#include <errno.h>
#include <string.h>

#include "daemons/sqlproxy/toml.h"
#include "lib/base/arena.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/yaml.h"

static int put(struct strmap *map, const char *key, const char *value, size_t len) {
        _cleanup_free_ char *lower = mem_strdup(key), *copy = mem_strndup(value, len);
        int r;

        if (!lower || !copy)
                return -ENOMEM;
        str_lower(lower);
        r = strmap_set(map, lower, copy);
        if (r >= 0)
                copy = NULL;
        return r;
}

static int put_node(struct strmap *map, const struct json *node) {
        switch (node->type) {
        case JSON_TRUE:
                return put(map, node->key, "true", 4);
        case JSON_FALSE:
                return put(map, node->key, "false", 5);
        case JSON_STRING:
        case JSON_NUMBER:
                return put(map, node->key, node->str, node->len);
        default:
                return 0;
        }
}

static int put_tree(struct strmap *map, const struct json *root, const char *name,
                    struct errmsg *em) {
        const struct json *node;
        int r = 0;

        if (json_is(root, JSON_NULL))
                return 0;
        if (!json_is(root, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "%s: keys and values are wanted, not %s", name,
                                   json_type_name(root));
        json_each (node, root) {
                r = put_node(map, node);
                if (r < 0)
                        return errmsg_errno(em, r, "%s", name);
        }
        return r;
}

static int on_toml(void *ctx, const char *key, const char *value, size_t len) {
        return put(ctx, key, value, len);
}

int flags_file_parse(const char *kind, const char *text, size_t len, const char *name,
                     struct strmap *ret, struct errmsg *em) {
        struct json *root = NULL;
        struct arena a;
        int r;

        if (str_eq(kind, "toml"))
                return toml_parse(text, len, name, on_toml, ret, em);
        arena_init(&a, 16 * FLAGS_FILE_MAX);
        if (str_eq(kind, "json"))
                r = json_parse_copy(&a, text, len, &root, em);
        else
                r = yaml_parse(&a, text, len, name, &root, em);
        if (r >= 0)
                r = put_tree(ret, root, name, em);
        arena_done(&a);
        return r;
}

static const char *kind_of(const char *path) {
        static const char *const ends[][2] = {
                {".toml", "toml"}, {".yaml", "yaml"}, {".yml", "yaml"}, {".json", "json"}};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (str_ends(path, ends[i][0]))
                        return ends[i][1];
        return NULL;
}

int flags_file_load(const char *path, struct strmap *ret, struct errmsg *em) {
        _cleanup_free_ char *text = NULL;
        const char *kind = kind_of(path);
        struct errmsg why = {};
        size_t len;
        int r;

        if (!kind)
                return errmsg_fail(em, -EINVAL,
                                   "config file %s should have extension of toml, yaml, or json",
                                   path);
        r = fileio_read(path, FLAGS_FILE_MAX, &text, &len);
        if (r < 0)
                errmsg_set(&why, "open %s: %s", path, errmsg_strerror(r));
        else
                r = flags_file_parse(kind, text, len, path, ret, &why);
        if (r < 0)
                return errmsg_fail(em, r, "failed to load configuration from %s: %s", path,
                                   why.text);
        return 0;
}
