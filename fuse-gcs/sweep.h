/* sweep: deletes objects of ours that nobody needs any more. Nobody waits for it but the end of the
 * mount; what is not deleted by then is found by a later mount's sweeper. */
#pragma once

#include "fuse-gcs/mnt.h"

void sweep_object(struct mnt *m, const char *path);
/* The same of what a compose was to delete itself, unless it is known to do that: one after the
 * other. names and what is in it, a NULL at its end, are taken over. */
void sweep_sources(struct mnt *m, char **names, size_t n);
/* Waits until none is under way, at most until until_at (mnt_now()). How many are. */
size_t sweep_wait(struct mnt *m, usec_t until_at);
