#include "daemons/tracking/mlruns_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/mlruns_file.h"
#include "daemons/tracking/mlruns_row.h"
#include "lib/base/errmsg.h"
#include "lib/base/str.h"

#define T mlruns_text
#define I mlruns_i64
#define F mlruns_f64
#define TEXT(key) mlruns_file_text(m, json_get(meta, key))
#define NUMBER(key, otherwise) mlruns_file_i64(json_get(meta, key), (otherwise))

/* What a key and its value belong to. */
struct owner {
        const char *id;
        int64_t experiment_id, version;
};

static int each_in(struct mlruns *m, const char *dir, const char *name,
                   int (*each)(struct mlruns *m, void *userdata, const char *key, char *text),
                   struct owner *o) {
        const char *below = arena_printf(&m->arena, "%s/%s", dir, name);

        return below ? mlruns_file_each(m, below, each, o) : -ENOMEM;
}

/* --- logged models ------------------------------------------------------------------------------
 */

static int logged_param(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct owner *o = userdata;

        return MLRUNS_ROW(m, logged_model_params, "model_id, experiment_id, param_key, param_value",
                          T(o->id), I(o->experiment_id), T(key), T(text));
}

static int logged_tag(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct owner *o = userdata;

        return MLRUNS_ROW(m, logged_model_tags, "model_id, experiment_id, tag_key, tag_value",
                          T(o->id), I(o->experiment_id), T(key), T(text));
}

/* "TIMESTAMP VALUE STEP RUN [DATASET DIGEST]" */
static int logged_point(struct mlruns *m, const struct owner *o, const char *key, char *line) {
        const char *words[6] = {};
        size_t n = 0;
        char *word;

        while (n < ARRAY_SIZE(words) && (word = strsep(&line, " ")))
                words[n++] = word;
        if (n != 4 && n != 6)
                return errmsg_fail(m->em, -EINVAL, "%s: a line is no point of a model's metric",
                                   m->where);
        return MLRUNS_ROW(m, logged_model_metrics,
                          "model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, "
                          "experiment_id, run_id, dataset_name, dataset_digest",
                          T(o->id), T(key), I(strtoll(words[0], NULL, 10)),
                          I(strtoll(words[2], NULL, 10)), F(strtod(words[1], NULL)),
                          I(o->experiment_id), T(words[3]), T(words[4]), T(words[5]));
}

static int logged_metric(struct mlruns *m, void *userdata, const char *key, char *text) {
        char *line;
        int r = 0;

        while (r == 0 && (line = strsep(&text, "\n")))
                if (*(line = str_strip(line)))
                        r = logged_point(m, userdata, key, line);
        return r;
}

static int64_t logged_status(struct mlruns *m, const struct json *node) {
        static const char *const words[] = {[1] = "PENDING", [2] = "READY", [3] = "FAILED"};
        const char *text = json_is(node, JSON_STRING) ? mlruns_file_text(m, node) : NULL;

        for (size_t i = 1; text && i < ARRAY_SIZE(words); i++)
                if (str_eq(text, words[i]) || str_eq(str_after(text, "LOGGED_MODEL_"), words[i]))
                        return (int64_t) i;
        return mlruns_file_i64(node, 1);
}

int mlruns_model_logged(struct mlruns *m, const char *dir, const char *name,
                        int64_t experiment_id) {
        struct owner o = {.experiment_id = experiment_id};
        const struct json *meta;
        int r = mlruns_file_yaml(m, dir, "meta.yaml", &meta);

        if (r < 0 || !meta)
                return r;
        m->where = dir;
        o.id = TEXT("model_id") ? TEXT("model_id") : name;
        r = MLRUNS_ROW(m, logged_models,
                       "model_id, experiment_id, name, artifact_location, creation_timestamp_ms, "
                       "last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
                       "source_run_id, status_message",
                       T(o.id), I(experiment_id), T(TEXT("name") ? TEXT("name") : ""),
                       T(mlruns_file_uri(
                               m, TEXT("artifact_location") ? TEXT("artifact_location") : "", &r)),
                       I(NUMBER("creation_timestamp", 0)), I(NUMBER("last_updated_timestamp", 0)),
                       I(logged_status(m, json_get(meta, "status"))),
                       T(TEXT("lifecycle_stage") ? TEXT("lifecycle_stage") : "active"),
                       T(TEXT("model_type")), T(TEXT("source_run_id")), T(TEXT("status_message")));
        if (r == 0)
                r = each_in(m, dir, "params", logged_param, &o);
        if (r == 0)
                r = each_in(m, dir, "tags", logged_tag, &o);
        return r < 0 ? r : each_in(m, dir, "metrics", logged_metric, &o);
}

/* --- the registry -------------------------------------------------------------------------------
 */

static int registered_tag(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct owner *o = userdata;

        return MLRUNS_ROW(m, registered_model_tags, "workspace, name, \"key\", value", T("default"),
                          T(o->id), T(key), T(text));
}

static int alias(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct owner *o = userdata;
        int64_t version;

        if (str_to_i64(str_strip(text), &version) < 0)
                return errmsg_fail(m->em, -EINVAL, "%s: it holds no version", m->where);
        return MLRUNS_ROW(m, registered_model_aliases, "workspace, name, alias, version",
                          T("default"), T(o->id), T(key), I(version));
}

static int version_tag(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct owner *o = userdata;

        return MLRUNS_ROW(m, model_version_tags, "workspace, name, version, \"key\", value",
                          T("default"), T(o->id), I(o->version), T(key), T(text));
}

static struct mlruns_value time_of(const struct json *meta, const char *key) {
        int64_t at;

        return json_i64(json_get(meta, key), &at) == 0 ? I(at) : T(NULL);
}

static int version(struct mlruns *m, const char *dir, struct owner *o) {
        const struct json *meta;
        const char *number, *stage, *status;
        int r = mlruns_file_yaml(m, dir, "meta.yaml", &meta);

        if (r < 0 || !meta)
                return r;
        m->where = dir;
        number = TEXT("version");
        if (!number || str_to_i64(number, &o->version) < 0)
                return errmsg_fail(m->em, -EINVAL, "%s/meta.yaml: it has no version", dir);
        stage = TEXT("current_stage");
        status = TEXT("status");
        r = MLRUNS_ROW(
                m, model_versions,
                "workspace, name, version, creation_time, last_updated_time, description, "
                "user_id, current_stage, source, storage_location, run_id, run_link, "
                "status, status_message",
                T("default"), T(o->id), I(o->version), time_of(meta, "creation_timestamp"),
                time_of(meta, "last_updated_timestamp"), T(TEXT("description")), T(TEXT("user_id")),
                T(stage ? stage : "None"), T(mlruns_file_uri(m, TEXT("source"), &r)),
                T(mlruns_file_uri(m, TEXT("storage_location"), &r)), T(TEXT("run_id")),
                T(TEXT("run_link")), T(status ? status : "READY"), T(TEXT("status_message")));
        return r < 0 ? r : each_in(m, dir, "tags", version_tag, o);
}

int mlruns_model_registered(struct mlruns *m, const char *dir, const char *name) {
        const char *const *names = NULL;
        const struct json *meta;
        struct owner o = {};
        int r = mlruns_file_yaml(m, dir, "meta.yaml", &meta);

        if (r < 0 || !meta)
                return r;
        m->where = dir;
        o.id = TEXT("name") ? TEXT("name") : name;
        r = MLRUNS_ROW(m, registered_models,
                       "workspace, name, creation_time, last_updated_time, description",
                       T("default"), T(o.id), time_of(meta, "creation_timestamp"),
                       time_of(meta, "last_updated_timestamp"), T(TEXT("description")));
        if (r == 0)
                r = each_in(m, dir, "tags", registered_tag, &o);
        if (r == 0)
                r = mlruns_file_dirs(m, dir, &names);
        for (; r == 0 && *names; names++) {
                const char *below = arena_printf(&m->arena, "%s/%s", dir, *names);

                if (str_starts(*names, "version-"))
                        r = below ? version(m, below, &o) : -ENOMEM;
        }
        return r < 0 ? r : each_in(m, dir, "aliases", alias, &o);
}
