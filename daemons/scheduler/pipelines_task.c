#include "daemons/scheduler/pipelines_task.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/dag.h"
#include "daemons/scheduler/pipelines_command.h"
#include "daemons/scheduler/pipelines_keys.h"
#include "lib/base/str.h"

/* --- reading ---------------------------------------------------------------------------------- */

static int need_text(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_node *map, const char *key, const char **ret) {
        const struct pipelines_node *v = pipelines_tree_get(map, key);

        if (!v)
                return pipelines_context_error(c, map, "the task has no \"%s\"", key);
        return pipelines_context_text(c, config, v, ret);
}

static int check_executor(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *task) {
        const struct pipelines_node *v = pipelines_tree_get(task, "executor");
        const char *name;
        int r;

        if (!v)
                return 0;
        r = pipelines_context_text(c, config, v, &name);
        if (r != 0)
                return r;
        if (!pipelines_context_named(config->executors, "executor", name))
                return pipelines_context_error(
                        c, v, "there is no executor \"%s\": declare it under executors", name);
        return 0;
}

int pipelines_task_read(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_node *pipeline, const struct pipelines_node *node,
                        struct pipelines_task *ret) {
        struct pipelines_task t = {.node = node, .pipeline = pipeline};
        int r;

        r = pipelines_keys_check(c, node, PIPELINES_KEYS_TASK, "a task");
        if (r == 0)
                r = need_text(c, config, node, "type", &t.type);
        if (r != 0)
                return r;
        t.node = pipelines_tree_merge(c->arena, pipelines_tree_get(config->task_defaults, t.type),
                                      node);
        if (!t.node)
                return -ENOMEM;
        t.id = pipelines_command_fixed_id(t.type);
        if (!t.id)
                r = need_text(c, config, node, "task", &t.id);
        if (r == 0 && !str_is_name(t.id, DAG_ID_MAX - 10))
                r = pipelines_context_error(c, pipelines_tree_get(node, "task"),
                                            "\"%.60s\" is no task name: use letters, digits, "
                                            "dots, dashes and underscores",
                                            t.id);
        if (r == 0)
                r = check_executor(c, config, t.node);
        if (r == 0)
                r = pipelines_matrix_read(c, config, t.node, &t.matrix);
        if (r == 0)
                *ret = t;
        return r;
}

const char *pipelines_task_id(struct pipelines_context *c, const struct pipelines_task *t,
                              unsigned i) {
        return t->matrix.n > 0 ? arena_printf(c->arena, "%s__%u", t->id, i) : t->id;
}

/* --- environment and variables ---------------------------------------------------------------- */

/* K=V lines, # comments. Liminal's code drops a line with a second "=". */
static int add_env_file(struct pipelines_context *c, struct strmap *env) {
        const char *p = c->env_text ? c->env_text : "", *line;
        size_t n;

        while (str_word(&p, "\r\n", &line, &n)) {
                const char *eq = memchr(line, '=', n);
                char *key, *value;

                if (*line == '#' || !eq || eq == line)
                        continue;
                if (c->options->compat_code && memchr(eq + 1, '=', n - (size_t) (eq + 1 - line)))
                        continue;
                key = arena_strndup(c->arena, line, (size_t) (eq - line));
                value = arena_strndup(c->arena, eq + 1, n - (size_t) (eq + 1 - line));
                if (!key || !value || strmap_set(env, str_strip(key), str_strip(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_env(struct pipelines_context *c, const struct pipelines_config *config,
                   const struct pipelines_task *t, unsigned i, struct pipelines_pairs *env) {
        const struct pipelines_node *plain = pipelines_tree_get(t->node, "env");
        const struct pipelines_node *name = pipelines_tree_get(config->variables, "env");
        int r = 0;

        if (plain && c->options->compat_code)
                r = pipelines_context_warn(c, plain, "env is ignored: compat=code");
        else
                r = pipelines_emit_add_map(c, plain, env);
        if (r == 0)
                r = pipelines_emit_add_map(c, pipelines_tree_get(t->node, "env_vars"), env);
        if (r == 0)
                r = pipelines_command_add_env(c, t->type, &env->map);
        if (r == 0)
                r = add_env_file(c, &env->map);
        if (r == 0 && t->matrix.n > 0)
                r = pipelines_matrix_add(c, &t->matrix, i, &env->map, NULL);
        if (r != 0)
                return r;
        return strmap_set(&env->map, "env",
                          (void *) (name && pipelines_tree_text(name) ? pipelines_tree_text(name)
                                                                      : "default"));
}

/* A map, or the name of a map among the file's variables. */
static int add_variables(struct pipelines_context *c, const struct pipelines_config *config,
                         const struct pipelines_task *t, unsigned i, struct pipelines_pairs *p) {
        const struct pipelines_node *v = pipelines_tree_get(t->node, "variables"), *map = v;
        int r;

        if (v && v->type != JSON_OBJECT) {
                const char *name = pipelines_tree_text(v);

                map = name ? pipelines_tree_get(config->variables, name) : NULL;
                if (!pipelines_tree_is(map, JSON_OBJECT))
                        return pipelines_context_error(
                                c, v,
                                "variables must be a map, or the name of a map among the "
                                "file's variables");
        }
        r = pipelines_emit_add_map(c, map, p);
        return r == 0 && t->matrix.n > 0 ? pipelines_matrix_add(c, &t->matrix, i, NULL, &p->map)
                                         : r;
}

static int emit_pairs(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_task *t, unsigned i, struct pipelines_pairs *env,
                      struct json_write *w) {
        _cleanup_(pipelines_emit_pairs_done) struct pipelines_pairs variables = {};
        int r;

        r = add_env(c, config, t, i, env);
        if (r == 0)
                r = add_variables(c, config, t, i, &variables);
        if (r != 0)
                return r;
        pipelines_emit_pairs(w, "env", env);
        pipelines_emit_pairs(w, "variables", &variables);
        return 0;
}

/* --- mounts and secrets ----------------------------------------------------------------------- */

/* The "source" of a mount or secret; a task finds it in its environment as well. */
static int emit_source(struct pipelines_context *c, const struct pipelines_node *at,
                       const char *text, const char *sub_path, const char *variable,
                       struct json_write *w, struct strmap *env) {
        const char *path, *full;
        int r;

        r = pipelines_context_path(c, at, text, &path);
        if (r != 0)
                return r;
        json_write_kv_str(w, "source", path);
        full = sub_path ? arena_printf(c->arena, "%s/%s", path, sub_path) : path;
        if (!full || !variable || strmap_set(env, variable, (void *) full) < 0)
                return -ENOMEM;
        return 0;
}

static int emit_mount(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_node *mount, struct json_write *w,
                      struct strmap *env) {
        static const struct pipelines_emit_row rows[] = {
                {"volume", "volume", PIPELINES_EMIT_TEXT},
                {"path", "path", PIPELINES_EMIT_TEXT},
                {"sub_path", "sub_path", PIPELINES_EMIT_TEXT},
                {"read_only", "read_only", PIPELINES_EMIT_SCALAR},
        };
        const struct pipelines_node *volume, *local;
        const char *name = NULL, *sub_path = NULL, *text, *variable;
        int r;

        r = pipelines_keys_check(c, mount, PIPELINES_KEYS_MOUNT, "a mount");
        if (r == 0)
                r = need_text(c, config, mount, "volume", &name);
        if (r != 0)
                return r;
        volume = pipelines_context_named(config->volumes, "volume", name);
        if (!volume)
                return pipelines_context_error(
                        c, mount, "there is no volume \"%s\": declare it under volumes", name);
        r = pipelines_emit_rows(c, config, mount, NULL, rows, ARRAY_SIZE(rows), w);
        local = pipelines_tree_get(pipelines_tree_get(volume, "local"), "path");
        if (r == 0 && !local)
                return pipelines_context_warn(
                        c, volume, "volume \"%s\" has no local.path: nothing is mounted", name);
        if (r == 0)
                r = pipelines_context_get(c, config, mount, "sub_path", &sub_path);
        if (r == 0)
                r = pipelines_context_text(c, config, local, &text);
        if (r != 0)
                return r;
        variable = pipelines_emit_env_name(c->arena, "ONEBOX_VOLUME_", name);
        return emit_source(c, local, text, sub_path, variable, w, env);
}

static int emit_secret(struct pipelines_context *c, const struct pipelines_config *config,
                       const struct pipelines_node *use, struct json_write *w, struct strmap *env) {
        static const struct pipelines_emit_row rows[] = {
                {"secret", "secret", PIPELINES_EMIT_TEXT},
                {"remote_path", "path", PIPELINES_EMIT_TEXT},
                {"read_only", "read_only", PIPELINES_EMIT_SCALAR},
        };
        static const struct pipelines_emit_row declared[] = {
                {"encrypted", "encrypted", PIPELINES_EMIT_SCALAR},
        };
        const struct pipelines_node *secret, *written;
        const char *name = NULL, *file, *variable;
        int r;

        r = pipelines_keys_check(c, use, PIPELINES_KEYS_TASK_SECRET, "a task's secret");
        if (r == 0)
                r = need_text(c, config, use, "secret", &name);
        if (r != 0)
                return r;
        secret = pipelines_context_named(config->secrets, "secret", name);
        if (!secret)
                return pipelines_context_error(
                        c, use, "there is no secret \"%s\": declare it under secrets", name);
        r = pipelines_emit_rows(c, config, use, NULL, rows, ARRAY_SIZE(rows), w);
        file = arena_printf(c->arena, "credentials-%s.txt", name);
        written = pipelines_tree_get(secret, "local_path_file");
        if (r == 0)
                r = pipelines_emit_rows(c, config, secret, NULL, declared, ARRAY_SIZE(declared), w);
        if (r == 0 && written)
                r = pipelines_context_text(c, config, written, &file);
        if (r != 0 || !file)
                return r != 0 ? r : -ENOMEM;
        variable = pipelines_emit_env_name(c->arena, "ONEBOX_SECRET_", name);
        return emit_source(c, written ? written : secret, file, NULL, variable, w, env);
}

static int emit_list(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_node *list,
                     int (*emit)(struct pipelines_context *c, const struct pipelines_config *config,
                                 const struct pipelines_node *item, struct json_write *w,
                                 struct strmap *env),
                     struct json_write *w, struct strmap *env) {
        const struct pipelines_node *item;
        int worst = 0;

        if (!list)
                return 0;
        if (list->type != JSON_ARRAY)
                return pipelines_context_error(c, list, "\"%s\" must be a list, not %s", list->key,
                                               pipelines_context_kind(list));
        json_write_kv_array(w, list->key);
        pipelines_each(item, list) {
                int r;

                json_write_object(w);
                r = emit(c, config, item, w, env);
                json_write_end(w);
                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        json_write_end(w);
        return worst;
}

/* --- the task --------------------------------------------------------------------------------- */

static int emit_scalars(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_task *t, struct json_write *w) {
        /* of the task only */
        static const struct pipelines_emit_row own[] = {
                {"description", "description", PIPELINES_EMIT_TEXT},
                {"image", "image", PIPELINES_EMIT_TEXT},
                {"do_xcom_push", "xcom", PIPELINES_EMIT_SCALAR},
                {"setup", "setup", PIPELINES_EMIT_SCALAR},
                {"teardown", "teardown", PIPELINES_EMIT_SCALAR},
                {"on_failure_fail_dagrun", "on_failure_fail_dagrun", PIPELINES_EMIT_SCALAR},
                {"max_active_tis_per_dag", "max_active_tis_per_dag", PIPELINES_EMIT_SCALAR},
                {"max_active_tis_per_dagrun", "max_active_tis_per_dagrun", PIPELINES_EMIT_SCALAR},
                {"decides", "decides", PIPELINES_EMIT_TEXT},
                {"keeps_downstream_rules", "keeps_downstream_rules", PIPELINES_EMIT_SCALAR},
                {"expand", "expand", PIPELINES_EMIT_SCALAR},
                {"expand_kwargs", "expand_kwargs", PIPELINES_EMIT_SCALAR},
                {"poke_interval", "poke_interval", PIPELINES_EMIT_SCALAR},
                {"poke_timeout", "poke_timeout", PIPELINES_EMIT_SCALAR},
                {"soft_fail", "soft_fail", PIPELINES_EMIT_SCALAR},
                {"on_success", "on_success", PIPELINES_EMIT_SCALAR},
                {"on_failure", "on_failure", PIPELINES_EMIT_SCALAR},
                {"on_retry", "on_retry", PIPELINES_EMIT_SCALAR},
                {"on_skipped", "on_skipped", PIPELINES_EMIT_SCALAR},
                {"timeout", "execution_timeout", PIPELINES_EMIT_SCALAR},
                {"timeout_minutes", "execution_timeout", PIPELINES_EMIT_MINUTES},
        };
        /* of the task, else of its pipeline */
        static const struct pipelines_emit_row inherited[] = {
                {"retries", "retries", PIPELINES_EMIT_SCALAR},
                {"retry_delay", "retry_delay", PIPELINES_EMIT_SCALAR},
                {"retry_exponential", "retry_exponential", PIPELINES_EMIT_SCALAR},
                {"retry_exponential_backoff", "retry_exponential", PIPELINES_EMIT_SCALAR},
                {"retry_max_delay", "retry_max_delay", PIPELINES_EMIT_SCALAR},
                {"max_retry_delay", "retry_max_delay", PIPELINES_EMIT_SCALAR},
                {"pool", "pool", PIPELINES_EMIT_TEXT},
                {"pool_slots", "pool_slots", PIPELINES_EMIT_SCALAR},
                {"priority_weight", "priority_weight", PIPELINES_EMIT_SCALAR},
                {"weight_rule", "weight_rule", PIPELINES_EMIT_TEXT},
                {"depends_on_past", "depends_on_past", PIPELINES_EMIT_SCALAR},
                {"wait_for_downstream", "wait_for_downstream", PIPELINES_EMIT_SCALAR},
                {"resources", "resources", PIPELINES_EMIT_SCALAR},
        };
        static const struct pipelines_emit_row limit[] = {
                {"execution_timeout", "execution_timeout", PIPELINES_EMIT_SCALAR},
        };
        bool has_own_limit = pipelines_tree_get(t->node, "timeout") ||
                             pipelines_tree_get(t->node, "timeout_minutes");
        int r;

        r = pipelines_emit_rows(c, config, t->node, NULL, own, ARRAY_SIZE(own), w);
        if (r == 0)
                r = pipelines_emit_rows(c, config, t->node, t->pipeline, inherited,
                                        ARRAY_SIZE(inherited), w);
        if (r == 0 && !has_own_limit)
                r = pipelines_emit_rows(c, config, t->node, t->pipeline, limit, ARRAY_SIZE(limit),
                                        w);
        return r;
}

/* What the task says lies over what its pipeline says; true alone is as the pipeline has it. */
static int emit_tracking(struct pipelines_context *c, const struct pipelines_task *t,
                         struct json_write *w) {
        const struct pipelines_node *own = pipelines_tree_get(t->node, "tracking");
        const struct pipelines_node *all = pipelines_tree_get(t->pipeline, "tracking"), *v = own;

        if (!own || (pipelines_tree_is(own, JSON_TRUE) && pipelines_tree_is(all, JSON_OBJECT)))
                v = all;
        else if (pipelines_tree_is(own, JSON_OBJECT) && pipelines_tree_is(all, JSON_OBJECT))
                v = pipelines_tree_merge(c->arena, all, own);
        if (!v)
                return own ? -ENOMEM : 0;
        json_write_key(w, "tracking");
        pipelines_emit_node(w, v);
        return 0;
}

/* always_run is all_done for every task that says nothing itself. */
static int emit_rule(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_task *t, struct json_write *w) {
        static const struct pipelines_emit_row rows[] = {
                {"trigger_rule", "trigger_rule", PIPELINES_EMIT_TEXT},
        };

        if (!pipelines_tree_get(t->node, "trigger_rule") &&
            !pipelines_tree_get(t->pipeline, "trigger_rule")) {
                if (pipelines_tree_is(pipelines_tree_get(config->root, "always_run"), JSON_TRUE))
                        json_write_kv_str(w, "trigger_rule", "all_done");
                return 0;
        }
        return pipelines_emit_rows(c, config, t->node, t->pipeline, rows, ARRAY_SIZE(rows), w);
}

/* NULL when the image has none or is not declared, which is said. */
static int image_source(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_task *t, const char *name,
                        const struct pipelines_node **ret) {
        const struct pipelines_node *image = pipelines_context_named(config->images, "image", name);

        *ret = pipelines_tree_get(image, "source");
        if (image)
                return 0;
        return pipelines_context_warn(c, pipelines_tree_get(t->node, "image"),
                                      "image \"%s\" is not declared under images: the task runs "
                                      "beside the file",
                                      name);
}

/* What the environment of its image is made of; what is in requirements.txt is looked at when a try
 * starts. */
static int emit_environment(struct pipelines_context *c, const struct pipelines_config *config,
                            const struct pipelines_task *t, struct json_write *w) {
        const char *name = NULL;
        int r = pipelines_context_get(c, config, t->node, "image", &name);

        if (r != 0 || !name)
                return r;
        return pipelines_emit_environment(
                c, config, pipelines_context_named(config->images, "image", name), w);
}

/* Where the source of its image is, as Liminal's /app; else beside the file. */
static int emit_cwd(struct pipelines_context *c, const struct pipelines_config *config,
                    const struct pipelines_task *t, struct json_write *w) {
        const struct pipelines_node *v = pipelines_tree_get(t->node, "cwd");
        const char *image = NULL, *text, *path = config->dir;
        int r;

        if (!v) {
                r = pipelines_context_get(c, config, t->node, "image", &image);
                if (r != 0)
                        return r;
                r = image ? image_source(c, config, t, image, &v) : 0;
                if (r != 0)
                        return r;
        }
        if (v) {
                r = pipelines_context_text(c, config, v, &text);
                if (r == 0)
                        r = pipelines_context_path(c, v, text, &path);
                if (r != 0)
                        return r;
        }
        json_write_kv_str(w, "cwd", path);
        return 0;
}

static void emit_head(struct pipelines_context *c, const struct pipelines_task *t, const char *id,
                      const char *const *upstream, size_t n_upstream, struct json_write *w) {
        json_write_kv_str(w, "id", id);
        json_write_kv_str(w, "type", t->type);
        if (t->matrix.n > 0) {
                json_write_kv_str(w, "mapped_from", t->id);
                json_write_kv_str(w, "group", t->id);
        }
        json_write_kv_array(w, "upstream");
        for (size_t i = 0; i < n_upstream; i++)
                json_write_str(w, upstream[i]);
        json_write_end(w);
}

static int emit_body(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_task *t, unsigned i, struct json_write *w) {
        _cleanup_(pipelines_emit_pairs_done) struct pipelines_pairs env = {};
        bool is_marker;
        int r;

        r = pipelines_command_emit(c, config, t, w, &is_marker);
        if (r == 0)
                r = emit_scalars(c, config, t, w);
        if (r == 0)
                r = emit_rule(c, config, t, w);
        if (r == 0)
                r = emit_tracking(c, t, w);
        if (r != 0 || is_marker)
                return r;
        r = emit_cwd(c, config, t, w);
        if (r == 0)
                r = emit_environment(c, config, t, w);
        if (r == 0)
                r = emit_list(c, config, pipelines_tree_get(t->node, "mounts"), emit_mount, w,
                              &env.map);
        if (r == 0)
                r = emit_list(c, config, pipelines_tree_get(t->node, "secrets"), emit_secret, w,
                              &env.map);
        return r == 0 ? emit_pairs(c, config, t, i, &env, w) : r;
}

int pipelines_task_emit(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_task *t, unsigned i, const char *const *upstream,
                        size_t n_upstream, struct json_write *w) {
        const char *id = pipelines_task_id(c, t, i);
        int r;

        if (!id)
                return -ENOMEM;
        json_write_object(w);
        emit_head(c, t, id, upstream, n_upstream, w);
        r = emit_body(c, config, t, i, w);
        json_write_end(w);
        return r;
}
