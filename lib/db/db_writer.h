/* db_writer.h: the one thread that writes, and its group commit.
 *
 * Owns: one connection, one thread, one bounded queue. Jobs that queue up while a batch is being
 * made durable form the next batch: one fsync for all of them. Idle costs nothing.
 * Threads: submit from any; run() and done() are called on the writer's thread, in the order of
 * submission.
 */
#pragma once

#include "lib/base/macros.h"

struct db;
struct db_config;
struct db_writer;
struct errmsg;

/* A job is embedded in the submitter's own struct and stays alive until done() is called. */
struct db_job {
        /* Runs inside a transaction; sees what earlier jobs wrote. Negative undoes all this job
         * wrote and nothing else; 0 or positive keeps it. Must not begin, commit or roll back;
         * savepoints are fine. May be called again, after a complete undo, when another job of its
         * batch broke the transaction, and, alone in its transaction and DB_WRITER_TRIES times at
         * most, when it answers -ESTALE: another writer of the database has changed what it saw.
         * It must not keep state between the calls. */
        int (*run)(struct db *db, struct db_job *job);

        /* Called once, after run()'s result is durable. `r` is run()'s answer, or -errno: then
         * nothing of it was written. It may free the job and may submit others, but not wait. */
        void (*done)(struct db_job *job, int r);

        /* The writer's own. */
        struct db_job *next;
        int result;
};

struct db_writer_stats {
        uint64_t n_jobs, n_batches, n_failed, n_refused;
        size_t n_queued, n_queued_max;
};

enum {
        DB_WRITER_QUEUE_DEFAULT = 4096, /* jobs waiting at most */
        DB_WRITER_BATCH_MAX = 1024,     /* jobs in one transaction at most */
        DB_WRITER_TRIES = 8,            /* of a job that others overtake */
};

/* Opens the connection and starts the thread. `n_queue_max` 0 = DB_WRITER_QUEUE_DEFAULT. */
int db_writer_new(const struct db_config *config, size_t n_queue_max, struct errmsg *em,
                  struct db_writer **ret_writer);

/* Runs all queued jobs to their done(), then ends the thread and closes. Returns NULL. */
struct db_writer *db_writer_free(struct db_writer *w);
DEFINE_CLEANUP(struct db_writer *, db_writer_free)

/* 0: done() will be called. -EAGAIN: the queue is full, tell the client to come back (503).
 * -ESHUTDOWN: the writer is being freed. On failure done() is not called. */
int db_writer_submit(struct db_writer *w, struct db_job *job);

/* Submits and waits: run()'s answer once durable, or -errno. job->done is not used. Waits for room
 * in a full queue. Never from the writer's own thread. */
int db_writer_call(struct db_writer *w, struct db_job *job);

void db_writer_get_stats(struct db_writer *w, struct db_writer_stats *ret_stats);
