#include "daemons/tracking/mlruns_file.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/tracking/artifact_uri.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/yaml.h"

#define FILE_MAX (256u << 20)
enum { DEPTH_MAX = 32 };

int mlruns_file_yaml(struct mlruns *m, const char *dir, const char *name, const struct json **ret) {
        const char *path = arena_printf(&m->arena, "%s/%s", dir, name);
        _cleanup_free_ char *text = NULL;
        struct json *tree;
        char *copy;
        size_t n;
        int r = path ? fileio_read(path, YAML_SIZE_MAX, &text, &n) : -ENOMEM;

        if (r == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        if (r < 0)
                return errmsg_errno(m->em, r, "%s: cannot be read", path);
        copy = arena_strndup(&m->arena, text, n);
        if (!copy)
                return -ENOMEM;
        r = yaml_parse(&m->arena, copy, n, path, &tree, m->em);
        if (r < 0)
                return r;
        if (!json_is(tree, JSON_OBJECT))
                return errmsg_fail(m->em, -EINVAL, "%s: it is no mapping", path);
        *ret = tree;
        return 0;
}

const char *mlruns_file_text(struct mlruns *m, const struct json *node) {
        if (json_is(node, JSON_STRING) || json_is(node, JSON_NUMBER))
                return arena_strndup(&m->arena, node->str, node->len);
        if (json_is(node, JSON_TRUE) || json_is(node, JSON_FALSE))
                return json_is(node, JSON_TRUE) ? "true" : "false";
        return NULL;
}

int64_t mlruns_file_i64(const struct json *node, int64_t otherwise) {
        int64_t value = otherwise;

        (void) json_i64(node, &value);
        return value;
}

static int is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int each_below(struct mlruns *m, const char *dir, const char *prefix, int depth,
                      int (*each)(struct mlruns *m, void *userdata, const char *key, char *text),
                      void *userdata) {
        char **names _cleanup_(str_free_listp) = NULL;
        int r = fileio_list(dir, NULL, &names);

        if (r == -ENOENT)
                return 0;
        if (r >= 0 && depth > DEPTH_MAX)
                r = -ELOOP;
        if (r < 0)
                return errmsg_errno(m->em, r, "%s: cannot be listed", dir);
        for (char **name = names; r >= 0 && *name; name++) {
                const char *path = arena_printf(&m->arena, "%s/%s", dir, *name);
                const char *key = arena_printf(&m->arena, "%s%s", prefix, *name);
                _cleanup_free_ char *text = NULL;
                size_t n;

                if (!path || !key)
                        return -ENOMEM;
                if (is_directory(path)) {
                        const char *below = arena_printf(&m->arena, "%s/", key);

                        r = below ? each_below(m, path, below, depth + 1, each, userdata) : -ENOMEM;
                        continue;
                }
                r = fileio_read(path, FILE_MAX, &text, &n);
                if (r < 0)
                        return errmsg_errno(m->em, r, "%s: cannot be read", path);
                m->where = path;
                r = each(m, userdata, key, text);
        }
        return r < 0 ? r : 0;
}

int mlruns_file_each(struct mlruns *m, const char *dir,
                     int (*each)(struct mlruns *m, void *userdata, const char *key, char *text),
                     void *userdata) {
        return each_below(m, dir, "", 0, each, userdata);
}

int mlruns_file_dirs(struct mlruns *m, const char *dir, const char *const **ret) {
        char **names _cleanup_(str_free_listp) = NULL;
        const char **list;
        size_t n = 0;
        int r = fileio_list(dir, NULL, &names);

        if (r < 0 && r != -ENOENT && r != -ENOTDIR)
                return errmsg_errno(m->em, r, "%s: cannot be listed", dir);
        list = arena_zalloc_array(&m->arena, str_count(names) + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (char **name = names; name && *name; name++) {
                const char *path = arena_printf(&m->arena, "%s/%s", dir, *name);

                if (path && is_directory(path))
                        list[n++] = arena_strdup(&m->arena, *name);
                if (!path || (n > 0 && !list[n - 1]))
                        return -ENOMEM;
        }
        *ret = list;
        return 0;
}

/* "/12" or "/12/…": an experiment's directory. */
static bool begins_with_id(const char *suffix) {
        size_t n = 0;

        while (isdigit((unsigned char) suffix[1 + n]))
                n++;
        return n > 0 && (suffix[1 + n] == '/' || suffix[1 + n] == '\0');
}

const char *mlruns_file_uri(struct mlruns *m, const char *uri, int *ret_r) {
        const char *path;

        if (!uri || !m->store || !artifact_uri_is_local(uri))
                return uri;
        path = artifact_uri_local_path(uri);
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                const char *here, *trash, *mapped;

                if (!begins_with_id(slash))
                        continue;
                here = arena_printf(&m->arena, "%s%s", m->root, slash);
                trash = arena_printf(&m->arena, "%s/.trash%s", m->root, slash);
                mapped = arena_printf(&m->arena, "mlflow-artifacts:%s", slash);
                if (!here || !trash || !mapped) {
                        *ret_r = -ENOMEM;
                        return uri;
                }
                if (access(here, F_OK) == 0 || access(trash, F_OK) == 0)
                        return mapped;
        }
        return uri;
}
