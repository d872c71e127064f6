/* The keys of the tasks in DAG JSON, version 1. man/onebox-dag.5.scd describes them. */
#include "daemons/scheduler/core/dag_parse_tasks.h"

#include <errno.h>
#include <limits.h>

#include "daemons/scheduler/core/dag_callbacks.h"
#include "daemons/scheduler/core/dag_graph.h"
#include "daemons/scheduler/core/dag_tracking.h"
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

static int add_lease(struct dag_reader *r, struct dag_resources *to, const char *name,
                     const struct json *v) {
        int64_t n;

        if (json_i64(v, &n) != 0)
                return dag_keys_wrong(r, v, "a whole number from 0 to 64");
        if (n < 0 || n > 64)
                return dag_keys_fail(r, "%lld is not between 0 and 64", (long long) n);
        if (!str_is_name(name, DAG_ID_MAX))
                return dag_keys_fail(r, "\"%.60s\" is no name of a resource", name);
        if (n == 0)
                return 0;
        if (to->n_leases == DAG_LEASES_MAX)
                return dag_keys_fail(r, "names more than %u counted resources", DAG_LEASES_MAX);
        to->leases[to->n_leases++] = (struct dag_lease){name, (unsigned) n};
        return 0;
}

static int set_gpu(struct dag_reader *r, const struct json *v, void *target) {
        return add_lease(r, target, "gpu", v);
}

/* {"license": 1}: counted resources that the configuration names. */
static int set_leases(struct dag_reader *r, const struct json *v, void *target) {
        const struct json *item;

        if (!json_is(v, JSON_OBJECT))
                return dag_keys_wrong(r, v, "an object");
        json_each (item, v) {
                size_t mark = dag_keys_enter(r, item->key);
                int k = str_eq(item->key, "gpu") ? dag_keys_fail(r, "stands beside \"leases\"")
                                                 : add_lease(r, target, item->key, item);

                if (k < 0)
                        return k;
                dag_keys_leave(r, mark);
        }
        return 0;
}

/* ["/dev/fuse"] */
static int set_devices(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_resources *to = target;
        int k = dag_keys_strings(r, v, &to->devices, &to->n_devices);

        for (size_t i = 0; k == 0 && i < to->n_devices; i++)
                if (!str_starts(to->devices[i], "/dev/"))
                        return dag_keys_fail(r, "\"%.60s\" is no device: name a path below /dev",
                                             to->devices[i]);
        if (k == 0 && to->n_devices > DAG_DEVICES_MAX)
                return dag_keys_fail(r, "holds more than %u devices", DAG_DEVICES_MAX);
        return k;
}

static int set_resources(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY("memory_max", SIZE, struct dag_resources, memory_max_bytes),
                DAG_KEY_RANGE("cpu_quota", UNSIGNED, struct dag_resources, cpu_quota_percent, 1,
                              1000000),
                DAG_KEY_RANGE("tasks_max", UNSIGNED, struct dag_resources, tasks_max, 1, 1000000),
                DAG_KEY_BY("gpu", set_gpu),
                DAG_KEY_BY("leases", set_leases),
                DAG_KEY_BY("devices", set_devices),
                DAG_KEY_RANGE("cpu_weight", UNSIGNED, struct dag_resources, cpu_weight, 1, 10000),
                DAG_KEY_RANGE("io_weight", UNSIGNED, struct dag_resources, io_weight, 1, 10000),
        };
        struct dag_task *t = target;

        return dag_keys_read(r, v, keys, ARRAY_SIZE(keys), &t->resources);
}

static int set_decides(struct dag_reader *r, const struct json *v, void *target) {
        static const char *const names[] = {"nothing", "branch", "short_circuit"};
        struct dag_task *t = target;
        unsigned i;
        int k = dag_keys_choice(r, v, names, ARRAY_SIZE(names), &i);

        if (k == 0)
                t->decides = (enum dag_decides) i;
        return k;
}

/* An array as written, or {"xcom": TASK, "key": KEY}. */
static int read_expand(struct dag_reader *r, const struct json *v, struct dag_expand *e) {
        static const struct dag_key keys[] = {
                DAG_KEY_NEEDED("xcom", ID, struct dag_expand, task_id),
                DAG_KEY("key", STR, struct dag_expand, key),
        };

        e->key = "return_value";
        if (json_is(v, JSON_ARRAY)) {
                e->values =
                        json_copy_nodes(r->arena, v); /* the others are gone after the reading */
                return e->values ? 0 : -ENOMEM;
        }
        if (!json_is(v, JSON_OBJECT))
                return dag_keys_wrong(r, v, "an array or {\"xcom\": TASK}");
        return dag_keys_read(r, v, keys, ARRAY_SIZE(keys), e);
}

/* {"name": ARRAY | {"xcom": TASK}, …}: an instance for each combination of values. */
static int set_expand(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_task *t = target;
        const struct json *item;

        if (!json_is(v, JSON_OBJECT) || v->len == 0)
                return dag_keys_wrong(r, v, "an object with the arguments");
        if (t->expand)
                return dag_keys_fail(r, "goes not with \"expand_kwargs\"");
        t->expand = arena_zalloc_array(r->arena, v->len, sizeof(*t->expand));
        if (!t->expand)
                return -ENOMEM;
        json_each (item, v) {
                struct dag_expand *e = &t->expand[t->n_expand++];
                size_t mark = dag_keys_enter(r, item->key);
                int k = read_expand(r, item, e);

                if (k < 0)
                        return k;
                e->name = item->key;
                dag_keys_leave(r, mark);
        }
        return 0;
}

/* ARRAY of objects | {"xcom": TASK}: an instance for each object. */
static int set_expand_kwargs(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_task *t = target;

        if (t->expand)
                return dag_keys_fail(r, "goes not with \"expand\"");
        t->expand = arena_zalloc_array(r->arena, 1, sizeof(*t->expand));
        if (!t->expand)
                return -ENOMEM;
        t->n_expand = 1;
        return read_expand(r, v, t->expand);
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
                DAG_KEY("path", PATH, struct dag_secret, path),
                DAG_KEY("read_only", BOOL, struct dag_secret, read_only),
                DAG_KEY("encrypted", BOOL, struct dag_secret, encrypted),
        };
        struct dag_task *t = target;

        return dag_keys_items(r, v, keys, ARRAY_SIZE(keys), sizeof(*t->secrets), &t->secrets,
                              &t->n_secrets);
}

static int set_environment(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY_NEEDED("image", STR, struct dag_environment, image),
                DAG_KEY_NEEDED("source", PATH, struct dag_environment, source),
                DAG_KEY("python_version", STR, struct dag_environment, python_version),
                DAG_KEY("pip_conf", STR, struct dag_environment, pip_conf),
                DAG_KEY("build_cmd", STR, struct dag_environment, build_cmd),
        };
        struct dag_task *t = target;

        t->environment = arena_zalloc_array(r->arena, 1, sizeof(*t->environment));
        return t->environment ? dag_keys_read(r, v, keys, ARRAY_SIZE(keys), t->environment)
                              : -ENOMEM;
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
        DAG_KEY("teardown", BOOL, struct dag_task, is_teardown),
        DAG_KEY("on_failure_fail_dagrun", BOOL, struct dag_task, on_failure_fail_dagrun),
        DAG_KEY("depends_on_past", BOOL, struct dag_task, depends_on_past),
        DAG_KEY("wait_for_downstream", BOOL, struct dag_task, wait_for_downstream),
        DAG_KEY_RANGE("max_active_tis_per_dag", UNSIGNED, struct dag_task, max_active_per_dag, 1,
                      100000),
        DAG_KEY_RANGE("max_active_tis_per_dagrun", UNSIGNED, struct dag_task, max_active_per_run, 1,
                      100000),
        DAG_KEY_BY("decides", set_decides),
        DAG_KEY("keeps_downstream_rules", BOOL, struct dag_task, keeps_downstream_rules),
        DAG_KEY_BY("expand", set_expand),
        DAG_KEY_BY("expand_kwargs", set_expand_kwargs),
        DAG_KEY_BY("on_success", dag_callbacks_task_success),
        DAG_KEY_BY("on_failure", dag_callbacks_task_failure),
        DAG_KEY_BY("on_retry", dag_callbacks_task_retry),
        DAG_KEY_BY("on_skipped", dag_callbacks_task_skipped),
        DAG_KEY("fail_if_failed", BOOL, struct dag_task, fail_if_failed),
        DAG_KEY_RANGE("retries", UNSIGNED, struct dag_task, retries, 0, 10000),
        DAG_KEY("retry_delay", SPAN, struct dag_task, retry_delay_for),
        DAG_KEY_BY("retry_exponential", set_exponential),
        DAG_KEY("retry_max_delay", SPAN, struct dag_task, retry_max_delay_for),
        DAG_KEY("execution_timeout", SPAN, struct dag_task, execution_timeout_for),
        DAG_KEY("poke_interval", SPAN, struct dag_task, poke_interval_for),
        DAG_KEY("poke_timeout", SPAN, struct dag_task, poke_timeout_for),
        DAG_KEY("soft_fail", BOOL, struct dag_task, soft_fail),
        DAG_KEY("pool", ID, struct dag_task, pool),
        DAG_KEY_RANGE("pool_slots", UNSIGNED, struct dag_task, pool_slots, 1, 1000000),
        DAG_KEY_RANGE("priority_weight", INT, struct dag_task, priority_weight, INT_MIN, INT_MAX),
        DAG_KEY_BY("weight_rule", set_weight_rule),
        DAG_KEY_BY("resources", set_resources),
        DAG_KEY("group", ID, struct dag_task, group),
        DAG_KEY("description", STR, struct dag_task, description),
        DAG_KEY("image", STR, struct dag_task, image),
        DAG_KEY_BY("environment", set_environment),
        DAG_KEY_BY("mounts", set_mounts),
        DAG_KEY_BY("secrets", set_secrets),
        DAG_KEY("xcom", BOOL, struct dag_task, xcom),
        DAG_KEY_BY("tracking", dag_tracking_set),
        DAG_KEY("mapped_from", ID, struct dag_task, mapped_from),
};

static int check_poke(struct dag_reader *r, const struct dag_task *t) {
        if ((t->poke_timeout_for > 0 || t->soft_fail) && t->poke_interval_for == 0)
                return dag_keys_fail(r, "\"poke_timeout\" and \"soft_fail\" are for sensors: give "
                                        "it a \"poke_interval\"");
        return 0;
}

static int check_task(struct dag_reader *r, const struct dag_task *t) {
        if (t->kind == DAG_MARKER && (t->cmd || t->argv))
                return dag_keys_fail(r, "a marker runs nothing: drop \"cmd\" and \"argv\" or make "
                                        "it a \"command\"");
        if (t->kind == DAG_COMMAND && !t->cmd == !t->argv)
                return dag_keys_fail(r, "a command needs either \"cmd\" or \"argv\"");
        if (t->kind == DAG_COMMAND && t->fail_if_failed)
                return dag_keys_fail(r, "\"fail_if_failed\" is for markers");
        if (t->is_setup && t->is_teardown)
                return dag_keys_fail(r, "is a \"setup\" or a \"teardown\", not both");
        if (t->kind == DAG_MARKER && (t->decides || t->expand))
                return dag_keys_fail(r, "a marker has no value: \"decides\" and \"expand\" are for "
                                        "commands");
        if (t->decides && t->expand)
                return dag_keys_fail(r, "a mapped task cannot decide about those after it");
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
                                          .rule = _TRIGGER_RULE_MAX}};
        k = dag_keys_read(r, v, task_keys, ARRAY_SIZE(task_keys), t);
        if (k < 0)
                return k;
        k = check_task(r, t);
        if (k == 0)
                k = check_poke(r, t);
        if (k < 0)
                return k;
        if (t->rule == _TRIGGER_RULE_MAX)
                t->rule = t->is_teardown ? RULE_ALL_DONE_SETUP_SUCCESS : RULE_ALL_SUCCESS;
        t->depends_on_past = t->depends_on_past || t->wait_for_downstream;
        d->tasks[d->n_tasks] = *t;
        k = strmap_add(&d->task_map, t->id, &d->tasks[d->n_tasks]);
        if (k == 1)
                return dag_keys_fail(r, "the task id \"%s\" stands twice", t->id);
        d->n_tasks++;
        d->uses_past = d->uses_past || t->depends_on_past;
        return k;
}

/* Values come from a task that has ended by then. */
static int check_expand(struct dag_reader *r, const struct dag *d) {
        for (size_t i = 0; i < d->n_tasks; i++)
                for (size_t k = 0; k < d->tasks[i].n_expand; k++) {
                        const char *id = d->tasks[i].expand[k].task_id;
                        const struct dag_task *t = &d->tasks[i], *from;
                        bool direct = false;

                        if (!id)
                                continue;
                        from = dag_get_task(d, id);
                        for (size_t u = 0; u < t->n_upstream; u++)
                                direct = direct || &d->tasks[t->upstream[u]] == from;
                        if (!direct)
                                return dag_keys_fail(r,
                                                     "tasks[%zu].expand: \"%s\" must be one of the "
                                                     "task's \"upstream\"",
                                                     i, id);
                }
        return 0;
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
        k = dag_graph_build(r, d, upstream);
        return k < 0 ? k : check_expand(r, d);
}
