#include "daemons/scheduler/core/dag_tracking.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

#define SOURCE_TABLES_MAX 100u
#define EXPERIMENT_MAX 500u /* as MLflow has it */

/* "a.b.c" or an array of such. */
static int set_sources(struct dag_reader *r, const struct json *v, void *target) {
        struct dag_tracking *t = target;
        const char **one;
        int k;

        if (!json_is(v, JSON_STRING)) {
                k = dag_keys_strings(r, v, &t->source_tables, &t->n_source_tables);
                if (k == 0 && t->n_source_tables > SOURCE_TABLES_MAX)
                        return dag_keys_fail(r, "holds more than %u tables", SOURCE_TABLES_MAX);
                return k;
        }
        one = arena_zalloc_array(r->arena, 2, sizeof(*one));
        if (!one)
                return -ENOMEM;
        one[0] = v->str;
        t->source_tables = one;
        t->n_source_tables = v->len > 0;
        return 0;
}

int dag_tracking_set(struct dag_reader *r, const struct json *v, void *target) {
        static const struct dag_key keys[] = {
                DAG_KEY("experiment", STR, struct dag_tracking, experiment),
                DAG_KEY("project", STR, struct dag_tracking, project),
                DAG_KEY_BY("source_tables", set_sources),
                DAG_KEY("destination_table", STR, struct dag_tracking, destination_table),
        };
        struct dag_tracking *t = &((struct dag_task *) target)->tracking;
        bool on = true;
        int k;

        if (json_bool(v, &on) == 0) {
                t->on = on ? DAG_TRACKING_ON : DAG_TRACKING_OFF;
                return 0;
        }
        if (!json_is(v, JSON_OBJECT))
                return dag_keys_wrong(r, v, "true, false or an object");
        t->on = DAG_TRACKING_ON;
        k = dag_keys_read(r, v, keys, ARRAY_SIZE(keys), t);
        if (k == 0 && t->experiment && strlen(t->experiment) > EXPERIMENT_MAX)
                return dag_keys_fail(r, "the name of the experiment is longer than %u bytes",
                                     EXPERIMENT_MAX);
        return k;
}

bool dag_tracking_is_on(const struct dag_task *t, bool by_default) {
        assert(t->tracking.on <= DAG_TRACKING_ON);
        if (t->kind != DAG_COMMAND)
                return false;
        return t->tracking.on == DAG_TRACKING_ON ||
               (t->tracking.on == DAG_TRACKING_UNSAID && by_default);
}
