#include "daemons/serving/service_conf.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/str.h"

static bool env_name_is_good(const char *s) {
        if (isdigit((unsigned char) *s) || !*s)
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char) *s) && *s != '_')
                        return false;
        return true;
}

static int check_path(const struct service_conf *c, const char *path, struct errmsg *em) {
        if (path[0] != '/' || strchr(path + 1, '/'))
                return errmsg_fail(em, -EINVAL,
                                   "endpoint \"%s\" must be \"/\" and one segment, as \"/predict\"",
                                   path);
        if (str_eq(path, SERVICE_CONF_RESERVED))
                return errmsg_fail(em, -EINVAL, "endpoint \"%s\" is onebox's own: choose another",
                                   path);
        if (service_conf_find(c, path))
                return errmsg_fail(em, -EINVAL, "endpoint \"%s\" stands twice", path);
        return 0;
}

static int parse_endpoint(const struct json *j, struct service_conf *c, struct errmsg *em) {
        static const char *const keys[] = {"endpoint", "module", "function"};
        struct service_conf_endpoint e = {};
        int r;

        r = json_only_keys(j, keys, ARRAY_SIZE(keys), em);
        if (r < 0)
                return r;
        r = json_need_str(j, "endpoint", &e.path, em);
        if (r < 0)
                return r;
        r = json_need_str(j, "module", &e.module, em);
        if (r < 0)
                return r;
        r = json_need_str(j, "function", &e.function, em);
        if (r < 0)
                return r;
        r = check_path(c, e.path, em);
        if (r < 0)
                return r;
        c->endpoints[c->n_endpoints++] = e;
        return 0;
}

static int parse_endpoints(struct arena *a, const struct json *list, struct service_conf *c,
                           struct errmsg *em) {
        const struct json *item;

        c->endpoints = arena_zalloc_array(a, list->len + 1, sizeof(*c->endpoints));
        if (!c->endpoints)
                return -ENOMEM;
        json_each (item, list) {
                int r = parse_endpoint(item, c, em);

                if (r < 0) {
                        errmsg_prefix(em, "endpoints[%zu]", c->n_endpoints);
                        return r;
                }
        }
        return 0;
}

static int parse_env(struct arena *a, const struct json *map, struct service_conf *c,
                     struct errmsg *em) {
        const struct json *item;
        size_t n = 0;

        c->env = arena_zalloc_array(a, map ? map->len + 1 : 1, sizeof(*c->env));
        if (!c->env)
                return -ENOMEM;
        json_each (item, map) {
                const char *value;

                if (!env_name_is_good(item->key))
                        return errmsg_fail(em, -EINVAL, "env: \"%s\" is no name of a variable",
                                           item->key);
                if (json_str(item, &value) != 0)
                        return errmsg_fail(em, -EINVAL, "env: \"%s\" must be a string, not %s",
                                           item->key, json_type_name(item));
                c->env[n] = arena_printf(a, "%s=%s", item->key, value);
                if (!c->env[n++])
                        return -ENOMEM;
        }
        return 0;
}

static int parse_numbers(const struct json *j, struct service_conf *c, struct errmsg *em) {
        int64_t port = 0, workers = 0;
        int r;

        r = json_want_i64(j, "port", &port, em);
        if (r < 0)
                return r;
        if (port < 0 || port > UINT16_MAX)
                return errmsg_fail(em, -EINVAL, "\"port\" must be from 0 to 65535");
        r = json_want_i64(j, "workers", &workers, em);
        if (r < 0)
                return r;
        if (workers < 0 || workers > SERVICE_CONF_WORKERS_MAX)
                return errmsg_fail(em, -EINVAL, "\"workers\" must be from 1 to %d",
                                   SERVICE_CONF_WORKERS_MAX);
        c->port = (uint16_t) port;
        c->n_workers = (unsigned) workers;
        return 0;
}

static int parse_strings(const struct json *j, struct service_conf *c, struct errmsg *em) {
        int r;

        r = json_need_str(j, "name", &c->name, em);
        if (r < 0)
                return r;
        if (!str_is_name(c->name, 63))
                return errmsg_fail(em, -EINVAL, "\"name\" must be letters, digits, - _ . only");
        r = json_need_str(j, "cwd", &c->cwd, em);
        if (r < 0)
                return r;
        r = json_need_str(j, "python", &c->python, em);
        if (r < 0)
                return r;
        if (c->cwd[0] != '/' || c->python[0] != '/')
                return errmsg_fail(em, -EINVAL, "\"cwd\" and \"python\" must be absolute paths");
        return 0;
}

int service_conf_parse(struct arena *a, const char *text, size_t len, struct service_conf *ret,
                       struct errmsg *em) {
        static const char *const keys[] = {"name",    "port",      "cwd", "python",
                                           "workers", "endpoints", "env", "description"};
        const struct json *endpoints = NULL, *env = NULL;
        struct service_conf c = {};
        struct json *j;
        int r;

        r = json_parse_copy(a, text, len, &j, em);
        if (r < 0)
                return r;
        if (!json_is(j, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "a service must be an object, not %s",
                                   json_type_name(j));
        r = json_only_keys(j, keys, ARRAY_SIZE(keys), em);
        if (r < 0)
                return r;
        r = parse_strings(j, &c, em);
        if (r < 0)
                return r;
        r = parse_numbers(j, &c, em);
        if (r < 0)
                return r;
        r = json_need(j, "endpoints", JSON_ARRAY, &endpoints, em);
        if (r < 0)
                return r;
        r = parse_endpoints(a, endpoints, &c, em);
        if (r < 0)
                return r;
        r = json_want(j, "env", JSON_OBJECT, &env, em);
        if (r < 0)
                return r;
        r = parse_env(a, env, &c, em);
        if (r < 0)
                return r;
        *ret = c;
        return 0;
}

const struct service_conf_endpoint *service_conf_find(const struct service_conf *c,
                                                      const char *path) {
        for (size_t i = 0; i < c->n_endpoints; i++)
                if (str_eq(c->endpoints[i].path, path))
                        return &c->endpoints[i];
        return NULL;
}
