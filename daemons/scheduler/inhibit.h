/* inhibit.h: while tasks run a shutdown waits until nothing new is started any more and all that is
 * known is in the database: the launcher takes logind's delay lock for us
 * (daemons/launcher/launcher_inhibit.h). Only tasks that last are worth it: it is asked for when
 * some have run for INHIBIT_AFTER and given back when none have for as long. Threads: the loop's.
 */
#pragma once

#include <stdbool.h>

struct inhibit;
struct scheduler;

#define INHIBIT_AFTER (3 * USEC_PER_SEC)

int inhibit_new(struct scheduler *s, struct inhibit **ret);
struct inhibit *inhibit_free(struct inhibit *i);

/* After each commit. */
void inhibit_look(struct scheduler *s);
/* Does a shutdown wait for us now, as far as the launcher has said? */
bool inhibit_is_held(const struct scheduler *s);
