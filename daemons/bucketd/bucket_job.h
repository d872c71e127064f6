/* bucket_job.h: what a request does to the index, and its answer.
 *
 * A handler fills a small struct of its own with a bucket_job as first member:
 *   bucket_job_read   runs now, on this thread's reading connection, in one snapshot;
 *   bucket_job_write  runs on the writer's thread; the answer goes out when it is durable.
 * run() returns 0, REFUSED with j->no set (nothing of it is written then), or -errno. It may be
 * called again after a complete undo and starts from what the handler filled in. */
#pragma once

#include "daemons/bucketd/blobs_sql.h"
#include "daemons/bucketd/gcs_error.h"
#include "lib/base/json_write.h"
#include "lib/db/db_writer.h"

struct bucketd;
struct http_request;

struct bucket_job {
        struct http_request *req;
        struct arena *arena; /* the request's */
        int (*run)(struct bucket_job *j, struct db *db);
        /* After 0 of run(): answers. NULL: j->out as JSON. */
        int (*reply)(struct bucket_job *j);
        /* May be NULL. The outcome is certain: 0 written and durable, else nothing is. Before the
         * answer; on the writer's thread. */
        void (*after)(struct bucket_job *j, int r);

        struct bucketd *d;
        struct refused no;
        struct buf out;
        struct json_write json; /* on j->out */
        struct blobs_sql_gone gone;

        struct db_job db_job; /* its own */
        bool refused;
};

/* Both return what a route returns. */
int bucket_job_read(struct bucket_job *j);
int bucket_job_write(struct bucket_job *j);
/* Replies what went wrong: REFUSED by j->no, or -errno. */
int bucket_job_fail(struct bucket_job *j, int r);
/* One snapshot around fn() on this thread's connection. */
int bucket_job_look(struct bucketd *d, int (*fn)(void *ctx, struct db *db), void *ctx);

/* The writer's thread: a moment after all that were given before. */
usec_t bucket_job_stamp(struct bucketd *d);
