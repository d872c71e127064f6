#include "daemons/tracking/scorer_of.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "lib/base/str.h"
#include "lib/net/http_target.h"

int scorer_of_experiment(struct job *j, struct db *db, const char *id, struct experiment *ret) {
        int r = experiments_sql_need(db, &j->refusal, id, EXPERIMENTS_SQL_ANY, ret);

        return r != 0 ? r : experiments_sql_need_active(&j->refusal, ret);
}

int scorer_of_absent(struct job *j, const char *experiment_id, const char *name, int64_t version) {
        const char *text = version ? arena_printf(j->arena, " and version %" PRId64, version) : "";

        return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                           "Scorer with name '%s'%s not found for experiment %s.", name,
                           text ? text : "", experiment_id);
}

const char *scorer_of_key(struct arena *a, int64_t experiment_id, const char *name) {
        char *text = arena_alloc(a, 3 * strlen(name) + 1);

        if (!text)
                return NULL;
        text[http_target_encode(text, name, strlen(name), "")] = '\0';
        return arena_printf(a, "%" PRId64 "/%s", experiment_id, text);
}

int scorer_of_need(struct job *j, struct db *db, const char *experiment_id, const char *name,
                   const char **ret_id, const char **ret_key) {
        const struct access *access = j->refusal.access;
        struct experiment e;
        int64_t number = 0;
        int r = str_empty(experiment_id)
                        ? 0
                        : field_check_experiment_id(&j->refusal, experiment_id, &number);

        if (r != 0)
                return r;
        *ret_key = scorer_of_key(j->arena, number, name);
        r = *ret_key ? access_check(&j->refusal, ACCESS_SCORER, *ret_key) : -ENOMEM;
        if (r != 0)
                return r;
        j->refusal.access = NULL;
        r = scorer_of_experiment(j, db, experiment_id, &e);
        j->refusal.access = access;
        if (r != 0)
                return r;
        r = scorers_sql_get(db, j->arena, e.id, name, ret_id);
        return r == DB_DONE ? scorer_of_absent(j, experiment_id, name, 0) : r < 0 ? r : 0;
}

int scorer_of_check(struct job *j, const struct scorer *x) {
        const char *key =
                j->refusal.access ? scorer_of_key(j->arena, x->experiment_id, x->name) : "";
        int r = access_check_experiment(&j->refusal, x->experiment_id);

        if (r == 0)
                r = key ? access_check(&j->refusal, ACCESS_SCORER, key) : -ENOMEM;
        return r;
}

void scorer_of_write(struct json_write *w, const struct scorer *x) {
        json_write_kv_i64(w, "experiment_id", x->experiment_id);
        json_write_kv_str(w, "scorer_name", x->name);
        json_write_kv_i64(w, "scorer_version", x->version);
        json_write_kv_str(w, "serialized_scorer", x->serialized);
        json_write_kv_i64(w, "creation_time", x->created_at_ms);
        json_write_kv_str(w, "scorer_id", x->id);
}
