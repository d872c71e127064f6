#include "daemons/tracking/evaluation_datasets_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/evaluation_datasets_search.h"
#include "daemons/tracking/evaluation_datasets_sql.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/python_json.h"
#include "daemons/tracking/search_page.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/aws_sigv4.h"
#include "lib/net/http_request.h"

enum { DATASET_NAME_MAX = 255, TAG_KEY_MAX = 255, TAG_VALUE_MAX = 5000, PAGE = 1000 };

struct in {
        const char *id, *name, *key;
        const struct json *tags; /* an object, or NULL */
        const char **experiments;
        size_t n_experiments;
        const char *filter, **order_by;
        size_t n_order_by;
        int64_t max_results, offset;
};

void evaluation_datasets_api_digest(const char *name, long long updated_at_ms, char *ret) {
        char hash[AWS_SIGV4_HASH_SIZE], tail[24];
        _cleanup_buf_ struct buf text = {};
        int n = snprintf(tail, sizeof(tail), ":%lld", updated_at_ms);

        buf_add_str(&text, name);
        buf_add(&text, tail, (size_t) n);
        aws_sigv4_hash(buf_cstr(&text), text.len, hash);
        hash[EVALUATION_DATASETS_SQL_DIGEST - 1] = 0;
        memcpy(ret, hash, EVALUATION_DATASETS_SQL_DIGEST);
}

static int denied(struct job *j) {
        return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
}

int evaluation_datasets_api_check(struct job *j, struct db *db, const char *id) {
        DB_USE struct db_stmt *s = NULL;
        int r, x, n = 0;

        if (!j->refusal.access)
                return 0;
        s = evaluation_datasets_sql_experiments(db, id);
        while ((r = db_step(s)) == DB_ROW) {
                x = access_check(&j->refusal, ACCESS_EXPERIMENT, db_col_text(s, 0));
                if (x != 0)
                        return x;
                n++;
        }
        return r == 0 && n == 0 ? denied(j) : r;
}

/* Are all these experiments the asker's to do this with? */
static int check_experiments(struct job *j, const struct in *in) {
        int r = 0;

        if (!j->refusal.access)
                return 0;
        for (size_t i = 0; r == 0 && i < in->n_experiments; i++)
                r = access_check(&j->refusal, ACCESS_EXPERIMENT, in->experiments[i]);
        return r == 0 && in->n_experiments == 0 ? denied(j) : r;
}

/* `before` and `behind` stand around the id when there is none. */
static int need(struct job *j, struct db *db, const char *id, const char *before,
                const char *behind, struct evaluation_dataset *ret) {
        int r = evaluation_datasets_api_check(j, db, id);

        if (r != 0)
                return r;
        r = evaluation_datasets_sql_get(db, j->arena, id, ret);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST, "%s%s%s", before,
                                   id, behind);
        return r < 0 ? r : 0;
}

/* --- writing --- */

static int write_tags(struct job *j, struct db *db, const char *id) {
        DB_USE struct db_stmt *s = evaluation_datasets_sql_tags(db, id);
        _cleanup_buf_ struct buf text = {};
        struct json_write w;
        int r;

        json_write_init(&w, &text, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        while ((r = db_step(s)) == DB_ROW)
                json_write_kv_str(&w, db_col_text(s, 0), db_col_text(s, 1));
        json_write_end(&w);
        if (r == 0)
                r = json_write_finish(&w);
        if (r == 0) {
                json_write_key(&j->json, "tags");
                json_write_strn(&j->json, buf_cstr(&text), text.len);
        }
        return r;
}

static void kv_unless_null(struct json_write *w, const char *key, const char *value) {
        if (value)
                json_write_kv_str(w, key, value);
}

static int write_dataset(struct job *j, struct db *db, const struct evaluation_dataset *d) {
        int r;

        json_write_kv_str(&j->json, "dataset_id", d->id);
        json_write_kv_str(&j->json, "name", d->name);
        r = write_tags(j, db, d->id);
        kv_unless_null(&j->json, "schema", d->schema);
        kv_unless_null(&j->json, "profile", d->profile);
        kv_unless_null(&j->json, "digest", d->digest);
        json_write_kv_i64(&j->json, "created_time", d->created_at_ms);
        json_write_kv_i64(&j->json, "last_update_time", d->updated_at_ms);
        kv_unless_null(&j->json, "created_by", d->created_by);
        kv_unless_null(&j->json, "last_updated_by", d->updated_by);
        return r;
}

static int write_answer(struct job *j, struct db *db, const struct evaluation_dataset *d) {
        int r;

        json_write_kv_object(&j->json, "dataset");
        r = write_dataset(j, db, d);
        json_write_end(&j->json);
        return r;
}

/* --- reading --- */

/* Tags come as a string of JSON. */
static const struct json *read_tags(struct ask *q, unsigned flags) {
        const char *text = ask_str(q, "tags", flags);
        struct json *tags = NULL;
        const struct json *tag;
        struct errmsg em = {};
        int r;

        if (q->result != 0 || str_empty(text))
                return NULL;
        r = json_parse_copy(q->arena, text, strlen(text), &tags, &em);
        if (r == -EINVAL)
                ask_check(q, refusal_invalid(&q->refusal, "tags is not JSON: %s", em.text));
        else if (r == 0 && !json_is(tags, JSON_OBJECT) && !json_is(tags, JSON_NULL))
                ask_check(q, refusal_invalid(&q->refusal, "tags must be a JSON object, not %s.",
                                             json_type_name(tags)));
        else
                ask_check(q, r);
        json_each (tag, q->result == 0 ? tags : NULL) {
                ask_check(q, field_check_length(&q->refusal, "key", TAG_KEY_MAX, tag->key));
                if (json_is(tag, JSON_STRING))
                        ask_check(q, field_check_length(&q->refusal, "value", TAG_VALUE_MAX,
                                                        tag->str));
        }
        return q->result == 0 && json_is(tags, JSON_OBJECT) ? tags : NULL;
}

static int set_tags(struct job *j, struct db *db, const char *id, const struct json *tags,
                    bool nulls) {
        const struct json *tag;
        int r = 0;

        json_each (tag, tags) {
                const char *value = NULL;

                if (json_is(tag, JSON_NULL) && !nulls)
                        continue;
                if (!json_is(tag, JSON_NULL))
                        value = python_json_str(tag, j->arena, &r);
                if (r == 0)
                        r = evaluation_datasets_sql_tag_set(db, id, tag->key, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- one dataset --- */

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const struct json *user = json_get(in->tags, "mlflow.user");
        struct evaluation_dataset d = {.name = in->name};
        char id[2 + ENTROPY_ID_SIZE] = "d-", digest[EVALUATION_DATASETS_SQL_DIGEST];
        int r = check_experiments(j, in);

        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 2);
        if (r != 0)
                return r;
        d.id = id;
        d.created_at_ms = d.updated_at_ms = tracking_now_ms(j->tracking);
        evaluation_datasets_api_digest(d.name, d.updated_at_ms, digest);
        d.digest = digest;
        if (user && !json_is(user, JSON_NULL))
                d.created_by = d.updated_by = python_json_str(user, j->arena, &r);
        if (r == 0)
                r = evaluation_datasets_sql_insert(db, &d);
        if (r == 0)
                r = set_tags(j, db, d.id, in->tags, true);
        for (size_t i = 0; r == 0 && i < in->n_experiments; i++)
                r = evaluation_datasets_sql_tie(db, j->tracking->entropy, d.id, in->experiments[i],
                                                d.created_at_ms);
        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "dataset");
        r = write_dataset(j, db, &d);
        json_write_kv_items(&j->json, "experiment_ids");
        for (size_t i = 0; i < in->n_experiments; i++)
                json_write_str(&j->json, in->experiments[i]);
        json_write_end(&j->json);
        json_write_end(&j->json);
        return r;
}

int evaluation_datasets_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.experiments = ask_list(&q, "experiment_ids", 0, &in.n_experiments);
        in.tags = read_tags(&q, 0);
        if (q.result == 0)
                ask_check(&q, field_check_length(&q.refusal, "name", DATASET_NAME_MAX, in.name));
        return job_write(&q, run_create, &in);
}

static void open_one(struct ask *q, struct http_request *req, struct in *in) {
        *in = (struct in){.id = http_request_param(req, "dataset_id")};
        ask_open(q, req);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct evaluation_dataset d;
        int r = need(j, db, in->id, "Evaluation dataset with id '", "' not found", &d);

        return r != 0 ? r : write_answer(j, db, &d);
}

int evaluation_datasets_api_get(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        return job_read(&q, run_get, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int r = evaluation_datasets_api_check(j, db, in->id);

        return r != 0 ? r : evaluation_datasets_sql_delete(db, in->id); /* gone is gone */
}

int evaluation_datasets_api_delete(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        return job_write(&q, run_delete, &in);
}

static int run_set_tags(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct evaluation_dataset d;
        int r = need(j, db, in->id, "Could not find evaluation dataset with ID ", "", &d);

        return r != 0 ? r : set_tags(j, db, in->id, in->tags, false);
}

int evaluation_datasets_api_set_tags(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        in.tags = read_tags(&q, ASK_NEED);
        return job_write(&q, run_set_tags, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int r = evaluation_datasets_api_check(j, db, in->id);

        return r != 0 ? r : evaluation_datasets_sql_tag_delete(db, in->id, in->key);
}

int evaluation_datasets_api_delete_tag(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        in.key = http_request_param(req, "key");
        return job_write(&q, run_delete_tag, &in);
}

/* --- its experiments --- */

static int run_experiments(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        int r = evaluation_datasets_api_check(j, db, in->id);

        if (r != 0)
                return r;
        s = evaluation_datasets_sql_experiments(db, in->id);
        json_write_kv_items(&j->json, "experiment_ids");
        while ((r = db_step(s)) == DB_ROW)
                json_write_str(&j->json, db_col_text(s, 0));
        json_write_end(&j->json);
        return r;
}

int evaluation_datasets_api_experiments(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        return job_read(&q, run_experiments, &in);
}

static int check_experiment_exists(struct job *j, struct db *db, const char *id) {
        struct experiment e;
        int64_t number;
        int r = DB_DONE;

        if (str_to_i64(id, &number) == 0)
                r = experiments_sql_get(db, j->arena, number, &e);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "No Experiment with id=%s", id);
        return r < 0 ? r : 0;
}

static int run_add_experiments(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct evaluation_dataset d;
        int r = need(j, db, in->id, "Dataset '", "' not found", &d);

        if (r == 0)
                r = check_experiments(j, in);
        for (size_t i = 0; r == 0 && i < in->n_experiments; i++)
                r = check_experiment_exists(j, db, in->experiments[i]);
        if (r != 0)
                return r;
        d.updated_at_ms = tracking_now_ms(j->tracking);
        for (size_t i = 0; r == 0 && i < in->n_experiments; i++)
                r = evaluation_datasets_sql_tie(db, j->tracking->entropy, d.id, in->experiments[i],
                                                d.updated_at_ms);
        if (r == 0)
                r = evaluation_datasets_sql_update(db, &d);
        return r != 0 ? r : write_answer(j, db, &d);
}

int evaluation_datasets_api_add_experiments(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        in.experiments = ask_list(&q, "experiment_ids", 0, &in.n_experiments);
        return job_write(&q, run_add_experiments, &in);
}

static int run_remove_experiments(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct evaluation_dataset d;
        int64_t n, n_gone = 0;
        int r = need(j, db, in->id, "Dataset '", "' not found", &d);

        for (size_t i = 0; r == 0 && i < in->n_experiments; i++) {
                r = evaluation_datasets_sql_untie(db, d.id, in->experiments[i], &n);
                n_gone += r == 0 ? n : 0;
        }
        if (r == 0 && n_gone > 0) {
                d.updated_at_ms = tracking_now_ms(j->tracking);
                r = evaluation_datasets_sql_update(db, &d);
        }
        return r != 0 ? r : write_answer(j, db, &d);
}

int evaluation_datasets_api_remove_experiments(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        in.experiments = ask_list(&q, "experiment_ids", 0, &in.n_experiments);
        return job_write(&q, run_remove_experiments, &in);
}

/* --- searching --- */

static int write_row(struct job *j, struct db *db, struct db_stmt *s) {
        struct evaluation_dataset d;
        int r = evaluation_datasets_sql_read(s, j->arena, &d);

        return r < 0 ? r : write_dataset(j, db, &d);
}

static int run_search(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct search_sql sql _cleanup_(search_sql_done) = {};
        int r = check_experiments(j, in);

        search_sql_init(&sql, j->arena);
        if (r == 0)
                r = evaluation_datasets_search_build(
                        &(struct evaluation_datasets_search){
                                .experiments = in->experiments,
                                .n_experiments = in->n_experiments,
                                .filter = in->filter,
                                .order_by = in->order_by,
                                .n_order_by = in->n_order_by,
                                .limit = in->max_results + 1,
                                .offset = in->offset,
                        },
                        &j->refusal, &sql);
        return r != 0 ? r
                      : search_page_write(j, db, &sql,
                                          &(struct search_page){.key = "datasets",
                                                                .limit = in->max_results + 1,
                                                                .offset = in->offset,
                                                                .write = write_row});
}

int evaluation_datasets_api_search(struct http_request *req) {
        struct in in = {.max_results = PAGE};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        in.experiments = ask_list(&q, "experiment_ids", 0, &in.n_experiments);
        in.filter = ask_str(&q, "filter_string", 0);
        ask_i64(&q, "max_results", 0, &in.max_results);
        in.order_by = ask_list(&q, "order_by", 0, &in.n_order_by);
        token = ask_str(&q, "page_token", 0);
        if (q.result == 0 && in.max_results == 0)
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "Invalid value None for parameter 'max_results' "
                                              "supplied. It must be a positive integer"));
        ask_page(&q, in.max_results, token, &in.offset);
        return job_read(&q, run_search, &in);
}
