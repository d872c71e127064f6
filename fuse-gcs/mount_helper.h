/* mount_helper: from mount(8)'s words to fuse-gcs's. Pure. */
#pragma once

#include "lib/base/errmsg.h"

/* "BUCKET DIR [-sfnv] [-N NS] [-t TYPE] -o OPTIONS" becomes a NULL-terminated list of strings on
 * the heap, the program's name first; the options go as they are: fuse-gcs knows those of fstab.
 * 1: nothing is to be done (-f). -EINVAL with em set; -ENOMEM. */
int mount_helper_args(int argc, char *const *argv, char ***ret, struct errmsg *em);
