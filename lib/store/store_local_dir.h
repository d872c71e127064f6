/* store_local_dir.h: opening below one directory and never beyond it: no "..", no symbolic link is
 * followed. Private to lib/store. Names have passed store_name_check(). */
#pragma once

#include <sys/types.h>

#include "lib/base/macros.h"

/* As open(2) below `root_fd`; O_CLOEXEC is added. The descriptor or -errno: -ELOOP for a symbolic
 * link on the way. */
int store_local_dir_open(int root_fd, const char *name, int flags);

/* The directory that `name` is in, for reading; *ret_base is the last part, within `name`. With
 * `make` missing directories are made, durably. The descriptor or -errno. */
int store_local_dir_parent(int root_fd, const char *name, bool make, const char **ret_base);

/* Removes the directories above `name` that are empty, from below. Not the root. */
void store_local_dir_prune(int root_fd, const char *name);
