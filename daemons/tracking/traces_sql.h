/* traces_sql.h: the rows of traces, their spans, tags and metadata, in MLflow 3.18's schema. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

struct entropy;

extern const struct db_set traces_sql_set;

enum { TRACES_SQL_TOKENS = 6, TRACES_SQL_COSTS = 3 };

#define TRACES_SQL_COLUMNS                                                                 \
        "trace_info.request_id, trace_info.experiment_id, trace_info.timestamp_ms, "       \
        "trace_info.execution_time_ms, trace_info.status, trace_info.client_request_id, "  \
        "trace_info.request_preview, trace_info.response_preview, trace_info.trace_name, " \
        "trace_info.session_id, trace_info.input_tokens, trace_info.output_tokens, "       \
        "trace_info.total_tokens, trace_info.cache_read_input_tokens, "                    \
        "trace_info.cache_creation_input_tokens, "                                         \
        "trace_info.cache_creation_input_tokens_above_1hr, trace_info.input_cost, "        \
        "trace_info.output_cost, trace_info.total_cost"

/* What is called how in the JSON of mlflow.trace.tokenUsage and mlflow.trace.cost. */
extern const char *const traces_sql_tokens[TRACES_SQL_TOKENS];
extern const char *const traces_sql_costs[TRACES_SQL_COSTS];

struct trace {
        const char *id;
        int64_t experiment_id;
        int64_t at_ms;
        int64_t took_ms;
        const char *status;
        /* NULL: none */
        const char *client_id, *request_preview, *response_preview, *name, *session;
        int64_t tokens[TRACES_SQL_TOKENS];
        double costs[TRACES_SQL_COSTS];
        bool has_took, has_tokens[TRACES_SQL_TOKENS], has_costs[TRACES_SQL_COSTS];
};

struct trace_span {
        const char *id, *parent_id; /* hex; parent NULL: the root */
        const char *name, *type, *status;
        int64_t start_at_ns, end_at_ns; /* end 0: still open */
        const char *content;            /* JSON */
        double costs[TRACES_SQL_COSTS];
        bool has_costs[TRACES_SQL_COSTS];
        const char *model, *provider; /* NULL: none */
};

/* The row `s` stands on, of TRACES_SQL_COLUMNS. 0 or -ENOMEM. */
int traces_sql_read(struct db_stmt *s, struct arena *a, struct trace *ret);
/* DB_ROW, DB_DONE or -errno. */
int traces_sql_get(struct db *db, const char *id, struct arena *a, struct trace *ret);
/* 0, REFUSED ("Trace with ID '…' not found.") or -errno. */
int traces_sql_need(struct db *db, struct refusal *r, const char *id, struct trace *ret);
/* 0, DB_CONFLICT or -errno. */
int traces_sql_insert(struct db *db, const struct trace *t);
int traces_sql_update(struct db *db, const struct trace *t);
int traces_sql_set_name(struct db *db, const char *id, const char *name);
/* What hangs on the trace goes with it. */
int traces_sql_delete(struct db *db, const char *id);

/* key, value; without the name. */
struct db_stmt *traces_sql_tags(struct db *db, const char *id);
struct db_stmt *traces_sql_metadata(struct db *db, const char *id);
int traces_sql_tag_set(struct db *db, const char *id, const char *key, const char *value);
/* Value in `a`. DB_ROW, DB_DONE or -errno. */
int traces_sql_tag_get(struct db *db, const char *id, const char *key, struct arena *a,
                       const char **ret);
/* Whether its spans are rows here, as its tag says, and no file among its artifacts. 0 or -errno.
 */
int traces_sql_has_spans(struct db *db, const char *id, struct arena *a, bool *ret);
int traces_sql_tag_delete(struct db *db, const char *id, const char *key, int64_t *ret_n);
int traces_sql_metadata_set(struct db *db, const char *id, const char *key, const char *value);
/* DB_ROW, DB_DONE or -errno. */
int traces_sql_metadata_has(struct db *db, const char *id, const char *key);

/* Ties a trace to a "run" or "prompt_version", once. 0 or -errno. */
int traces_sql_tie(struct db *db, struct entropy *e, const char *id, const char *type,
                   const char *other_id, int64_t now_ms);
int traces_sql_move_assessments(struct db *db, const char *id, int64_t at_ms);

int traces_sql_span_put(struct db *db, const struct trace *t, const struct trace_span *span);
/* content, span id, parent id: the root first, then by start. */
struct db_stmt *traces_sql_spans(struct db *db, const char *id);
