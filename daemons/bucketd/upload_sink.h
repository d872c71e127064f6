/* upload_sink.h: where the bytes of an upload go: into memory while they are few, else into a
 * staged blob. Threads: one at a time. */
#pragma once

#include "daemons/bucketd/digest.h"
#include "lib/base/buf.h"

struct blob_put;
struct bucketd;

struct upload_sink {
        struct bucketd *d;
        struct buf small;
        struct blob_put *put; /* NULL: all of it is in `small` */
        struct digest digest;
        char md5[DIGEST_MD5_TEXT]; /* after upload_sink_finish() */
};

/* md5_wanted: a client that says one gets it checked, however large the object. */
int upload_sink_init(struct upload_sink *s, struct bucketd *d, bool md5_wanted);
int upload_sink_write(struct upload_sink *s, const void *data, size_t n);
/* All has come: durable when it is in a file. Blocks. */
int upload_sink_finish(struct upload_sink *s);
/* Removes what is in a file. */
void upload_sink_drop(struct upload_sink *s);
/* Frees; a file stays: it is published, or somebody else's. */
void upload_sink_done(struct upload_sink *s);
