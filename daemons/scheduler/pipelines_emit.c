#include "daemons/scheduler/pipelines_emit.h"

#include <errno.h>

#include "lib/base/str.h"

static void emit_loose(struct json_write *w, const char *text) {
        int64_t i;
        double d;
        bool b;

        if (str_to_i64(text, &i) == 0)
                json_write_i64(w, i);
        else if (str_to_f64(text, &d) == 0)
                json_write_f64(w, d);
        else if ((str_eq_fold(text, "true") || str_eq_fold(text, "false")) &&
                 str_to_bool(text, &b) == 0)
                json_write_bool(w, b);
        else
                json_write_str(w, text);
}

static int emit_minutes(struct pipelines_context *c, const struct pipelines_node *v,
                        const char *text, struct json_write *w) {
        double minutes;

        if (str_to_f64(text, &minutes) < 0 || !(minutes >= 0 && minutes < 1e7))
                return pipelines_context_error(c, v, "%s must be a number of minutes, not \"%s\"",
                                               v->key, text);
        if (minutes == (double) (int64_t) minutes)
                json_write_i64(w, (int64_t) minutes * 60);
        else
                json_write_f64(w, minutes * 60);
        return 0;
}

static int emit_value(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_node *v, const struct pipelines_emit_row *row,
                      struct json_write *w) {
        const char *text;
        int r;

        if (row->form == PIPELINES_EMIT_SCALAR &&
            (v->type == JSON_OBJECT || v->type == JSON_ARRAY)) {
                json_write_key(w, row->json);
                pipelines_emit_node(w, v);
                return 0;
        }
        r = pipelines_context_text(c, config, v, &text);
        if (r != 0)
                return r;
        json_write_key(w, row->json);
        if (row->form == PIPELINES_EMIT_MINUTES) {
                r = emit_minutes(c, v, text, w);
                if (r != 0)
                        json_write_null(w);
                return r;
        }
        if (row->form == PIPELINES_EMIT_TEXT)
                json_write_str(w, text);
        else
                emit_loose(w, text);
        return 0;
}

static bool was_emitted(const struct pipelines_node *map, const struct pipelines_node *fallback,
                        const struct pipelines_emit_row *rows, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (str_eq(rows[k].json, rows[i].json) &&
                    (pipelines_tree_get(map, rows[k].yaml) ||
                     pipelines_tree_get(fallback, rows[k].yaml)))
                        return true;
        return false;
}

int pipelines_emit_rows(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_node *map, const struct pipelines_node *fallback,
                        const struct pipelines_emit_row *rows, size_t n_rows,
                        struct json_write *w) {
        int worst = 0;

        for (size_t i = 0; i < n_rows; i++) {
                const struct pipelines_node *v = pipelines_tree_get(map, rows[i].yaml);
                int r;

                if (!v)
                        v = pipelines_tree_get(fallback, rows[i].yaml);
                if (!v || was_emitted(map, fallback, rows, i))
                        continue;
                r = emit_value(c, config, v, &rows[i], w);
                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        return worst;
}

void pipelines_emit_node(struct json_write *w, const struct pipelines_node *node) {
        const struct pipelines_node *item;

        switch (node->type) {
        case JSON_OBJECT:
                json_write_object(w);
                pipelines_each(item, node) {
                        json_write_key(w, item->key);
                        pipelines_emit_node(w, item);
                }
                json_write_end(w);
                return;
        case JSON_ARRAY:
                json_write_array(w);
                pipelines_each(item, node) pipelines_emit_node(w, item);
                json_write_end(w);
                return;
        case JSON_NUMBER:
                json_write_raw(w, node->text, strlen(node->text));
                return;
        case JSON_STRING:
                json_write_str(w, node->text);
                return;
        case JSON_NULL:
                json_write_null(w);
                return;
        default:
                json_write_bool(w, node->type == JSON_TRUE);
        }
}

/* --- pairs ------------------------------------------------------------------------------------ */

void pipelines_emit_pairs_done(struct pipelines_pairs *p) {
        strmap_done(&p->map);
}

int pipelines_emit_add_map(struct pipelines_context *c, const struct pipelines_node *map,
                           struct pipelines_pairs *p) {
        const struct pipelines_node *item;

        if (map && map->type != JSON_OBJECT)
                return pipelines_context_error(c, map,
                                               "\"%s\" must be a map of names and values, "
                                               "not %s",
                                               map->key, pipelines_context_kind(map));
        pipelines_each(item, map) {
                const char *text = pipelines_tree_text(item);

                if (!text)
                        return pipelines_context_error(c, item, "\"%s\" must be one value, not %s",
                                                       item->key, pipelines_context_kind(item));
                if (!*item->key)
                        return pipelines_context_error(c, item, "a name must not be empty");
                if (strmap_set(&p->map, item->key, (void *) text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void pipelines_emit_pairs(struct json_write *w, const char *key, const struct pipelines_pairs *p) {
        const struct strmap_entry *e;

        if (p->map.n == 0)
                return;
        json_write_kv_object(w, key);
        map_each (e, &p->map)
                json_write_kv_str(w, e->key, e->value);
        json_write_end(w);
}

char *pipelines_emit_env_name(struct arena *a, const char *prefix, const char *name) {
        char *s = arena_printf(a, "%s%s", prefix, name);

        for (char *p = s; p && *p; p++) {
                if (*p >= 'a' && *p <= 'z')
                        *p = (char) (*p - 'a' + 'A');
                else if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
                        *p = '_';
        }
        return s;
}

int pipelines_emit_environment(struct pipelines_context *c, const struct pipelines_config *config,
                               const struct pipelines_node *image, struct json_write *w) {
        static const struct pipelines_emit_row rows[] = {
                {"image", "image", PIPELINES_EMIT_TEXT},
                {"python_version", "python_version", PIPELINES_EMIT_TEXT},
                {"pip_conf", "pip_conf", PIPELINES_EMIT_TEXT},
                {"build_cmd", "build_cmd", PIPELINES_EMIT_TEXT},
        };
        const struct pipelines_node *source = pipelines_tree_get(image, "source");
        const char *text, *path;
        int r;

        if (!source)
                return 0;
        r = pipelines_context_text(c, config, source, &text);
        if (r == 0)
                r = pipelines_context_path(c, source, text, &path);
        if (r != 0)
                return r;
        json_write_kv_object(w, "environment");
        r = pipelines_emit_rows(c, config, image, NULL, rows, ARRAY_SIZE(rows), w);
        json_write_kv_str(w, "source", path);
        json_write_end(w);
        return r;
}
