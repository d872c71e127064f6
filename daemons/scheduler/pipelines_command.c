#include "daemons/scheduler/pipelines_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

struct task_type {
        const char *name;
        const char *fixed_id; /* or NULL: its own */
        int (*emit)(struct pipelines_context *c, const struct pipelines_config *config,
                    const struct pipelines_task *t, struct json_write *w);
        bool is_marker;
};

/* --- markers ---------------------------------------------------------------------------------- */

static int emit_start(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_task *t, struct json_write *w) {
        json_write_kv_str(w, "kind", "marker");
        return 0;
}

/* job_end fails the run when a task of it failed. */
static int emit_end(struct pipelines_context *c, const struct pipelines_config *config,
                    const struct pipelines_task *t, struct json_write *w) {
        json_write_kv_str(w, "kind", "marker");
        json_write_kv_bool(w, "fail_if_failed", true);
        return 0;
}

/* --- python ----------------------------------------------------------------------------------- */

static int emit_python(struct pipelines_context *c, const struct pipelines_config *config,
                       const struct pipelines_task *t, struct json_write *w) {
        const struct pipelines_node *cmd = pipelines_tree_get(t->node, "cmd");
        const char *text;

        if (!cmd)
                return pipelines_context_error(
                        c, t->node, "task \"%s\" has no \"cmd\": say what it runs", t->id);
        text = pipelines_tree_text(cmd);
        if (!text || !*text)
                return pipelines_context_error(c, cmd, "cmd must be a command line, not %s",
                                               text ? "empty" : pipelines_context_kind(cmd));
        json_write_kv_str(w, "cmd", text);
        return 0;
}

/* --- spark ------------------------------------------------------------------------------------ */

/* --conf k=v, nested maps flattened, sorted by key. */
struct flat {
        const char **items;
        size_t n;
        size_t n_allocated;
};

static int flatten(struct pipelines_context *c, const char *prefix,
                   const struct pipelines_node *map, struct flat *out) {
        const char *between = c->options->compat_code ? ":" : ".";
        const struct pipelines_node *item;

        pipelines_each(item, map) {
                const char *key =
                        prefix ? arena_printf(c->arena, "%s%s%s", prefix, between, item->key)
                               : item->key;
                const char *text = pipelines_tree_text(item);
                int r;

                if (!key)
                        return -ENOMEM;
                if (item->type == JSON_OBJECT) {
                        r = flatten(c, key, item, out);
                        if (r != 0)
                                return r;
                        continue;
                }
                if (!text)
                        return pipelines_context_error(c, item, "conf \"%s\" must be one value",
                                                       key);
                if (mem_grow((void **) &out->items, &out->n_allocated, out->n + 1,
                             sizeof(*out->items)) < 0)
                        return -ENOMEM;
                out->items[out->n] = arena_printf(c->arena, "%s=%s", key, text);
                if (!out->items[out->n++])
                        return -ENOMEM;
        }
        return 0;
}

static int compare_text(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int emit_conf(struct pipelines_context *c, const struct pipelines_node *conf,
                     struct json_write *w) {
        struct flat flat = {};
        int r;

        if (!conf)
                return 0;
        if (conf->type != JSON_OBJECT)
                return pipelines_context_error(c, conf, "conf must be a map, not %s",
                                               pipelines_context_kind(conf));
        r = flatten(c, NULL, conf, &flat);
        if (flat.n > 0)
                qsort(flat.items, flat.n, sizeof(*flat.items), compare_text);
        for (size_t i = 0; r == 0 && i < flat.n; i++) {
                json_write_str(w, "--conf");
                json_write_str(w, flat.items[i]);
        }
        mem_free(flat.items);
        return r;
}

static int emit_option(struct pipelines_context *c, const struct pipelines_node *task,
                       const char *key, const char *option, struct json_write *w) {
        const struct pipelines_node *v = pipelines_tree_get(task, key);
        const char *text = v ? pipelines_tree_text(v) : NULL;

        if (!v)
                return 0;
        if (!text)
                return pipelines_context_error(c, v, "%s must be one value, not %s", key,
                                               pipelines_context_kind(v));
        if (option)
                json_write_str(w, option);
        json_write_str(w, text);
        return 0;
}

/* A list of arguments, or a map of options and their values. */
static int emit_arguments(struct pipelines_context *c, const struct pipelines_node *args,
                          struct json_write *w) {
        const struct pipelines_node *item;

        if (args && args->type != JSON_ARRAY && args->type != JSON_OBJECT)
                return pipelines_context_error(
                        c, args, "application_arguments must be a list or a map, not %s",
                        pipelines_context_kind(args));
        pipelines_each(item, args) {
                const char *text = pipelines_tree_text(item);

                if (!text)
                        return pipelines_context_error(c, item, "an argument must be one value");
                if (item->key)
                        json_write_str(w, item->key);
                json_write_str(w, text);
        }
        return 0;
}

static int emit_spark(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_task *t, struct json_write *w) {
        int r;

        if (!pipelines_tree_get(t->node, "application_source"))
                return pipelines_context_error(c, t->node,
                                               "task \"%s\" has no \"application_source\"", t->id);
        json_write_kv_array(w, "argv");
        json_write_str(w, "spark-submit");
        r = emit_option(c, t->node, "master", "--master", w);
        if (r == 0)
                r = emit_option(c, t->node, "class", "--class", w);
        if (r == 0)
                r = emit_conf(c, pipelines_tree_get(t->node, "conf"), w);
        if (r == 0)
                r = emit_option(c, t->node, "application_source", NULL, w);
        if (r == 0)
                r = emit_arguments(c, pipelines_tree_get(t->node, "application_arguments"), w);
        json_write_end(w);
        return r;
}

/* --- what cannot run here --------------------------------------------------------------------- */

static int emit_impossible(struct pipelines_context *c, const struct pipelines_config *config,
                           const struct pipelines_task *t, struct json_write *w) {
        char *cmd = arena_printf(c->arena,
                                 "echo 'a task of type %s cannot run on this machine: it needs a "
                                 "service that onebox does not have' >&2; exit 1",
                                 t->type);
        int r;

        if (!cmd)
                return -ENOMEM;
        r = pipelines_context_warn(c, t->node,
                                   "task \"%s\" of type %s cannot run here: it will fail with "
                                   "that reason",
                                   t->id, t->type);
        json_write_kv_str(w, "cmd", cmd);
        return r;
}

/* --- the list --------------------------------------------------------------------------------- */

static const struct task_type types[] = {
        {"python", NULL, emit_python, false},
        {"spark", NULL, emit_spark, false},
        {"job_start", "start", emit_start, true},
        {"job_end", "end", emit_end, true},
        {"sql", NULL, emit_impossible, false},
        {"create_cloudformation_stack", NULL, emit_impossible, false},
        {"delete_cloudformation_stack", NULL, emit_impossible, false},
};

static const struct task_type *find_type(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_eq(types[i].name, name))
                        return &types[i];
        return NULL;
}

const char *pipelines_command_fixed_id(const char *type) {
        const struct task_type *tt = find_type(type);

        return tt ? tt->fixed_id : NULL;
}

int pipelines_command_add_env(struct pipelines_context *c, const char *type, struct strmap *env) {
        if (!str_eq(type, "spark"))
                return 0;
        if (c->options->compat_code)
                strmap_clear(env);
        return strmap_set(env, "SPARK_LOCAL_HOSTNAME", (void *) "localhost");
}

/* EMR and its like are clusters elsewhere. */
static bool is_remote(const struct pipelines_config *config, const struct pipelines_task *t) {
        const struct pipelines_node *v = pipelines_tree_get(t->node, "executor");
        const struct pipelines_node *type =
                v ? pipelines_tree_get(pipelines_context_named(config->executors, "executor",
                                                               pipelines_tree_text(v)),
                                       "type")
                  : NULL;

        return type && str_eq(pipelines_tree_text(type), "emr");
}

int pipelines_command_emit(struct pipelines_context *c, const struct pipelines_config *config,
                           const struct pipelines_task *t, struct json_write *w,
                           bool *ret_is_marker) {
        const struct task_type *tt = find_type(t->type);
        const char *names[ARRAY_SIZE(types)], *near;

        if (tt) {
                *ret_is_marker = tt->is_marker;
                if (!tt->is_marker && is_remote(config, t))
                        return emit_impossible(c, config, t, w);
                return tt->emit(c, config, t, w);
        }
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                names[i] = types[i].name;
        near = str_nearest(t->type, names, ARRAY_SIZE(types));
        return pipelines_context_error(c, pipelines_tree_get(t->node, "type"),
                                       "there is no task type \"%s\": %s%s%s", t->type,
                                       near ? "did you mean \"" : "",
                                       near ? near : "use python or spark", near ? "\"?" : "");
}
