#include "lib/gcp/gcs_retry.h"

#include <errno.h>

void gcs_retry_policy_init(struct gcs_retry_policy *p) {
        *p = (struct gcs_retry_policy){
                .min_for = USEC_PER_SEC,
                .max_for = 30 * USEC_PER_SEC,
                .multiplier = 2,
                .budget_for = 2 * USEC_PER_MINUTE,
        };
}

bool gcs_retry_status_helps(int status) {
        return status == 408 || status == 429 || (status >= 500 && status != 501);
}

bool gcs_retry_error_helps(int error) {
        return error < 0 && error != -ENOMEM && error != -EINVAL && error != -ECANCELED &&
               error != -EKEYREJECTED && error != -EFBIG && error != -EACCES && error != -EBADMSG;
}

int gcs_retry_status_errno(int status) {
        static const struct {
                int status, error;
        } known[] = {
                {308, 0},       {400, -EINVAL}, {401, -EACCES}, {403, -EACCES},
                {404, -ENOENT}, {405, -ENOSYS}, {409, -EEXIST}, {410, -ENXIO},
                {412, -ESTALE}, {416, -ERANGE}, {429, -EBUSY},  {501, -ENOSYS},
        };

        if (status >= 200 && status < 300)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (known[i].status == status)
                        return known[i].error;
        return -EIO;
}

usec_t gcs_retry_wait(const struct gcs_retry_policy *p, unsigned n, uint64_t chance) {
        double bound = (double) p->min_for;

        for (unsigned i = 1; i < n && bound < (double) p->max_for; i++)
                bound *= p->multiplier > 1 ? p->multiplier : 1;
        if (bound > (double) p->max_for)
                bound = (double) p->max_for;
        return (usec_t) (bound * ((double) (chance >> 11) / (double) (UINT64_C(1) << 53)));
}
