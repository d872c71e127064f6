/* span_json.h: spans, kept in MLflow's own form (span_in.h), in OTLP's. Pure. */
#pragma once

#include "lib/base/json.h"
#include "lib/base/json_write.h"

/* Writes kept content as OTLP's Span with protobuf's names (attributes as a list of typed values).
 * 0, -EINVAL (the content is damaged) or -ENOMEM. */
int span_json_write_otlp(struct json_write *w, struct arena *a, const char *content);
