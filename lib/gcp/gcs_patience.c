#include "lib/gcp/gcs_patience.h"

#include <assert.h>
#include <math.h>

static double gcs_patience_clamp(const struct gcs_patience *p, double wait_for) {
        return MAX(MIN(wait_for, (double) p->o.most_for), (double) p->o.least_for);
}

void gcs_patience_init(struct gcs_patience *p, const struct gcs_patience_options *o) {
        *p = (struct gcs_patience){.o = *o};
        if (o->first_for == 0)
                return;
        assert(o->n_rises > 0 && o->percentile > 0 && o->percentile < 1);
        assert(o->least_for > 0 && o->least_for <= o->most_for);
        /* In balance: rise^(1 - percentile) * fall^percentile = 1. */
        p->rise = exp2(1 / o->n_rises);
        p->fall = pow(p->rise, -(1 - o->percentile) / o->percentile);
        p->wait_for = (uint_least64_t) gcs_patience_clamp(p, (double) o->first_for);
}

usec_t gcs_patience_for(const struct gcs_patience *p) {
        return p->wait_for;
}

void gcs_patience_saw(struct gcs_patience *p, usec_t after) {
        usec_t wait_for = p->wait_for;
        double next = (double) wait_for * (after >= wait_for ? p->rise : p->fall);

        if (wait_for > 0)
                p->wait_for = (uint_least64_t) gcs_patience_clamp(p, next);
}
