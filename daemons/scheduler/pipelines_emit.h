/* pipelines_emit: values of a pipeline file as JSON. Whether a value is good for its key is what
 * dag_parse() checks afterwards; here only the form changes. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"
#include "lib/base/json_write.h"

enum pipelines_emit_form {
        PIPELINES_EMIT_TEXT,   /* always a string */
        PIPELINES_EMIT_SCALAR, /* as it is; text from variables becomes a number or boolean again */
        PIPELINES_EMIT_MINUTES, /* a number of minutes as a span */
};

struct pipelines_emit_row {
        const char *yaml;
        const char *json;
        enum pipelines_emit_form form;
};

/* Each key of the rows that map (or else the fallback, which may be NULL) has. The first row of a
 * JSON key that is there wins. */
int pipelines_emit_rows(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_node *map, const struct pipelines_node *fallback,
                        const struct pipelines_emit_row *rows, size_t n_rows, struct json_write *w);

/* Any value as it is, placeholders left alone. */
void pipelines_emit_node(struct json_write *w, const struct pipelines_node *node);

/* Ordered pairs where a later value of a name replaces the earlier. */
struct pipelines_pairs {
        struct strmap map; /* name → text, which lives in the arena */
};

void pipelines_emit_pairs_done(struct pipelines_pairs *p);
/* All scalars of a map as text, placeholders left alone; NULL adds nothing. */
int pipelines_emit_add_map(struct pipelines_context *c, const struct pipelines_node *map,
                           struct pipelines_pairs *p);
/* As an object under a key; nothing when there is none. */
void pipelines_emit_pairs(struct json_write *w, const char *key, const struct pipelines_pairs *p);

/* A name of an environment variable: prefix + "l1_ratio" → "L1_RATIO", other characters as "_".
 * NULL when out of memory. */
char *pipelines_emit_env_name(struct arena *a, const char *prefix, const char *name);

/* "environment": {image, source, …} of an image that has a source; else nothing. */
int pipelines_emit_environment(struct pipelines_context *c, const struct pipelines_config *config,
                               const struct pipelines_node *image, struct json_write *w);
