#include <errno.h>
#include <string.h>

#include "fuse-gcs/mount_flags.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/base/yaml.h"

/* A YAML "octal" 644 or 0755 is what was written, not what YAML makes of it. */
static int mount_flags_file_scalar(struct mount_flags *f, int id, const struct json *j,
                                   const char *name, struct errmsg *em) {
        _cleanup_buf_ struct buf text = {};
        const struct json *item;
        struct errmsg why = {};
        int r;

        switch (j->type) {
        case JSON_NULL:
                return 0;
        case JSON_TRUE:
        case JSON_FALSE:
                buf_add_str(&text, j->type == JSON_TRUE ? "true" : "false");
                break;
        case JSON_ARRAY:
                json_each (item, j) {
                        const char *s;

                        if (json_str(item, &s) == 0)
                                buf_printf(&text, "%s%s", text.len > 0 ? "," : "", s);
                }
                break;
        case JSON_OBJECT:
                return errmsg_fail(em, -EINVAL, "%s:%u: %s holds no keys of its own", name,
                                   yaml_line(j), mount_flags_row((enum mount_flags_id) id)->key);
        default:
                if (mount_flags_row((enum mount_flags_id) id)->type == FLAGS_OCTAL &&
                    j->type == JSON_NUMBER) {
                        int64_t v;

                        /* YAML 1.1 read 0755 as octal, and 644 as decimal. */
                        if (json_i64(j, &v) == 0)
                                buf_printf(&text, "%llo", (long long) v);
                        if (v < 1000 && v % 10 < 8 && v / 10 % 10 < 8 && v >= 600) {
                                buf_reset(&text);
                                buf_printf(&text, "%lld", (long long) v);
                        }
                        break;
                }
                buf_add(&text, j->str, j->len);
        }
        if (buf_error(&text) < 0)
                return buf_error(&text);
        r = mount_flags_set(f, (enum mount_flags_id) id, buf_cstr(&text), FLAGS_FILE, &why);
        if (r < 0)
                errmsg_set(em, "%s:%u: %s", name, yaml_line(j), why.text);
        return r;
}

/* Is there a key that begins with this one and a dot? */
static bool mount_flags_file_is_branch(const char *key) {
        size_t len = strlen(key);

        for (int i = 0; i < FLAGS_N; i++) {
                const char *k = mount_flags_row((enum mount_flags_id) i)->key;

                if (str_starts(k, key) && k[len] == '.')
                        return true;
        }
        return false;
}

static int mount_flags_file_unknown(const char *key, const struct json *j, const char *name,
                                    struct errmsg *em) {
        const char *keys[FLAGS_N], *near;

        for (int i = 0; i < FLAGS_N; i++)
                keys[i] = mount_flags_row((enum mount_flags_id) i)->key;
        near = str_nearest(key, keys, FLAGS_N);
        return errmsg_fail(em, -EINVAL, "%s:%u: unknown key %s%s%s%s", name, yaml_key_line(j), key,
                           near ? ": did you mean " : "", near ?: "", near ? "?" : "");
}

static int mount_flags_file_node(struct mount_flags *f, const char *above, const struct json *node,
                                 const char *name, struct errmsg *em) {
        const struct json *item;
        int r = 0;

        json_each (item, node) {
                char key[256];
                int id;

                if (snprintf(key, sizeof(key), "%s%s%s", above, *above ? "." : "", item->key) >=
                    (int) sizeof(key))
                        return errmsg_fail(em, -EINVAL, "%s:%u: a key of %u bytes", name,
                                           yaml_key_line(item), (unsigned) item->key_len);
                id = mount_flags_find_key(key);
                if (id >= 0)
                        r = mount_flags_file_scalar(f, id, item, name, em);
                else if (!mount_flags_file_is_branch(key))
                        r = mount_flags_file_unknown(key, item, name, em);
                else if (json_is(item, JSON_OBJECT))
                        r = mount_flags_file_node(f, key, item, name, em);
                else if (!json_is(item, JSON_NULL))
                        r = errmsg_fail(em, -EINVAL, "%s:%u: %s holds keys, not %s", name,
                                        yaml_line(item), key, json_type_name(item));
                if (r < 0)
                        return r;
        }
        return 0;
}

int mount_flags_file_parse(struct mount_flags *f, const char *text, size_t len, const char *name,
                           struct errmsg *em) {
        struct arena a;
        struct json *j;
        int r;

        arena_init(&a, 8 << 20);
        r = yaml_parse(&a, text, len, name, &j, em);
        if (r >= 0 && !json_is(j, JSON_OBJECT) && !json_is(j, JSON_NULL))
                r = errmsg_fail(em, -EINVAL, "%s: want keys and values, not %s", name,
                                json_type_name(j));
        if (r >= 0)
                r = mount_flags_file_node(f, "", j, name, em);
        arena_done(&a);
        return r;
}
