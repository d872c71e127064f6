#include "daemons/scheduler/try_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/core/template.h"
#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_number.h"
#include "lib/base/json_write.h"
#include "lib/base/timestamp.h"

#define BASE_PATH "/usr/local/bin:/usr/bin:/bin"

/* A value of the run's conf as text: strings as they are, all else as JSON. */
static const char *conf_text(struct arena *a, const struct json *value) {
        struct buf b = {};
        struct json_write w;
        const char *text;

        if (json_str(value, &text) == 0)
                return text;
        json_write_init(&w, &b, 0);
        json_write_node(&w, value);
        text = json_write_finish(&w) < 0 ? NULL : arena_strdup(a, buf_cstr(&b));
        buf_done(&b);
        return text;
}

static int conf_pairs(struct arena *a, const char *conf, struct dag_pairs *ret) {
        const struct json *item;
        struct json *j;
        size_t n = 0;
        int r;

        *ret = (struct dag_pairs){};
        if (!conf)
                return 0;
        r = json_parse_copy(a, conf, strlen(conf), &j, NULL);
        if (r < 0 || !json_is(j, JSON_OBJECT))
                return r == -ENOMEM ? r : 0;
        ret->items = arena_zalloc_array(a, j->len + 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        json_each (item, j) {
                ret->items[n].key = item->key;
                ret->items[n].value = conf_text(a, item);
                if (!ret->items[n++].value)
                        return -ENOMEM;
        }
        ret->n = n;
        return 0;
}

struct printer {
        const struct try_spec *spec;
        struct template_context context;
        struct arena *arena;
        struct json_write w;
        struct errmsg *em;
};

static int put(struct printer *p, const char *key, const char *text, const char *what) {
        _cleanup_buf_ struct buf b = {};
        int r = template_render(text, &p->context, &b, p->em);

        if (r < 0) {
                errmsg_prefix(p->em, "%s of task \"%s\"", what, p->spec->task->spec->id);
                return r;
        }
        if (key)
                json_write_key(&p->w, key);
        json_write_strn(&p->w, buf_cstr(&b), b.len);
        return 0;
}

static int put_command(struct printer *p) {
        const struct dag_task *t = p->spec->task->spec;
        int r = 0;

        if (t->cmd)
                return put(p, "cmd", t->cmd, "the command");
        json_write_kv_array(&p->w, "argv");
        for (size_t i = 0; i < t->n_argv && r >= 0; i++)
                r = put(p, NULL, t->argv[i], "an argument");
        json_write_end(&p->w);
        return r;
}

/* Whose value the spec says itself: a task's env may not change who it is. */
static bool is_ours(const char *name) {
        static const char *const names[] = {"ONEBOX_DAG_ID",
                                            "ONEBOX_RUN_ID",
                                            "ONEBOX_TASK_ID",
                                            "ONEBOX_TRY",
                                            "ONEBOX_TRY_ID",
                                            "ONEBOX_SOCKET",
                                            "ONEBOX_STOP_AT",
                                            "ONEBOX_MAP_INDEX",
                                            "ONEBOX_XCOM_DIR",
                                            "AIRFLOW_CTX_DAG_ID",
                                            "AIRFLOW_CTX_DAG_RUN_ID",
                                            "AIRFLOW_CTX_TASK_ID",
                                            "AIRFLOW_CTX_TRY_NUMBER",
                                            "AIRFLOW_CTX_DAG_OWNER",
                                            "AIRFLOW_CTX_LOGICAL_DATE",
                                            "AIRFLOW_CTX_EXECUTION_DATE"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}

static bool sets(const struct dag_pairs *env, const char *name) {
        for (size_t i = 0; i < env->n; i++)
                if (strcmp(env->items[i].key, name) == 0)
                        return true;
        return false;
}

static void put_context_env(struct printer *p) {
        const struct world_task *t = p->spec->task;
        const struct dag_pairs *env = &t->spec->env;
        const char *xcom_dir =
                arena_printf(p->arena, "%s/tasks/%s/xcom", p->spec->state_dir, t->try_id);
        char number[JSON_NUMBER_SIZE], map_index[JSON_NUMBER_SIZE], stamp[TIMESTAMP_SIZE];
        const struct {
                const char *name, *value;
        } rows[] = {
                {"ONEBOX_DAG_ID", t->run->spec->id},
                {"ONEBOX_RUN_ID", t->run->id},
                {"ONEBOX_TASK_ID", t->spec->id},
                {"ONEBOX_TRY", number},
                {"ONEBOX_TRY_ID", t->try_id},
                {"ONEBOX_SOCKET", p->spec->scheduler_socket},
                {"ONEBOX_XCOM_DIR", xcom_dir},
                {"ONEBOX_MAP_INDEX", t->map_index >= 0 ? map_index : NULL},
                {"AIRFLOW_CTX_DAG_ID", t->run->spec->id},
                {"AIRFLOW_CTX_DAG_RUN_ID", t->run->id},
                {"AIRFLOW_CTX_TASK_ID", t->spec->id},
                {"AIRFLOW_CTX_TRY_NUMBER", number},
                {"AIRFLOW_CTX_DAG_OWNER", t->run->spec->owner},
                {"MLFLOW_TRACKING_URI", p->spec->tracking_url},
                {"MLFLOW_TRACKING_TOKEN", p->spec->token},
                {"PYTHONUNBUFFERED", "1"},
        };

        json_number_print_u64(t->try_number, number);
        json_number_print_u64((uint64_t) MAX(t->map_index, 0), map_index);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].value && (is_ours(rows[i].name) || !sets(env, rows[i].name)))
                        json_write_kv_str(&p->w, rows[i].name, rows[i].value);
        if (p->spec->stop_at != USEC_INFINITY)
                json_write_kv_str(&p->w, "ONEBOX_STOP_AT",
                                  timestamp_print(p->spec->stop_at, TIMESTAMP_SECONDS, stamp));
        if (t->run->when.logical_at != USEC_INFINITY) {
                timestamp_print(t->run->when.logical_at, TIMESTAMP_AUTO | TIMESTAMP_OFFSET, stamp);
                json_write_kv_str(&p->w, "AIRFLOW_CTX_LOGICAL_DATE", stamp);
                json_write_kv_str(&p->w, "AIRFLOW_CTX_EXECUTION_DATE", stamp);
        }
}

/* "0,1" of a set of units. */
static const char *units(struct arena *a, uint64_t set) {
        const char *text = "";

        for (unsigned u = 0; u < 64 && text; u++)
                if (set >> u & 1)
                        text = arena_printf(a, "%s%s%u", text, *text ? "," : "", u);
        return text;
}

/* Which units of counted resources are the try's own: ONEBOX_LEASE_NAME, and for the programs that
 * know it CUDA_VISIBLE_DEVICES. */
static int put_leases(struct printer *p) {
        const struct world_task *t = p->spec->task;

        for (size_t i = 0; i < t->spec->resources.n_leases; i++) {
                const char *name = t->spec->resources.leases[i].name;
                const char *list = units(p->arena, t->leases[i]);
                char *variable = arena_printf(p->arena, "ONEBOX_LEASE_%s", name);

                if (!list || !variable)
                        return -ENOMEM;
                for (char *c = variable; *c; c++)
                        *c = (char) (*c >= 'a' && *c <= 'z' ? *c - 32
                                     : strchr(".-", *c)     ? '_'
                                                            : *c);
                json_write_kv_str(&p->w, variable, list);
                if (strcmp(name, "gpu") == 0 && !sets(&t->spec->env, "CUDA_VISIBLE_DEVICES"))
                        json_write_kv_str(&p->w, "CUDA_VISIBLE_DEVICES", list);
        }
        return 0;
}

static int put_env(struct printer *p) {
        const struct dag_task *t = p->spec->task->spec;
        const struct dag_pairs *env = &t->env;
        char *path;
        int r = 0;

        json_write_kv_object(&p->w, "env");
        put_context_env(p);
        r = put_leases(p);
        if (r < 0)
                return r;
        if (!sets(env, "PATH")) {
                path = arena_printf(p->arena, "%s/bin:%s", p->spec->venv, BASE_PATH);
                if (!path)
                        return -ENOMEM;
                json_write_kv_str(&p->w, "PATH", path);
        }
        if (p->spec->tracked && t->tracking.experiment && !sets(env, "MLFLOW_EXPERIMENT_NAME"))
                r = put(p, "MLFLOW_EXPERIMENT_NAME", t->tracking.experiment, "the experiment");
        for (size_t i = 0; i < env->n && r >= 0; i++)
                if (!is_ours(env->items[i].key))
                        r = put(p, env->items[i].key, env->items[i].value, "the environment");
        json_write_end(&p->w);
        return r;
}

/* What the try's own run says, for tracked_body.h; the shim passes over it. */
static int put_tracking(struct printer *p) {
        const struct dag_tracking *t = &p->spec->task->spec->tracking;
        const struct {
                const char *key, *text;
        } rows[] = {
                {"experiment", t->experiment},
                {"project", t->project},
                {"destination_table", t->destination_table},
        };
        int r = 0;

        if (!p->spec->tracked)
                return 0;
        json_write_kv_object(&p->w, "tracking");
        for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++)
                if (rows[i].text)
                        r = put(p, rows[i].key, rows[i].text, "what is tracked");
        json_write_kv_array(&p->w, "source_tables");
        for (size_t i = 0; i < t->n_source_tables && r >= 0; i++)
                r = put(p, NULL, t->source_tables[i], "a source table");
        json_write_end(&p->w);
        json_write_end(&p->w);
        return r;
}

static void put_ids(struct printer *p) {
        const struct world_task *t = p->spec->task;

        json_write_kv_i64(&p->w, "version", 1);
        json_write_kv_str(&p->w, "try_id", t->try_id);
        json_write_kv_str(&p->w, "dag_id", t->run->spec->id);
        json_write_kv_str(&p->w, "run_id", t->run->id);
        json_write_kv_str(&p->w, "task_id", t->spec->id);
        json_write_kv_i64(&p->w, "map_index", t->map_index);
        json_write_kv_u64(&p->w, "try_number", t->try_number);
        if (t->run->spec->user)
                json_write_kv_str(&p->w, "user", t->run->spec->user);
}

static int print(struct printer *p) {
        const struct try_spec *spec = p->spec;
        const struct dag_task *t = spec->task->spec;
        int r;

        put_ids(p);
        r = put_command(p);
        if (r < 0)
                return r;
        r = put_env(p);
        if (r < 0)
                return r;
        if (t->cwd && (r = put(p, "cwd", t->cwd, "the working directory")) < 0)
                return r;
        r = put_tracking(p);
        if (r < 0)
                return r;
        json_write_kv_bool(&p->w, "xcom", t->xcom || t->decides != DAG_DECIDES_NOTHING);
        json_write_kv_f64(&p->w, "timeout_s", (double) t->execution_timeout_for / 1e6);
        json_write_kv_f64(&p->w, "grace_s", (double) spec->grace_for / 1e6);
        json_write_kv_u64(&p->w, "log_limit", spec->log_limit);
        return 0;
}

int try_spec_print(const struct try_spec *spec, struct buf *out, struct errmsg *em) {
        struct printer p = {.spec = spec, .em = em};
        struct arena a;
        int r;

        p.context = (struct template_context){.task = spec->task,
                                              .arguments = spec->arguments,
                                              .more = spec->more,
                                              .user = spec->user};
        arena_init(&a, 0);
        p.arena = &a;
        r = conf_pairs(&a, spec->task->run->conf, &p.context.conf);
        if (r >= 0) {
                json_write_init(&p.w, out, 0);
                json_write_object(&p.w);
                r = print(&p);
        }
        if (r >= 0) {
                json_write_end(&p.w);
                r = json_write_finish(&p.w);
        } else if (r == -ENOMEM) {
                errmsg_set(em, "no memory");
        }
        arena_done(&a);
        return r;
}
