#include "daemons/tracking/runs_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/run_name.h"
#include "daemons/tracking/run_resume.h"
#include "daemons/tracking/run_tags.h"
#include "daemons/tracking/runs_find.h"
#include "daemons/tracking/runs_json.h"
#include "daemons/tracking/tags_sql.h"
#include "daemons/tracking/task_runs_sql.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

struct create {
        const char *experiment_id, *user_id, *name;
        int64_t start_at_ms;
        struct ask_pair *tags;
        size_t n_tags;
};

/* The value of the last tag of that key, NULL when there is none. */
static const char *tag_of(const struct create *in, const char *key) {
        const char *value = NULL;

        for (size_t i = 0; i < in->n_tags; i++)
                if (str_eq(in->tags[i].key, key))
                        value = in->tags[i].value;
        return value;
}

/* "experiment's location/run id/artifacts" */
static const char *artifact_location(struct arena *a, const char *root, const char *run_id) {
        const char *path = arena_printf(a, "%s/artifacts", run_id);

        return path ? artifact_uri_append(a, root, path) : NULL;
}

/* The client says who it is by a tag; where it does not, we know it from the login. A run opened
 * within a task of the scheduler is marked as that task's. */
static int tag_by_identity(struct job *j, struct db *db, const char *run_id) {
        const struct create *in = j->in;
        const struct auth_identity *who = j->req->identity;
        int r = 0;

        if (!who || who->how == AUTH_BY_NOTHING)
                return 0;
        if (!tag_of(in, TAGS_SQL_USER))
                r = tags_sql_set_one(db, run_id, TAGS_SQL_USER, who->name);
        if (r < 0 || str_empty(who->try_id))
                return r;
        r = run_tags_of_try(db, run_id, who);
        return r < 0 ? r : task_runs_sql_adopt(db, who->try_id, run_id);
}

static int insert_run(struct job *j, struct db *db, const struct experiment *e, const char *name,
                      struct run *ret) {
        const struct create *in = j->in;
        char id[ENTROPY_ID_SIZE];
        /* Runs made together lie together in each index: a commit of many writes few pages. */
        int r = entropy_id_near(j->tracking->entropy, clock_now(j->tracking->clock), id);

        if (r < 0)
                return r;
        *ret = (struct run){
                .id = arena_strdup(j->arena, id),
                .name = name,
                .user_id = in->user_id ? in->user_id : "",
                .status = "RUNNING",
                .experiment_id = e->id,
                .start_at_ms = in->start_at_ms,
                .is_active = true,
                .artifact_uri = artifact_location(j->arena, e->artifact_location, id),
        };
        if (!ret->id || !ret->artifact_uri)
                return -ENOMEM;
        return runs_sql_insert(db, ret);
}

/* The name by argument, by tag, or made up. */
static int pick_name(struct job *j, const char **ret) {
        const struct create *in = j->in;
        const char *by_tag = tag_of(in, TAGS_SQL_RUN_NAME);
        char made[RUN_NAME_SIZE];
        int r;

        if (!str_empty(in->name) && !str_empty(by_tag) && !str_eq(in->name, by_tag))
                return refusal_invalid(&j->refusal,
                                       "Both 'run_name' argument and 'mlflow.runName' tag are "
                                       "specified, but with different values (run_name='%s', "
                                       "mlflow.runName='%s').",
                                       in->name, by_tag);
        *ret = !str_empty(in->name) ? in->name : by_tag;
        if (!str_empty(*ret))
                return 0;
        r = run_name_generate(j->tracking->entropy, made);
        if (r < 0)
                return r;
        *ret = arena_strdup(j->arena, made);
        return *ret ? 0 : -ENOMEM;
}

static int run_create(struct job *j, struct db *db) {
        const struct create *in = j->in;
        struct experiment e;
        struct run run;
        const char *name;
        int r;

        r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ANY, &e);
        if (r == 0)
                r = experiments_sql_need_active(&j->refusal, &e);
        if (r == 0)
                r = pick_name(j, &name);
        if (r == 0)
                r = insert_run(j, db, &e, name, &run);
        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = tags_sql_set_one(db, run.id, in->tags[i].key, in->tags[i].value);
        if (r == 0 && str_empty(tag_of(in, TAGS_SQL_RUN_NAME)))
                r = tags_sql_set_one(db, run.id, TAGS_SQL_RUN_NAME, name);
        if (r == 0)
                r = tag_by_identity(j, db, run.id);
        return r != 0 ? r : runs_json_write_run(&j->json, db, &run, RUNS_JSON_NEW);
}

int runs_api_create(struct http_request *req) {
        struct create in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", 0);
        ask_i64(&q, "start_time", 0, &in.start_at_ms);
        in.name = ask_str(&q, "run_name", 0);
        in.user_id = ask_str(&q, "user_id", 0);
        in.tags = ask_pairs(&q, "tags", &in.n_tags);
        return job_write(&q, run_create, &in);
}

struct one {
        const char *id, *key, *value, *name;
        const char *status; /* NULL: not to change */
        int64_t end_at_ms;
        bool has_end;
};

static int run_get(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct run run;
        int r = runs_sql_need(db, &j->refusal, in->id, &run);

        return r != 0 ? r
                      : runs_json_write_run(&j->json, db, &run,
                                            RUNS_JSON_MODEL_INPUTS | RUNS_JSON_OUTPUTS);
}

int runs_api_ask_get(struct ask *q) {
        struct one in = {};

        in.id = ask_run_id(q);
        return job_read(q, run_get, &in);
}

int runs_api_get(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return runs_api_ask_get(&q);
}

/* Of the thread's CPU time, for a number that is nice to have. */
#define TOTAL_FOR (20 * USEC_PER_MSEC)

enum { EXPERIMENTS_MAX = FIELD_CHECK_RESULTS_MAX / 5 }; /* SQLite binds 32,766 values at most */

struct search {
        struct runs_search search;
        int64_t max_results, offset;
        bool everywhere; /* in all experiments; ours, not MLflow's */
        bool with_total; /* how many there are, where that is soon known; ours as well */
};

struct page {
        struct job *job;
        struct db *db;
        int64_t n, n_max;
};

static int write_found(void *ctx, const struct run *run) {
        struct page *p = ctx;
        struct json_write *w = &p->job->json;
        int r;

        if (p->n++ == p->n_max)
                return 0;
        json_write_object(w);
        r = runs_json_write(w, p->db, run, RUNS_JSON_OUTPUTS);
        json_write_end(w);
        return r;
}

static int write_total(struct job *j, struct db *db, const struct runs_search *search) {
        int64_t total;
        int r = runs_find_count(db, j->arena, search, TOTAL_FOR, &total);

        if (r == 0)
                json_write_kv_i64(&j->json, "total", total);
        return r == -ETIME ? 0 : r;
}

static int run_search(struct job *j, struct db *db) {
        struct search *in = j->in;
        struct page p = {j, db, 0, in->max_results};
        int r = 0;

        if (in->everywhere)
                r = experiments_sql_active_ids(db, j->arena, j->refusal.access, EXPERIMENTS_MAX,
                                               &in->search.experiment_ids,
                                               &in->search.n_experiment_ids);
        if (r == 0 && in->with_total)
                r = write_total(j, db, &in->search);
        if (r < 0)
                return r;
        json_write_kv_items(&j->json, "runs");
        r = runs_find(db, j->arena, &in->search, in->max_results + 1, in->offset, write_found, &p);
        if (r < 0)
                return r;
        json_write_end(&j->json);
        if (p.n <= p.n_max)
                return 0;
        return page_token_write_next(&j->json, j->arena, in->offset + p.n_max);
}

static int read_experiment_ids(struct ask *q, const char **ids, size_t n, struct runs_search *ret) {
        int64_t *numbers = arena_zalloc_array(q->arena, n + 1, sizeof(*numbers));
        int r;

        if (!numbers)
                return -ENOMEM;
        if (n > EXPERIMENTS_MAX)
                return refusal_invalid(&q->refusal,
                                       "A search looks through at most %d experiments. Got %zu.",
                                       EXPERIMENTS_MAX, n);
        for (size_t i = 0; i < n; i++) {
                r = field_check_experiment_id(&q->refusal, ids[i], &numbers[i]);
                if (r != 0)
                        return r;
        }
        ret->experiment_ids = numbers;
        ret->n_experiment_ids = access_keep_readable(q->refusal.access, numbers, n);
        return 0;
}

int runs_api_ask_search(struct ask *q) {
        static const char *const views[] = {NULL, "ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
        struct search in = {.max_results = 1000};
        const char **ids, **order_by, *filter, *token;
        size_t n_ids, n_order_by;
        int64_t view = 1;

        ids = ask_list(q, "experiment_ids", 0, &n_ids);
        ask_bool(q, "everywhere", &in.everywhere);
        ask_bool(q, "with_total", &in.with_total);
        filter = ask_str(q, "filter", 0);
        ask_i64(q, "max_results", 0, &in.max_results);
        order_by = ask_list(q, "order_by", 0, &n_order_by);
        ask_enum(q, "run_view_type", 0, views, ARRAY_SIZE(views), &view);
        token = ask_str(q, "page_token", 0);
        if (q->result == 0 && in.max_results > FIELD_CHECK_RESULTS_MAX)
                ask_refuse_value(q, "max_results");
        if (q->result == 0)
                ask_check(q, field_check_max_results(&q->refusal, in.max_results));
        if (q->result == 0)
                ask_check(q,
                          runs_search_parse(&in.search, filter, order_by, n_order_by, &q->refusal));
        ask_offset(q, token, &in.offset);
        if (q->result == 0)
                ask_check(q, read_experiment_ids(q, ids, n_ids, &in.search));
        in.search.view = view == 3   ? RUNS_SEARCH_ALL
                         : view == 2 ? RUNS_SEARCH_DELETED
                                     : RUNS_SEARCH_ACTIVE;
        return job_read(q, run_search, &in);
}

int runs_api_search(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return runs_api_ask_search(&q);
}

static int run_update(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct run run;
        int r = runs_sql_need(db, &j->refusal, in->id, &run);

        if (r == 0)
                r = runs_sql_check_active(&j->refusal, &run);
        if (r == 0 && in->status)
                r = runs_sql_set_status(db, in->id, in->status);
        if (r == 0 && in->status && str_eq(in->status, "RUNNING"))
                r = run_resume_claim(j->tracking->resume, db, j->arena, in->id, j->req->identity,
                                     tracking_now_ms(j->tracking));
        if (r == 0 && in->has_end)
                r = runs_sql_set_end(db, in->id, in->end_at_ms);
        if (r == 0)
                r = run_tags_rename(db, in->id, in->name);
        if (r == 0)
                r = runs_sql_need(db, &j->refusal, in->id, &run);
        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "run_info");
        runs_json_write_info(&j->json, &run);
        json_write_end(&j->json);
        return 0;
}

int runs_api_update(struct http_request *req) {
        struct one in = {};
        int64_t status;
        struct ask q;

        ask_open(&q, req);
        in.id = ask_run_id(&q);
        in.has_end = ask_i64(&q, "end_time", 0, &in.end_at_ms);
        if (ask_enum(&q, "status", 0, runs_sql_statuses, ARRAY_SIZE(runs_sql_statuses), &status))
                in.status = runs_sql_statuses[status];
        in.name = ask_str(&q, "run_name", 0);
        return job_write(&q, run_update, &in);
}

static int set_active(struct job *j, struct db *db, bool active) {
        const struct one *in = j->in;
        struct run run;
        int r = runs_sql_need(db, &j->refusal, in->id, &run);

        return r != 0 ? r : runs_sql_set_active(db, in->id, active, tracking_now_ms(j->tracking));
}

static int run_delete(struct job *j, struct db *db) {
        return set_active(j, db, false);
}

static int run_restore(struct job *j, struct db *db) {
        return set_active(j, db, true);
}

static int by_id(struct http_request *req, job_fn *run) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "run_id", ASK_NEED);
        return job_write(&q, run, &in);
}

int runs_api_delete(struct http_request *req) {
        return by_id(req, run_delete);
}

int runs_api_restore(struct http_request *req) {
        return by_id(req, run_restore);
}

static int run_log_parameter(struct job *j, struct db *db) {
        const struct one *in = j->in;
        const char *old;
        int r = runs_sql_need_active(db, &j->refusal, in->id, NULL);

        if (r == 0)
                r = params_sql_insert(db, in->id, in->key, in->value, j->arena, &old);
        if (r == PARAMS_SQL_DIFFERS)
                return refusal_invalid(&j->refusal,
                                       "Changing param values is not allowed. Param with key='%s' "
                                       "was already logged with value='%s' for run ID='%s'. "
                                       "Attempted logging new value '%s'.",
                                       in->key, old, in->id, in->value);
        return r;
}

int runs_api_log_parameter(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_run_id(&q);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, field_check_param(&q.refusal, "", in.key, &in.value));
        return job_write(&q, run_log_parameter, &in);
}

static int run_set_tag(struct job *j, struct db *db) {
        const struct one *in = j->in;
        int r = runs_sql_need_active(db, &j->refusal, in->id, NULL);

        return r != 0 ? r : run_tags_set(db, in->id, in->key, in->value);
}

int runs_api_set_tag(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_run_id(&q);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, field_check_tag(&q.refusal, "", in.key, &in.value));
        return job_write(&q, run_set_tag, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct one *in = j->in;
        int64_t n = 0;
        int r = runs_sql_need_active(db, &j->refusal, in->id, NULL);

        if (r == 0)
                r = tags_sql_delete(db, in->id, in->key, &n);
        if (r == 0 && n == 0)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "No tag with name: %s in run with id %s", in->key, in->id);
        return r;
}

int runs_api_delete_tag(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "run_id", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        return job_write(&q, run_delete_tag, &in);
}

/* The models of a run are a list in one tag. */
#define LOGGED_MODELS_TAG "mlflow.log-model.history"

struct log_model {
        const char *run_id;
        const struct json *model;
};

static int run_log_model(struct job *j, struct db *db) {
        const struct log_model *in = j->in;
        _cleanup_buf_ struct buf model = {};
        const char *old = NULL, *value;
        struct json_write w;
        int r = runs_sql_need_active(db, &j->refusal, in->run_id, NULL);

        if (r != 0)
                return r;
        r = tags_sql_get(db, in->run_id, LOGGED_MODELS_TAG, j->arena, &old);
        if (r < 0)
                return r;
        json_write_init(&w, &model, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_node(&w, in->model);
        r = json_write_finish(&w);
        if (r < 0)
                return r;
        if (!str_empty(old) && str_ends(old, "]") && !str_eq(old, "[]"))
                value = arena_printf(j->arena, "%.*s, %s]", (int) strlen(old) - 1, old,
                                     buf_cstr(&model));
        else
                value = arena_printf(j->arena, "[%s]", buf_cstr(&model));
        if (!value)
                return -ENOMEM;
        r = field_check_tag(&j->refusal, "", LOGGED_MODELS_TAG, &value);
        return r != 0 ? r : tags_sql_set_one(db, in->run_id, LOGGED_MODELS_TAG, value);
}

static int parse_model(struct ask *q, const char *text, const struct json **ret) {
        static const char *const needed[] = {"artifact_path", "flavors", "utc_time_created",
                                             "run_id"};
        struct json *root;
        int r = json_parse_copy(q->arena, text, strlen(text), &root, NULL);

        if (r == -ENOMEM)
                return r;
        if (r < 0 || !json_is(root, JSON_OBJECT))
                return refusal_invalid(&q->refusal,
                                       "Malformed model info. \n %s \n is not a valid JSON.", text);
        for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
                if (!json_get(root, needed[i]))
                        return refusal_invalid(&q->refusal,
                                               "Model json is missing mandatory fields: {'%s'}",
                                               needed[i]);
        *ret = root;
        return 0;
}

int runs_api_log_model(struct http_request *req) {
        struct log_model in = {};
        const char *text;
        struct ask q;

        ask_open(&q, req);
        in.run_id = ask_str(&q, "run_id", ASK_NEED);
        text = ask_str(&q, "model_json", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, parse_model(&q, text, &in.model));
        return job_write(&q, run_log_model, &in);
}
