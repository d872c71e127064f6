#include "daemons/scheduler/pipelines_dag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/core/dag.h"
#include "daemons/scheduler/pipelines_keys.h"
#include "daemons/scheduler/pipelines_task.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/zone_file.h"

/* A task of the file and what it waits for. */
struct unit {
        struct pipelines_task task;
        size_t *upstream; /* indexes of units */
        size_t n_upstream;
        size_t n_upstream_allocated;
        bool is_before;
        bool is_after;
        bool has_downstream;
};

struct units {
        struct unit *items;
        size_t n;
        size_t n_allocated;
};

static void units_done(struct units *u) {
        for (size_t i = 0; i < u->n; i++)
                mem_free(u->items[i].upstream);
        mem_free(u->items);
}

/* --- which tasks ------------------------------------------------------------------------------ */

static int add_units(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_node *pipeline, const struct pipelines_node *list,
                     struct unit like, struct units *units) {
        const struct pipelines_node *item;
        int worst = 0;

        if (list && list->type != JSON_ARRAY)
                return pipelines_context_error(c, list, "\"%s\" must be a list of tasks, not %s",
                                               list->key, pipelines_context_kind(list));
        pipelines_each(item, list) {
                int r = pipelines_task_read(c, config, pipeline, item, &like.task);

                if (r < 0)
                        return r;
                worst = MAX(worst, r);
                if (r != 0)
                        continue;
                if (mem_grow((void **) &units->items, &units->n_allocated, units->n + 1,
                             sizeof(like)) < 0)
                        return -ENOMEM;
                units->items[units->n++] = like;
        }
        return worst;
}

static bool is_placeholder(const struct pipelines_node *task) {
        const struct pipelines_node *type = pipelines_tree_get(task, "type");

        return type && str_eq(pipelines_tree_text(type), "pipeline");
}

/* The defaults' own tasks, with the pipeline's in place of `type: pipeline`. Liminal's documents
 * say so; its code takes them only when the pipeline has none. */
static int add_own_units(struct pipelines_context *c, const struct pipelines_config *config,
                         const struct pipelines_node *pipeline, const struct pipelines_node *own,
                         struct units *units) {
        const struct pipelines_node *frame = pipelines_tree_get(config->pipeline_defaults, "tasks");
        const struct pipelines_node *item;
        bool has_place = false;
        int worst = 0;

        pipelines_each(item, frame) has_place = has_place || is_placeholder(item);
        if (!own && !has_place)
                return add_units(c, config, pipeline, frame, (struct unit){}, units);
        if (!has_place || c->options->compat_code)
                return add_units(c, config, pipeline, own, (struct unit){}, units);
        pipelines_each(item, frame) {
                struct pipelines_node one = *frame, copy = *item;
                int r;

                copy.next = NULL;
                one.first = &copy;
                r = add_units(c, config, pipeline, is_placeholder(item) ? own : &one,
                              (struct unit){}, units);
                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        return worst;
}

/* --- edges ------------------------------------------------------------------------------------ */

static int add_edge(struct units *u, size_t to, size_t from) {
        struct unit *t = &u->items[to];

        if (mem_grow((void **) &t->upstream, &t->n_upstream_allocated, t->n_upstream + 1,
                     sizeof(*t->upstream)) < 0)
                return -ENOMEM;
        t->upstream[t->n_upstream++] = from;
        u->items[from].has_downstream = true;
        return 0;
}

static int depend_on(struct pipelines_context *c, struct units *u, size_t to,
                     const struct pipelines_node *at) {
        _cleanup_free_ const char **names = mem_alloc_array(u->n, sizeof(*names));
        const char *name = pipelines_tree_text(at), *near;

        if (!names)
                return -ENOMEM;
        if (!name)
                return pipelines_context_error(c, at, "depends_on must hold names of tasks, not %s",
                                               pipelines_context_kind(at));
        for (size_t i = 0; i < u->n; i++) {
                names[i] = u->items[i].task.id;
                if (!str_eq(names[i], name))
                        continue;
                return i == to ? pipelines_context_error(c, at, "task \"%s\" depends on itself",
                                                         name)
                               : add_edge(u, to, i);
        }
        near = str_nearest(name, names, u->n);
        return pipelines_context_error(c, at, "there is no task \"%s\"%s%s%s", name,
                                       near ? ": did you mean \"" : " in this pipeline",
                                       near ? near : "", near ? "\"?" : "");
}

static int add_named_edges(struct pipelines_context *c, struct units *u, size_t i,
                           const struct pipelines_node *deps) {
        const struct pipelines_node *item;
        int worst = 0;

        if (deps->type != JSON_ARRAY)
                return depend_on(c, u, i, deps);
        pipelines_each(item, deps) {
                int r = depend_on(c, u, i, item);

                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        return worst;
}

/* The last of the before_tasks, or n when there is none. */
static size_t last_before(const struct units *u) {
        size_t n = 0;

        while (n < u->n && u->items[n].is_before)
                n++;
        return n > 0 ? n - 1 : u->n;
}

/* What a task waits for: what it names; else the task before it. One that names nothing still comes
 * after the before_tasks. */
static int add_edges(struct pipelines_context *c, struct units *u, size_t i) {
        const struct pipelines_node *deps = pipelines_tree_get(u->items[i].task.node, "depends_on");
        size_t before = last_before(u);
        int r;

        if (deps) {
                r = add_named_edges(c, u, i, deps);
                if (r != 0 || u->items[i].n_upstream > 0 || before >= i)
                        return r;
                return add_edge(u, i, before);
        }
        return i > 0 ? add_edge(u, i, i - 1) : 0;
}

/* The first of the after_tasks waits for every task that nobody else waits for. */
static int join_leaves(struct units *u, size_t to) {
        for (size_t i = 0; i < to; i++) {
                int r = u->items[i].has_downstream ? 0 : add_edge(u, to, i);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int connect(struct pipelines_context *c, struct units *u) {
        size_t first_after = u->n;
        int worst = 0, r;

        for (size_t i = 0; i < u->n; i++) {
                bool is_join = u->items[i].is_after && first_after == u->n;

                if (is_join)
                        first_after = i;
                if (is_join && !pipelines_tree_get(u->items[i].task.node, "depends_on"))
                        continue;
                r = add_edges(c, u, i);
                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        if (worst != 0 || first_after == u->n || u->items[first_after].n_upstream > 0)
                return worst;
        return join_leaves(u, first_after);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static unsigned n_variants(const struct pipelines_task *t) {
        return MAX(t->matrix.n, 1u);
}

/* Which task of the file each task of the JSON came from, for messages. */
struct origins {
        const struct pipelines_node **items;
        size_t n;
        size_t n_allocated;
};

static int emit_unit(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct units *u, const struct unit *unit, struct json_write *w,
                     struct origins *origins) {
        _cleanup_free_ const char **ids = NULL;
        size_t n = 0, n_allocated = 0;

        for (size_t k = 0; k < unit->n_upstream; k++) {
                const struct pipelines_task *up = &u->items[unit->upstream[k]].task;

                for (unsigned i = 0; i < n_variants(up); i++) {
                        if (mem_grow((void **) &ids, &n_allocated, n + 1, sizeof(*ids)) < 0)
                                return -ENOMEM;
                        ids[n] = pipelines_task_id(c, up, i);
                        if (!ids[n++])
                                return -ENOMEM;
                }
        }
        for (unsigned i = 0; i < n_variants(&unit->task); i++) {
                int r;

                if (mem_grow((void **) &origins->items, &origins->n_allocated, origins->n + 1,
                             sizeof(*origins->items)) < 0)
                        return -ENOMEM;
                origins->items[origins->n++] = unit->task.node;
                r = pipelines_task_emit(c, config, &unit->task, i, ids, n, w);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int emit_units(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct units *u, struct json_write *w, struct origins *origins) {
        int worst = 0;

        json_write_kv_array(w, "groups");
        for (size_t i = 0; i < u->n; i++) {
                if (u->items[i].task.matrix.n == 0)
                        continue;
                json_write_object(w);
                json_write_kv_str(w, "id", u->items[i].task.id);
                json_write_end(w);
        }
        json_write_end(w);
        json_write_kv_array(w, "tasks");
        for (size_t i = 0; i < u->n; i++) {
                int r = emit_unit(c, config, u, &u->items[i], w, origins);

                if (r < 0)
                        return r;
                worst = MAX(worst, r);
        }
        json_write_end(w);
        return worst;
}

/* schedule_interval wins over schedule, as in Liminal. */
static void emit_schedule(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *p, const char *text, struct json_write *w) {
        bool intervals = pipelines_tree_is(pipelines_tree_get(p, "data_interval"), JSON_TRUE);
        const char *every = str_after(text, "@every ");

        if (!intervals) {
                json_write_kv_str(w, "schedule", text);
                return;
        }
        json_write_kv_object(w, "schedule");
        json_write_kv_str(w, every ? "every" : "cron", every ? every : text);
        json_write_kv_bool(w, "data_interval", true);
        json_write_end(w);
}

static int emit_times(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_node *p, struct json_write *w) {
        const struct pipelines_node *catchup = pipelines_tree_get(p, "catchup");
        const char *key =
                pipelines_tree_get(p, "schedule_interval") ? "schedule_interval" : "schedule";
        const struct pipelines_node *schedule = pipelines_tree_get(p, key);
        const char *text = NULL;
        int r = 0;

        if (pipelines_tree_is(schedule, JSON_ARRAY) || pipelines_tree_is(schedule, JSON_OBJECT)) {
                json_write_key(w, "schedule"); /* as onebox-dag(5) has it */
                pipelines_emit_node(w, schedule);
        } else
                r = pipelines_context_get(c, config, p, key, &text);
        if (r != 0)
                return r;
        if (text)
                emit_schedule(c, config, p, text, w);
        if (catchup && pipelines_tree_get(p, "missed"))
                return pipelines_context_error(c, catchup,
                                               "catchup and missed say the same: keep "
                                               "missed");
        if (catchup)
                json_write_kv_str(w, "missed", catchup->type == JSON_TRUE ? "all" : "last");
        return 0;
}

static int emit_variables(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *p, struct json_write *w) {
        _cleanup_(pipelines_emit_pairs_done) struct pipelines_pairs pairs = {};
        const struct pipelines_node *item;
        int r;

        pipelines_each(item, config->variables) {
                const char *text = pipelines_tree_text(item); /* maps are for tasks to name */

                if (text && *item->key && strmap_set(&pairs.map, item->key, (void *) text) < 0)
                        return -ENOMEM;
        }
        r = pipelines_emit_add_map(c, pipelines_tree_get(p, "variables"), &pairs);
        if (r == 0)
                pipelines_emit_pairs(w, "variables", &pairs);
        return r;
}

static int emit_head(struct pipelines_context *c, const struct pipelines_config *config,
                     const struct pipelines_node *p, const char *id, struct json_write *w) {
        static const struct pipelines_emit_row rows[] = {
                {"owner", "owner", PIPELINES_EMIT_TEXT},
                {"user", "user", PIPELINES_EMIT_TEXT},
                {"description", "description", PIPELINES_EMIT_TEXT},
                {"tags", "tags", PIPELINES_EMIT_SCALAR},
                {"timezone", "timezone", PIPELINES_EMIT_TEXT},
                {"start_date", "start_date", PIPELINES_EMIT_TEXT},
                {"end_date", "end_date", PIPELINES_EMIT_TEXT},
                {"missed", "missed", PIPELINES_EMIT_SCALAR},
                {"max_active_runs", "max_active_runs", PIPELINES_EMIT_SCALAR},
                {"max_active_tasks", "max_active_tasks", PIPELINES_EMIT_SCALAR},
                {"timeout", "dagrun_timeout", PIPELINES_EMIT_SCALAR},
                {"timeout_minutes", "dagrun_timeout", PIPELINES_EMIT_MINUTES},
                {"paused", "paused", PIPELINES_EMIT_SCALAR},
                {"params", "params", PIPELINES_EMIT_SCALAR},
                {"on_success", "on_success", PIPELINES_EMIT_SCALAR},
                {"on_failure", "on_failure", PIPELINES_EMIT_SCALAR},
                {"deadlines", "deadlines", PIPELINES_EMIT_SCALAR},
        };
        static const struct pipelines_emit_row owner[] = {
                {"owner", "owner", PIPELINES_EMIT_TEXT},
        };
        int r;

        json_write_kv_i64(w, "onebox_dag", DAG_VERSION);
        json_write_kv_str(w, "dag_id", id);
        json_write_kv_str(w, "source_file", config->file);
        r = pipelines_emit_rows(c, config, p, NULL, rows, ARRAY_SIZE(rows), w);
        if (r == 0 && !pipelines_tree_get(p, "owner"))
                r = pipelines_emit_rows(c, config, config->root, NULL, owner, ARRAY_SIZE(owner), w);
        if (r == 0)
                r = emit_times(c, config, p, w);
        return r == 0 ? emit_variables(c, config, p, w) : r;
}

/* --- the check -------------------------------------------------------------------------------- */

/* The names that differ between the file and the JSON. */
static const char *yaml_name(const struct pipelines_node *p, const char *json_name) {
        if (str_eq(json_name, "dagrun_timeout"))
                return pipelines_tree_get(p, "timeout") ? "timeout" : "timeout_minutes";
        if (str_eq(json_name, "schedule") && pipelines_tree_get(p, "schedule_interval"))
                return "schedule_interval";
        if (str_eq(json_name, "execution_timeout") && pipelines_tree_get(p, "timeout"))
                return "timeout";
        return json_name;
}

/* "tasks[3].retries: …" → the node of that key of the file, and the words with what names the place
 * below the key; or the nearest node around it and the words alone. */
static const struct pipelines_node *find_place(const struct pipelines_node *p,
                                               const struct origins *origins, const char *path,
                                               const char **ret_text) {
        const char *rest = str_after(path, "tasks["), *colon = strstr(path, ": ");
        const struct pipelines_node *at = p, *inner;
        char *end, name[64];
        size_t n;

        *ret_text = path;
        if (!colon || memchr(path, ' ', (size_t) (colon - path)))
                return at;
        *ret_text = colon + STRLEN(": ");
        if (rest) {
                unsigned long i = strtoul(rest, &end, 10);

                if (i < origins->n)
                        at = origins->items[i];
                path = end + strspn(end, "].");
        }
        n = strcspn(path, ".[:");
        if (n == 0 || n >= sizeof(name))
                return at;
        memcpy(name, path, n);
        name[n] = 0;
        inner = pipelines_tree_get(at, yaml_name(at, name));
        if (!inner)
                inner = pipelines_tree_get(p, yaml_name(p, name));
        if (!inner)
                return at;
        *ret_text = pipelines_tree_is(inner, JSON_OBJECT) ? path + n : colon;
        return inner;
}

/* The zone must be one of this machine's: the scheduler refuses the pipeline otherwise. */
static int check_zone(struct pipelines_context *c, const struct pipelines_node *p,
                      const struct dag *d) {
        const struct pipelines_node *at = pipelines_tree_get(p, "timezone");
        _cleanup_(zone_freep) struct zone *zone = NULL;
        struct errmsg em = {};
        int r;

        if (str_eq(d->timezone, "UTC"))
                return 0;
        r = zone_file_load(d->timezone, &zone, &em);
        if (r == -ENOENT || r == -EINVAL)
                return pipelines_context_error(c, at ? at : p, "%s", em.text);
        return r;
}

static int check_json(struct pipelines_context *c, const struct pipelines_node *p,
                      const struct origins *origins, const char *json, size_t len) {
        _cleanup_(dag_unrefp) struct dag *d = NULL;
        const struct pipelines_node *at;
        struct errmsg em = {};
        const char *text;
        int r;

        r = dag_parse(json, len, &d, &em);
        if (r != -EINVAL)
                return r < 0 ? r : check_zone(c, p, d);
        at = find_place(p, origins, em.text, &text);
        return pipelines_context_error(c, at, "%s%s",
                                       at->key && strcspn(text, ".[:") == 0 ? at->key : "", text);
}

/* --- the pipeline ----------------------------------------------------------------------------- */

static int read_id(struct pipelines_context *c, const struct pipelines_config *config,
                   const struct pipelines_node *p, const char **ret) {
        const struct pipelines_node *v = pipelines_tree_get(p, "pipeline");
        const struct pipelines_node *other;
        int r;

        if (!v)
                return pipelines_context_error(c, p, "the pipeline has no \"pipeline\": name it");
        r = pipelines_context_text(c, config, v, ret);
        if (r != 0)
                return r;
        if (!str_is_name(*ret, DAG_ID_MAX))
                return pipelines_context_error(c, v,
                                               "\"%.60s\" is no pipeline name: use letters, "
                                               "digits, dots, dashes and underscores",
                                               *ret);
        other = strmap_get(&c->dag_ids, *ret);
        if (other)
                return pipelines_context_error(c, v, "pipeline \"%s\" stands in %s:%u too", *ret,
                                               other->file, other->line);
        return strmap_set(&c->dag_ids, *ret, (void *) v) < 0 ? -ENOMEM : 0;
}

static int add_result(struct pipelines_context *c, const struct pipelines_config *config,
                      const struct pipelines_node *p, const char *id, struct buf *json) {
        struct pipelines *res = c->result;
        struct pipelines_dag *d;

        if (mem_grow((void **) &res->dags, &res->n_dags_allocated, res->n_dags + 1, sizeof(*d)) < 0)
                return -ENOMEM;
        d = &res->dags[res->n_dags++];
        *d = (struct pipelines_dag){
                .dag_id = mem_strdup(id),
                .json = buf_take(json, NULL),
                .file = mem_strdup(config->file),
                .line = p->line,
        };
        return d->dag_id && d->json && d->file ? 0 : -ENOMEM;
}

static int collect(struct pipelines_context *c, const struct pipelines_config *config,
                   const struct pipelines_node *p, const struct pipelines_node *own,
                   struct units *units) {
        int r, worst;

        worst = add_units(c, config, p, config->before_tasks, (struct unit){.is_before = true},
                          units);
        if (worst < 0)
                return worst;
        r = add_own_units(c, config, p, own, units);
        if (r < 0)
                return r;
        worst = MAX(worst, r);
        r = add_units(c, config, p, config->after_tasks, (struct unit){.is_after = true}, units);
        if (r < 0)
                return r;
        worst = MAX(worst, r);
        return worst == 0 ? connect(c, units) : worst;
}

int pipelines_dag_compile(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *pipeline) {
        _cleanup_(units_done) struct units units = {};
        _cleanup_buf_ struct buf json = {};
        struct origins origins = {};
        const struct pipelines_node *p, *frame;
        struct json_write w;
        const char *id;
        int r;

        r = pipelines_keys_check(c, pipeline, PIPELINES_KEYS_PIPELINE, "a pipeline");
        if (r != 0)
                return r;
        frame = config->pipeline_defaults
                        ? pipelines_tree_without(c->arena, config->pipeline_defaults, "tasks")
                        : NULL;
        p = pipelines_tree_merge(c->arena, frame, pipeline);
        if (!p)
                return -ENOMEM;
        r = read_id(c, config, p, &id);
        if (r == 0)
                r = collect(c, config, p, pipelines_tree_get(pipeline, "tasks"), &units);
        if (r != 0)
                return r;

        json_write_init(&w, &json, 0);
        json_write_object(&w);
        r = emit_head(c, config, p, id, &w);
        if (r == 0)
                r = emit_units(c, config, &units, &w, &origins);
        if (r == 0) {
                json_write_end(&w);
                r = json_write_finish(&w);
        }
        if (r == 0)
                r = check_json(c, p, &origins, buf_cstr(&json), json.len);
        mem_free(origins.items);
        return r == 0 ? add_result(c, config, p, id, &json) : r;
}
