#include "daemons/scheduler/pipelines_layers.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/pipelines_keys.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define LAYERS_MAX 32u

const char *const pipelines_layers_base = "name: base\n"
                                          "type: super\n"
                                          "executors:\n"
                                          "  - {executor: default_k8s, type: kubernetes}\n"
                                          "  - {executor: airflow_executor, type: airflow}\n"
                                          "task_defaults:\n"
                                          "  python: {executor: default_k8s}\n"
                                          "  spark: {executor: default_k8s}\n"
                                          "  job_start: {executor: airflow_executor}\n"
                                          "  job_end: {executor: airflow_executor}\n"
                                          "pipeline_defaults:\n"
                                          "  before_tasks: [{task: start, type: job_start}]\n"
                                          "  after_tasks: [{task: end, type: job_end}]\n";

/* --- one file --------------------------------------------------------------------------------- */

int pipelines_layers_read(struct pipelines_context *c, const struct pipelines_node *root,
                          const char *path, struct pipelines_file *ret) {
        const struct pipelines_node *name, *type;
        int r;

        r = pipelines_keys_check(c, root, PIPELINES_KEYS_ROOT, "a pipeline file");
        if (r != 0)
                return r;
        name = pipelines_tree_get(root, "name");
        if (!name)
                return pipelines_context_error(c, root, "the file has no \"name\": give it one");
        if (!pipelines_tree_text(name))
                return pipelines_context_error(c, name, "name must be a string, not %s",
                                               pipelines_context_kind(name));
        type = pipelines_tree_get(root, "type");
        if (type && !str_eq(pipelines_tree_text(type), "sub") &&
            !str_eq(pipelines_tree_text(type), "super"))
                return pipelines_context_error(c, type, "type must be \"sub\" or \"super\"");
        *ret = (struct pipelines_file){
                .root = root,
                .name = pipelines_tree_text(name),
                .path = path,
                .is_super = type && str_eq(pipelines_tree_text(type), "super"),
        };
        return 0;
}

/* --- the chain -------------------------------------------------------------------------------- */

struct chain {
        const struct pipelines_node *roots[LAYERS_MAX]; /* the sub file first */
        size_t n;
};

static int fail_super(struct pipelines_context *c, const struct pipelines_node *at,
                      const char *name, const struct pipelines_file *files, size_t n_files) {
        _cleanup_free_ const char **names = mem_alloc_array(n_files + 1, sizeof(*names));
        const char *near;
        size_t n = 0;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < n_files; i++)
                if (files[i].is_super)
                        names[n++] = files[i].name;
        near = str_nearest(name, names, n);
        if (near)
                return pipelines_context_error(
                        c, at, "there is no super \"%s\": did you mean \"%s\"?", name, near);
        return pipelines_context_error(c, at,
                                       "there is no super \"%s\": add a file of that name "
                                       "with \"type: super\"",
                                       name);
}

static const struct pipelines_file *find_super(const struct pipelines_file *files, size_t n_files,
                                               const char *name) {
        for (size_t i = 0; i < n_files; i++)
                if (files[i].is_super && str_eq(files[i].name, name))
                        return &files[i];
        return NULL;
}

static int build_chain(struct pipelines_context *c, const struct pipelines_file *sub,
                       const struct pipelines_file *files, size_t n_files,
                       const struct pipelines_node *base, struct chain *chain) {
        const struct pipelines_node *root = sub->root;

        for (;;) {
                const struct pipelines_node *super = pipelines_tree_get(root, "super");
                const char *name = super ? pipelines_tree_text(super) : NULL;
                const struct pipelines_file *f;

                if (chain->n + 1 >= LAYERS_MAX)
                        return pipelines_context_error(
                                c, super ? super : root,
                                "more than %u supers: do they inherit from each other?",
                                LAYERS_MAX);
                chain->roots[chain->n++] = root;
                if (super && !name)
                        return pipelines_context_error(c, super, "super must be a name, not %s",
                                                       pipelines_context_kind(super));
                f = name ? find_super(files, n_files, name) : NULL;
                if (!super || (!f && str_eq(name, "base")))
                        break;
                if (!f)
                        return fail_super(c, super, name, files, n_files);
                root = f->root;
        }
        chain->roots[chain->n++] = base;
        return 0;
}

/* --- laying on -------------------------------------------------------------------------------- */

/* Each may be absent; what merging answers is NULL only when both are, or memory is out. */
struct layer {
        struct pipelines_context *c;
        const struct pipelines_node *root;
        bool failed;
};

static const struct pipelines_node *checked(struct layer *l, const struct pipelines_node *under,
                                            const struct pipelines_node *over,
                                            const struct pipelines_node *merged) {
        if (!merged && (under || over))
                l->failed = true;
        return merged;
}

static void lay(struct layer *l, const char *key, const struct pipelines_node **field) {
        const struct pipelines_node *over = pipelines_tree_get(l->root, key);

        *field = checked(l, *field, over, pipelines_tree_merge(l->c->arena, *field, over));
}

static void lay_named(struct layer *l, const char *key, const char *name,
                      const struct pipelines_node **field) {
        const struct pipelines_node *over = pipelines_tree_get(l->root, key);

        *field = checked(l, *field, over,
                         pipelines_tree_merge_named(l->c->arena, name, *field, over));
}

static void lay_list(struct layer *l, const char *key, const struct pipelines_node **field) {
        const struct pipelines_node *over = pipelines_tree_get(l->root, key);

        *field = over ? over : *field;
}

static void lay_pipeline_defaults(struct layer *l, struct pipelines_config *config,
                                  bool with_tasks) {
        const struct pipelines_node *d = pipelines_tree_get(l->root, "pipeline_defaults");
        const struct pipelines_node *before = pipelines_tree_get(d, "before_tasks");
        const struct pipelines_node *after = pipelines_tree_get(d, "after_tasks");
        struct arena *a = l->c->arena;

        if (!d)
                return;
        if (with_tasks) {
                config->before_tasks = pipelines_tree_join(a, config->before_tasks, before);
                config->after_tasks = pipelines_tree_join(a, after, config->after_tasks);
        }
        d = pipelines_tree_without(a, d, "before_tasks");
        d = d ? pipelines_tree_without(a, d, "after_tasks") : NULL;
        if (!d ||
            (with_tasks && ((before && !config->before_tasks) || (after && !config->after_tasks))))
                l->failed = true;
        config->pipeline_defaults = checked(l, config->pipeline_defaults, d,
                                            pipelines_tree_merge(a, config->pipeline_defaults, d));
}

static int lay_on(struct pipelines_context *c, const struct pipelines_node *root, bool with_tasks,
                  struct pipelines_config *config) {
        struct layer l = {.c = c, .root = root};

        config->root =
                checked(&l, config->root, root, pipelines_tree_merge(c->arena, config->root, root));
        lay(&l, "variables", &config->variables);
        lay(&l, "task_defaults", &config->task_defaults);
        lay(&l, "service_defaults", &config->service_defaults);
        lay_named(&l, "images", "image", &config->images);
        lay_named(&l, "executors", "executor", &config->executors);
        lay_list(&l, "volumes", &config->volumes);
        lay_list(&l, "secrets", &config->secrets);
        lay_list(&l, "services", &config->services);
        lay_pipeline_defaults(&l, config, with_tasks);
        return l.failed ? -ENOMEM : 0;
}

/* Lists and maps are what they should be, and hold known keys. */
static int check(struct pipelines_context *c, const struct pipelines_config *config) {
        static const char *const maps[] = {"variables", "task_defaults", "service_defaults",
                                           "pipeline_defaults"};
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(maps); i++) {
                const struct pipelines_node *v = pipelines_tree_get(config->root, maps[i]);

                if (v && v->type != JSON_OBJECT)
                        r = pipelines_context_error(c, v, "\"%s\" must be a map, not %s", maps[i],
                                                    pipelines_context_kind(v));
        }
        if (r == 0)
                r = pipelines_keys_check_list(c, config->images, PIPELINES_KEYS_IMAGE, "an image");
        if (r == 0)
                r = pipelines_keys_check_list(c, config->executors, PIPELINES_KEYS_EXECUTOR,
                                              "an executor");
        if (r == 0)
                r = pipelines_keys_check_list(c, config->volumes, PIPELINES_KEYS_VOLUME,
                                              "a volume");
        if (r == 0)
                r = pipelines_keys_check_list(c, config->secrets, PIPELINES_KEYS_SECRET,
                                              "a secret");
        return r;
}

int pipelines_layers_merge(struct pipelines_context *c, const struct pipelines_file *sub,
                           const struct pipelines_file *files, size_t n_files,
                           const struct pipelines_node *base, struct pipelines_config *ret) {
        struct pipelines_config config = {.name = sub->name, .file = sub->path};
        const char *slash = strrchr(sub->path, '/');
        struct chain chain = {};
        int r;

        config.dir = slash && slash > sub->path
                             ? arena_strndup(c->arena, sub->path, (size_t) (slash - sub->path))
                             : "/";
        if (!config.dir)
                return -ENOMEM;
        r = build_chain(c, sub, files, n_files, base, &chain);
        for (size_t i = chain.n; r == 0 && i > 0; i--) {
                bool is_own = i == 1;

                r = lay_on(c, chain.roots[i - 1], !is_own || !c->options->compat_code, &config);
        }
        if (r != 0)
                return r;
        config.pipelines = pipelines_tree_get(sub->root, "pipelines");
        r = check(c, &config);
        if (r == 0)
                *ret = config;
        return r;
}
