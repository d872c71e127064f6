/* gcs_patience: how long a read is silent before it is taken for lost and made anew.
 *
 * What is waited for follows what reads take: each that took longer raises it by a step, each that
 * did not lowers it by so much less that in the end `percentile` of them are answered in time. So a
 * read that hangs among quick ones is noticed soon, and a slow service is not asked twice.
 *
 * Threads: any; a value that two change at once takes one of the changes. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/macros.h"

struct gcs_patience_options {
        usec_t first_for; /* 0: there is no such limit */
        usec_t least_for, most_for;
        double n_rises;    /* so many steps double it; > 0 */
        double percentile; /* 0 to 1, neither of them */
};

struct gcs_patience {
        struct gcs_patience_options o;
        double rise, fall; /* factors */
        atomic_uint_least64_t wait_for;
};

void gcs_patience_init(struct gcs_patience *p, const struct gcs_patience_options *o);
/* 0: for as long as anything is. */
usec_t gcs_patience_for(const struct gcs_patience *p);
/* The first byte came after so long, or had not come by then. */
void gcs_patience_saw(struct gcs_patience *p, usec_t after);
