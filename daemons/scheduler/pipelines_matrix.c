#include "daemons/scheduler/pipelines_matrix.h"

#include <errno.h>

#include "daemons/scheduler/pipelines_emit.h"
#include "lib/base/str.h"

static int read_axes(struct pipelines_context *c, const struct pipelines_node *axes,
                     struct pipelines_matrix *ret) {
        const struct pipelines_node *axis, *v;
        uint64_t n = 1;

        if (axes->type != JSON_OBJECT || axes->n == 0)
                return pipelines_context_error(
                        c, axes, "matrix must be a map of lists like {C: [1, 10]}, not %s",
                        axes->n == 0 && axes->type == JSON_OBJECT ? "an empty one"
                                                                  : pipelines_context_kind(axes));
        pipelines_each(axis, axes) {
                if (axis->type != JSON_ARRAY || axis->n == 0)
                        return pipelines_context_error(
                                c, axis, "\"%s\" must be a list of values, not %s", axis->key,
                                axis->type == JSON_ARRAY ? "an empty one"
                                                         : pipelines_context_kind(axis));
                pipelines_each(v, axis) if (!pipelines_tree_text(v)) return pipelines_context_error(
                        c, v, "a value of \"%s\" must be one value, not %s", axis->key,
                        pipelines_context_kind(v));
                n *= axis->n;
                if (n > PIPELINES_MATRIX_MAX)
                        return pipelines_context_error(c, axes, "matrix gives more than %u tasks",
                                                       PIPELINES_MATRIX_MAX);
        }
        *ret = (struct pipelines_matrix){.axes = axes, .n = (unsigned) n};
        return 0;
}

static int read_executors(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *v, struct pipelines_matrix *ret) {
        const char *text;
        int64_t n;
        int r;

        r = pipelines_context_text(c, config, v, &text);
        if (r != 0)
                return r;
        if (str_to_i64(text, &n) < 0 || n < 1 || n > PIPELINES_MATRIX_MAX)
                return pipelines_context_error(
                        c, v, "executors must be a number of copies between 1 and %u, not \"%s\"",
                        PIPELINES_MATRIX_MAX, text);
        *ret = (struct pipelines_matrix){.n = (unsigned) n};
        return 0;
}

int pipelines_matrix_read(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *task, struct pipelines_matrix *ret) {
        const struct pipelines_node *axes = pipelines_tree_get(task, "matrix");
        const struct pipelines_node *executors = pipelines_tree_get(task, "executors");

        *ret = (struct pipelines_matrix){};
        if (axes && executors)
                return pipelines_context_error(c, executors,
                                               "a task has either matrix or executors");
        if (axes)
                return read_axes(c, axes, ret);
        if (!executors)
                return 0;
        if (c->options->compat_code)
                return pipelines_context_warn(c, executors, "executors is ignored: compat=code");
        return read_executors(c, config, executors, ret);
}

static const struct pipelines_node *value_at(const struct pipelines_node *axis, unsigned i) {
        const struct pipelines_node *v = axis->first;

        assert(i < axis->n);
        while (i-- > 0)
                v = v->next;
        return v;
}

static int set(struct strmap *map, const char *key, const char *text) {
        return map ? strmap_set(map, key, (void *) text) : 0;
}

int pipelines_matrix_add(struct pipelines_context *c, const struct pipelines_matrix *m, unsigned i,
                         struct strmap *env, struct strmap *variables) {
        const char *index = arena_printf(c->arena, "%u", i);
        const char *count = arena_printf(c->arena, "%u", m->n);
        const struct pipelines_node *axis;
        unsigned block = m->n;

        assert(i < m->n);
        if (!index || !count || set(env, "INDEX", index) < 0 || set(env, "COUNT", count) < 0)
                return -ENOMEM;
        pipelines_each(axis, m->axes) {
                const char *name = pipelines_emit_env_name(c->arena, "", axis->key), *text;

                block /= axis->n;
                text = pipelines_tree_text(value_at(axis, i / block % axis->n));
                if (!name || set(env, name, text) < 0 || set(variables, axis->key, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}
