/* rename: of files, which the service does whole, and of directories, which on a flat bucket it
 * does object by object.
 *
 * A directory's rename is not atomic there: the new placeholder is made first and says in its
 * metadata where from, objects follow in parallel, the old placeholder goes last. What breaks off
 * is said so, and the same rename again goes on with the rest. */
#pragma once

#include "fuse-gcs/mnt.h"

/* flags: RENAME_NOREPLACE or 0. */
int rename_entry(struct mnt *m, const char *from_dir, const char *from_name, const char *to_dir,
                 const char *to_name, unsigned flags);
