#include "daemons/tracking/mlruns_run.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/mlruns_file.h"
#include "daemons/tracking/mlruns_point.h"
#include "daemons/tracking/mlruns_row.h"
#include "daemons/tracking/runs_sql.h"
#include "lib/base/errmsg.h"
#include "lib/base/str.h"

#define T mlruns_text
#define I mlruns_i64
#define F mlruns_f64

struct run_of {
        const char *id;
        int64_t experiment_id;
};

static int param(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct run_of *run = userdata;

        return MLRUNS_ROW(m, params, "\"key\", value, run_uuid", T(key), T(text), T(run->id));
}

static int tag(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct run_of *run = userdata;

        return MLRUNS_ROW(m, tags, "\"key\", value, run_uuid", T(key), T(text), T(run->id));
}

static int metric(struct mlruns *m, void *userdata, const char *key, char *text) {
        static const char columns[] = "\"key\", value, timestamp, run_uuid, step, is_nan";
        const struct run_of *run = userdata;
        struct mlruns_point p, latest = {};
        bool any = false;
        char *line;
        int r = 0;

        while (r == 0 && (line = strsep(&text, "\n"))) {
                line = str_strip(line);
                if (!*line)
                        continue;
                if (!mlruns_point_parse(line, &p))
                        return errmsg_fail(m->em, -EINVAL,
                                           "%s: \"%s\" is no point of a metric (timestamp, value, "
                                           "step)",
                                           m->where, line);
                r = MLRUNS_ROW(m, metrics, columns, T(key), F(p.value), I(p.at_ms), T(run->id),
                               I(p.step), I(p.is_nan));
                if (!any || mlruns_point_is_later(&p, &latest))
                        latest = p;
                any = true;
        }
        if (r == 0 && any)
                r = MLRUNS_ROW(m, latest_metrics, columns, T(key), F(latest.value), I(latest.at_ms),
                               T(run->id), I(latest.step), I(latest.is_nan));
        return r;
}

/* A file store has no ids for inputs, and one id for the same dataset of two experiments: made from
 * what they join, so that a second time finds them.
 */
static const char *made_id(struct mlruns *m, const char *kind, const char *a, const char *b) {
        uint64_t high = 14695981039346656037u, low = 1099511628211u;
        const char *text = arena_printf(&m->arena, "%s/%s/%s", kind, a, b);

        for (; text && *text; text++) {
                high = (high ^ (unsigned char) *text) * 1099511628211u;
                low = (low ^ high) * 6364136223846793005u + 1442695040888963407u;
        }
        return arena_printf(&m->arena, "%016llx%016llx", (unsigned long long) high,
                            (unsigned long long) low);
}

static int input_row(struct mlruns *m, const char *from_type, const char *from, const char *to_type,
                     const char *to, int64_t step, const char **ret_id) {
        *ret_id = made_id(m, to_type, from, to);
        return *ret_id ? MLRUNS_ROW(m, inputs,
                                    "input_uuid, source_type, source_id, destination_type, "
                                    "destination_id, step",
                                    T(*ret_id), T(from_type), T(from), T(to_type), T(to), I(step))
                       : -ENOMEM;
}

static const char *dataset_id(struct mlruns *m, int64_t experiment_id, const char *name) {
        const char *experiment = arena_printf(&m->arena, "%lld", (long long) experiment_id);

        return experiment ? made_id(m, "DATASET", experiment, name) : NULL;
}

static int input(struct mlruns *m, const struct json *meta, const struct run_of *run) {
        const char *type = mlruns_file_text(m, json_get(meta, "source_type")), *id;
        const char *source = mlruns_file_text(m, json_get(meta, "source_id"));
        const struct json *t;
        int r;

        if (!source)
                return 0;
        if (str_eq(type, "MODEL")) {
                r = input_row(m, "RUN_INPUT", run->id, "MODEL_INPUT", source, 0, &id);
        } else {
                source = dataset_id(m, run->experiment_id, source);
                r = source ? input_row(m, "DATASET", source, "RUN", run->id, 0, &id) : -ENOMEM;
        }
        json_each (t, json_get(meta, "tags"))
                if (r == 0)
                        r = MLRUNS_ROW(m, input_tags, "input_uuid, name, value", T(id), T(t->key),
                                       T(mlruns_file_text(m, t)));
        return r;
}

/* inputs/ID/meta.yaml and outputs/MODEL/meta.yaml */
static int inputs_and_outputs(struct mlruns *m, const char *dir, const struct run_of *run) {
        static const char *const kinds[] = {"inputs", "outputs"};
        int r = 0;

        for (size_t k = 0; r == 0 && k < ARRAY_SIZE(kinds); k++) {
                const char *below = arena_printf(&m->arena, "%s/%s", dir, kinds[k]), *id;
                const char *const *names = NULL;

                r = below ? mlruns_file_dirs(m, below, &names) : -ENOMEM;
                for (; r == 0 && *names; names++) {
                        const struct json *meta;

                        m->where = arena_printf(&m->arena, "%s/%s", below, *names);
                        r = m->where ? mlruns_file_yaml(m, m->where, "meta.yaml", &meta) : -ENOMEM;
                        if (r == 0 && meta)
                                r = k == 0 ? input(m, meta, run)
                                           : input_row(m, "RUN_OUTPUT", run->id, "MODEL_OUTPUT",
                                                       *names,
                                                       mlruns_file_i64(json_get(meta, "step"), 0),
                                                       &id);
                }
        }
        return r;
}

static struct mlruns_value time_of(const struct json *meta, const char *key) {
        int64_t at;

        return json_i64(json_get(meta, key), &at) == 0 ? I(at) : T(NULL);
}

static const char *or_empty(const char *text) {
        return text ? text : "";
}

static int run_row(struct mlruns *m, const struct json *meta, const struct run_of *run) {
        const struct json *status = json_get(meta, "status");
        const char *word = mlruns_file_text(m, status), *source = NULL;
        int64_t number;
        int r = 0;

        if (json_i64(status, &number) == 0)
                word = number >= 1 && number < (int64_t) ARRAY_SIZE(runs_sql_statuses)
                               ? runs_sql_statuses[number]
                               : "RUNNING";
        if (json_is(json_get(meta, "source_type"), JSON_STRING))
                source = mlruns_file_text(m, json_get(meta, "source_type"));
#define TEXT(key) mlruns_file_text(m, json_get(meta, key))
        return r < 0 ? r
                     : MLRUNS_ROW(m, runs,
                                  "run_uuid, name, source_type, source_name, entry_point_name, "
                                  "user_id, status, start_time, end_time, deleted_time, "
                                  "source_version, lifecycle_stage, artifact_uri, experiment_id",
                                  T(run->id), T(TEXT("run_name") ? TEXT("run_name") : TEXT("name")),
                                  T(source ? source : "LOCAL"), T(or_empty(TEXT("source_name"))),
                                  T(or_empty(TEXT("entry_point_name"))), T(TEXT("user_id")),
                                  T(word ? word : "RUNNING"), time_of(meta, "start_time"),
                                  time_of(meta, "end_time"), time_of(meta, "deleted_time"),
                                  T(or_empty(TEXT("source_version"))),
                                  T(TEXT("lifecycle_stage") ? TEXT("lifecycle_stage") : "active"),
                                  T(mlruns_file_uri(m, TEXT("artifact_uri"), &r)),
                                  I(run->experiment_id));
}

int mlruns_run(struct mlruns *m, const char *dir, const char *name, int64_t experiment_id) {
        static const struct {
                const char *name;
                int (*each)(struct mlruns *m, void *userdata, const char *key, char *text);
        } parts[] = {{"params", param}, {"tags", tag}, {"metrics", metric}};
        struct run_of run = {.experiment_id = experiment_id};
        const struct json *meta;
        int r = mlruns_file_yaml(m, dir, "meta.yaml", &meta);

        if (r < 0 || !meta)
                return r;
        m->where = dir;
        run.id = TEXT("run_uuid") ? TEXT("run_uuid") : TEXT("run_id");
        if (!run.id)
                run.id = name;
        r = run_row(m, meta, &run);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++) {
                const char *below = arena_printf(&m->arena, "%s/%s", dir, parts[i].name);

                r = below ? mlruns_file_each(m, below, parts[i].each, &run) : -ENOMEM;
        }
        return r < 0 ? r : inputs_and_outputs(m, dir, &run);
}

int mlruns_run_datasets(struct mlruns *m, const char *dir, int64_t experiment_id) {
        const char *below = arena_printf(&m->arena, "%s/datasets", dir);
        const char *const *names = NULL;
        int r = below ? mlruns_file_dirs(m, below, &names) : -ENOMEM;

        for (; r == 0 && *names; names++) {
                const struct json *meta;
                const char *id;

                m->where = arena_printf(&m->arena, "%s/%s", below, *names);
                r = m->where ? mlruns_file_yaml(m, m->where, "meta.yaml", &meta) : -ENOMEM;
                if (r < 0 || !meta)
                        continue;
                id = dataset_id(m, experiment_id, *names);
                if (!id)
                        return -ENOMEM;
                /* Inputs name a dataset by its directory. */
                r = MLRUNS_ROW(m, datasets,
                               "dataset_uuid, experiment_id, name, digest, dataset_source_type, "
                               "dataset_source, dataset_schema, dataset_profile",
                               T(id), I(experiment_id), T(or_empty(TEXT("name"))),
                               T(or_empty(TEXT("digest"))), T(or_empty(TEXT("source_type"))),
                               T(or_empty(TEXT("source"))), T(TEXT("schema")), T(TEXT("profile")));
        }
        return r;
}
