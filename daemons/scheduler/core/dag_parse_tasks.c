/* The keys of the tasks in DAG JSON, version 1. man/onebox-dag.5.scd describes them. */
#include "daemons/scheduler/core/dag_parse_tasks.h"

#include <errno.h>
#include <limits.h>

#include "daemons/scheduler/core/dag_graph.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int set_kind(struct dag_reader *r, const struct json *v, void *target) {
        static const char *const names[] = {"command", "marker"};
        struct dag_task *t = target;
        unsigned i;
        int k = dag_keys_choice(r, v, names, ARRAY_SIZE(names), &i);

        if (k == 0)
                t->kind = (enum dag_kind) i;
        return k;
}

static int set_argv(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_task *t = target;
        int k = dag_keys_strings(r, v, &t->argv, &t->n_argv);

        if (k == 0 && t->n_argv == 0)
                return dag_keys_fail(r, "must hold the program at least");
        return k;
}

static int set_rule(struct dag_reader *r, const struct json *v, void *target) {
        const char *names[_TRIGGER_RULE_MAX];
        struct dag_task *t = target;
        unsigned i;
        int k;

        for (i = 0; i < _TRIGGER_RULE_MAX; i++)
                names[i] = trigger_rule_name((enum trigger_rule) i);
        k = dag_keys_choice(r, v, names, ARRAY_SIZE(names), &i);
        if (k == 0)
                t->rule = (enum trigger_rule) i;
        return k;
}

static int set_weight_rule(struct dag_reader *r, const struct json *v, void *target) {
        static const char *const names[] = {"downstream", "upstream", "absolute"};
        struct dag_task *t = target;
        unsigned i;
        int k = dag_keys_choice(r, v, names, ARRAY_SIZE(names), &i);

        if (k == 0)
                t->weight_rule = (enum dag_weight_rule) i;
        return k;
}

/* true: doubled each time; a number from 1 on: multiplied by it each time. */
static int set_exponential(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_task *t = target;
        double factor;
        bool on;

        if (json_bool(v, &on) == 0)
                factor = on ? 2 : 1;
        else if (json_f64(v, &factor) != 0)
                return dag_keys_wrong(r, v, "true, false or a factor");
        if (!(factor >= 1 && factor <= 100))
                return dag_keys_fail(r, "must be a factor between 1 and 100");
        t->retry_factor = factor;
        return 0;
}

static int set_resources(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY("memory_max", SIZE, struct dag_resources, memory_max_bytes),
                DAG_KEY_RANGE("cpu_quota", UNSIGNED, struct dag_resources, cpu_quota_percent, 1,
                              1000000),
                DAG_KEY_RANGE("tasks_max", UNSIGNED, struct dag_resources, tasks_max, 1, 1000000),
                DAG_KEY_RANGE("gpu", UNSIGNED, struct dag_resources, gpu, 0, 1024),
                DAG_KEY_RANGE("cpu_weight", UNSIGNED, struct dag_resources, cpu_weight, 1, 10000),
                DAG_KEY_RANGE("io_weight", UNSIGNED, struct dag_resources, io_weight, 1, 10000),
        };
        struct dag_task *t = target;

        return dag_keys_read(r, v, keys, ARRAY_SIZE(keys), &t->resources);
}

static int set_mounts(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY_NEEDED("volume", STR, struct dag_mount, volume),
                DAG_KEY("source", PATH, struct dag_mount, source),
                DAG_KEY_NEEDED("path", PATH, struct dag_mount, path),
                DAG_KEY("sub_path", STR, struct dag_mount, sub_path),
                DAG_KEY("read_only", BOOL, struct dag_mount, read_only),
        };
        struct dag_task *t = target;

        return dag_keys_items(r, v, keys, ARRAY_SIZE(keys), sizeof(*t->mounts), &t->mounts,
                              &t->n_mounts);
}

static int set_secrets(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY_NEEDED("secret", STR, struct dag_secret, secret),
                DAG_KEY("source", PATH, struct dag_secret, source),
                DAG_KEY_NEEDED("path", PATH, struct dag_secret, path),
                DAG_KEY("read_only", BOOL, struct dag_secret, read_only),
        };
        struct dag_task *t = target;

        return dag_keys_items(r, v, keys, ARRAY_SIZE(keys), sizeof(*t->secrets), &t->secrets,
                              &t->n_secrets);
}

/* Edges are read when all tasks are known. */
struct task_row {
        struct dag_task task;
        const struct json *upstream;
};

static int set_upstream(struct dag_reader *r, const struct json *v, void *target) {
        struct task_row *row = container_of((struct dag_task *) target, struct task_row, task);

        row->upstream = v;
        return 0;
}

static const struct dag_key task_keys[] = {
        DAG_KEY_NEEDED("id", ID, struct dag_task, id),
        DAG_KEY_BY("kind", set_kind),
        DAG_KEY("type", STR, struct dag_task, type),
        DAG_KEY("cmd", STR, struct dag_task, cmd),
        DAG_KEY_BY("argv", set_argv),
        DAG_KEY("cwd", PATH, struct dag_task, cwd),
        DAG_KEY("env", PAIRS, struct dag_task, env),
        DAG_KEY("variables", PAIRS, struct dag_task, variables),
        DAG_KEY_BY("upstream", set_upstream),
        DAG_KEY_BY("trigger_rule", set_rule),
        DAG_KEY("setup", BOOL, struct dag_task, is_setup),
        DAG_KEY("depends_on_past", BOOL, struct dag_task, depends_on_past),
        DAG_KEY("fail_if_failed", BOOL, struct dag_task, fail_if_failed),
        DAG_KEY_RANGE("retries", UNSIGNED, struct dag_task, retries, 0, 10000),
        DAG_KEY("retry_delay", SPAN, struct dag_task, retry_delay_for),
        DAG_KEY_BY("retry_exponential", set_exponential),
        DAG_KEY("retry_max_delay", SPAN, struct dag_task, retry_max_delay_for),
        DAG_KEY("execution_timeout", SPAN, struct dag_task, execution_timeout_for),
        DAG_KEY("pool", ID, struct dag_task, pool),
        DAG_KEY_RANGE("pool_slots", UNSIGNED, struct dag_task, pool_slots, 1, 1000000),
        DAG_KEY_RANGE("priority_weight", INT, struct dag_task, priority_weight, INT_MIN, INT_MAX),
        DAG_KEY_BY("weight_rule", set_weight_rule),
        DAG_KEY_BY("resources", set_resources),
        DAG_KEY("group", ID, struct dag_task, group),
        DAG_KEY("description", STR, struct dag_task, description),
        DAG_KEY("image", STR, struct dag_task, image),
        DAG_KEY_BY("mounts", set_mounts),
        DAG_KEY_BY("secrets", set_secrets),
        DAG_KEY("xcom", BOOL, struct dag_task, xcom),
        DAG_KEY("tracking", BOOL, struct dag_task, tracking),
        DAG_KEY("mapped_from", ID, struct dag_task, mapped_from),
};

static int check_task(struct dag_reader *r, const struct dag_task *t) {
        if (t->kind == DAG_MARKER && (t->cmd || t->argv))
                return dag_keys_fail(r, "a marker runs nothing: drop \"cmd\" and \"argv\" or make "
                                        "it a \"command\"");
        if (t->kind == DAG_COMMAND && !t->cmd == !t->argv)
                return dag_keys_fail(r, "a command needs either \"cmd\" or \"argv\"");
        if (t->kind == DAG_COMMAND && t->fail_if_failed)
                return dag_keys_fail(r, "\"fail_if_failed\" is for markers");
        return 0;
}

static int read_task(struct dag_reader *r, struct dag *d, const struct json *v,
                     struct task_row *row) {
        struct dag_task *t = &row->task;
        int k;

        *row = (struct task_row){.task = {.index = (unsigned) d->n_tasks,
                                          .retry_delay_for = 5 * USEC_PER_MINUTE,
                                          .retry_factor = 1,
                                          .pool = "default_pool",
                                          .pool_slots = 1,
                                          .priority_weight = 1,
                                          .tracking = true}};
        k = dag_keys_read(r, v, task_keys, ARRAY_SIZE(task_keys), t);
        if (k < 0)
                return k;
        k = check_task(r, t);
        if (k < 0)
                return k;
        d->tasks[d->n_tasks] = *t;
        k = strmap_add(&d->task_map, t->id, &d->tasks[d->n_tasks]);
        if (k == 1)
                return dag_keys_fail(r, "the task id \"%s\" stands twice", t->id);
        d->n_tasks++;
        d->uses_past = d->uses_past || t->depends_on_past;
        return k;
}

int dag_parse_tasks(struct dag_reader *r, const struct json *v, void *target) {
        _cleanup_free_ const struct json **upstream = NULL;
        struct dag *d = target;
        const struct json *item;
        int k;

        if (json_is(v, JSON_ARRAY) && v->len > DAG_TASKS_MAX)
                return dag_keys_fail(r, "holds %u tasks, more than %u", v->len, DAG_TASKS_MAX);
        if (!json_is(v, JSON_ARRAY))
                return dag_keys_wrong(r, v, "an array of tasks");
        d->tasks = arena_zalloc_array(r->arena, v->len + 1, sizeof(*d->tasks));
        upstream = mem_zalloc_array(v->len + 1, sizeof(*upstream));
        if (!upstream || !d->tasks)
                return -ENOMEM;
        json_each (item, v) {
                struct task_row row;
                size_t mark = dag_keys_enter_item(r, d->n_tasks);

                k = read_task(r, d, item, &row);
                if (k < 0)
                        return k;
                upstream[row.task.index] = row.upstream;
                dag_keys_leave(r, mark);
        }
        dag_keys_leave(r, 0);
        return dag_graph_build(r, d, upstream);
}
