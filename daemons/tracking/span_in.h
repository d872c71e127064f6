/* span_in.h: a span that came in by OTLP, and how it is kept: MLflow's own form, where the value of
 * an attribute is JSON text. Pure. */
#pragma once

#include "daemons/tracking/traces_sql.h"
#include "lib/base/json.h"

/* One attribute of a span, its value as JSON text. */
struct span_in_attribute {
        const char *key, *value;
        struct span_in_attribute *next;
};

struct span_in {
        struct trace_span span;
        const char *trace_id, *trace_hex; /* tr-… and the digits alone */
        const char *kind, *status_text;
        struct span_in_attribute *attributes;
        const struct json *events, *links; /* as they came */
        const struct json *resource;       /* its attributes as they came, or NULL */
};

/* Reads one of OTLP's spans in its JSON form (ids in hex), and makes span.content and what has
 * columns of its own. `resource`: the attributes of where it comes from, or NULL.
 * 0, -EINVAL (it is no span) or -ENOMEM. */
int span_in_read(struct arena *a, const struct json *j, const struct json *resource,
                 struct span_in *ret);

/* The value of an attribute as JSON text; NULL: not there. */
const char *span_in_attribute(const struct span_in *span, const char *key);
/* Sets it, in its place if it is there. 0 or -ENOMEM. */
int span_in_put(struct arena *a, struct span_in *span, const char *key, const char *value);
/* What the JSON text of a string says, or the text itself when it is none. NULL: out of memory or
 * NULL. */
const char *span_in_unquote(struct arena *a, const char *text);
/* A typed value ({"stringValue": …}) as JSON text, as Python writes it. NULL: out of memory. */
const char *span_in_value(struct arena *a, const struct json *any);
