/* mlruns_row.h: one row: written, or looked for in the second pass. */
#pragma once

#include "daemons/tracking/mlruns.h"

struct mlruns_value {
        enum { MLRUNS_NULL, MLRUNS_TEXT, MLRUNS_I64, MLRUNS_F64 } kind;
        union {
                const char *text;
                int64_t i64;
                double f64;
        };
};

static inline struct mlruns_value mlruns_text(const char *text) {
        return (struct mlruns_value){.kind = text ? MLRUNS_TEXT : MLRUNS_NULL, .text = text};
}
static inline struct mlruns_value mlruns_i64(int64_t i64) {
        return (struct mlruns_value){.kind = MLRUNS_I64, .i64 = i64};
}
static inline struct mlruns_value mlruns_f64(double f64) {
        return (struct mlruns_value){.kind = MLRUNS_F64, .f64 = f64};
}

/* `columns` with ", " between them, one value each. 0, or -errno with m->em. */
int mlruns_row(struct mlruns *m, enum mlruns_table table, const char *columns,
               const struct mlruns_value *values, size_t n);

#define MLRUNS_ROW(m, table, columns, ...)                                                   \
        mlruns_row((m), MLRUNS_##table, columns, (const struct mlruns_value[]){__VA_ARGS__}, \
                   ARRAY_SIZE(((const struct mlruns_value[]){__VA_ARGS__})))
