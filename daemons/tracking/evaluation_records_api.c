#include "daemons/tracking/evaluation_records_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/evaluation_datasets_api.h"
#include "daemons/tracking/evaluation_datasets_sql.h"
#include "daemons/tracking/evaluation_schema.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/python_json.h"
#include "lib/base/base64.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/aws_sigv4.h"
#include "lib/net/http_request.h"

#define WRAPPED "mlflow_wrapped"

enum { PAGE = 1000, SOURCE_ID_MAX = 36, USER_MAX = 255 };

/* A record as it was given, made ready before the writer takes it. */
struct given {
        const struct json *body, *tags, *expectations;
        const char *user; /* the tag mlflow.user; NULL: none */
        struct evaluation_record record;
};

struct in {
        const char *id;
        const struct json *records;
        struct given *given;
        size_t n_given;
        bool is_beyond_json; /* NaN or an infinite number is among the records */
        const char **ids;
        size_t n_ids;
        int64_t max_results, offset, after_ms;
        const char *after_id;
};

/* --- reading --- */

static const struct json *member(struct ask *q, const struct json *record, const char *key) {
        const struct json *j = json_get(record, key);

        if (!j || json_is(j, JSON_NULL))
                return NULL;
        if (!json_is(j, JSON_OBJECT))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "The %s of a record must be an object, not %s.", key,
                                             json_type_name(j)));
        return j;
}

static const char *text_of(struct ask *q, const struct json *j, unsigned flags) {
        const char *text;
        int r;

        text = python_json_text(j, flags, q->arena, &r);
        ask_check(q, r);
        return text;
}

/* One of the known types whatever its letters, NULL otherwise (refused). */
static const char *source_type(struct ask *q, const char *given) {
        static const char *const types[] = {"UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_eq_fold(given, types[i]))
                        return types[i];
        ask_check(q, refusal_invalid(&q->refusal,
                                     "Invalid dataset record source type: %s. Valid source types: "
                                     "['UNSPECIFIED', 'TRACE', 'HUMAN', 'DOCUMENT', 'CODE']",
                                     given));
        return NULL;
}

static void read_source_id(struct ask *q, const struct json *data, struct evaluation_record *r) {
        const struct json *id =
                json_get(data, str_eq(r->source_type, "TRACE") ? "trace_id" : "source_id");
        int x = 0;

        if (!id || json_is(id, JSON_NULL))
                return;
        r->source_id = python_json_str(id, q->arena, &x);
        if (ask_check(q, x))
                ask_check(q, field_check_length(&q->refusal, "source_id", SOURCE_ID_MAX,
                                                r->source_id));
}

/* {"source_type": …, "source_data": {…}} with the type in capitals. */
static void read_source(struct ask *q, const struct json *source, struct evaluation_record *r) {
        const struct json *type = json_get(source, "source_type");
        const struct json *data = json_get(source, "source_data");
        const char *text;

        if (!source || source->len == 0 || q->result != 0)
                return;
        if (json_is(data, JSON_NULL))
                data = NULL;
        if (!json_is(type, JSON_STRING) || (data && !json_is(data, JSON_OBJECT))) {
                ask_check(q, refusal_invalid(&q->refusal, "The source of a record must have a "
                                                          "source_type, and source_data that is "
                                                          "an object."));
                return;
        }
        r->source_type = source_type(q, type->str);
        if (q->result == 0)
                read_source_id(q, data, r);
        text = data ? text_of(q, data, 0) : "{}";
        if (q->result != 0)
                return;
        r->source = arena_printf(q->arena, "{\"source_type\": \"%s\", \"source_data\": %s}",
                                 r->source_type, text);
        ask_check(q, r->source ? 0 : -ENOMEM);
}

/* Outputs may be anything, and {} when nothing is said of them; null is none. */
static const char *wrap_outputs(struct ask *q, const struct json *record) {
        const struct json *outputs = json_get(record, "outputs");
        const char *text = outputs ? text_of(q, outputs, 0) : "{}";

        if (q->result != 0 || json_is(outputs, JSON_NULL))
                return "null";
        text = arena_printf(q->arena, "{\"" WRAPPED "\": %s}", text);
        if (!text)
                ask_check(q, -ENOMEM);
        return text;
}

static void read_record(struct ask *q, const struct json *record, struct given *g) {
        const struct json *inputs = member(q, record, "inputs"), *user;
        struct evaluation_record *r = &g->record;
        const char *sorted;
        int x = 0;

        g->body = record;
        g->tags = member(q, record, "tags");
        g->expectations = member(q, record, "expectations");
        if (!inputs && json_get(record, "inputs"))
                ask_check(q, refusal_invalid(&q->refusal, "inputs must be provided"));
        if (q->result != 0)
                return;
        user = json_get(g->tags, "mlflow.user");
        if (user && !json_is(user, JSON_NULL))
                g->user = python_json_str(user, q->arena, &x);
        ask_check(q, x);
        if (q->result == 0 && g->user)
                ask_check(q, field_check_length(&q->refusal, "mlflow.user", USER_MAX, g->user));
        sorted = inputs ? text_of(q, inputs, PYTHON_JSON_SORTED) : "{}";
        r->inputs = inputs ? text_of(q, inputs, 0) : "{}";
        r->outputs = wrap_outputs(q, record);
        r->expectations = g->expectations ? text_of(q, g->expectations, 0) : "null";
        r->tags = g->tags ? text_of(q, g->tags, 0) : "{}";
        read_source(q, member(q, record, "source"), r);
        r->source = r->source ? r->source : "null";
        if (q->result == 0)
                aws_sigv4_hash(sorted, strlen(sorted), r->input_hash);
}

/* Python reads and writes NaN and Infinity; a database's own JSON does not. */
static bool is_beyond_json(const struct json *j) {
        const struct json *item;
        double value;

        if (json_is(j, JSON_NUMBER))
                return json_f64(j, &value) == JSON_OUT_OF_RANGE;
        json_each (item, j) {
                if (is_beyond_json(item)) /* as deep as the parser lets it be */
                        return true;
        }
        return false;
}

static void read_records(struct ask *q, struct in *in) {
        const char *text = ask_str(q, "records", ASK_NEED);
        const struct json *record;
        struct json *root = NULL;
        struct errmsg em = {};
        int r;

        if (q->result != 0)
                return;
        r = json_parse_python_copy(q->arena, text, strlen(text), &root, &em);
        if (r == -EINVAL)
                ask_check(q, refusal_invalid(&q->refusal, "records is not JSON: %s", em.text));
        else
                ask_check(q, r);
        if (q->result == 0 && !json_is(root, JSON_ARRAY))
                ask_check(q, refusal_invalid(&q->refusal, "records must be a JSON list, not %s.",
                                             json_type_name(root)));
        if (q->result != 0)
                return;
        in->records = root;
        in->is_beyond_json = is_beyond_json(root);
        in->given = arena_zalloc_array(q->arena, root->len + 1, sizeof(*in->given));
        ask_check(q, in->given ? 0 : -ENOMEM);
        json_each (record, root) {
                if (!json_is(record, JSON_OBJECT))
                        ask_check(q, refusal_invalid(&q->refusal,
                                                     "A record must be an object, not %s.",
                                                     json_type_name(record)));
                if (q->result == 0)
                        read_record(q, record, &in->given[in->n_given++]);
        }
}

/* --- upserting --- */

/* A record that is there already takes what is new in the given one. */
static int merge(struct job *j, const struct given *g, struct evaluation_record *r) {
        int x = 0;

        if (json_get(g->body, "outputs"))
                r->outputs = g->record.outputs;
        if (g->expectations && g->expectations->len > 0)
                x = evaluation_schema_merge(r->expectations, g->expectations, j->arena,
                                            &r->expectations);
        if (x == 0 && g->tags && g->tags->len > 0)
                x = evaluation_schema_merge(r->tags, g->tags, j->arena, &r->tags);
        if (g->user)
                r->updated_by = g->user;
        r->updated_at_ms = tracking_now_ms(j->tracking);
        return x;
}

static int insert(struct job *j, struct db *db, const struct in *in, const struct given *g,
                  int64_t now_ms) {
        char id[3 + ENTROPY_ID_SIZE] = "dr-";
        struct evaluation_record r = g->record;
        int x = entropy_id(j->tracking->entropy, id + 3);

        r.id = id;
        r.dataset_id = in->id;
        r.created_at_ms = r.updated_at_ms = now_ms;
        r.created_by = r.updated_by = g->user;
        return x < 0 ? x : evaluation_datasets_sql_record_insert(db, &r);
}

/* 1: made, 0: there was one like it; or -errno. */
static int upsert(struct job *j, struct db *db, const struct in *in, const struct given *g,
                  int64_t now_ms) {
        struct evaluation_record r;
        int x = evaluation_datasets_sql_record(db, j->arena, in->id, g->record.input_hash, &r);

        if (x < 0)
                return x;
        if (x == DB_DONE) {
                x = insert(j, db, in, g, now_ms);
                return x < 0 ? x : 1;
        }
        x = merge(j, g, &r);
        return x < 0 ? x : evaluation_datasets_sql_record_update(db, &r);
}

static int set_profile(struct job *j, struct db *db, struct evaluation_dataset *d) {
        int64_t n;
        int r = evaluation_datasets_sql_records_count(db, d->id, &n);

        if (r < 0 || n == 0)
                return r;
        d->profile = arena_printf(j->arena, "{\"num_records\": %" PRId64 "}", n);
        return d->profile ? 0 : -ENOMEM;
}

static int update_dataset(struct job *j, struct db *db, const struct in *in,
                          struct evaluation_dataset *d) {
        char digest[EVALUATION_DATASETS_SQL_DIGEST];
        const char *schema = NULL;
        int r = set_profile(j, db, d);

        if (r == 0)
                r = evaluation_schema_update(d->schema, in->records, j->arena, &schema);
        if (r < 0)
                return r;
        d->schema = schema ? schema : d->schema;
        d->updated_by = NULL;
        for (size_t i = 0; i < in->n_given; i++)
                d->updated_by = in->given[i].user ? in->given[i].user : d->updated_by;
        evaluation_datasets_api_digest(d->name, d->updated_at_ms, digest);
        d->digest = digest;
        return evaluation_datasets_sql_update(db, d);
}

static int need(struct job *j, struct db *db, const char *id, struct evaluation_dataset *ret) {
        int r = evaluation_datasets_api_check(j, db, id);

        if (r != 0)
                return r;
        r = evaluation_datasets_sql_get(db, j->arena, id, ret);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Evaluation dataset with id '%s' not found", id);
        return r < 0 ? r : 0;
}

static int run_upsert(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t now_ms = tracking_now_ms(j->tracking), n_new = 0;
        struct evaluation_dataset d;
        int r = need(j, db, in->id, &d);

        if (r == 0 && in->is_beyond_json && db_get_dialect(db) != DB_SQLITE)
                r = refusal_invalid(&j->refusal,
                                    "A record has NaN or a number beyond all doubles, which the "
                                    "JSON of this database cannot hold.");
        if (r != 0)
                return r;
        for (size_t i = 0; i < in->n_given; i++) {
                r = upsert(j, db, in, &in->given[i], now_ms);
                if (r < 0)
                        return r;
                n_new += r;
        }
        d.updated_at_ms = now_ms;
        r = update_dataset(j, db, in, &d);
        json_write_kv_i64(&j->json, "inserted_count", n_new);
        json_write_kv_i64(&j->json, "updated_count", (int64_t) in->n_given - n_new);
        return r;
}

int evaluation_records_api_upsert(struct http_request *req) {
        struct in in = {.id = http_request_param(req, "dataset_id")};
        struct ask q;

        ask_open(&q, req);
        read_records(&q, &in);
        return job_write(&q, run_upsert, &in);
}

/* --- listing --- */

static int parse(struct job *j, const char *text, struct json **ret) {
        *ret = NULL;
        if (str_empty(text) || str_eq(text, "null"))
                return 0;
        return json_parse_python_copy(j->arena, text, strlen(text), ret, NULL);
}

/* Adds a member whose value is JSON already, in Python's form. 0 or -errno. */
static int kv_json(struct job *j, struct json_write *w, const char *key, const struct json *value) {
        _cleanup_buf_ struct buf out = {};
        int r = python_json_print(value, 0, j->arena, &out);

        if (r < 0)
                return r;
        json_write_key(w, key);
        json_write_raw(w, buf_cstr(&out), out.len);
        return 0;
}

static void kv_text(struct json_write *w, const char *key, const char *value) {
        if (value)
                json_write_kv_str(w, key, value);
}

/* A record's members that are JSON, read from the database's text. */
struct parts {
        struct json *inputs, *outputs, *expectations, *tags, *source;
};

static int parse_parts(struct job *j, const struct evaluation_record *x, struct parts *ret) {
        int r = parse(j, x->inputs, &ret->inputs);

        if (r == 0)
                r = parse(j, x->outputs, &ret->outputs);
        if (r == 0)
                r = parse(j, x->expectations, &ret->expectations);
        if (r == 0)
                r = parse(j, x->tags, &ret->tags);
        return r == 0 ? parse(j, x->source, &ret->source) : r;
}

/* In the order of the members of MLflow's message. */
static int write_record(struct job *j, struct json_write *w, const struct evaluation_record *x) {
        const struct json none = {.type = JSON_OBJECT}, *outputs;
        struct parts p;
        int r = parse_parts(j, x, &p);

        if (r != 0)
                return r;
        outputs = json_get(p.outputs, WRAPPED);
        json_write_object(w);
        json_write_kv_str(w, "dataset_record_id", x->id);
        json_write_kv_str(w, "dataset_id", x->dataset_id);
        r = kv_json(j, w, "inputs", p.inputs);
        if (r == 0 && p.expectations)
                r = kv_json(j, w, "expectations", p.expectations);
        if (r == 0)
                r = kv_json(j, w, "tags", p.tags ? p.tags : &none);
        if (r == 0 && json_first(p.source))
                r = kv_json(j, w, "source", p.source);
        kv_text(w, "source_id", x->source_id);
        kv_text(w, "source_type", json_first(p.source) ? x->source_type : NULL);
        json_write_kv_i64(w, "created_time", x->created_at_ms);
        json_write_kv_i64(w, "last_update_time", x->updated_at_ms);
        kv_text(w, "created_by", x->created_by);
        kv_text(w, "last_updated_by", x->updated_by);
        if (r == 0 && outputs && !json_is(outputs, JSON_NULL))
                r = kv_json(j, w, "outputs", outputs);
        json_write_end(w);
        return r;
}

/* Where the next page begins: base64 of "created_time:id". */
static int write_token(struct job *j, const struct evaluation_record *last) {
        _cleanup_buf_ struct buf out = {};
        const char *text = arena_printf(j->arena, "%" PRId64 ":%s", last->created_at_ms, last->id);
        int r = text ? base64_encode(&out, text, strlen(text), 0) : -ENOMEM;

        if (r < 0)
                return r;
        json_write_kv_str(&j->json, "next_page_token", buf_cstr(&out));
        return 0;
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        _cleanup_buf_ struct buf text = {};
        DB_USE struct db_stmt *s = NULL;
        struct evaluation_record x = {};
        struct json_write w;
        int64_t n = 0;
        int r = evaluation_datasets_api_check(j, db, in->id);

        if (r != 0)
                return r;
        s = evaluation_datasets_sql_records(db, in->id, in->max_results + 1, in->offset,
                                            in->after_ms, in->after_id);
        json_write_init(&w, &text, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_array(&w);
        while ((r = db_step(s)) == DB_ROW && n++ < in->max_results) {
                r = evaluation_datasets_sql_read_record(s, j->arena, &x);
                if (r == 0)
                        r = write_record(j, &w, &x);
                if (r < 0)
                        return r;
        }
        json_write_end(&w);
        if (r >= 0)
                r = json_write_finish(&w);
        if (r < 0)
                return r;
        json_write_key(&j->json, "records");
        json_write_strn(&j->json, buf_cstr(&text), text.len);
        return n > in->max_results ? write_token(j, &x) : 0;
}

/* A token of ours, or a number of records to pass over, as older clients have it. */
static void read_token(struct ask *q, struct in *in) {
        const char *token = ask_str(q, "page_token", 0), *colon;
        _cleanup_buf_ struct buf text = {};
        const char *copy = NULL;

        if (q->result != 0 || str_empty(token))
                return;
        if (base64_decode(&text, token, strlen(token), 0) == 0)
                copy = arena_strndup(q->arena, buf_cstr(&text), text.len);
        colon = copy ? strchr(copy, ':') : NULL;
        if (colon) {
                char *number = arena_strndup(q->arena, copy, (size_t) (colon - copy));

                in->after_id = colon + 1;
                if (number && str_to_i64(number, &in->after_ms) == 0)
                        return;
        }
        in->after_id = NULL;
        if (str_to_i64(token, &in->offset) < 0 || in->offset < 0)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid page token: '%s' is not one "
                                             "this server gave",
                                             token));
}

int evaluation_records_api_list(struct http_request *req) {
        struct in in = {.id = http_request_param(req, "dataset_id"), .max_results = PAGE};
        struct ask q;

        ask_open(&q, req);
        ask_i64(&q, "max_results", 0, &in.max_results);
        in.max_results = in.max_results ? in.max_results : PAGE;
        read_token(&q, &in);
        if (q.result == 0)
                ask_check(&q, field_check_max_results(&q.refusal, in.max_results));
        return job_read(&q, run_list, &in);
}

/* --- deleting --- */

/* What is told of the number of records follows, and nothing else of the dataset. */
static int count_down(struct job *j, struct db *db, struct evaluation_dataset *d, int64_t n_gone) {
        struct json *profile;
        int64_t n = 0;
        int r = parse(j, d->profile, &profile);

        if (r < 0)
                return r;
        (void) json_i64(json_get(profile, "num_records"), &n);
        n = MAX(n - n_gone, 0);
        d->profile = n > 0 ? arena_printf(j->arena, "{\"num_records\": %" PRId64 "}", n) : "null";
        return d->profile ? evaluation_datasets_sql_update(db, d) : -ENOMEM;
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct evaluation_dataset d;
        int64_t n, n_gone = 0;
        int r = evaluation_datasets_api_check(j, db, in->id);

        for (size_t i = 0; r == 0 && i < in->n_ids; i++) {
                r = evaluation_datasets_sql_record_delete(db, in->id, in->ids[i], &n);
                n_gone += r == 0 ? n : 0;
        }
        if (r != 0)
                return r;
        json_write_kv_i64(&j->json, "deleted_count", n_gone);
        if (n_gone == 0)
                return 0;
        r = evaluation_datasets_sql_get(db, j->arena, in->id, &d);
        return r != DB_ROW ? r : count_down(j, db, &d, n_gone);
}

int evaluation_records_api_delete(struct http_request *req) {
        struct in in = {.id = http_request_param(req, "dataset_id")};
        struct ask q;

        ask_open(&q, req);
        in.ids = ask_list(&q, "dataset_record_ids", 0, &in.n_ids);
        return job_write(&q, run_delete, &in);
}
