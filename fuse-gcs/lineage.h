/* lineage: which generations of objects the tasks of this machine read and write through the mount,
 * told to the tracking server, which ties them to the runs of each try.
 *
 * Who opens a file is looked up in /proc once for each process; all else is a row in memory. A
 * thread of its own tells in batches, again until it is heard. Bounded: LINEAGE_TRIES tries at a
 * time, LINEAGE_OBJECTS objects of each; what is more is not told, and that is. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/macros.h"

#define LINEAGE_TRIES 64
#define LINEAGE_OBJECTS 1000

struct lineage;

/* address: "unix:PATH" or "HOST:PORT" of the tracking server. */
int lineage_new(const char *address, struct lineage **ret);
/* Tells what is not told yet, once; nothing after it is. NULL is fine. */
void lineage_stop(struct lineage *l);
/* The same; nobody may use it any more. */
struct lineage *lineage_free(struct lineage *l);
/* The try that the thread or process belongs to; 0: none, or l is NULL. */
uint32_t lineage_who(struct lineage *l, pid_t pid);
/* Nothing when who is 0. */
void lineage_note(struct lineage *l, uint32_t who, bool written, const char *bucket,
                  const char *name, int64_t generation);
