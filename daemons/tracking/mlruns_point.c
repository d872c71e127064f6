#include "daemons/tracking/mlruns_point.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemons/tracking/metrics_sql.h"

/* A whole number up to a blank or the end; moves *p behind the blank. */
static bool parse_whole(const char **p, int64_t *ret) {
        char *end;
        long long value;

        errno = 0;
        value = strtoll(*p, &end, 10);
        if (end == *p || errno != 0 || (*end && *end != ' '))
                return false;
        *p = *end ? end + 1 : end;
        *ret = value;
        return true;
}

bool mlruns_point_parse(const char *line, struct mlruns_point *ret) {
        struct mlruns_point p = {};
        char *end;

        if (!parse_whole(&line, &p.at_ms))
                return false;
        p.value = strtod(line, &end);
        if (end == line || (*end && *end != ' '))
                return false;
        line = *end ? end + 1 : end;
        if (*line && !parse_whole(&line, &p.step))
                return false;
        p.is_nan = isnan(p.value);
        p.value = p.is_nan ? 0 : metrics_sql_storable(p.value);
        *ret = p;
        return true;
}

bool mlruns_point_is_later(const struct mlruns_point *a, const struct mlruns_point *b) {
        if (a->step != b->step)
                return a->step > b->step;
        if (a->at_ms != b->at_ms)
                return a->at_ms > b->at_ms;
        return a->value > b->value;
}
