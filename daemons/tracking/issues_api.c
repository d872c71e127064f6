#include "daemons/tracking/issues_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/issues_check.h"
#include "daemons/tracking/issues_search.h"
#include "daemons/tracking/issues_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/python_json.h"
#include "daemons/tracking/review_queues_api.h"
#include "daemons/tracking/runs_sql.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/net/http_request.h"

enum { PAGE = 100 };

struct in {
        const char *id, *experiment_id, *name, *description, *status, *severity;
        const char *source_run_id, *actor;
        const char **root_causes, **categories, **deleted;
        size_t n_root_causes, n_categories, n_deleted;
        bool has_categories;
        int64_t seen_at_ms; /* -1: not said */
        const struct json *metadata;
};

/* --- reading --- */

static void read_metadata(struct ask *q, struct in *in) {
        const struct json *metadata = q->body ? json_get(q->body, "metadata") : NULL;

        if (q->result != 0)
                return;
        ask_check(q, issues_check_metadata(&q->refusal, metadata));
        in->metadata = json_is(metadata, JSON_OBJECT) && metadata->len > 0 ? metadata : NULL;
}

static void read_seen(struct ask *q, struct in *in) {
        static const char key[] = "last_seen_timestamp";

        in->seen_at_ms = -1;
        if (q->result != 0 || !q->body)
                return;
        ask_check(q, issues_check_seen(&q->refusal, ask_get(q->body, key), &in->seen_at_ms));
        ask_i64(q, key, 0, &in->seen_at_ms); /* refuses it by both of its names */
}

static void check_words(struct ask *q, const struct in *in) {
        if (q->result == 0)
                ask_check(q, issues_check_status(&q->refusal, in->status));
        if (q->result == 0)
                ask_check(q, issues_check_severity(&q->refusal, in->severity));
}

static void check_categories(struct ask *q, const struct in *in) {
        if (q->result == 0)
                ask_check(q, issues_check_list(&q->refusal, "categories", in->categories,
                                               in->n_categories));
}

/* --- writing --- */

static int write_json(struct job *j, const char *key, const char *text) {
        struct json *root = NULL;
        int r;

        if (!text)
                return 0;
        r = json_parse_copy(j->arena, text, strlen(text), &root, NULL);
        if (r == -ENOMEM)
                return r;
        if (r == 0 && root->len > 0)
                json_write_kv_node(&j->json, key, root);
        return 0;
}

static void write_given(struct job *j, const char *key, const char *text) {
        if (!str_empty(text))
                json_write_kv_str(&j->json, key, text);
}

static int write_issue(struct job *j, const struct issue *x, bool basic, const int64_t *n_traces) {
        int r;

        json_write_kv_str(&j->json, "issue_id", x->id);
        json_write_kv_i64_text(&j->json, "experiment_id", x->experiment_id);
        json_write_kv_str(&j->json, "name", x->name);
        json_write_kv_str(&j->json, "description", basic ? "" : x->description);
        json_write_kv_str(&j->json, "status", x->status);
        write_given(j, "severity", x->severity);
        r = basic ? 0 : write_json(j, "root_causes", x->root_causes);
        write_given(j, "source_run_id", x->source_run_id);
        json_write_kv_i64(&j->json, "created_timestamp", x->created_at_ms);
        json_write_kv_i64(&j->json, "last_updated_timestamp", x->updated_at_ms);
        write_given(j, "created_by", x->created_by);
        if (r == 0)
                r = write_json(j, "categories", x->categories);
        if (n_traces)
                json_write_kv_i64(&j->json, "trace_count", *n_traces);
        json_write_kv_i64(&j->json, "last_seen_timestamp", x->seen_at_ms);
        if (x->updated_by)
                json_write_kv_str(&j->json, "last_updated_by", x->updated_by);
        return r < 0 || basic ? r : write_json(j, "metadata", x->metadata);
}

static int write_answer(struct job *j, const struct issue *x) {
        int r;

        json_write_kv_object(&j->json, "issue");
        r = write_issue(j, x, false, NULL);
        json_write_end(&j->json);
        return r;
}

static bool is_before(const char *const *list, size_t n, const char *text) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(list[i], text))
                        return true;
        return false;
}

/* As the database has it: NULL for none. `once`: what stands twice is kept once. */
static int print_list(struct job *j, const char *const *list, size_t n, bool once,
                      const char **ret) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        *ret = NULL;
        if (n == 0)
                return 0;
        json_write_init(&w, &out, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        json_write_array(&w);
        for (size_t i = 0; i < n; i++)
                if (!once || !is_before(list, i, list[i]))
                        json_write_str(&w, list[i]);
        json_write_end(&w);
        if (json_write_finish(&w) == 0)
                *ret = arena_strndup(j->arena, buf_cstr(&out), out.len);
        return *ret ? 0 : -ENOMEM;
}

/* --- making --- */

static int check_run(struct job *j, struct db *db, const char *run_id, int64_t experiment_id) {
        struct run run;
        int r = run_id ? runs_sql_need(db, &j->refusal, run_id, &run) : 0;

        if (r != 0 || !run_id || run.experiment_id == experiment_id)
                return r;
        return refusal_invalid(&j->refusal, "Source run must belong to the Issue experiment");
}

static int name_issue(struct job *j, const struct in *in, struct issue *x) {
        char id[4 + ENTROPY_ID_SIZE] = "iss-";
        int r = in->id ? 0 : entropy_id(j->tracking->entropy, id + 4);

        x->id = in->id ? in->id : arena_strdup(j->arena, id);
        return r < 0 ? r : x->id ? 0 : -ENOMEM;
}

static int fill(struct job *j, const struct in *in, struct issue *x) {
        int r = name_issue(j, in, x);

        if (r == 0)
                r = print_list(j, in->root_causes, in->n_root_causes, false, &x->root_causes);
        if (r == 0)
                r = print_list(j, in->categories, in->n_categories, false, &x->categories);
        if (r == 0 && in->metadata)
                x->metadata = python_json_text(in->metadata, 0, j->arena, &r);
        x->created_at_ms = x->updated_at_ms = tracking_now_ms(j->tracking);
        x->seen_at_ms = in->seen_at_ms >= 0 ? in->seen_at_ms : x->created_at_ms;
        return r;
}

static int refuse_taken(struct job *j) {
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS, "Issue ID already exists");
}

static int run_create(struct job *j, struct db *db) {
        const char *user = review_queues_api_user(j);
        const struct in *in = j->in;
        struct issue x = {
                .name = in->name,
                .description = in->description,
                .status = in->status ? in->status : "pending",
                .severity = in->severity,
                .source_run_id = in->source_run_id,
                .created_by = user ? user : in->actor,
                .updated_by = user ? user : in->actor,
        };
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ACTIVE,
                                     &e);

        if (r == 0)
                r = fill(j, in, &x);
        if (r != 0)
                return r;
        x.experiment_id = e.id;
        r = issues_sql_is_there(db, x.id);
        if (r == DB_ROW)
                return refuse_taken(j);
        r = r < 0 ? r : check_run(j, db, in->source_run_id, e.id);
        if (r == 0)
                r = issues_sql_insert(db, &x);
        if (r == DB_CONFLICT)
                return refuse_taken(j);
        if (r == 0)
                r = issues_sql_set_categories(db, j->arena, x.id, in->categories, in->n_categories);
        return r != 0 ? r : write_answer(j, &x);
}

int issues_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.description = ask_str(&q, "description", ASK_NEED);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.status = ask_str(&q, "status", 0);
        in.severity = ask_str(&q, "severity", 0);
        in.root_causes = ask_list(&q, "root_causes", 0, &in.n_root_causes);
        in.source_run_id = ask_given(&q, "source_run_id");
        in.actor = ask_given(&q, "created_by");
        in.categories = ask_list(&q, "categories", 0, &in.n_categories);
        in.id = ask_str(&q, "issue_id", 0);
        read_seen(&q, &in);
        read_metadata(&q, &in);
        check_words(&q, &in);
        if (q.result == 0)
                ask_check(&q, issues_check_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, issues_check_id(&q.refusal, in.id));
        if (q.result == 0)
                ask_check(&q, issues_check_actor(&q.refusal, "created_by", in.actor));
        check_categories(&q, &in);
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct issue x;
        int r = issues_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : write_answer(j, &x);
}

int issues_api_get(struct http_request *req) {
        struct in in = {.id = http_request_param(req, "issue_id")};
        struct ask q;

        ask_open_query(&q, req);
        return job_read(&q, run_get, &in);
}

/* --- changing --- */

static void write_pair(struct json_write *w, const struct json *item) {
        json_write_kv_str(w, item->key, item->str);
}

/* What was there, changed where it stands, then what is new; without what is to go. */
static int merge(struct job *j, const struct in *in, const struct json *old, struct buf *out) {
        const struct json *item, *changed;
        struct json_write w;

        json_write_init(&w, out, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        json_write_object(&w);
        json_each (item, old) {
                changed = json_get(in->metadata, item->key);
                if (!is_before(in->deleted, in->n_deleted, item->key))
                        write_pair(&w, changed ? changed : item);
        }
        json_each (item, in->metadata) {
                if (!json_get(old, item->key))
                        write_pair(&w, item);
        }
        json_write_end(&w);
        return json_write_finish(&w);
}

static int change_metadata(struct job *j, const struct in *in, struct issue *x) {
        _cleanup_buf_ struct buf out = {};
        struct json *old = NULL, *merged = NULL;
        int r = 0;

        if (!in->metadata && in->n_deleted == 0)
                return 0;
        if (!str_empty(x->metadata))
                r = json_parse_copy(j->arena, x->metadata, strlen(x->metadata), &old, NULL);
        if (r == 0)
                r = merge(j, in, old, &out);
        if (r == 0)
                r = json_parse_copy(j->arena, buf_cstr(&out), out.len, &merged, NULL);
        if (r == 0)
                r = issues_check_metadata(&j->refusal, merged);
        if (r != 0)
                return r;
        x->metadata = arena_strndup(j->arena, buf_cstr(&out), out.len);
        return x->metadata ? 0 : -ENOMEM;
}

static int change(struct job *j, const struct in *in, struct issue *x) {
        const char *user = review_queues_api_user(j), *actor = user ? user : in->actor;
        int r = change_metadata(j, in, x);

        x->status = in->status ? in->status : x->status;
        x->name = in->name ? in->name : x->name;
        x->description = in->description ? in->description : x->description;
        x->severity = in->severity ? in->severity : x->severity;
        x->updated_by = actor ? actor : x->updated_by;
        if (in->seen_at_ms > x->seen_at_ms)
                x->seen_at_ms = in->seen_at_ms;
        x->updated_at_ms = tracking_now_ms(j->tracking);
        if (r == 0 && in->has_categories)
                r = print_list(j, in->categories, in->n_categories, true, &x->categories);
        return r;
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct issue x;
        int r = issues_sql_need(db, &j->refusal, in->id, &x);

        if (r == 0)
                r = change(j, in, &x);
        if (r == 0)
                r = issues_sql_update(db, &x);
        if (r == 0 && in->has_categories)
                r = issues_sql_set_categories(db, j->arena, x.id, in->categories, in->n_categories);
        return r != 0 ? r : write_answer(j, &x);
}

int issues_api_update(struct http_request *req) {
        struct in in = {.id = http_request_param(req, "issue_id")};
        struct ask q;

        ask_open(&q, req);
        ask_str(&q, "issue_id", ASK_NEED);
        in.name = ask_str(&q, "name", 0);
        in.description = ask_str(&q, "description", 0);
        in.status = ask_str(&q, "status", 0);
        in.severity = ask_str(&q, "severity", 0);
        in.categories = ask_list(&q, "categories", 0, &in.n_categories);
        in.has_categories = q.body && json_is(json_get(q.body, "categories"), JSON_ARRAY);
        read_seen(&q, &in);
        in.actor = ask_given(&q, "last_updated_by");
        read_metadata(&q, &in);
        in.deleted = ask_list(&q, "delete_metadata_keys", 0, &in.n_deleted);
        check_words(&q, &in);
        if (q.result == 0)
                ask_check(&q, issues_check_name(&q.refusal, in.name));
        if (q.result == 0)
                ask_check(&q, issues_check_actor(&q.refusal, "last_updated_by", in.actor));
        check_categories(&q, &in);
        if (q.result == 0)
                ask_check(&q, issues_check_list(&q.refusal, "delete_metadata_keys", in.deleted,
                                                in.n_deleted));
        if (q.result == 0)
                ask_check(&q,
                          issues_check_apart(&q.refusal, in.metadata, in.deleted, in.n_deleted));
        return job_write(&q, run_update, &in);
}

/* --- searching --- */

struct search {
        struct issues_page_query query;
        const char *token;
        int64_t max_results;
};

/* Who may not do everything names the experiment he looks into. */
static int check_access(struct job *j, const char *experiment_id) {
        if (!j->refusal.access)
                return 0;
        if (!experiment_id)
                return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        return access_check(&j->refusal, ACCESS_EXPERIMENT, experiment_id);
}

static int count(struct job *j, struct db *db, const struct issues_search *s, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *stmt = NULL;
        int r;

        search_sql_init(&sql, j->arena);
        r = issues_search_count(s, &j->refusal, &sql);
        if (r == 0)
                r = search_sql_prepare(&sql, db, &stmt);
        if (r == 0)
                r = db_step(stmt);
        if (r != DB_ROW)
                return r < 0 ? r : r == REFUSED ? r : -EIO;
        *ret = db_col_i64(stmt, 0);
        return 0;
}

/* The keys of the row `s` stands on, as JSON in the arena; NULL: out of memory. */
static const char *keys_of(struct job *j, const struct issues_search *search, struct db_stmt *s) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        json_write_array(&w);
        for (size_t i = 0; i < search->n_keys; i++) {
                int column = ISSUES_SQL_N_COLUMNS + 1 + (int) i;

                if (issues_search_is_text(search, i))
                        json_write_str(&w, db_col_text(s, column));
                else
                        json_write_i64(&w, db_col_i64(s, column));
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return NULL;
        return arena_strndup(j->arena, buf_cstr(&out), out.len);
}

static int write_row(struct job *j, const struct issues_search *search, struct db_stmt *s) {
        const struct issues_page_query *q = search->query;
        int64_t n_traces = db_col_i64(s, ISSUES_SQL_N_COLUMNS);
        struct issue x;
        int r;

        json_write_object(&j->json);
        r = issues_sql_read(s, j->arena, &x);
        if (r == 0)
                r = write_issue(j, &x, q->view && str_eq(q->view, "basic"),
                                q->with_traces ? &n_traces : NULL);
        json_write_end(&j->json);
        return r;
}

static int write_page(struct job *j, struct db *db, const struct issues_search *search) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        int64_t n = 0, n_page = search->limit - 1;
        const char *token = "", *keys = NULL;
        int r;

        search_sql_init(&sql, j->arena);
        r = issues_search_build(search, &j->refusal, &sql);
        if (r == 0)
                r = search_sql_prepare(&sql, db, &s);
        if (r != 0)
                return r;
        json_write_kv_items(&j->json, "issues");
        while ((r = db_step(s)) == DB_ROW && n++ < n_page) {
                r = write_row(j, search, s);
                if (r == 0 && n == n_page && search->n_keys > 0)
                        r = (keys = keys_of(j, search, s)) ? 0 : -ENOMEM;
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        json_write_end(&j->json);
        if (n > n_page)
                token = keys ? issues_page_print_after(search->page, j->arena, keys)
                             : issues_page_print(search->page, j->arena,
                                                 search->page->offset + n_page);
        if (!token)
                return -ENOMEM;
        json_write_kv_str(&j->json, "next_page_token", token);
        return 0;
}

static int run_search(struct job *j, struct db *db) {
        const struct search *in = j->in;
        struct issues_search search;
        struct issues_page page;
        int64_t total = 0;
        int r = check_access(j, in->query.experiment_id);

        if (r == 0)
                r = issues_page_parse(&in->query, in->token, &j->refusal, &page);
        if (r == 0)
                r = issues_search_read(&in->query, &page, &j->refusal, &search);
        if (r != 0)
                return r;
        search.limit = in->max_results + 1; /* is there more? */
        if (in->query.with_total)
                r = count(j, db, &search, &total);
        if (r == 0)
                r = write_page(j, db, &search);
        if (r == 0 && in->query.with_total)
                json_write_kv_i64(&j->json, "total_count", total);
        return r;
}

static int check_size(struct refusal *r, const char *field, size_t n) {
        if (n <= ISSUES_CHECK_LIST_MAX)
                return 0;
        return refusal_invalid(r, "%s must be a list of at most 100 strings", field);
}

static int check_each(struct refusal *r, const struct issues_page_query *q) {
        int x = 0;

        for (size_t i = 0; x == 0 && i < q->n_statuses; i++)
                x = issues_check_status(r, q->statuses[i]);
        for (size_t i = 0; x == 0 && i < q->n_severities; i++)
                x = issues_check_severity(r, q->severities[i]);
        return x;
}

static int check_search(struct refusal *r, const struct search *s) {
        const struct issues_page_query *q = &s->query;
        int x = field_check_max_results(r, s->max_results);

        if (x == 0 && q->name && utf8_count(q->name, strlen(q->name)) > ISSUES_CHECK_TEXT_MAX)
                x = refusal_invalid(r, "name must be a string of at most 250 characters");
        if (x == 0)
                x = check_size(r, "statuses", q->n_statuses);
        if (x == 0)
                x = check_size(r, "severities", q->n_severities);
        if (x == 0)
                x = check_size(r, "order_by", q->n_order_by);
        if (x == 0)
                x = issues_check_list(r, "categories", q->categories, q->n_categories);
        if (x == 0)
                x = check_each(r, q);
        if (x == 0 && q->view && !str_eq(q->view, "basic") && !str_eq(q->view, "full"))
                x = refusal_invalid(r, "view must be basic or full");
        return x;
}

int issues_api_search(struct http_request *req) {
        struct search in = {.max_results = PAGE};
        struct issues_page_query *query = &in.query;
        struct ask q;

        ask_open(&q, req);
        query->experiment_id = ask_given(&q, "experiment_id");
        query->filter = ask_given(&q, "filter_string");
        ask_i64(&q, "max_results", 0, &in.max_results);
        in.token = ask_given(&q, "page_token");
        ask_bool(&q, "include_trace_count", &query->with_traces);
        query->name = ask_str(&q, "name", 0);
        query->statuses = ask_list(&q, "statuses", 0, &query->n_statuses);
        query->severities = ask_list(&q, "severities", 0, &query->n_severities);
        query->categories = ask_list(&q, "categories", 0, &query->n_categories);
        query->order_by = ask_list(&q, "order_by", 0, &query->n_order_by);
        ask_bool(&q, "include_total_count", &query->with_total);
        query->view = ask_str(&q, "view", 0);
        if (q.result == 0)
                ask_check(&q, check_search(&q.refusal, &in));
        return job_read(&q, run_search, &in);
}
