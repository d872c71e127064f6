#include "daemons/tracking/mlruns_trace.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/assessments_json.h"
#include "daemons/tracking/mlruns_file.h"
#include "daemons/tracking/mlruns_row.h"
#include "daemons/tracking/traces_json.h"
#include "daemons/tracking/wire_time.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define T mlruns_text
#define I mlruns_i64
#define F mlruns_f64
#define TEXT(key) mlruns_file_text(m, json_get(meta, key))

/* Tags and metadata are gathered first: some of them are columns of the trace's own row. */
struct pair {
        const char *key, *value;
        struct pair *next;
};

struct gather {
        struct pair *tags, *metadata, **last;
        struct trace trace;
};

static int gather(struct mlruns *m, void *userdata, const char *key, char *text) {
        struct gather *g = userdata;
        struct pair *p = arena_new(&m->arena, struct pair);

        if (!p)
                return -ENOMEM;
        p->key = key;
        p->value = arena_strdup(&m->arena, text);
        if (!p->value)
                return -ENOMEM;
        *g->last = p;
        g->last = &p->next;
        return 0;
}

/* What stands in a column and not in a row of its own. */
static int take(struct mlruns *m, struct gather *g, const struct pair *p, bool *ret_taken) {
        *ret_taken = true;
        if (str_eq(p->key, "mlflow.trace.session")) {
                g->trace.session = p->value;
                return 0;
        }
        if (str_eq(p->key, "mlflow.trace.tokenUsage"))
                return traces_json_read_usage(&m->arena, p->value, &g->trace);
        if (str_eq(p->key, "mlflow.trace.cost"))
                return traces_json_read_cost(&m->arena, p->value, &g->trace);
        *ret_taken = false;
        return 0;
}

static int64_t time_of(struct mlruns *m, const struct json *meta) {
        int64_t at = 0;
        const char *text = TEXT("request_time");

        if (json_i64(json_get(meta, "timestamp_ms"), &at) == 0 ||
            json_i64(json_get(meta, "request_time"), &at) == 0)
                return at;
        return text && wire_time_parse(text, &at) == 0 ? at : 0;
}

static int trace_row(struct mlruns *m, const struct json *meta, const struct trace *t) {
        struct mlruns_value values[9 + TRACES_SQL_TOKENS + TRACES_SQL_COSTS + 1];
        size_t n = 0;

        values[n++] = T(t->id);
        values[n++] = I(t->experiment_id);
        values[n++] = I(t->at_ms);
        values[n++] = t->has_took ? I(t->took_ms) : T(NULL);
        values[n++] = T(t->status);
        values[n++] = T(TEXT("client_request_id"));
        values[n++] = T(TEXT("request_preview"));
        values[n++] = T(TEXT("response_preview"));
        values[n++] = T(t->name);
        values[n++] = T(t->session);
        for (size_t i = 0; i < TRACES_SQL_TOKENS; i++)
                values[n++] = t->has_tokens[i] ? I(t->tokens[i]) : T(NULL);
        for (size_t i = 0; i < TRACES_SQL_COSTS; i++)
                values[n++] = t->has_costs[i] ? F(t->costs[i]) : T(NULL);
        assert(n == ARRAY_SIZE(values));
        return mlruns_row(m, MLRUNS_trace_info,
                          "request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
                          "client_request_id, request_preview, response_preview, trace_name, "
                          "session_id, input_tokens, output_tokens, total_tokens, "
                          "cache_read_input_tokens, cache_creation_input_tokens, "
                          "cache_creation_input_tokens_above_1hr, input_cost, output_cost, "
                          "total_cost",
                          values, n);
}

/* --- assessments --------------------------------------------------------------------------------
 */

/* JSON of a YAML value; NULL for none. */
static int json_of(struct mlruns *m, const struct json *node, const char **ret) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        if (node)
                json_write_node(&w, node);
        else
                json_write_null(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strndup(&m->arena, buf_cstr(&out), out.len);
        return *ret ? 0 : -ENOMEM;
}

/* As "2025-11-24T16:00:00.250Z"; in `key_ms` where it is not. */
static int64_t moment_of(struct mlruns *m, const struct json *meta, const char *key,
                         const char *key_ms, int64_t fallback) {
        const char *text = TEXT(key);
        int64_t at;

        if (text && wire_time_parse(text, &at) == 0)
                return at;
        return mlruns_file_i64(json_get(meta, key_ms), fallback);
}

static int assessment_row(struct mlruns *m, const struct json *meta, const struct trace *t,
                          struct assessment *x) {
        const struct json *source = json_get(meta, "source"), *valid = json_get(meta, "valid");
        int64_t created = moment_of(m, meta, "create_time", "create_time_ms", 0);
        const char *type = mlruns_file_text(m, json_get(source, "source_type"));
        const char *name = TEXT("assessment_name") ? TEXT("assessment_name") : TEXT("name");

        return MLRUNS_ROW(
                m, assessments,
                "assessment_id, trace_id, experiment_id, trace_timestamp_ms, name, "
                "assessment_type, value, error, created_timestamp, last_updated_timestamp, "
                "source_type, source_id, run_id, span_id, rationale, overrides, valid, "
                "assessment_metadata, aggregate_value, is_numeric_value",
                T(x->id), T(t->id), I(t->experiment_id), I(t->at_ms), T(name ? name : ""),
                T(x->type), T(x->value), T(x->error), I(created),
                I(moment_of(m, meta, "last_update_time", "last_update_time_ms", created)),
                T(type ? type : "CODE"), T(mlruns_file_text(m, json_get(source, "source_id"))),
                T(TEXT("run_id")), T(TEXT("span_id")), T(TEXT("rationale")), T(TEXT("overrides")),
                I(!json_is(valid, JSON_FALSE)), T(x->metadata),
                x->has_aggregate ? F(x->aggregate) : T(NULL), I(x->is_numeric));
}

/* An expected list or map stands there as a text, its JSON. */
static int value_of(struct mlruns *m, const struct json *body, const char **ret) {
        const struct json *text = json_get(json_get(body, "serialized_value"), "value");
        struct json *parsed = NULL;
        int r = 0;

        if (json_is(text, JSON_STRING))
                r = json_parse_python_copy(&m->arena, text->str, text->len, &parsed, NULL);
        if (r == -ENOMEM)
                return r;
        return json_of(m, parsed ? parsed : text ? text : json_get(body, "value"), ret);
}

static int assessment(struct mlruns *m, const char *dir, const char *file, const struct trace *t) {
        struct assessment x = {};
        const struct json *meta, *body, *error, *metadata;
        int r = mlruns_file_yaml(m, dir, file, &meta);

        if (r < 0 || !meta)
                return r;
        x.type = json_get(meta, "feedback") ? "feedback" : "expectation";
        body = json_get(meta, x.type);
        if (!json_is(body, JSON_OBJECT))
                return 0; /* neither: as MLflow's own way over leaves it out */
        x.id = TEXT("assessment_id");
        if (!x.id)
                x.id = arena_strndup(&m->arena, file, strlen(file) - STRLEN(".yaml"));
        error = json_get(body, "error");
        metadata = json_get(meta, "metadata");
        r = x.id ? value_of(m, body, &x.value) : -ENOMEM;
        if (r == 0 && json_is(error, JSON_OBJECT))
                r = json_of(m, error, &x.error);
        if (r == 0 && json_is(metadata, JSON_OBJECT))
                r = json_of(m, metadata, &x.metadata);
        if (r == 0)
                r = assessments_json_aggregate(&m->arena, &x);
        return r < 0 ? r : assessment_row(m, meta, t, &x);
}

static int assessments(struct mlruns *m, const char *dir, const struct trace *t) {
        const char *below = arena_printf(&m->arena, "%s/assessments", dir);
        char **names _cleanup_(str_free_listp) = NULL;
        int r = below ? fileio_list(below, ".yaml", &names) : -ENOMEM;

        if (r == -ENOENT)
                return 0;
        m->where = below;
        for (char **name = names; r >= 0 && name && *name; name++)
                r = assessment(m, below, *name, t);
        return r < 0 ? r : 0;
}

/* --- the trace ----------------------------------------------------------------------------------
 */

static int gather_all(struct mlruns *m, const char *dir, struct gather *g) {
        const char *tags = arena_printf(&m->arena, "%s/tags", dir);
        const char *metadata = arena_printf(&m->arena, "%s/request_metadata", dir);
        int r = tags && metadata ? 0 : -ENOMEM;

        g->last = &g->tags;
        if (r == 0)
                r = mlruns_file_each(m, tags, gather, g);
        g->last = &g->metadata;
        return r < 0 ? r : mlruns_file_each(m, metadata, gather, g);
}

/* The rows beside the trace's own; those that are columns were taken out of the lists. */
static int other_rows(struct mlruns *m, const struct gather *g) {
        int r = 0;

        for (const struct pair *p = g->tags; r == 0 && p; p = p->next)
                if (!str_eq(p->key, "mlflow.traceName"))
                        r = MLRUNS_ROW(m, trace_tags, "request_id, \"key\", value", T(g->trace.id),
                                       T(p->key), T(mlruns_file_uri(m, p->value, &r)));
        for (const struct pair *p = g->metadata; r == 0 && p; p = p->next)
                if (p->value)
                        r = MLRUNS_ROW(m, trace_request_metadata, "request_id, \"key\", value",
                                       T(g->trace.id), T(p->key), T(p->value));
        return r;
}

static int read_columns(struct mlruns *m, const struct json *meta, const char *name,
                        struct gather *g) {
        struct trace *t = &g->trace;
        int r = 0;

        t->id = TEXT("trace_id") ? TEXT("trace_id") : TEXT("request_id");
        if (!t->id)
                t->id = name;
        t->at_ms = time_of(m, meta);
        t->has_took = json_i64(json_get(meta, "execution_time_ms"), &t->took_ms) == 0 ||
                      json_i64(json_get(meta, "execution_duration_ms"), &t->took_ms) == 0;
        t->status = TEXT("status") ? TEXT("status") : TEXT("state");
        if (!t->status)
                t->status = "OK";
        for (const struct pair *p = g->tags; p; p = p->next)
                if (str_eq(p->key, "mlflow.traceName"))
                        t->name = p->value;
        for (struct pair *p = g->metadata; r == 0 && p; p = p->next) {
                bool taken;

                r = take(m, g, p, &taken);
                if (taken)
                        p->value = NULL;
        }
        return r;
}

int mlruns_trace(struct mlruns *m, const char *dir, const char *name, int64_t experiment_id) {
        struct gather g = {.trace = {.experiment_id = experiment_id}};
        const struct json *meta;
        int r = mlruns_file_yaml(m, dir, "trace_info.yaml", &meta);

        if (r < 0 || !meta)
                return r;
        r = gather_all(m, dir, &g);
        m->where = dir;
        if (r == 0)
                r = read_columns(m, meta, name, &g);
        if (r == 0)
                r = trace_row(m, meta, &g.trace);
        if (r == 0)
                r = other_rows(m, &g);
        return r < 0 ? r : assessments(m, dir, &g.trace);
}
