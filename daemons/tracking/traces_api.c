#include "daemons/tracking/traces_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/search_sql.h"
#include "daemons/tracking/traces_json.h"
#include "daemons/tracking/traces_search.h"
#include "daemons/tracking/traces_start.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum {
        LINKS_MAX = 100,  /* traces tied to a run by one request */
        BATCH_MAX = 1000, /* traces read by one request */
};

struct some {
        const char *id; /* of a trace */
        const char *key, *value;
        const char *run_id;
        const char **ids;
        size_t n_ids;
        const struct json *prompts;
        bool partial, spans;
};

static const char *id_of(const struct http_request *req) {
        const char *id = http_request_param(req, "trace_id");

        return id ? id : http_request_param(req, "request_id");
}

static int write_info(struct job *j, struct db *db, const struct trace *t) {
        int r;

        json_write_kv_object(&j->json, "trace_info");
        r = traces_json_write(&j->json, db, j->arena, t);
        json_write_end(&j->json);
        return r;
}

/* --- start --- */

static int run_start(struct job *j, struct db *db) {
        const struct traces_json_given *in = j->in;
        struct trace t;
        int r = traces_start(j, db, in, &t);

        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "trace");
        r = write_info(j, db, &t);
        json_write_end(&j->json);
        return r;
}

int traces_api_start(struct http_request *req) {
        struct traces_json_given in = {};
        const struct json *trace;
        struct ask q;

        ask_open(&q, req);
        trace = q.body ? json_get(q.body, "trace") : NULL;
        if (q.result == 0 && !json_is(trace, JSON_OBJECT))
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "Missing value for required parameter 'trace'. See "
                                              "the API docs for more information about request "
                                              "parameters."));
        if (q.result == 0)
                ask_check(&q, traces_json_read(&q.refusal, json_get(trace, "trace_info"), &in));
        return job_write(&q, run_start, &in);
}

/* --- reading --- */

static int run_info(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace t;
        int r = traces_sql_need(db, &j->refusal, in->id, &t);

        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "trace");
        r = write_info(j, db, &t);
        json_write_end(&j->json);
        return r;
}

int traces_api_info(struct http_request *req) {
        struct some in = {.id = id_of(req)};
        struct ask q;

        ask_open(&q, req);
        return job_read_compact(&q, run_info, &in);
}

/* How many spans the client said the trace has; 0: it did not say. */
static int expected_spans(struct job *j, struct db *db, const char *id, int64_t *ret) {
        DB_USE struct db_stmt *s = traces_sql_metadata(db, id);
        struct json *root;
        int r;

        *ret = 0;
        while ((r = db_step(s)) == DB_ROW) {
                const char *text = db_col_text(s, 1);

                if (!str_eq(db_col_text(s, 0), "mlflow.trace.sizeStats") || !text ||
                    json_parse_copy(j->arena, text, strlen(text), &root, NULL) < 0)
                        continue;
                (void) json_i64(json_get(root, "num_spans"), ret);
        }
        return r;
}

#define INCOMPLETE 2 /* spans are still to come; nothing is written then */

/* Info and spans, in an object that is open; INCOMPLETE only when it is to be `whole`. Refused when
 * the spans lie elsewhere: clients look for them in files then. */
static int write_trace(struct job *j, struct db *db, const struct trace *t, bool whole) {
        DB_USE struct db_stmt *s = NULL;
        int64_t expected = 0, there = 0;
        bool here = false;
        size_t n;
        int r = traces_sql_has_spans(db, t->id, j->arena, &here);

        if (r == 0 && !here)
                r = refusal_set(&j->refusal, REFUSAL_INTERNAL_ERROR,
                                "Trace data not stored in tracking store");
        if (r != 0)
                return r;
        if (whole) {
                r = expected_spans(j, db, t->id, &expected);
                s = traces_sql_spans(db, t->id);
                while (r == 0 && (r = db_step(s)) == DB_ROW) {
                        there++;
                        r = 0;
                }
                if (r < 0)
                        return r;
                if (there < expected || there == 0)
                        return INCOMPLETE;
                db_reset(s);
                s = NULL;
        }
        json_write_object(&j->json);
        r = write_info(j, db, t);
        if (r == 0)
                r = traces_json_write_spans(&j->json, db, j->arena, t->id, &n);
        json_write_end(&j->json);
        return r;
}

static int run_get(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace t;
        int r = traces_sql_get(db, in->id, j->arena, &t);

        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Trace with ID %s is not found.", in->id);
        if (r == DB_ROW)
                r = access_check_experiment(&j->refusal, t.experiment_id);
        if (r != 0)
                return r;
        json_write_key(&j->json, "trace");
        r = write_trace(j, db, &t, !in->partial);
        if (r == INCOMPLETE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Trace with ID %s is not fully exported yet, please try again "
                                   "later.",
                                   in->id);
        return r;
}

int traces_api_get(struct http_request *req) {
        struct some in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "trace_id", ASK_NEED);
        ask_bool(&q, "allow_partial", &in.partial);
        return job_read_compact(&q, run_get, &in);
}

static int run_batch(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace *found;
        size_t n = 0;
        int r = access_check_readable_any(&j->refusal);

        if (r == 0)
                r = traces_search_by_ids(db, &j->refusal, in->ids, in->n_ids, &found, &n);
        if (r == 0 && n > 0)
                json_write_kv_array(&j->json, in->spans ? "traces" : "trace_infos");
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (in->spans) {
                        r = write_trace(j, db, &found[i], true);
                        r = r == INCOMPLETE ? 0 : r; /* those that are not whole are passed over */
                } else {
                        json_write_object(&j->json);
                        r = traces_json_write(&j->json, db, j->arena, &found[i]);
                        json_write_end(&j->json);
                }
        }
        if (r == 0 && n > 0)
                json_write_end(&j->json);
        return r;
}

static int batch(struct http_request *req, bool spans) {
        struct some in = {.spans = spans};
        struct ask q;

        ask_open(&q, req);
        in.ids = ask_list(&q, "trace_ids", ASK_NEED, &in.n_ids);
        if (q.result == 0 && in.n_ids > BATCH_MAX)
                ask_check(&q, refusal_invalid(&q.refusal, "A request reads at most %d traces.",
                                              BATCH_MAX));
        return job_read_compact(&q, run_batch, &in);
}

int traces_api_batch_get(struct http_request *req) {
        return batch(req, true);
}

int traces_api_batch_infos(struct http_request *req) {
        return batch(req, false);
}

/* --- deleting --- */

struct doomed {
        int64_t experiment_id, max_at_ms, max_traces;
        bool has_at, has_max;
        const char **ids;
        size_t n_ids;
};

static int select_doomed(struct job *j, struct db *db, const struct doomed *in, const char ***ret,
                         size_t *ret_n) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        size_t n = 0, room = 0;
        const char **ids = NULL;
        int r;

        search_sql_init(&sql, j->arena);
        search_sql_add(&sql, "SELECT request_id FROM trace_info WHERE experiment_id = ");
        search_sql_i64(&sql, in->experiment_id);
        if (in->has_at) {
                search_sql_add(&sql, " AND timestamp_ms <= ");
                search_sql_i64(&sql, in->max_at_ms);
        }
        if (in->n_ids > 0) {
                search_sql_add(&sql, " AND ");
                search_sql_in_text(&sql, "request_id", in->ids, in->n_ids);
        }
        search_sql_add(&sql, " ORDER BY timestamp_ms, request_id");
        if (in->has_max)
                search_sql_page(&sql, in->max_traces, 0);
        r = search_sql_prepare(&sql, db, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                r = 0;
                if (n == room) {
                        const char **more;

                        room = room ? 2 * room : 64;
                        more = arena_zalloc_array(j->arena, room, sizeof(*more));
                        if (!more)
                                return -ENOMEM;
                        if (n > 0)
                                memcpy(more, ids, n * sizeof(*ids));
                        ids = more;
                }
                ids[n] = db_col_dup(s, 0, j->arena, NULL);
                if (!ids[n++])
                        return -ENOMEM;
        }
        *ret = ids;
        *ret_n = n;
        return r;
}

static int run_delete(struct job *j, struct db *db) {
        const char **ids = NULL;
        size_t n = 0;
        int r = select_doomed(j, db, j->in, &ids, &n);

        for (size_t i = 0; r == 0 && i < n; i++)
                r = traces_sql_delete(db, ids[i]);
        if (n > 0)
                json_write_kv_u64(&j->json, "traces_deleted", n);
        else
                json_write_kv_i64(&j->json, "traces_deleted", 0);
        return r;
}

static int check_doomed(struct ask *q, const struct doomed *in) {
        if (!in->has_at && in->n_ids == 0)
                return refusal_invalid(&q->refusal, "Either `max_timestamp_millis` or `trace_ids` "
                                                    "must be specified.");
        if (in->has_at && in->n_ids > 0)
                return refusal_invalid(&q->refusal, "Only one of `max_timestamp_millis` and "
                                                    "`trace_ids` can be specified.");
        if (in->n_ids > 0 && in->has_max)
                return refusal_invalid(&q->refusal, "`max_traces` can't be specified if "
                                                    "`trace_ids` is specified.");
        if (in->has_max && in->max_traces <= 0)
                return refusal_invalid(&q->refusal,
                                       "`max_traces` must be a positive integer, received %lld.",
                                       (long long) in->max_traces);
        return 0;
}

int traces_api_delete(struct http_request *req) {
        struct doomed in = {};
        const char *experiment;
        struct ask q;

        ask_open(&q, req);
        experiment = ask_str(&q, "experiment_id", ASK_NEED);
        in.has_at = ask_i64(&q, "max_timestamp_millis", 0, &in.max_at_ms);
        in.has_max = ask_i64(&q, "max_traces", 0, &in.max_traces);
        in.ids = ask_list(&q, "request_ids", 0, &in.n_ids);
        if (q.result == 0)
                ask_check(&q, check_doomed(&q, &in));
        if (q.result == 0)
                ask_check(&q, field_check_experiment_id(&q.refusal, experiment, &in.experiment_id));
        if (q.result == 0)
                ask_check(&q, access_check_experiment(&q.refusal, in.experiment_id));
        return job_write(&q, run_delete, &in);
}

/* --- tags --- */

static int check_mutable(struct ask *q, const char *key, const char *what) {
        if (!traces_json_is_reserved(key) ||
            (str_eq(what, "deleted") && str_eq(key, "mlflow.trace.archivalFailure")))
                return 0;
        return refusal_invalid(&q->refusal, "Tag '%s' is immutable and cannot be %s on a trace.",
                               key, what);
}

static int run_set_tag(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace t;
        int r = traces_sql_need(db, &j->refusal, in->id, &t);

        if (r != 0)
                return r;
        return str_eq(in->key, "mlflow.traceName")
                       ? traces_sql_set_name(db, in->id, in->value)
                       : traces_sql_tag_set(db, in->id, in->key, in->value);
}

int traces_api_set_tag(struct http_request *req) {
        struct some in = {.id = id_of(req)};
        struct ask q;

        ask_open(&q, req);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, check_mutable(&q, in.key, "set"));
        if (q.result == 0)
                ask_check(&q, field_check_tag(&q.refusal, "", in.key, &in.value));
        return job_write(&q, run_set_tag, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace t;
        int64_t n = 0;
        int r = traces_sql_need(db, &j->refusal, in->id, &t);

        if (r != 0)
                return r;
        if (str_eq(in->key, "mlflow.traceName")) {
                n = t.name != NULL;
                r = traces_sql_set_name(db, in->id, NULL);
        } else {
                r = traces_sql_tag_delete(db, in->id, in->key, &n);
        }
        if (r == 0 && n == 0)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "No trace tag with key '%s' for trace with ID '%s'", in->key,
                                   in->id);
        return r;
}

int traces_api_delete_tag(struct http_request *req) {
        struct some in = {.id = id_of(req)};
        struct ask q;

        ask_open(&q, req);
        in.key = ask_str(&q, "key", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, check_mutable(&q, in.key, "deleted"));
        return job_write(&q, run_delete_tag, &in);
}

/* --- ties --- */

/* The run may be changed and the traces may be read. Looks nothing up for who may do everything. */
static int check_link(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace t;
        int r = access_check_run(db, &j->refusal, in->run_id);

        for (size_t i = 0; j->refusal.access && r == 0 && i < in->n_ids; i++) {
                r = traces_sql_get(db, in->ids[i], j->arena, &t);
                if (r == DB_DONE)
                        r = refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED,
                                        "Permission denied.");
                else if (r == DB_ROW)
                        r = access_check_experiment_level(&j->refusal, t.experiment_id,
                                                          ACCESS_READ);
        }
        return r;
}

static int run_link(struct job *j, struct db *db) {
        const struct some *in = j->in;
        struct trace t;
        int r = check_link(j, db);

        for (size_t i = 0; r == 0 && i < in->n_ids; i++) {
                r = traces_sql_get(db, in->ids[i], j->arena, &t);
                if (r == DB_ROW) /* those that are not there are passed over */
                        r = traces_sql_tie(db, j->tracking->entropy, t.id, "run", in->run_id,
                                           tracking_now_ms(j->tracking));
        }
        return r;
}

int traces_api_link_run(struct http_request *req) {
        struct some in = {};
        struct ask q;

        ask_open(&q, req);
        in.ids = ask_list(&q, "trace_ids", ASK_NEED, &in.n_ids);
        in.run_id = ask_str(&q, "run_id", ASK_NEED);
        if (q.result == 0 && in.n_ids > LINKS_MAX)
                ask_check(&q,
                          refusal_invalid(&q.refusal,
                                          "Cannot link more than %d traces to a run in a single "
                                          "request. Provided %zu traces.",
                                          LINKS_MAX, in.n_ids));
        return job_write(&q, run_link, &in);
}

static int run_link_prompts(struct job *j, struct db *db) {
        const struct some *in = j->in;
        const struct json *item;
        struct trace t;
        int r = traces_sql_need(db, &j->refusal, in->id, &t);

        json_each (item, in->prompts) {
                const struct json *name = json_get(item, "name"),
                                  *version = json_get(item, "version");
                const char *id;

                if (r != 0)
                        return r;
                if (!json_is(name, JSON_STRING) || !json_is(version, JSON_STRING))
                        return refusal_invalid(&j->refusal,
                                               "A prompt version has a name and a version.");
                id = arena_printf(j->arena, "%s/%s", name->str, version->str);
                r = id ? traces_sql_tie(db, j->tracking->entropy, t.id, "prompt_version", id,
                                        tracking_now_ms(j->tracking))
                       : -ENOMEM;
        }
        return r;
}

int traces_api_link_prompts(struct http_request *req) {
        struct some in = {};
        struct ask q;
        size_t n;

        ask_open(&q, req);
        in.id = ask_str(&q, "trace_id", ASK_NEED);
        in.prompts = ask_objects(&q, "prompt_versions", ASK_NEED, &n);
        return job_write(&q, run_link_prompts, &in);
}
