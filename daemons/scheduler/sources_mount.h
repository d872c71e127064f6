/* sources_mount.h: pipelines on a file system that tells nothing of changes: a bucket's mount.
 *
 * Looked at and read by a thread of its own, for such a file system may keep waiting who asks it:
 * the loop never does. What is looked at is each file's name, size, time and, where the mount is
 * fuse-gcs, the generation of its object; files are read only when any of that is another one.
 * Threads: the loop's, and one a directory. */
#pragma once

#include "daemons/scheduler/pipelines.h"
#include "lib/base/clock.h"

struct loop;
struct sources_mount;

struct sources_mount_times {
        usec_t every_for;   /* between looks */
        usec_t silence_for; /* beyond it the file system does not answer */
};

/* What one reading gave: with references, for who still uses it while the next one is made. */
struct sources_mount_set {
        struct pipelines pipelines;
        unsigned n_refs;
};
struct sources_mount_set *sources_mount_set_unref(struct sources_mount_set *s);

/* Is the directory on a FUSE mount, as /proc/self/mountinfo has it? Pure: asks no file system. */
bool sources_mount_is_silent(const char *mountinfo, const char *dir);

/* All is copied. changed() comes on the loop's thread when there is another reading. */
int sources_mount_new(struct loop *loop, const char *dir, const struct pipelines_options *o,
                      struct sources_mount_times times, void (*changed)(void *ctx), void *ctx,
                      struct sources_mount **ret);
/* A thread that the file system keeps is left to it, with all it has (the kernel ends a process
 * only when a FUSE daemon that is stopped lets go of it). */
struct sources_mount *sources_mount_free(struct sources_mount *m);

/* The last reading, with a reference. -EAGAIN: it has not been read yet; other -errno: why it
 * cannot be read, or that it has not answered for long (-ETIMEDOUT); em says it. */
int sources_mount_get(struct sources_mount *m, struct sources_mount_set **ret, struct errmsg *em);
