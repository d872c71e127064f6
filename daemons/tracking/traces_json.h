/* traces_json.h: traces and spans as the wire has them: MLflow's TraceInfoV3 and OTLP's Span. */
#pragma once

#include "daemons/tracking/ask.h"
#include "daemons/tracking/traces_sql.h"
#include "lib/base/json_write.h"

/* What a client says of a trace. */
struct traces_json_given {
        struct trace trace;                 /* without tokens and costs: they are in the metadata */
        const struct json *tags, *metadata; /* objects of strings, or NULL */
        const struct json *assessments;     /* a list, or NULL */
};

/* The object "trace_info" of a request. 0, REFUSED or -errno. */
int traces_json_read(struct refusal *r, const struct json *j, struct traces_json_given *ret);

/* The fields of a TraceInfoV3 in an object that is open. 0 or -errno. */
int traces_json_write(struct json_write *w, struct db *db, struct arena *a, const struct trace *t);
/* The same in the form of the older endpoints. */
int traces_json_write_v2(struct json_write *w, struct db *db, const struct trace *t);

/* An array "spans" of a trace's spans; *ret_n of them. 0 or -errno. */
int traces_json_write_spans(struct json_write *w, struct db *db, struct arena *a, const char *id,
                            size_t *ret_n);

/* Is a tag one that only the server sets? */
bool traces_json_is_reserved(const char *tag);

/* The keys of metadata that have columns of their own. */
#define TRACES_JSON_TOKENS "mlflow.trace.tokenUsage"
#define TRACES_JSON_COST "mlflow.trace.cost"

/* Tokens and costs of {"input_tokens": …} texts, as metadata has them. */
int traces_json_read_usage(struct arena *a, const char *text, struct trace *t);
int traces_json_read_cost(struct arena *a, const char *text, struct trace *t);
/* Such a text of what the trace has. 1; 0: it has none, and the text is {}; -ENOMEM. */
int traces_json_usage(const struct trace *t, struct buf *out);
int traces_json_cost(const struct trace *t, struct buf *out);
