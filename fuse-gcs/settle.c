#include "fuse-gcs/settle.h"

#include "fuse-gcs/entries.h"
#include "fuse-gcs/flush.h"
#include "fuse-gcs/sweep.h"
#include "lib/base/log.h"

/* No call's retries take longer. */
#define SETTLE_CALL_FOR (5 * USEC_PER_SEC)

void settle(struct mnt *m, usec_t until_at) {
        struct flush_result f = {};
        int r;

        m->o.commit_budget_for = m->o.metadata_budget_for = SETTLE_CALL_FOR;
        /* Of files that are open, when we are told to go, and of those whose last close is worked
         * on still or did not come: the kernel does not wait for it. */
        r = flush_all(m, until_at, &f);
        if (r < 0 || f.n_failed > 0)
                log_error("%zu files could not be brought to the bucket before the end",
                          f.n_failed);
        entries_unpark_all(m);
        /* What stays is deleted by a later mount. */
        (void) sweep_wait(m, MIN(until_at, mnt_now() + SETTLE_CALL_FOR));
}
