/* The keys of DAG JSON, version 1. man/onebox-dag.5.scd describes them. */
#include <errno.h>

#include "daemons/scheduler/core/dag_callbacks.h"
#include "daemons/scheduler/core/dag_parse_tasks.h"
#include "daemons/scheduler/core/dag_schedule.h"
#include "lib/base/buf.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define ARENA_LIMIT (256u << 20)

/* --- the DAG ---------------------------------------------------------------------------------- */

static int set_version(struct dag_reader *r, const struct json *v, void *target) {
        int64_t n;

        if (json_i64(v, &n) != 0)
                return dag_keys_wrong(r, v, "a whole number");
        if (n != DAG_VERSION)
                return dag_keys_fail(r, "version %lld is not known here: this onebox reads %d",
                                     (long long) n, DAG_VERSION);
        return 0;
}

static int set_missed(struct dag_reader *r, const struct json *v, void *target) {
        static const char *const names[] = {"skip", "last", "all"};
        static const struct dag_key keys[] = {
                DAG_KEY_NEEDED("within", SPAN, struct dag, missed_within_for),
        };
        struct dag *d = target;
        unsigned i;
        int k;

        if (json_is(v, JSON_OBJECT)) {
                d->missed = DAG_MISSED_WITHIN;
                return dag_keys_read(r, v, keys, ARRAY_SIZE(keys), d);
        }
        k = dag_keys_choice(r, v, names, ARRAY_SIZE(names), &i);
        if (k == 0)
                d->missed = (enum dag_missed) i;
        return k;
}

static int set_tags(struct dag_reader *r, const struct json *v, void *target) {
        struct dag *d = target;

        return dag_keys_strings(r, v, &d->tags, &d->n_tags);
}

static int set_params(struct dag_reader *r, const struct json *v, void *target) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;
        struct dag *d = target;

        if (!json_is(v, JSON_OBJECT))
                return dag_keys_wrong(r, v, "an object");
        json_write_init(&w, &text, 0);
        json_write_node(&w, v);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        d->params = arena_strdup(r->arena, buf_cstr(&text));
        return d->params ? dag_keys_scalars(r, v, &d->param_texts) : -ENOMEM;
}

static int set_groups(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY_NEEDED("id", ID, struct dag_group, id),
                DAG_KEY("parent", ID, struct dag_group, parent),
                DAG_KEY("description", STR, struct dag_group, description),
        };
        struct dag *d = target;

        return dag_keys_items(r, v, keys, ARRAY_SIZE(keys), sizeof(*d->groups), &d->groups,
                              &d->n_groups);
}

static const struct dag_key dag_keys[] = {
        DAG_KEY_NEEDED_BY("onebox_dag", set_version),
        DAG_KEY_NEEDED("dag_id", ID, struct dag, id),
        DAG_KEY("description", STR, struct dag, description),
        DAG_KEY("owner", STR, struct dag, owner),
        DAG_KEY("user", ID, struct dag, user),
        DAG_KEY_BY("tags", set_tags),
        DAG_KEY("source_file", STR, struct dag, source_file),
        DAG_KEY_BY("schedule", dag_schedule_set),
        DAG_KEY("timezone", STR, struct dag, timezone),
        DAG_KEY("start_date", MOMENT, struct dag, start_at),
        DAG_KEY("end_date", MOMENT, struct dag, end_at),
        DAG_KEY_BY("missed", set_missed),
        DAG_KEY_RANGE("max_active_runs", UNSIGNED, struct dag, max_active_runs, 1, 100000),
        DAG_KEY_RANGE("max_active_tasks", UNSIGNED, struct dag, max_active_tasks, 1, 100000),
        DAG_KEY("dagrun_timeout", SPAN, struct dag, dagrun_timeout_for),
        DAG_KEY("paused", BOOL, struct dag, paused_at_creation),
        DAG_KEY_BY("params", set_params),
        DAG_KEY("variables", PAIRS, struct dag, variables),
        DAG_KEY_BY("groups", set_groups),
        DAG_KEY_BY("on_success", dag_callbacks_dag_success),
        DAG_KEY_BY("on_failure", dag_callbacks_dag_failure),
        DAG_KEY_BY("deadlines", dag_callbacks_deadlines),
        DAG_KEY_NEEDED_BY("tasks", dag_parse_tasks),
};

static const struct dag_group *find_group(const struct dag *d, const char *id) {
        for (size_t i = 0; i < d->n_groups; i++)
                if (str_eq(d->groups[i].id, id))
                        return &d->groups[i];
        return NULL;
}

/* Parents exist and come to an end. */
static int check_groups(struct dag_reader *r, const struct dag *d) {
        for (size_t i = 0; i < d->n_groups; i++) {
                const struct dag_group *g = &d->groups[i];
                size_t depth = 0;

                if (find_group(d, g->id) != g)
                        return dag_keys_fail(r, "groups[%zu]: the group \"%s\" stands twice", i,
                                             g->id);
                for (; g->parent; depth++) {
                        const struct dag_group *up = find_group(d, g->parent);

                        if (!up)
                                return dag_keys_fail(r, "groups[%zu]: there is no group \"%s\"", i,
                                                     g->parent);
                        if (depth > d->n_groups)
                                return dag_keys_fail(r, "groups[%zu]: is its own parent", i);
                        g = up;
                }
        }
        for (size_t i = 0; i < d->n_tasks; i++)
                if (d->tasks[i].group && !find_group(d, d->tasks[i].group))
                        return dag_keys_fail(r, "tasks[%zu].group: there is no group \"%s\"", i,
                                             d->tasks[i].group);
        return 0;
}

static int check_dag(struct dag_reader *r, const struct dag *d) {
        if (d->start_at != USEC_INFINITY && d->end_at < d->start_at)
                return dag_keys_fail(r, "end_date: lies before start_date");
        if (d->schedule.data_interval && d->missed == DAG_MISSED_ALL &&
            d->start_at == USEC_INFINITY)
                return dag_keys_fail(r, "start_date: is needed to know where the missed data "
                                        "intervals begin");
        if (d->schedule.kind == DAG_SCHEDULE_CONTINUOUS && d->max_active_runs > 1)
                return dag_keys_fail(r,
                                     "max_active_runs: must be 1 with \"@continuous\", whose runs "
                                     "follow one another");
        return check_groups(r, d);
}

int dag_parse(const char *text, size_t n_bytes, struct dag **ret, struct errmsg *em) {
        _cleanup_(dag_unrefp) struct dag *d = mem_new(struct dag);
        _cleanup_(arena_done) struct arena nodes;
        struct dag_reader r = {.em = em};
        struct json *root;
        char *kept;
        int k;

        arena_init(&nodes, ARENA_LIMIT);
        if (!d)
                return -ENOMEM;
        d->n_refs = 1;
        arena_init(&d->arena, ARENA_LIMIT);
        r.arena = &d->arena;
        d->owner = "onebox";
        d->timezone = "UTC";
        d->params = "{}";
        d->start_at = d->end_at = USEC_INFINITY;
        d->missed = DAG_MISSED_LAST;
        d->max_active_tasks = 16;

        /* The DAG's strings are in its text; of the tree it keeps nothing. */
        kept = arena_memdup(&d->arena, text, n_bytes);
        k = kept ? json_parse(&nodes, kept, n_bytes, &root, em) : -ENOMEM;
        if (k < 0)
                return k;
        k = dag_keys_read(&r, root, dag_keys, ARRAY_SIZE(dag_keys), d);
        if (k < 0)
                return k;
        if (d->max_active_runs == 0)
                d->max_active_runs = d->schedule.kind == DAG_SCHEDULE_CONTINUOUS ? 1 : 16;
        k = check_dag(&r, d);
        if (k < 0)
                return k;
        assert(d->id && d->n_leaves <= d->n_tasks);
        *ret = TAKE_PTR(d);
        return 0;
}
