/* pipelines_matrix: one task of a file as several of a DAG. `matrix: {C: [1, 10], penalty: [l1,
 * l2]}` gives the product, the first key turning slowest; `executors: 3` gives three copies. The
 * variants of "train" are train__0, train__1, … and run side by side. Each gets its values as
 * environment variables (names in capitals, other characters as "_"), as placeholders {{C}} and its
 * number as INDEX; COUNT is how many there are. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"

#define PIPELINES_MATRIX_MAX 1000u

struct pipelines_matrix {
        const struct pipelines_node
                *axes; /* the map; NULL for executors: N and for a single task */
        unsigned n;    /* variants; 0: the task is not multiplied */
};

int pipelines_matrix_read(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *task, struct pipelines_matrix *ret);

/* Adds the values of variant i; either map may be NULL. */
int pipelines_matrix_add(struct pipelines_context *c, const struct pipelines_matrix *m, unsigned i,
                         struct strmap *env, struct strmap *variables);
