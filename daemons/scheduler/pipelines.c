#include "daemons/scheduler/pipelines.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/pipelines_dag.h"
#include "daemons/scheduler/pipelines_digest.h"
#include "daemons/scheduler/pipelines_find.h"
#include "daemons/scheduler/pipelines_keys.h"
#include "daemons/scheduler/pipelines_layers.h"
#include "daemons/scheduler/pipelines_service.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/yaml.h"

#define ENV_FILE_MAX (1u << 20)

/* --- files ------------------------------------------------------------------------------------ */

struct files {
        struct pipelines_file *items;
        size_t n;
};

/* Positive answers say that the file is left out; why stands in the messages. */
static int parse_file(struct pipelines_context *c, const struct pipelines_text *text,
                      struct pipelines_file *ret) {
        struct pipelines_node *root;
        struct errmsg em = {};
        struct json *yaml;
        int r;

        r = yaml_parse(c->arena, text->data, text->len, text->path, &yaml, &em);
        if (r == -EINVAL || r == -E2BIG) {
                r = pipelines_context_say(c, text->path, em.text, false);
                return r < 0 ? r : PIPELINES_BAD;
        }
        if (r < 0)
                return r;
        if (yaml->type == JSON_NULL) { /* no mistake, but whoever looks for a pipeline is told */
                errmsg_set(&em, "%s:1:1: the file is empty", text->path);
                r = pipelines_context_say(c, text->path, em.text, true);
                return r < 0 ? r : PIPELINES_BAD;
        }
        r = pipelines_tree_new(c->arena, yaml, text->path, &root);
        return r < 0 ? r : pipelines_layers_read(c, root, text->path, ret);
}

static int check_name(struct pipelines_context *c, const struct files *files,
                      const struct pipelines_file *f) {
        for (size_t i = 0; i < files->n; i++)
                if (str_eq(files->items[i].name, f->name))
                        return pipelines_context_error(
                                c, pipelines_tree_get(f->root, "name"),
                                "the name \"%s\" is taken by %s: choose another", f->name,
                                files->items[i].path);
        return 0;
}

static int parse_files(struct pipelines_context *c, const struct pipelines_text *texts,
                       size_t n_texts, struct files *ret) {
        ret->items = arena_zalloc_array(c->arena, n_texts + 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = 0; i < n_texts; i++) {
                struct pipelines_file f;
                int r = parse_file(c, &texts[i], &f);

                if (r == 0)
                        r = check_name(c, ret, &f);
                if (r < 0)
                        return r;
                if (r == 0)
                        ret->items[ret->n++] = f;
        }
        return 0;
}

/* --- compiling -------------------------------------------------------------------------------- */

static int compile_each(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_node *list,
                        int (*compile)(struct pipelines_context *c,
                                       const struct pipelines_config *config,
                                       const struct pipelines_node *item)) {
        const struct pipelines_node *item;

        if (list && list->type != JSON_ARRAY)
                return pipelines_context_error(c, list, "\"%s\" must be a list, not %s", list->key,
                                               pipelines_context_kind(list));
        pipelines_each(item, list) {
                int r = pipelines_tree_is(item, JSON_OBJECT)
                                ? compile(c, config, item)
                                : pipelines_context_error(c, item, "must be a map, not %s",
                                                          pipelines_context_kind(item));

                if (r < 0)
                        return r;
        }
        return 0;
}

static int compile_file(struct pipelines_context *c, const struct pipelines_file *f,
                        const struct files *files, const struct pipelines_node *base) {
        struct pipelines_config config;
        int r;

        if (f->is_super)
                return 0;
        r = pipelines_layers_merge(c, f, files->items, files->n, base, &config);
        if (r != 0)
                return r;
        if (!config.pipelines && !config.services)
                return pipelines_context_warn(c, f->root,
                                              "the file has neither pipelines nor services");
        r = compile_each(c, &config, config.pipelines, pipelines_dag_compile);
        if (r < 0)
                return r;
        return compile_each(c, &config, config.services, pipelines_service_compile);
}

static int parse_base(struct pipelines_context *c, const struct pipelines_node **ret) {
        struct pipelines_node *root;
        struct json *yaml;
        int r;

        r = yaml_parse(c->arena, pipelines_layers_base, strlen(pipelines_layers_base), "base",
                       &yaml, NULL);
        if (r == 0)
                r = pipelines_tree_new(c->arena, yaml, "/base", &root);
        if (r == 0)
                *ret = root;
        return r;
}

static int compile_all(struct pipelines_context *c, const struct pipelines_text *texts,
                       size_t n_texts) {
        const struct pipelines_node *base;
        struct files files = {};
        int r;

        r = parse_base(c, &base);
        assert(r == 0 || r == -ENOMEM);
        if (r == 0)
                r = parse_files(c, texts, n_texts, &files);
        for (size_t i = 0; r >= 0 && i < files.n; i++)
                r = compile_file(c, &files.items[i], &files, base);
        return MIN(r, 0);
}

static int compile(const struct pipelines_text *texts, size_t n_texts, const char *env_text,
                   const struct pipelines_options *o, struct pipelines *result) {
        struct arena arena;
        struct pipelines_context c = {
                .arena = &arena, .options = o, .env_text = env_text, .result = result};
        int r;

        arena_init(&arena, 0);
        r = compile_all(&c, texts, n_texts);
        strmap_done(&c.said);
        strmap_done(&c.dag_ids);
        strmap_done(&c.services);
        arena_done(&arena);
        return r;
}

int pipelines_compile(const struct pipelines_text *files, size_t n_files,
                      const struct pipelines_options *o, struct pipelines *ret) {
        struct pipelines result = {};
        int r;

        r = compile(files, n_files, NULL, o, &result);
        if (r < 0) {
                pipelines_done(&result);
                return r;
        }
        *ret = result;
        return 0;
}

/* --- loading ---------------------------------------------------------------------------------- */

/* What could not be read is said with the rest. */
static int take_errors(struct pipelines_find_result *found, struct pipelines *result) {
        if (mem_grow((void **) &result->messages, &result->n_messages_allocated, found->n_errors,
                     sizeof(*result->messages)) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < found->n_errors; i++)
                result->messages[result->n_messages++] = found->errors[i];
        found->n_errors = 0;
        return 0;
}

/* All that compiling depends on. */
static int read_all(const char *dir, const struct pipelines_options *o,
                    struct pipelines_find_result *found, char **env_text, struct errmsg *em) {
        int r = pipelines_find(dir, o->scan_depth, found);

        if (r < 0)
                return errmsg_errno(em, r, "pipelines directory %s", dir);
        if (!o->env_file)
                return 0;
        r = fileio_read(o->env_file, ENV_FILE_MAX, env_text, NULL);
        return r < 0 && r != -ENOENT ? errmsg_errno(em, r, "%s", o->env_file) : 0;
}

int pipelines_look(const char *dir, const struct pipelines_options *o, uint64_t *digest) {
        _cleanup_(pipelines_find_done) struct pipelines_find_result found = {};
        _cleanup_free_ char *env_text = NULL;
        int r = read_all(dir, o, &found, &env_text, NULL);

        if (r < 0)
                return r;
        if (found.n_errors > 0)
                return -EIO;
        *digest = pipelines_digest_join(*digest, pipelines_digest_of(&found, env_text));
        return 0;
}

int pipelines_load(const char *dir, const struct pipelines_options *o, struct pipelines *ret,
                   struct errmsg *em) {
        _cleanup_(pipelines_find_done) struct pipelines_find_result found = {};
        _cleanup_free_ char *env_text = NULL;
        struct pipelines result = {};
        int r;

        r = read_all(dir, o, &found, &env_text, em);
        if (r < 0)
                return r;
        result.digest = pipelines_digest_of(&found, env_text);
        r = take_errors(&found, &result);
        if (r == 0)
                r = compile(found.files, found.n_files, env_text, o, &result);
        if (r < 0) {
                pipelines_done(&result);
                return r;
        }
        *ret = result;
        return 0;
}

void pipelines_done(struct pipelines *p) {
        for (size_t i = 0; i < p->n_dags; i++) {
                mem_free(p->dags[i].dag_id);
                mem_free(p->dags[i].json);
                mem_free(p->dags[i].file);
        }
        for (size_t i = 0; i < p->n_services; i++) {
                mem_free(p->services[i].name);
                mem_free(p->services[i].json);
                mem_free(p->services[i].environment);
                mem_free(p->services[i].file);
        }
        for (size_t i = 0; i < p->n_messages; i++) {
                mem_free(p->messages[i].file);
                mem_free(p->messages[i].text);
        }
        mem_free(p->dags);
        mem_free(p->services);
        mem_free(p->messages);
        *p = (struct pipelines){};
}
