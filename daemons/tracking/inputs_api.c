#include "daemons/tracking/inputs_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/inputs_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/search_sql.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum {
        EXPERIMENTS_MAX = 20, /* in a search for datasets */
        SUMMARIES_MAX = 1000,
        MODELS_MAX = 10000,
};

struct input {
        struct dataset dataset;
        struct ask_pair *tags;
        size_t n_tags;
};

struct model {
        const char *id;
        int64_t step;
};

struct inputs {
        const char *run_id;
        struct input *inputs;
        size_t n_inputs;
        struct model *models;
        size_t n_models;
        bool outputs;
};

static bool is_repeated(const struct inputs *in, size_t i) {
        const struct dataset *d = &in->inputs[i].dataset;

        for (size_t k = 0; k < i; k++)
                if (str_eq(in->inputs[k].dataset.name, d->name) &&
                    str_eq(in->inputs[k].dataset.digest, d->digest))
                        return true;
        return false;
}

static int add_input(struct job *j, struct db *db, int64_t experiment_id, const struct input *i) {
        const struct inputs *in = j->in;
        char id[INPUTS_SQL_ID_SIZE];
        int r = inputs_sql_add_dataset(db, j->tracking->entropy, experiment_id, in->run_id,
                                       &i->dataset, id);

        if (r == DB_CONFLICT) /* it is tied to the run, with the tags of then */
                return 0;
        for (size_t k = 0; r == 0 && k < i->n_tags; k++)
                r = inputs_sql_tag(db, id, i->tags[k].key, i->tags[k].value);
        return r;
}

static int run_log(struct job *j, struct db *db) {
        const struct inputs *in = j->in;
        int64_t experiment_id;
        int r = runs_sql_need_active(db, &j->refusal, in->run_id, &experiment_id);

        for (size_t i = 0; r == 0 && i < in->n_inputs; i++)
                if (!is_repeated(in, i))
                        r = add_input(j, db, experiment_id, &in->inputs[i]);
        for (size_t i = 0; r == 0 && i < in->n_models; i++) {
                r = inputs_sql_add_model(db, j->tracking->entropy, in->run_id, in->outputs,
                                         in->models[i].id, in->models[i].step);
                if (r == DB_CONFLICT)
                        r = 0;
        }
        return r;
}

static int check_dataset(struct ask *q, const struct dataset *d) {
        static const struct {
                const char *name;
                size_t max;
        } limits[] = {{"name", 500},
                      {"digest", 36},
                      {"source", 65535},
                      {"schema", 1048575},
                      {"profile", 16777215}};
        const char *const values[] = {d->name, d->digest, d->source, d->schema, d->profile};
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(limits); i++)
                if (values[i])
                        r = field_check_length(&q->refusal, limits[i].name, limits[i].max,
                                               values[i]);
        return r;
}

static int check_input_tag(struct ask *q, const struct ask_pair *tag) {
        int r = field_check_length(&q->refusal, "key", 255, tag->key);

        return r == 0 ? field_check_length(&q->refusal, "value", 500, tag->value) : r;
}

static const char *text(struct ask *q, const struct json *item, const char *path, const char *key) {
        const char *value = ask_item_str(q, item, path, key);

        return value ? value : "";
}

static void read_tags(struct ask *q, const struct json *item, struct input *ret) {
        struct ask inner = *q;

        inner.body = item;
        ret->tags = ask_pairs(&inner, "tags", &ret->n_tags);
        q->result = inner.result;
        q->refusal = inner.refusal;
        for (size_t i = 0; q->result == 0 && i < ret->n_tags; i++)
                ask_check(q, check_input_tag(q, &ret->tags[i]));
}

static void read_input(struct ask *q, const struct json *item, const char *path,
                       struct input *ret) {
        const struct json *d = json_get(item, "dataset");

        if (!json_is(d, JSON_OBJECT)) {
                ask_check(q, refusal_invalid(&q->refusal, "Dataset input must have a dataset "
                                                          "associated with it."));
                return;
        }
        ret->dataset = (struct dataset){
                .name = text(q, d, path, "name"),
                .digest = text(q, d, path, "digest"),
                .source_type = text(q, d, path, "source_type"),
                .source = text(q, d, path, "source"),
                .schema = ask_item_str(q, d, path, "schema"),
                .profile = ask_item_str(q, d, path, "profile"),
        };
        if (q->result == 0)
                ask_check(q, check_dataset(q, &ret->dataset));
        read_tags(q, item, ret);
}

static void read_inputs(struct ask *q, struct inputs *in) {
        const struct json *list, *item;
        size_t i = 0, n;

        list = ask_objects(q, "datasets", 0, &n);
        if (n == 0)
                return;
        if (n > FIELD_CHECK_ENTITIES_MAX) {
                ask_check(q,
                          field_check_batch(&q->refusal, "datasets", FIELD_CHECK_ENTITIES_MAX, n));
                return;
        }
        in->inputs = arena_zalloc_array(q->arena, n, sizeof(*in->inputs));
        if (!ask_check(q, in->inputs ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                char path[48];

                snprintf(path, sizeof(path), "datasets[%zu].dataset", i);
                read_input(q, item, path, &in->inputs[i++]);
                if (q->result != 0)
                        return;
        }
        in->n_inputs = n;
}

static void read_models(struct ask *q, unsigned flags, struct inputs *in) {
        const struct json *list, *item;
        size_t i = 0, n;

        list = ask_objects(q, "models", flags, &n);
        if (n == 0)
                return;
        if (n > MODELS_MAX) {
                ask_check(q, field_check_batch(&q->refusal, "models", MODELS_MAX, n));
                return;
        }
        in->models = arena_zalloc_array(q->arena, n, sizeof(*in->models));
        if (!ask_check(q, in->models ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                char path[32];

                snprintf(path, sizeof(path), "models[%zu]", i);
                in->models[i].id = text(q, item, path, "model_id");
                ask_item_i64(q, item, path, "step", &in->models[i].step);
                i++;
        }
        in->n_models = n;
}

int inputs_api_log(struct http_request *req) {
        struct inputs in = {};
        struct ask q;

        ask_open(&q, req);
        in.run_id = ask_str(&q, "run_id", ASK_NEED);
        read_inputs(&q, &in);
        read_models(&q, 0, &in);
        if (q.result == 0)
                ask_check(&q, field_check_run_id(&q.refusal, "run_id", in.run_id));
        return job_write(&q, run_log, &in);
}

int inputs_api_log_outputs(struct http_request *req) {
        struct inputs in = {.outputs = true};
        struct ask q;

        ask_open(&q, req);
        in.run_id = ask_str(&q, "run_id", ASK_NEED);
        read_models(&q, ASK_NEED, &in);
        return job_write(&q, run_log, &in);
}

struct summaries {
        int64_t experiment_ids[EXPERIMENTS_MAX];
        size_t n_experiment_ids;
};

static int run_search_datasets(struct job *j, struct db *db) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        const struct summaries *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        int r;

        search_sql_init(&sql, j->arena);
        search_sql_add(&sql, "SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value "
                             "FROM datasets d JOIN inputs i ON i.source_id = d.dataset_uuid "
                             "LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = "
                             "'mlflow.data.context' WHERE ");
        search_sql_in_i64(&sql, "d.experiment_id", in->experiment_ids, in->n_experiment_ids);
        search_sql_page(&sql, SUMMARIES_MAX, 0);
        r = search_sql_prepare(&sql, db, &s);
        json_write_kv_items(&j->json, "dataset_summaries");
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                r = 0;
                json_write_object(&j->json);
                json_write_kv_str(&j->json, "experiment_id", db_col_text(s, 0));
                json_write_kv_str(&j->json, "name", db_col_text(s, 1));
                json_write_kv_str(&j->json, "digest", db_col_text(s, 2));
                if (!db_col_is_null(s, 3))
                        json_write_kv_str(&j->json, "context", db_col_text(s, 3));
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

int inputs_api_ask_search_datasets(struct ask *q) {
        struct summaries in = {};
        const char **ids;
        size_t n;

        ids = ask_list(q, "experiment_ids", 0, &n);
        if (q->result == 0 && n == 0)
                ask_check(q, refusal_invalid(&q->refusal, "SearchDatasets request must specify at "
                                                          "least one experiment_id."));
        if (q->result == 0 && n > EXPERIMENTS_MAX)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "SearchDatasets request cannot specify more than %d "
                                             "experiment_ids. Received %zu experiment_ids.",
                                             EXPERIMENTS_MAX, n));
        for (size_t i = 0; q->result == 0 && i < n; i++)
                ask_check(q, field_check_experiment_id(&q->refusal, ids[i], &in.experiment_ids[i]));
        if (q->result == 0)
                n = access_keep_readable(q->refusal.access, in.experiment_ids, n);
        in.n_experiment_ids = n;
        return job_read(q, run_search_datasets, &in);
}

int inputs_api_search_datasets(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return inputs_api_ask_search_datasets(&q);
}
