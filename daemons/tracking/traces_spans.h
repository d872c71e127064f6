/* traces_spans.h: what spans that came in do to their traces: a trace is made with its first span,
 * its time, status, previews, tokens and costs follow. */
#pragma once

#include "daemons/tracking/job.h"
#include "daemons/tracking/span_in.h"

/* Writes spans of one trace, at least one, into the experiment. 0, REFUSED or -errno. */
int traces_spans_log(struct job *j, struct db *db, int64_t experiment_id,
                     const struct span_in *spans, size_t n);

/* Where a trace's artifacts are to be, as a tag of it. 0 or -errno. */
int traces_spans_locate(struct job *j, struct db *db, int64_t experiment_id, const char *trace_id);
