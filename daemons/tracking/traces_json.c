#include "daemons/tracking/traces_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/assessments_json.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/span_json.h"
#include "daemons/tracking/wire_time.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

#define SESSION "mlflow.trace.session"
#define NAME "mlflow.traceName"

bool traces_json_is_reserved(const char *tag) {
        static const char *const reserved[] = {
                "mlflow.artifactLocation",
                "mlflow.trace.spansLocation",
                "mlflow.trace.archiveLocation",
                "mlflow.trace.archivalFailure",
        };

        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
                if (str_eq(reserved[i], tag))
                        return true;
        return false;
}

/* --- reading --- */

static const char *text_of(const struct json *j, const char *key) {
        const struct json *v = json_get(j, key);

        return json_is(v, JSON_STRING) ? v->str : NULL;
}

/* NULL when it is no object. */
static struct json *parse_object(struct arena *a, const char *text, int *ret_error) {
        struct json *root = NULL;
        int r = json_parse_copy(a, text, strlen(text), &root, NULL);

        *ret_error = r == -ENOMEM ? r : 0;
        return r == 0 && json_is(root, JSON_OBJECT) ? root : NULL;
}

int traces_json_read_usage(struct arena *a, const char *text, struct trace *t) {
        int r;
        const struct json *root = parse_object(a, text, &r);
        double v;

        for (size_t i = 0; root && i < TRACES_SQL_TOKENS; i++)
                if (json_f64(json_get(root, traces_sql_tokens[i]), &v) == 0 && fabs(v) < 9e18 &&
                    v == trunc(v)) {
                        t->tokens[i] = (int64_t) v;
                        t->has_tokens[i] = true;
                }
        return r;
}

int traces_json_read_cost(struct arena *a, const char *text, struct trace *t) {
        int r;
        const struct json *root = parse_object(a, text, &r);

        for (size_t i = 0; root && i < TRACES_SQL_COSTS; i++)
                if (json_f64(json_get(root, traces_sql_costs[i]), &t->costs[i]) == 0)
                        t->has_costs[i] = true;
        return r;
}

static int read_times(struct refusal *r, const struct json *j, struct trace *t) {
        const char *at = text_of(j, "request_time"), *took = text_of(j, "execution_duration");

        if (at && wire_time_parse(at, &t->at_ms) < 0)
                return refusal_invalid(r,
                                       "Invalid value \"%s\" for parameter 'request_time' "
                                       "supplied: it is no time.",
                                       at);
        if (!took)
                return 0;
        t->has_took = true;
        if (wire_time_span_parse(took, &t->took_ms) < 0)
                return refusal_invalid(r,
                                       "Invalid value \"%s\" for parameter 'execution_duration' "
                                       "supplied: it is no duration.",
                                       took);
        return 0;
}

static int check_id(struct refusal *r, const char *id) {
        size_t n = strlen(id);

        if (n == 0 || strchr(id, '/') || strchr(" .", id[n - 1]))
                return refusal_invalid(r,
                                       "Invalid value \"%s\" for parameter 'trace_id' supplied: "
                                       "must be a single path component",
                                       id);
        for (const char *p = id; *p; p++)
                if (strchr("%?#", *p) || (unsigned char) *p < 32 || *p == 127)
                        return refusal_invalid(r,
                                               "Invalid value \"%s\" for parameter 'trace_id' "
                                               "supplied: must not contain '%%', '?', '#' or "
                                               "control characters",
                                               id);
        return field_check_length(r, "trace_id", 50, id);
}

/* A list has no keys: it is no map. */
static const struct json *map_of(const struct json *j, const char *key) {
        const struct json *map = json_get(j, key);

        return json_is(map, JSON_OBJECT) ? map : NULL;
}

static int read_metadata(struct refusal *r, struct traces_json_given *g) {
        const char *session = text_of(g->metadata, SESSION);
        const char *tokens = text_of(g->metadata, TRACES_JSON_TOKENS),
                   *cost = text_of(g->metadata, TRACES_JSON_COST);
        int x = 0;

        g->trace.session = session;
        if (session)
                x = field_check_length(r, "Session ID", 250, session);
        if (x == 0 && tokens)
                x = traces_json_read_usage(r->arena, tokens, &g->trace);
        if (x == 0 && cost)
                x = traces_json_read_cost(r->arena, cost, &g->trace);
        return x;
}

int traces_json_read(struct refusal *r, const struct json *j, struct traces_json_given *ret) {
        static const char *const states[] = {"STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"};
        const struct json *location = json_get(json_get(j, "trace_location"), "mlflow_experiment");
        const char *experiment = text_of(location, "experiment_id"), *id = text_of(j, "trace_id");
        const char *state = text_of(j, "state");
        struct traces_json_given g = {
                .trace = {.id = id ? id : "",
                          .status = states[0],
                          .client_id = text_of(j, "client_request_id"),
                          .request_preview = text_of(j, "request_preview"),
                          .response_preview = text_of(j, "response_preview")},
                .tags = map_of(j, "tags"),
                .metadata = map_of(j, "trace_metadata"),
                .assessments = json_get(j, "assessments"),
        };
        int x = field_check_experiment_id(r, experiment ? experiment : "", &g.trace.experiment_id);

        for (size_t i = 0; state && i < ARRAY_SIZE(states); i++)
                if (str_eq(states[i], state))
                        g.trace.status = states[i];
        g.trace.name = text_of(g.tags, NAME);
        if (x == 0)
                x = check_id(r, g.trace.id);
        if (x == 0)
                x = read_times(r, j, &g.trace);
        if (x == 0)
                x = read_metadata(r, &g);
        if (x == 0)
                *ret = g;
        return x;
}

/* --- writing --- */

typedef void write_pair(struct json_write *w, const char *key, const char *value);

static void write_member(struct json_write *w, const char *key, const char *value) {
        json_write_kv_str(w, key, value ? value : "");
}

static void write_item(struct json_write *w, const char *key, const char *value) {
        json_write_object(w);
        json_write_kv_str(w, "key", key);
        json_write_kv_str(w, "value", value ? value : "");
        json_write_end(w);
}

static int write_rows(struct json_write *w, struct db_stmt *stmt, write_pair *write) {
        DB_USE struct db_stmt *s = stmt;
        int r;

        while ((r = db_step(s)) == DB_ROW)
                write(w, db_col_text(s, 0), db_col_text(s, 1));
        return r;
}

int traces_json_usage(const struct trace *t, struct buf *out) {
        struct json_write v;
        bool any = false;
        int r;

        json_write_init(&v, out, JSON_WRITE_SPACED);
        json_write_object(&v);
        for (size_t i = 0; i < TRACES_SQL_TOKENS; i++)
                if (t->has_tokens[i]) {
                        json_write_kv_i64(&v, traces_sql_tokens[i], t->tokens[i]);
                        any = true;
                }
        json_write_end(&v);
        r = json_write_finish(&v);
        return r < 0 ? r : any;
}

int traces_json_cost(const struct trace *t, struct buf *out) {
        struct json_write v;
        bool any = false;
        int r;

        json_write_init(&v, out, JSON_WRITE_SPACED);
        json_write_object(&v);
        for (size_t i = 0; i < TRACES_SQL_COSTS; i++)
                if (t->has_costs[i]) {
                        json_write_kv_f64(&v, traces_sql_costs[i], t->costs[i]);
                        any = true;
                }
        json_write_end(&v);
        r = json_write_finish(&v);
        return r < 0 ? r : any;
}

static int write_usage(struct json_write *w, const struct trace *t, write_pair *write) {
        _cleanup_buf_ struct buf tokens = {}, cost = {};
        int r = traces_json_usage(t, &tokens);

        if (r > 0)
                write(w, TRACES_JSON_TOKENS, buf_cstr(&tokens));
        if (r >= 0)
                r = traces_json_cost(t, &cost);
        if (r > 0)
                write(w, TRACES_JSON_COST, buf_cstr(&cost));
        return r < 0 ? r : 0;
}

static int write_all_metadata(struct json_write *w, struct db *db, const struct trace *t,
                              write_pair *write) {
        int r = write_rows(w, traces_sql_metadata(db, t->id), write);

        if (r == 0 && t->session)
                write(w, SESSION, t->session);
        return r < 0 ? r : write_usage(w, t, write);
}

static int write_all_tags(struct json_write *w, struct db *db, const struct trace *t,
                          write_pair *write) {
        int r = write_rows(w, traces_sql_tags(db, t->id), write);

        if (r == 0 && t->name)
                write(w, NAME, t->name);
        return r;
}

/* An object of strings, left out when it would be empty. */
static int write_map(struct json_write *w, struct db *db, const struct trace *t, const char *key,
                     int (*write)(struct json_write *w, struct db *db, const struct trace *t,
                                  write_pair *write)) {
        _cleanup_buf_ struct buf out = {};
        struct json_write inner;
        int r;

        json_write_init(&inner, &out, w->flags & JSON_WRITE_ASCII);
        json_write_object(&inner);
        r = write(&inner, db, t, write_member);
        if (r < 0)
                return r;
        json_write_end(&inner);
        r = json_write_finish(&inner);
        if (r < 0 || out.len <= STRLEN("{}"))
                return r;
        json_write_key(w, key);
        json_write_raw(w, out.data, out.len);
        return 0;
}

static int write_assessments(struct json_write *w, struct db *db, struct arena *a, const char *id) {
        DB_USE struct db_stmt *s = assessments_sql_list(db, id);
        struct assessment x;
        int r;

        json_write_kv_items(w, "assessments");
        while ((r = db_step(s)) == DB_ROW) {
                r = assessments_sql_read(s, a, &x);
                if (r < 0)
                        return r;
                json_write_object(w);
                r = assessments_json_write(w, a, &x);
                json_write_end(w);
                if (r < 0)
                        return r;
        }
        json_write_end(w);
        return r;
}

int traces_json_write(struct json_write *w, struct db *db, struct arena *a, const struct trace *t) {
        char text[WIRE_TIME_SIZE];
        int r;

        json_write_kv_str(w, "trace_id", t->id);
        if (t->client_id)
                json_write_kv_str(w, "client_request_id", t->client_id);
        json_write_kv_object(w, "trace_location");
        json_write_kv_str(w, "type", "MLFLOW_EXPERIMENT");
        json_write_kv_object(w, "mlflow_experiment");
        json_write_kv_i64_text(w, "experiment_id", t->experiment_id);
        json_write_end(w);
        json_write_end(w);
        json_write_kv_str(w, "request_time", wire_time_print(t->at_ms, text));
        if (t->has_took)
                json_write_kv_str(w, "execution_duration", wire_time_span_print(t->took_ms, text));
        json_write_kv_str(w, "state", t->status);
        r = write_map(w, db, t, "trace_metadata", write_all_metadata);
        if (r == 0)
                r = write_assessments(w, db, a, t->id);
        if (r < 0)
                return r;
        r = write_map(w, db, t, "tags", write_all_tags);
        if (t->request_preview)
                json_write_kv_str(w, "request_preview", t->request_preview);
        if (t->response_preview)
                json_write_kv_str(w, "response_preview", t->response_preview);
        return r;
}

int traces_json_write_v2(struct json_write *w, struct db *db, const struct trace *t) {
        int r;

        json_write_kv_str(w, "request_id", t->id);
        json_write_kv_i64_text(w, "experiment_id", t->experiment_id);
        json_write_kv_i64(w, "timestamp_ms", t->at_ms);
        json_write_kv_i64(w, "execution_time_ms", t->has_took ? t->took_ms : 0);
        json_write_kv_str(w, "status",
                          str_eq(t->status, "STATE_UNSPECIFIED") ? "TRACE_STATUS_UNSPECIFIED"
                                                                 : t->status);
        json_write_kv_array(w, "request_metadata");
        r = write_all_metadata(w, db, t, write_item);
        json_write_end(w);
        if (r < 0)
                return r;
        json_write_kv_array(w, "tags");
        r = write_all_tags(w, db, t, write_item);
        json_write_end(w);
        return r;
}

int traces_json_write_spans(struct json_write *w, struct db *db, struct arena *a, const char *id,
                            size_t *ret_n) {
        DB_USE struct db_stmt *s = traces_sql_spans(db, id);
        int r;

        *ret_n = 0;
        json_write_kv_array(w, "spans");
        while ((r = db_step(s)) == DB_ROW) {
                r = span_json_write_otlp(w, a, db_col_text(s, 0));
                if (r < 0)
                        return r;
                ++*ret_n;
        }
        json_write_end(w);
        return r;
}
