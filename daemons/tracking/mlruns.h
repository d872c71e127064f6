/* mlruns.h: an old directory of MLflow's (mlruns/) into a tracking database and a store of
 * artifacts.
 *
 * Every row goes in under its own ids; what is there already stays, so what was cut off goes on
 * when it is asked for again. Then the directory is read a second time and each row is looked for,
 * value by value; artifacts are compared by size and checksum. The directory itself is only read.
 *
 * URIs of artifacts inside the directory become mlflow-artifacts:/ when there is a store to put
 * them into; others stay. Threads: one. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/macros.h"

struct db;
struct errmsg;
struct store;

enum mlruns_table {
#define MLRUNS_TABLE(name) MLRUNS_##name,
#include "daemons/tracking/mlruns.def"
#undef MLRUNS_TABLE
        MLRUNS_N_TABLES,
};

struct mlruns {
        struct db *db;
        struct store *store; /* NULL: artifacts stay where they are */
        const char *root;    /* the directory, without a slash at its end */
        struct errmsg *em;
        struct arena arena; /* of the experiment, run, … at hand */
        bool verify;        /* rows are looked for, not written */
        const char *where;  /* the directory at hand, for messages */
        int64_t n_rows[MLRUNS_N_TABLES];
};

struct mlruns_counts {
        int64_t n_rows[MLRUNS_N_TABLES];
        uint64_t n_artifacts, n_artifact_bytes;
};

extern const char *const mlruns_tables[MLRUNS_N_TABLES];

/* `db` is open and has MLflow's tables. -EINVAL: a file is not what it should be; -EEXIST: the
 * database holds something else under the same id or name; -EUCLEAN: an artifact differs. */
int mlruns_import(const char *dir, struct db *db, struct store *store, struct errmsg *em,
                  struct mlruns_counts *ret);
