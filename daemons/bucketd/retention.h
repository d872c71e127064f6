/* retention.h: a bucket's retention policy: how long its objects are neither deleted nor replaced,
 * counted from when each was made. Pure. */
#pragma once

#include "daemons/bucketd/gcs_error.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"

#define RETENTION_MAX_S INT64_C(3155760000) /* a hundred years, as Cloud Storage has it */

struct retention {
        int64_t period_s;    /* 0: there is none */
        usec_t effective_at; /* when the period was set */
        bool is_locked;      /* it is never shortened or taken away */
};

/* As retention_write() wrote it into a bucket's configuration; NULL: none. */
void retention_read(const struct json *kept, struct retention *ret);
/* What a client's resource makes of it. is_whole: what is not said goes. REFUSED with the reason.
 */
int retention_merge(struct retention *r, const struct json *resource, bool is_whole, usec_t now,
                    struct refused *no);
/* The key with its value, or nothing where there is none. */
void retention_write(const struct retention *r, struct json_write *w);
/* 0, or REFUSED: an object made at `made_at` must stay. */
int retention_check(usec_t retained_for, usec_t made_at, usec_t now, const char *bucket,
                    const char *name, struct refused *no);
