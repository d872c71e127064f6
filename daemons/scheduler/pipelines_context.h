/* pipelines_context: what the files of the compiler share: the arena, the result, the messages, the
 * configuration of one file after its supers were laid under it, and its variables. Pure.
 *
 * Functions of the compiler answer 0; 1 when the input is bad and a message says so; -ENOMEM. */
#pragma once

#include "daemons/scheduler/pipelines.h"
#include "daemons/scheduler/pipelines_tree.h"
#include "lib/base/strmap.h"

#define PIPELINES_BAD 1

struct pipelines_context {
        struct arena *arena;
        const struct pipelines_options *options;
        const char *env_text; /* of options->env_file; or NULL */
        struct pipelines *result;
        struct strmap said;     /* "file:line:col" of messages: each place is blamed once */
        struct strmap dag_ids;  /* id → its node */
        struct strmap services; /* name → its node */
};

/* One sub file with everything it inherits. */
struct pipelines_config {
        const char *name;
        const char *file;
        const char *dir;                   /* of the file, absolute */
        const struct pipelines_node *root; /* merged; without the lists below */
        const struct pipelines_node *variables;
        const struct pipelines_node *images;
        const struct pipelines_node *executors;
        const struct pipelines_node *volumes;
        const struct pipelines_node *secrets;
        const struct pipelines_node *services;
        const struct pipelines_node *service_defaults;
        const struct pipelines_node *pipelines;
        const struct pipelines_node *task_defaults;
        const struct pipelines_node *pipeline_defaults; /* without the two below */
        const struct pipelines_node *before_tasks;
        const struct pipelines_node *after_tasks;
};

/* "FILE:LINE:COL: …" into the result; each place once. Answers PIPELINES_BAD or -ENOMEM. */
int pipelines_context_error(struct pipelines_context *c, const struct pipelines_node *at,
                            const char *fmt, ...) _printf_(3, 4);
/* The same as a warning; answers 0 or -ENOMEM. */
int pipelines_context_warn(struct pipelines_context *c, const struct pipelines_node *at,
                           const char *fmt, ...) _printf_(3, 4);
/* A text that names its place already, about a file. */
int pipelines_context_say(struct pipelines_context *c, const char *file, const char *text,
                          bool is_warning);

/* "a string", "a map", "a list", …; for messages. */
const char *pipelines_context_kind(const struct pipelines_node *node);

/* A scalar with the placeholders filled in that the file's variables know. */
int pipelines_context_text(struct pipelines_context *c, const struct pipelines_config *config,
                           const struct pipelines_node *node, const char **ret);
/* map[key] like that; *ret stays as it is when the key is absent. */
int pipelines_context_get(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *map, const char *key, const char **ret);

/* The item of a list of maps whose `key` is `name`; NULL when there is none. */
const struct pipelines_node *pipelines_context_named(const struct pipelines_node *list,
                                                     const char *key, const char *name);

/* A path written in a file, made absolute from the file's directory, without "." and "..". */
int pipelines_context_path(struct pipelines_context *c, const struct pipelines_node *at,
                           const char *path, const char **ret);
