/* span_translate: spans that speak other conventions than MLflow's (OpenInference, OpenTelemetry's
 * GenAI, Traceloop, Vercel AI, LiveKit, …) get MLflow's attributes too: type, inputs, outputs,
 * tokens, model, provider, tools and the form of their messages. What a span says in MLflow's own
 * words stands. The words are in span_translate.def. Pure. */
#pragma once

#include "daemons/tracking/span_in.h"

/* 0 or -ENOMEM. */
int span_translate(struct arena *a, struct span_in *span);
