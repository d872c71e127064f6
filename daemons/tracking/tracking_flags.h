/* tracking_flags.h: the command line of `mlflow server` as one of ours. */
#pragma once

struct errmsg;

/* Writes short forms and switches out, takes away with a notice what means nothing here, and says
 * why of what is refused. Returns how many arguments are left in `argv`, or -EINVAL with `em`. */
int tracking_flags_read(int argc, char **argv, struct errmsg *em);
