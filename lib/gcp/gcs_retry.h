/* gcs_retry: what an answer means, whether another try helps, and when. Pure.
 *
 * Full jitter: a wait is drawn evenly between 0 and a bound that doubles from try to try. */
#pragma once

#include "lib/base/macros.h"

struct gcs_retry_policy {
        usec_t min_for; /* first bound */
        usec_t max_for; /* greatest bound */
        double multiplier;
        unsigned n_tries_max; /* 0: the budget alone ends it */
        usec_t budget_for;    /* no try begins after it */
};

void gcs_retry_policy_init(struct gcs_retry_policy *p);
/* 408, 429, 5xx but 501 (who does not know a call will not learn it), 401 once the token is
 * renewed; any broken connection. */
bool gcs_retry_status_helps(int status);
bool gcs_retry_error_helps(int error);
/* The errno of a status that stays: 0 for 2xx and 308; -ENOENT 404; -ESTALE 412 (a precondition),
 * -EEXIST 409; -EACCES 401, 403; -EINVAL 400; -ENOSYS 405, 501; -ENXIO 410 (a session that is
 * gone); -ERANGE 416; -EBUSY 429; -EIO. */
int gcs_retry_status_errno(int status);
/* The wait before try n (the second is 1). chance: evenly distributed. */
usec_t gcs_retry_wait(const struct gcs_retry_policy *p, unsigned n, uint64_t chance);
