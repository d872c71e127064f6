/* gitsync_status: what is known of the last looks at the repository: STATE/gitsync/status.json, for
 * the scheduler, the pages and `onebox gitsync`. Written whole, read leniently: it is a report and
 * decides nothing but whether an unchanged commit has to be laid out again. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct gitsync_status {
        const char *repo, *branch, *subpath; /* as configured; branch may be NULL */
        uint64_t scan_depth;
        const char *commit; /* laid out now; NULL: none yet */
        const char *subject, *author;
        const char *committed_at; /* ISO 8601 */
        usec_t synced_at;         /* when `commit` came; 0: never */
        usec_t checked_at;        /* the last look that went well; 0: never */
        usec_t tried_at;          /* the last look */
        const char *error;        /* of the last look; NULL: it went well */
        usec_t error_since_at;    /* 0: no error */
        const char *warning;      /* what of the commit is not fetched; or NULL */
};

/* A missing or broken file gives a zeroed status. Strings live in the arena. 0 or -ENOMEM. */
int gitsync_status_read(const char *path, struct arena *a, struct gitsync_status *ret);
int gitsync_status_write(const char *path, const struct gitsync_status *s, struct errmsg *em);
