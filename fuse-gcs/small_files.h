/* small_files: who opens small files one after the other gets the next ones fetched meanwhile.
 *
 * After the second small file of a directory that was listed whole, the files that follow in its
 * order are fetched whole. */
#pragma once

#include "fuse-gcs/mnt.h"

/* A file was opened for reading. */
void small_files_opened(struct mnt *m, struct inode *i);
