/* mlruns_file.h: the files of an mlruns directory. What they give lives in the arena. */
#pragma once

#include "daemons/tracking/mlruns.h"
#include "lib/base/json.h"

/* The tree of `dir`/`name`; NULL when there is no such file. -EINVAL: no mapping stands in it. */
int mlruns_file_yaml(struct mlruns *m, const char *dir, const char *name, const struct json **ret);

/* A value as text; NULL for none. Numbers as they are written. */
const char *mlruns_file_text(struct mlruns *m, const struct json *node);
int64_t mlruns_file_i64(const struct json *node, int64_t otherwise);

/* Each file below `dir` (no such directory: none), its path below it, and its content. */
int mlruns_file_each(struct mlruns *m, const char *dir,
                     int (*each)(struct mlruns *m, void *userdata, const char *key, char *text),
                     void *userdata);

/* The names of directories in `dir`, sorted; NULL-terminated. */
int mlruns_file_dirs(struct mlruns *m, const char *dir, const char *const **ret);

/* What an artifact's URI becomes (see mlruns.h). NULL stays NULL; out of memory sets *ret_r. */
const char *mlruns_file_uri(struct mlruns *m, const char *uri, int *ret_r);
