#include "daemons/scheduler/pipelines_context.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/placeholder.h"
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MESSAGES_MAX 10000u

/* --- messages --------------------------------------------------------------------------------- */

int pipelines_context_say(struct pipelines_context *c, const char *file, const char *text,
                          bool is_warning) {
        struct pipelines *p = c->result;
        struct pipelines_message *m;

        if (p->n_messages >= MESSAGES_MAX)
                return 0;
        if (mem_grow((void **) &p->messages, &p->n_messages_allocated, p->n_messages + 1,
                     sizeof(*m)) < 0)
                return -ENOMEM;
        m = &p->messages[p->n_messages];
        *m = (struct pipelines_message){mem_strdup(file), mem_strdup(text), is_warning};
        p->n_messages++;
        return m->file && m->text ? 0 : -ENOMEM;
}

static int say_at(struct pipelines_context *c, const struct pipelines_node *at, bool is_warning,
                  const char *fmt, va_list ap) {
        struct errmsg em = {};
        char *place = arena_printf(c->arena, "%s:%u:%u", at->file, at->line, at->column);
        char *once = arena_printf(c->arena, "%c%s", is_warning ? 'w' : 'e', place);
        int r;

        if (!place || !once)
                return -ENOMEM;
        r = strmap_add(&c->said, once, c);
        if (r != 0)
                return r < 0 ? r : 0;
        errmsg_vset(&em, fmt, ap);
        errmsg_prefix(&em, "%s", place);
        return pipelines_context_say(c, at->file, em.text, is_warning);
}

int pipelines_context_error(struct pipelines_context *c, const struct pipelines_node *at,
                            const char *fmt, ...) {
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = say_at(c, at, false, fmt, ap);
        va_end(ap);
        return r < 0 ? r : PIPELINES_BAD;
}

int pipelines_context_warn(struct pipelines_context *c, const struct pipelines_node *at,
                           const char *fmt, ...) {
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = say_at(c, at, true, fmt, ap);
        va_end(ap);
        return r;
}

const char *pipelines_context_kind(const struct pipelines_node *node) {
        static const char *const kinds[] = {
                [JSON_NULL] = "nothing",    [JSON_FALSE] = "a boolean", [JSON_TRUE] = "a boolean",
                [JSON_NUMBER] = "a number", [JSON_STRING] = "a string", [JSON_ARRAY] = "a list",
                [JSON_OBJECT] = "a map",
        };

        return node ? kinds[node->type] : "nothing";
}

/* --- values ----------------------------------------------------------------------------------- */

static int find_variable(const void *user, const char *name, struct buf *value) {
        const struct pipelines_config *config = user;
        const struct pipelines_node *v = pipelines_tree_get(config->variables, name);
        const char *text = v ? pipelines_tree_text(v) : NULL;

        return text ? buf_add_str(value, text) : 1;
}

int pipelines_context_text(struct pipelines_context *c, const struct pipelines_config *config,
                           const struct pipelines_node *node, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        const char *text = pipelines_tree_text(node);
        struct errmsg em = {};
        int r;

        if (!text)
                return pipelines_context_error(c, node, "%s%smust be one value, not %s",
                                               node->key ? node->key : "", node->key ? " " : "it ",
                                               pipelines_context_kind(node));
        if (!strstr(text, "{{")) {
                *ret = text;
                return 0;
        }
        r = placeholder_expand(text, find_variable, config, &out, &em);
        if (r == -EINVAL)
                return pipelines_context_error(c, node, "%s", em.text);
        if (r < 0)
                return r;
        *ret = arena_strdup(c->arena, buf_cstr(&out));
        return *ret ? 0 : -ENOMEM;
}

int pipelines_context_get(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *map, const char *key, const char **ret) {
        const struct pipelines_node *v = pipelines_tree_get(map, key);

        return v ? pipelines_context_text(c, config, v, ret) : 0;
}

const struct pipelines_node *pipelines_context_named(const struct pipelines_node *list,
                                                     const char *key, const char *name) {
        const struct pipelines_node *item, *v;

        pipelines_each(item, list) {
                v = pipelines_tree_get(item, key);
                if (v && str_eq(pipelines_tree_text(v), name))
                        return item;
        }
        return NULL;
}

/* --- paths ------------------------------------------------------------------------------------ */

/* Adds "/part" for each part of a path; ".." takes one away again. */
static void add_parts(struct buf *out, const char *path) {
        const char *word;
        size_t n;

        while (str_word(&path, "/", &word, &n)) {
                if (n == 1 && *word == '.')
                        continue;
                if (n == 2 && memcmp(word, "..", 2) == 0) {
                        const char *slash = strrchr(buf_cstr(out), '/');

                        buf_truncate(out, slash ? (size_t) (slash - buf_cstr(out)) : 0);
                        continue;
                }
                (void) buf_add_char(out, '/');
                (void) buf_add(out, word, n);
        }
}

int pipelines_context_path(struct pipelines_context *c, const struct pipelines_node *at,
                           const char *path, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        const char *slash = strrchr(at->file, '/');

        if (*path != '/' && slash) {
                char *dir = arena_strndup(c->arena, at->file, (size_t) (slash - at->file));

                if (!dir)
                        return -ENOMEM;
                add_parts(&out, dir);
        }
        add_parts(&out, path);
        if (out.len == 0)
                (void) buf_add_char(&out, '/');
        if (buf_error(&out))
                return buf_error(&out);
        *ret = arena_strdup(c->arena, buf_cstr(&out));
        return *ret ? 0 : -ENOMEM;
}
