/* stale_mount: the directory of a mount whose process was killed. */
#pragma once

#include "lib/base/errmsg.h"

/* When a mount of ours is on path and nobody serves it, it is taken away. 0: the directory is there
 * (again). path need not be absolute. */
int stale_mount_clear(const char *path, struct errmsg *em);
