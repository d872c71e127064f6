/* traces_start.h: a trace as its client tells of it: made, or completed when its spans came first.
 */
#pragma once

#include "daemons/tracking/job.h"
#include "daemons/tracking/traces_json.h"

/* *ret is the trace as it is then. 0, REFUSED or -errno. */
int traces_start(struct job *j, struct db *db, const struct traces_json_given *given,
                 struct trace *ret);
/* The same for older clients: the trace is open still. */
int traces_start_v2(struct job *j, struct db *db, const struct traces_json_given *given,
                    struct trace *ret);
/* Writes the tags and metadata alone. */
int traces_start_pairs(struct job *j, struct db *db, const struct traces_json_given *given);
