/* pipelines_find: the pipeline files below a directory. */
#pragma once

#include "daemons/scheduler/pipelines.h"

#define PIPELINES_FIND_DEPTH 16u
#define PIPELINES_FIND_FILES 10000u

struct pipelines_find_result {
        struct pipelines_text *files; /* sorted by path; paths and data are from mem_alloc */
        size_t n_files;
        size_t n_files_allocated;
        struct pipelines_message *errors; /* files and directories that cannot be read */
        size_t n_errors;
        size_t n_errors_allocated;
};

/* All files named liminal.yml or liminal.yaml at most `depth` directories below dir (0:
 * PIPELINES_FIND_DEPTH), depth first, links followed for files only; names that begin with a dot
 * are left out. 0, -errno of the directory itself (none: it is empty),
 * -ENOMEM. */
int pipelines_find(const char *dir, unsigned depth, struct pipelines_find_result *ret);
void pipelines_find_done(struct pipelines_find_result *r);
