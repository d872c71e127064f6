/* auth_audit.h: who changed what: one JSON object a line, only ever appended.
 *
 * {"at","user","uid","how","action","object","result","detail"}; one write(2) a line, so that lines
 * of several processes do not mix. On the disk within a second (fdatasync on a thread of its own,
 * which sleeps when nothing is written). At max_bytes the file becomes FILE.1, and so on up to
 * FILE.9. Threads: any.
 */
#pragma once

#include "lib/auth/auth_identity.h"
#include "lib/base/macros.h"

struct auth_audit;
struct clock;
struct errmsg;

struct auth_audit_entry {
        const struct auth_identity *identity; /* NULL: nobody known */
        const char *action;                   /* "POST /api/2.0/mlflow/runs/create", "user add" */
        const char *object;                   /* what it was done to; may be NULL */
        const char *result;                   /* "ok", "refused", "failed", or an HTTP status */
        const char *detail;                   /* may be NULL */
};

/* `max_bytes` 0 = 64 MiB. Made with mode 0640. */
int auth_audit_open(const char *path, uint64_t max_bytes, const struct clock *clock,
                    struct errmsg *em, struct auth_audit **ret_audit);
/* All that was written is on the disk afterwards. */
struct auth_audit *auth_audit_free(struct auth_audit *a);
DEFINE_CLEANUP(struct auth_audit *, auth_audit_free)

/* 0 or -errno (disk full): the caller decides whether the deed may go on. */
int auth_audit_write(struct auth_audit *a, const struct auth_audit_entry *entry);
/* Waits until all that was written is on the disk. 0, or -errno of the last attempt. */
int auth_audit_sync(struct auth_audit *a);
