/* launcher_secrets.h: the secrets of a try, copied where only this user reads, for as long as its
 * start takes (systemd) or as it runs (fork). What is copied is what was opened: nobody can put
 * another file in its place. Blocking, at most LAUNCHER_CARRY_MAX files of a megabyte. */
#pragma once

#include "daemons/launcher/launcher_allow.h"

enum { LAUNCHER_SECRETS_SIZE_MAX = 1 << 20 }; /* systemd's limit for all of a unit */

/* Makes `dir`/TRY_ID/NAME for each. Nothing is left on failure. */
int launcher_secrets_put(const char *dir, const char *try_id, const struct launcher_allow *allow,
                         const struct launcher_carry *carry, struct errmsg *em);
/* Takes them away again; a missing directory is fine. */
void launcher_secrets_drop(const char *dir, const char *try_id);
