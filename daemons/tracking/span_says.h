/* span_says: what went into a span and came out of it, where other conventions than MLflow's put
 * it: in attributes or in events. Pure. */
#pragma once

#include "daemons/tracking/span_in.h"

#define SPAN_SAYS_FORMAT "mlflow.message.format"

/* JSON text as it is kept in mlflow.spanInputs or mlflow.spanOutputs: *ret, NULL when there is
 * none. May set the form of the messages. 0 or -ENOMEM. */
int span_says_inputs(struct arena *a, struct span_in *span, const char **ret);
int span_says_outputs(struct arena *a, struct span_in *span, const char **ret);

/* The parsed value of an attribute, or of any JSON text; NULL: not there, not JSON, or out of
 * memory. */
const struct json *span_says_parse(struct arena *a, const char *text);
/* The attribute's text, unless it is of a kind that Python takes for false. */
const char *span_says_text(struct arena *a, const struct span_in *span, const char *key);
/* Python takes it for true. */
bool span_says_true(const struct json *j);
/* The attribute is this string. */
bool span_says_is(struct arena *a, const struct span_in *span, const char *key, const char *word);
/* Does it come from the Gemini CLI? */
bool span_says_gemini(struct arena *a, const struct span_in *span);
/* What it is to Claude Code, without its prefix: interaction, llm_request, tool. NULL: nothing. */
const char *span_says_claude(struct arena *a, const struct span_in *span);
