/* pipelines_layers: lays a sub file over its supers, down to the built-in "base". Lower layers win,
 * maps merge, lists replace; images and executors merge by name; before_tasks come outermost first,
 * after_tasks innermost first. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"

struct pipelines_file {
        const struct pipelines_node *root;
        const char *name;
        const char *path;
        bool is_super;
};

/* Reads name and type. 0, PIPELINES_BAD, -ENOMEM. */
int pipelines_layers_read(struct pipelines_context *c, const struct pipelines_node *root,
                          const char *path, struct pipelines_file *ret);

/* The configuration of one sub file. `base` is the root of the built-in super. */
int pipelines_layers_merge(struct pipelines_context *c, const struct pipelines_file *sub,
                           const struct pipelines_file *files, size_t n_files,
                           const struct pipelines_node *base, struct pipelines_config *ret);

/* What every file inherits, as YAML. */
extern const char *const pipelines_layers_base;
