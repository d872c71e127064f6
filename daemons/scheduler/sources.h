/* sources.h: the pipeline files: found, compiled (pipelines.h), brought into the world as versions
 * of DAGs, watched.
 *
 * A file that cannot be read right now keeps what it gave last; a file that is gone takes its DAGs
 * with it (no new runs; their history stays). Services go to STATE/services/NAME.json.
 * Threads: the loop's; compiling happens on it too. Limits: SOURCES_WATCHES directories are
 * watched; beyond that, and for file systems that tell nothing, SOURCES_LOOK_FOR or, where one is
 * a mount, [scheduler] mount_silence. */
#pragma once

#include "lib/base/macros.h"

struct scheduler;
struct sources;

enum { SOURCES_WATCHES = 1024 };
#define SOURCES_LOOK_FOR (60 * USEC_PER_SEC)

int sources_new(struct scheduler *s, struct sources **ret);
struct sources *sources_free(struct sources *x);

/* Reads all of them now and submits what changed. */
void sources_read(struct scheduler *s);

/* What of them has no meaning here, one text each; valid until the next read. */
char *const *sources_warnings(const struct scheduler *s);
