#include "daemons/scheduler/pipelines_service.h"

#include <errno.h>

#include "daemons/scheduler/core/dag.h"
#include "daemons/scheduler/pipelines_emit.h"
#include "daemons/scheduler/pipelines_keys.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* The image's endpoints, unless the service has its own. */
static int emit_endpoints(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *service, const struct pipelines_node *image,
                          struct json_write *w) {
        static const struct pipelines_emit_row rows[] = {
                {"endpoint", "endpoint", PIPELINES_EMIT_TEXT},
                {"module", "module", PIPELINES_EMIT_TEXT},
                {"function", "function", PIPELINES_EMIT_TEXT},
        };
        const struct pipelines_node *list = pipelines_tree_get(service, "endpoints"), *item;

        if (!list)
                list = pipelines_tree_get(image, "endpoints");
        if (!list)
                return pipelines_context_error(c, service,
                                               "the service has no endpoints: give them to its "
                                               "image of type python_server");
        if (list->type != JSON_ARRAY || list->n == 0)
                return pipelines_context_error(
                        c, list, "endpoints must be a list, not %s",
                        list->type == JSON_ARRAY ? "an empty one" : pipelines_context_kind(list));
        json_write_kv_array(w, "endpoints");
        pipelines_each(item, list) {
                int r = 0;

                for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
                        if (!pipelines_tree_get(item, rows[i].yaml))
                                r = pipelines_context_error(c, item, "an endpoint needs \"%s\"",
                                                            rows[i].yaml);
                if (r != 0)
                        return r;
                json_write_object(w);
                r = pipelines_emit_rows(c, config, item, NULL, rows, ARRAY_SIZE(rows), w);
                json_write_end(w);
                if (r != 0)
                        return r;
        }
        json_write_end(w);
        return 0;
}

/* A service is no try: what its variables can fill in is filled in now. */
static int emit_env(struct pipelines_context *c, const struct pipelines_config *config,
                    const struct pipelines_node *service, struct json_write *w) {
        const struct pipelines_node *env =
                pipelines_tree_merge(c->arena, pipelines_tree_get(service, "env"),
                                     pipelines_tree_get(service, "env_vars"));
        const struct pipelines_node *item;

        if (!env)
                return 0;
        if (env->type != JSON_OBJECT)
                return pipelines_context_error(c, env, "%s must be a map, not %s", env->key,
                                               pipelines_context_kind(env));
        json_write_kv_object(w, "env");
        pipelines_each(item, env) {
                const char *text;
                int r = pipelines_context_text(c, config, item, &text);

                if (r != 0)
                        return r;
                json_write_kv_str(w, item->key, text);
        }
        json_write_end(w);
        return 0;
}

static int emit_cwd(struct pipelines_context *c, const struct pipelines_config *config,
                    const struct pipelines_node *image, struct json_write *w) {
        const struct pipelines_node *source = pipelines_tree_get(image, "source");
        const char *text, *path = config->dir;
        int r = source ? pipelines_context_text(c, config, source, &text) : 0;

        if (r == 0 && source)
                r = pipelines_context_path(c, source, text, &path);
        if (r == 0)
                json_write_kv_str(w, "cwd", path);
        return r;
}

static int find_image(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_node *service, const struct pipelines_node **ret) {
        const struct pipelines_node *v = pipelines_tree_get(service, "image");
        const char *name = NULL;
        int r;

        *ret = NULL;
        if (!v)
                return 0;
        r = pipelines_context_text(c, config, v, &name);
        if (r != 0)
                return r;
        *ret = pipelines_context_named(config->images, "image", name);
        if (!*ret)
                return pipelines_context_error(
                        c, v, "there is no image \"%s\": declare it under images", name);
        return 0;
}

static int emit(struct pipelines_context *c, const struct pipelines_config *config,
                const struct pipelines_node *service, const char *name, struct buf *json) {
        static const struct pipelines_emit_row rows[] = {
                {"description", "description", PIPELINES_EMIT_TEXT},
                {"port", "port", PIPELINES_EMIT_SCALAR},
                {"workers", "workers", PIPELINES_EMIT_SCALAR},
        };
        const struct pipelines_node *image;
        struct json_write w;
        int r;

        r = find_image(c, config, service, &image);
        if (r != 0)
                return r;
        json_write_init(&w, json, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_str(&w, "name", name);
        json_write_kv_str(&w, "python", c->options->python);
        r = pipelines_emit_rows(c, config, service, NULL, rows, ARRAY_SIZE(rows), &w);
        if (r == 0)
                r = emit_cwd(c, config, image, &w);
        if (r == 0)
                r = emit_endpoints(c, config, service, image, &w);
        if (r == 0)
                r = emit_env(c, config, service, &w);
        if (r != 0)
                return r;
        json_write_end(&w);
        return json_write_finish(&w);
}

/* What its Python environment is made of, as text of its own: "{}" without one. */
static int emit_environment(struct pipelines_context *c, const struct pipelines_config *config,
                            const struct pipelines_node *service, struct buf *json) {
        const struct pipelines_node *image;
        struct json_write w;
        int r = find_image(c, config, service, &image);

        if (r != 0)
                return r;
        json_write_init(&w, json, 0);
        json_write_object(&w);
        r = pipelines_emit_environment(c, config, image, &w);
        if (r != 0)
                return r;
        json_write_end(&w);
        return json_write_finish(&w);
}

static int check_port(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_node *service) {
        const struct pipelines_node *v = pipelines_tree_get(service, "port");
        const char *text = NULL;
        int64_t port;
        int r;

        if (!v)
                return 0;
        r = pipelines_context_text(c, config, v, &text);
        if (r != 0)
                return r;
        if (str_to_i64(text, &port) < 0 || port < 1 || port > 65535)
                return pipelines_context_error(c, v, "port must be between 1 and 65535, not \"%s\"",
                                               text);
        return 0;
}

/* Files that inherit the same service from one super mean the same one. */
static int read_name(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_node *service, const char **ret, bool *ret_known) {
        const struct pipelines_node *v = pipelines_tree_get(service, "service"), *other;
        int r;

        *ret_known = false;
        if (!v)
                return pipelines_context_error(c, service,
                                               "the service has no \"service\": name it");
        r = pipelines_context_text(c, config, v, ret);
        if (r != 0)
                return r;
        if (!str_is_name(*ret, 64))
                return pipelines_context_error(c, v,
                                               "\"%.60s\" is no service name: use at most 64 "
                                               "letters, digits, dots, dashes and "
                                               "underscores",
                                               *ret);
        other = strmap_get(&c->services, *ret);
        if (other && str_eq(other->file, v->file) && other->line == v->line) {
                *ret_known = true;
                return 0;
        }
        if (other)
                return pipelines_context_error(c, v, "service \"%s\" stands in %s:%u too", *ret,
                                               other->file, other->line);
        return strmap_set(&c->services, *ret, (void *) v) < 0 ? -ENOMEM : 0;
}

int pipelines_service_compile(struct pipelines_context *c, const struct pipelines_config *config,
                              const struct pipelines_node *service) {
        _cleanup_buf_ struct buf json = {}, environment = {};
        struct pipelines *res = c->result;
        struct pipelines_service *s;
        const char *name;
        bool known;
        int r;

        service = pipelines_tree_merge(c->arena, config->service_defaults, service);
        if (!service)
                return -ENOMEM;
        r = pipelines_keys_check(c, service, PIPELINES_KEYS_SERVICE, "a service");
        if (r == 0)
                r = read_name(c, config, service, &name, &known);
        if (r == 0 && known)
                return 0;
        if (r == 0)
                r = check_port(c, config, service);
        if (r == 0)
                r = emit(c, config, service, name, &json);
        if (r == 0)
                r = emit_environment(c, config, service, &environment);
        if (r != 0)
                return r;
        if (mem_grow((void **) &res->services, &res->n_services_allocated, res->n_services + 1,
                     sizeof(*s)) < 0)
                return -ENOMEM;
        s = &res->services[res->n_services++];
        *s = (struct pipelines_service){
                .name = mem_strdup(name),
                .json = buf_take(&json, NULL),
                .environment = buf_take(&environment, NULL),
                .file = mem_strdup(config->file),
        };
        return s->name && s->json && s->environment && s->file ? 0 : -ENOMEM;
}
