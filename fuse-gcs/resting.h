/* resting: readers that rest. Who has not read for some time goes on as somebody new does, with
 * little fetched ahead until one read follows another again: of thousands of open files not all
 * come back with a full window at once. Threads: any. */
#pragma once

#include "fuse-gcs/mnt.h"

/* From time to time: those that have not read since the last look rest. How many new ones. */
size_t resting_look(struct mnt *m);
