/* The run has the model's parameters, the template and a table of the answer as its artifact. The
 * Python model that MLflow's own server would save beside them is left out: nothing here makes
 * one. */
#include "daemons/tracking/promptlab_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/run_name.h"
#include "daemons/tracking/runs_json.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/tags_sql.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"

#define TABLE "eval_results_table.json"

struct list {
        struct ask_pair *pairs;
        size_t n;
};

struct in {
        const char *experiment_id, *name, *user_id, *id, *location;
        const char *template, *route, *input, *output;
        struct list prompt_parameters, model_parameters, output_parameters;
        struct ask_pair *tags;
        size_t n_tags;
        int64_t start_at_ms;
};

/* --- reading --- */

/* A field that must be there, and neither empty nor null, of any type. */
static const struct json *need(struct ask *q, const char *key) {
        const struct json *j = json_get(q->body, key);
        const char *text;

        if (q->result != 0)
                return NULL;
        if (!j || json_is(j, JSON_NULL) || (json_str(j, &text) == 0 && !*text) ||
            ((json_is(j, JSON_ARRAY) || json_is(j, JSON_OBJECT)) && !json_first(j)))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "CreatePromptlabRun request must specify %s.", key));
        return j;
}

/* As Python's str() has a number or text. */
static const char *text_of(struct ask *q, const struct json *j) {
        struct buf out = {};
        struct json_write w;
        const char *text;

        if (!j || json_is(j, JSON_NULL))
                return "None";
        if (json_str(j, &text) == 0)
                return text;
        json_write_init(&w, &out, JSON_WRITE_ASCII);
        json_write_node(&w, j);
        text = json_write_finish(&w) == 0 ? arena_strdup(q->arena, buf_cstr(&out)) : NULL;
        buf_done(&out);
        if (!text)
                ask_check(q, -ENOMEM);
        return text;
}

static const char *need_text(struct ask *q, const char *key) {
        const struct json *j = need(q, key);

        return q->result == 0 ? text_of(q, j) : NULL;
}

/* A list of {"key": …, "value": …}; values as text. */
static void read_list(struct ask *q, const char *key, struct list *ret) {
        const struct json *list = q->result == 0 ? json_get(q->body, key) : NULL, *item;
        size_t n = 0;

        if (!list || json_is(list, JSON_NULL))
                return;
        json_each (item, list)
                n++;
        ret->pairs = arena_alloc(q->arena, n * sizeof(*ret->pairs) + 1);
        if (!ret->pairs || !json_is(list, JSON_ARRAY)) {
                if (!ret->pairs)
                        ask_check(q, -ENOMEM);
                ask_refuse_value(q, key);
                return;
        }
        json_each (item, list) {
                struct ask_pair *p = &ret->pairs[ret->n++];

                *p = (struct ask_pair){"", ""};
                if (!json_is(item, JSON_OBJECT) || json_str(json_get(item, "key"), &p->key) < 0)
                        ask_refuse_value(q, key);
                else
                        p->value = text_of(q, json_get(item, "value"));
        }
}

static void read_request(struct ask *q, struct in *in) {
        in->experiment_id = need_text(q, "experiment_id");
        in->template = need_text(q, "prompt_template");
        need(q, "prompt_parameters");
        in->route = need_text(q, "model_route");
        in->input = need_text(q, "model_input");
        need(q, "mlflow_version");
        read_list(q, "prompt_parameters", &in->prompt_parameters);
        read_list(q, "model_parameters", &in->model_parameters);
        read_list(q, "model_output_parameters", &in->output_parameters);
        in->name = ask_str(q, "run_name", 0);
        in->output = ask_str(q, "model_output", 0);
        in->user_id = ask_str(q, "user_id", 0);
        in->user_id = in->user_id ? in->user_id : "unknown";
        in->tags = ask_pairs(q, "tags", &in->n_tags);
        ask_i64(q, "start_time", 0, &in->start_at_ms);
}

/* --- the table --- */

static void write_keys(struct json_write *w, const struct list *l) {
        for (size_t i = 0; i < l->n; i++)
                json_write_str(w, l->pairs[i].key);
}

static void write_values(struct json_write *w, const struct list *l) {
        for (size_t i = 0; i < l->n; i++)
                json_write_str(w, l->pairs[i].value);
}

static int write_table(const struct in *in, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_array(&w, "columns");
        write_keys(&w, &in->prompt_parameters);
        json_write_str(&w, "prompt");
        json_write_str(&w, "output");
        write_keys(&w, &in->output_parameters);
        json_write_end(&w);
        json_write_kv_array(&w, "data");
        json_write_array(&w);
        write_values(&w, &in->prompt_parameters);
        json_write_str(&w, in->input);
        json_write_str(&w, in->output);
        write_values(&w, &in->output_parameters);
        json_write_end(&w);
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w);
}

/* --- the run --- */

static int look_experiment(struct ask *q, struct db *db, void *ctx) {
        struct in *in = ctx;
        struct experiment e;
        int r = experiments_sql_need(db, &q->refusal, in->experiment_id, EXPERIMENTS_SQL_ANY, &e);

        if (r == 0)
                r = experiments_sql_need_active(&q->refusal, &e);
        in->location = r == 0 ? e.artifact_location : NULL;
        return r;
}

static int set_param(struct job *j, struct db *db, const char *key, const char *value) {
        const struct in *in = j->in;
        const char *old;
        int r = field_check_param(&j->refusal, "key", key, &value);

        return r != 0 ? r : params_sql_insert(db, in->id, key, value, j->arena, &old);
}

/* What stands there already with another value stays, as it is the first that counts. */
static int set_params(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const struct list *l = &in->model_parameters;
        int r = 0;

        for (size_t i = 0; i < l->n && (r == 0 || r == PARAMS_SQL_DIFFERS); i++)
                r = set_param(j, db, l->pairs[i].key, l->pairs[i].value);
        if (r == 0 || r == PARAMS_SQL_DIFFERS)
                r = set_param(j, db, "model_route", in->route);
        if (r == 0 || r == PARAMS_SQL_DIFFERS)
                r = set_param(j, db, "prompt_template", in->template);
        return r == PARAMS_SQL_DIFFERS ? 0 : r;
}

static int set_tags(struct job *j, struct db *db, const char *name) {
        const struct in *in = j->in;
        const char *value;
        int r = 0;

        for (size_t i = 0; r == 0 && i < in->n_tags; i++) {
                value = in->tags[i].value;
                r = field_check_tag(&j->refusal, "key", in->tags[i].key, &value);
                if (r == 0)
                        r = tags_sql_set_one(db, in->id, in->tags[i].key, value);
        }
        if (r == 0)
                r = tags_sql_set_one(db, in->id, TAGS_SQL_RUN_NAME, name);
        if (r == 0)
                r = tags_sql_set_one(db, in->id, "mlflow.loggedArtifacts",
                                     "[{\"path\": \"" TABLE "\", \"type\": \"table\"}]");
        return r != 0 ? r
                      : tags_sql_set_one(db, in->id, "mlflow.runSourceType", "PROMPT_ENGINEERING");
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t now = tracking_now_ms(j->tracking);
        struct run run = {.id = in->id,
                          .name = in->name,
                          .user_id = in->user_id,
                          .start_at_ms = in->start_at_ms > 0 ? in->start_at_ms : now,
                          .is_active = true,
                          .artifact_uri = in->location};
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ANY, &e);

        if (r == 0)
                r = experiments_sql_need_active(&j->refusal, &e);
        if (r != 0)
                return r;
        run.experiment_id = e.id;
        r = runs_sql_insert(db, &run);
        if (r == 0)
                r = runs_sql_set_status(db, run.id, "FINISHED");
        if (r == 0)
                r = runs_sql_set_end(db, run.id, now);
        if (r == 0)
                r = set_params(j, db);
        if (r == 0)
                r = set_tags(j, db, run.name);
        if (r == 0)
                r = runs_sql_need(db, &j->refusal, in->id, &run);
        return r != 0 ? r
                      : runs_json_write_run(&j->json, db, &run,
                                            RUNS_JSON_MODEL_INPUTS | RUNS_JSON_OUTPUTS);
}

/* An id, a name where none was given, and where the run's artifacts go. */
static int make_up(struct ask *q, struct in *in) {
        const struct tracking *t = q->req->ctx;
        char id[ENTROPY_ID_SIZE], name[RUN_NAME_SIZE];
        const char *path;
        int r = entropy_id(t->entropy, id);

        if (r == 0 && str_empty(in->name)) {
                r = run_name_generate(t->entropy, name);
                in->name = r == 0 ? arena_strdup(q->arena, name) : NULL;
        }
        if (r < 0)
                return r;
        in->id = arena_strdup(q->arena, id);
        path = arena_printf(q->arena, "%s/artifacts", id);
        in->location = path ? artifact_uri_append(q->arena, in->location, path) : NULL;
        return in->id && in->name && in->location ? 0 : -ENOMEM;
}

static int put_table(struct ask *q, const struct in *in) {
        _cleanup_buf_ struct buf table = {};
        struct artifact_place place = {};
        struct errmsg em = {};
        int r = write_table(in, &table);

        if (r < 0)
                return r;
        r = artifact_reply_locate(q, in->location, TABLE, &place);
        if (r != 0)
                return r;
        r = store_put(place.store, place.name, table.data, table.len, &em);
        return r < 0 ? refusal_set(&q->refusal, REFUSAL_INTERNAL_ERROR, "%s", em.text) : 0;
}

int promptlab_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        read_request(&q, &in);
        job_look(&q, look_experiment, &in);
        if (q.result == 0)
                ask_check(&q, make_up(&q, &in));
        if (q.result == 0)
                ask_check(&q, put_table(&q, &in));
        return job_write(&q, run_create, &in);
}
