/* mlruns_point.h: one line of a metric's file in an mlruns directory. Pure. */
#pragma once

#include "lib/base/macros.h"

struct mlruns_point {
        int64_t at_ms, step;
        double value; /* as it is stored: 0 for NaN, the greatest doubles for infinities */
        bool is_nan;
};

/* "TIMESTAMP VALUE" or "TIMESTAMP VALUE STEP …". False: it is none. */
bool mlruns_point_parse(const char *line, struct mlruns_point *ret);

/* Is `a` the later one, by step, time and value? */
bool mlruns_point_is_later(const struct mlruns_point *a, const struct mlruns_point *b);
