/* job.h: what a request does to the database, and its answer.
 *
 * A handler reads the request (ask.h) into a small struct of its own and hands it over:
 *   job_read   runs at once on this thread's reading connection, in one snapshot;
 *   job_write  runs on the writer's thread; the answer goes out when it is durable.
 * run() writes the fields of the answer's object to j->json and returns 0, REFUSED with j->refusal
 * set (then nothing is written to the database), or -errno.
 */
#pragma once

#include "daemons/tracking/ask.h"
#include "daemons/tracking/tracking.h"
#include "lib/base/json_write.h"
#include "lib/db/db_writer.h"

struct db;
struct http_request;

struct job {
        struct db_job db_job;
        struct http_request *req;
        const struct tracking *tracking;
        struct arena *arena; /* the request's */
        struct refusal refusal;
        struct buf out;
        struct json_write json; /* inside the answer's object */
        void *in;               /* the handler's struct */
        int (*run)(struct job *j, struct db *db);
        int (*reply)(struct http_request *req); /* not NULL: in place of the JSON */
        /* Set by run(): a resource (access.h) that was made or is gone, once it is durable. */
        const char *made_type, *made_id, *gone_type, *gone_id;
        const char *made_for; /* set by run(): whose it is; NULL: of the one who asks */
        bool told_webhooks;   /* set by run(): messages were queued */
        bool compact;
        bool refused;
};

typedef int job_fn(struct job *j, struct db *db);

/* A copy of `in` is kept. All return what a route's handler returns. When the request was refused
 * already, the refusal is replied and nothing runs. */
int job_read_copy(struct ask *q, job_fn *run, const void *in, size_t in_size);
int job_write_copy(struct ask *q, job_fn *run, const void *in, size_t in_size);

/* As job_read, on one line, as some of MLflow's answers are. */
int job_read_compact_copy(struct ask *q, job_fn *run, const void *in, size_t in_size);

#define job_read_compact(q, run, in) job_read_compact_copy((q), (run), (in), sizeof(*(in)))
#define job_read(q, run, in) job_read_copy((q), (run), (in), sizeof(*(in)))
#define job_write(q, run, in) job_write_copy((q), (run), (in), sizeof(*(in)))

/* Replies q->refusal, or forwards q->result when it is broken. */
int job_refuse(struct ask *q);

/* Runs on this thread's reading connection without an answer of its own: for handlers that go on
 * with what they found (artifacts). 0, REFUSED with q->refusal, or -errno; kept in q->result. */
int job_look(struct ask *q, int (*look)(struct ask *q, struct db *db, void *in), void *in);

/* Replies JSON that was made elsewhere; takes the buffer. */
int job_reply_json(struct ask *q, struct buf *out);

/* Replies {} . */
int job_reply_empty(struct http_request *req);
