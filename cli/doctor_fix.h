/* doctor_fix: what puts a finding right: directories, owners and modes, and nothing else. */
#pragma once

#include "cli/doctor.h"

/* Adds one to f, in the order in which they are to be done. */
void doctor_fix_add(struct doctor *d, struct doctor_finding *f, struct doctor_fix fix);
/* As one would type it: "chown onebox-tracking:onebox-tracking /var/lib/…"; NULL: out of memory. */
const char *doctor_fix_text(struct doctor *d, const struct doctor_fix *fix);
/* Follows no symbolic link and leaves files with several names alone, which could be somebody's
 * else. 0, or -errno with em set. */
int doctor_fix_run(const struct doctor_fix *fix, struct errmsg *em);
/* How many below the directory are not uid's, itself left out, at most `limit` looked at; the first
 * of them in *ret_first, when there is one. -errno: it cannot be read. */
int doctor_fix_strangers(struct arena *a, const char *path, uid_t uid, size_t limit,
                         const char **ret_first);
