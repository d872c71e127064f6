#include "daemons/launcher/launcher_carry.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/base/str.h"

#define RUNTIME_MAX_S 1e9

bool launcher_carry_is_path(const char *path) {
        const char *p = path;

        if (*p != '/' || strlen(path) > LAUNCHER_CARRY_PATH_MAX)
                return false;
        for (const char *c = path; *c; c++)
                if ((unsigned char) *c < 0x20 || *c == 0x7f)
                        return false;
        while (*p == '/') {
                size_t n = strcspn(++p, "/");

                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                p += n;
        }
        return true;
}

bool launcher_carry_is_below(const char *path, const char *dir) {
        const char *rest = str_after(path, dir);

        return rest && (*rest == 0 || *rest == '/' || str_ends(dir, "/"));
}

bool launcher_carry_is_target(const char *path, const char *state_dir, const char *runtime_dir) {
        static const char *const kept[] = {"/bin",   "/boot",  "/dev",  "/etc",   "/lib",
                                           "/lib32", "/lib64", "/proc", "/run",   "/sbin",
                                           "/sys",   "/usr",   "/efi",  "/libx32"};

        if (!launcher_carry_is_path(path))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                if (launcher_carry_is_below(path, kept[i]))
                        return false;
        /* neither in them nor over them */
        return !launcher_carry_is_below(path, state_dir) &&
               !launcher_carry_is_below(state_dir, path) &&
               !launcher_carry_is_below(path, runtime_dir) &&
               !launcher_carry_is_below(runtime_dir, path);
}

static int need_path(const struct json *j, const char *key, const char **ret, struct errmsg *em) {
        int r = json_need_str(j, key, ret, em);

        if (r < 0)
                return r;
        if (!launcher_carry_is_path(*ret))
                return errmsg_fail(em, -EINVAL,
                                   "\"%s\" must be an absolute path without \".\" and \"..\", not "
                                   "\"%.200s\"",
                                   key, *ret);
        return 0;
}

static int need_name(const struct json *j, const char **ret, struct errmsg *em) {
        int r = json_need_str(j, "name", ret, em);

        if (r < 0)
                return r;
        if (!str_is_name(*ret, LAUNCHER_CARRY_NAME_MAX))
                return errmsg_fail(em, -EINVAL,
                                   "\"%.60s\" is no name: use letters, digits, dots, dashes and "
                                   "underscores",
                                   *ret);
        return 0;
}

static int read_bind(const struct json *item, void *to, struct errmsg *em) {
        static const char *const keys[] = {"name", "source", "path", "read_only"};
        struct launcher_carry_bind *b = to;
        int r;

        if ((r = json_only_keys(item, keys, ARRAY_SIZE(keys), em)) < 0 ||
            (r = need_name(item, &b->name, em)) < 0 ||
            (r = need_path(item, "source", &b->source, em)) < 0 ||
            (r = need_path(item, "path", &b->path, em)) < 0)
                return r;
        return json_want_bool(item, "read_only", &b->read_only, em);
}

static int read_secret(const struct json *item, void *to, struct errmsg *em) {
        static const char *const keys[] = {"name", "source", "path", "encrypted"};
        struct launcher_carry_secret *s = to;
        const char *path = NULL;
        int r;

        if ((r = json_only_keys(item, keys, ARRAY_SIZE(keys), em)) < 0 ||
            (r = need_name(item, &s->name, em)) < 0 ||
            (r = need_path(item, "source", &s->source, em)) < 0 ||
            (r = json_want_str(item, "path", &path, em)) < 0 ||
            (r = json_want_bool(item, "encrypted", &s->encrypted, em)) < 0)
                return r;
        return path ? need_path(item, "path", &s->path, em) : 0;
}

static int read_device(const struct json *item, void *to, struct errmsg *em) {
        const char **device = to;

        if (json_str(item, device) != 0 || !launcher_carry_is_path(*device) ||
            !str_starts(*device, "/dev/"))
                return errmsg_fail(em, -EINVAL, "\"devices\" must hold paths below /dev");
        return 0;
}

static int read_list(struct arena *a, const struct json *j, const char *key, bool objects,
                     size_t size, int (*read)(const struct json *item, void *to, struct errmsg *em),
                     void *ret_items, size_t *ret_n, struct errmsg *em) {
        const struct json *list = NULL, *item;
        size_t n = 0;
        char *items;
        int r;

        r = json_want(j, key, JSON_ARRAY, &list, em);
        if (r < 0 || !list)
                return r;
        if (list->len > LAUNCHER_CARRY_MAX)
                return errmsg_fail(em, -EINVAL, "\"%s\" holds more than %d", key,
                                   LAUNCHER_CARRY_MAX);
        items = arena_zalloc_array(a, list->len + 1, size);
        if (!items)
                return -ENOMEM;
        json_each (item, list) {
                if (objects && !json_is(item, JSON_OBJECT))
                        return errmsg_fail(em, -EINVAL, "\"%s\" must hold objects", key);
                r = read(item, items + size * n++, em);
                if (r < 0)
                        return r;
        }
        *(void **) ret_items = items;
        *ret_n = n;
        return 0;
}

static int read_runtime(const struct json *j, usec_t *ret_for, struct errmsg *em) {
        double s = NAN;
        int r = json_want_f64(j, "runtime_max_s", &s, em);

        if (r < 0 || isnan(s))
                return r;
        if (!(s >= 0 && s <= RUNTIME_MAX_S))
                return errmsg_fail(em, -EINVAL, "\"runtime_max_s\" must be from 0 to 1e9");
        *ret_for = (usec_t) llround(s * 1e6);
        return 0;
}

int launcher_carry_parse(struct arena *a, const struct json *j, struct launcher_carry *ret,
                         struct errmsg *em) {
        struct launcher_carry c = {};
        int r;

        if ((r = read_list(a, j, "binds", true, sizeof(*c.binds), read_bind, &c.binds, &c.n_binds,
                           em)) < 0 ||
            (r = read_list(a, j, "secrets", true, sizeof(*c.secrets), read_secret, &c.secrets,
                           &c.n_secrets, em)) < 0 ||
            (r = read_list(a, j, "devices", false, sizeof(*c.devices), read_device, &c.devices,
                           &c.n_devices, em)) < 0 ||
            (r = read_runtime(j, &c.runtime_max_for, em)) < 0)
                return r;
        for (size_t i = 0; i < c.n_secrets; i++)
                for (size_t k = 0; k < i; k++)
                        if (str_eq(c.secrets[i].name, c.secrets[k].name))
                                return errmsg_fail(em, -EINVAL, "the secret \"%s\" stands twice",
                                                   c.secrets[i].name);
        *ret = c;
        return 0;
}
