/* upload_expiry.h: uploads that were begun and never ended go after a time, as a week does in the
 * cloud; so do the answers kept of those that ended.
 *
 * Threads: made and freed on the loop's; the work is the writer's. */
#pragma once

#include "daemons/bucketd/blobs_sql.h"

struct bucketd;
struct upload_expiry;

/* kept_for 0: nothing ever goes. Looks every hour, or as often as kept_for wants. */
int upload_expiry_new(struct bucketd *d, usec_t kept_for, struct upload_expiry **ret);
/* After the writer is gone. */
struct upload_expiry *upload_expiry_free(struct upload_expiry *e);

/* An upload of parts is forgotten; what its parts hold is released. In the writer's transaction. */
int upload_expiry_forget(struct db *db, struct arena *a, const char *id,
                         struct blobs_sql_gone *gone);
