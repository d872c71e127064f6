/* audit_row.h: lines of the audit logs (lib/auth/auth_audit.h) as they are read again. Pure. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/macros.h"

struct audit_row {
        const char *at, *user, *how, *action, *object, *result, *detail; /* "" when not there */
        const char *line; /* as it stands in the file */
        usec_t at_usec;
};

/* What is looked for; NULL and 0: anything. */
struct audit_want {
        const char *user;            /* exactly this one */
        const char *object, *action; /* contain this */
        usec_t from_at, until_at;
        bool refused; /* only what was refused or failed */
};

/* A line without its end. 0; -EBADMSG (a piece that a full disk left, or no line of ours) or
 * -ENOMEM. */
int audit_row_parse(const char *line, struct arena *a, struct audit_row *ret);
/* For people: "2026-01-02 03:04:05" (UTC), "POST runs/create"; with `whole` as they are logged.
 * NULL: out of memory. */
const char *audit_row_when(const struct audit_row *row, bool whole, struct arena *a);
const char *audit_row_deed(const struct audit_row *row, bool whole, struct arena *a);
bool audit_row_matches(const struct audit_row *row, const struct audit_want *want);
