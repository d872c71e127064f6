/* db_writer.c: see db_writer.h.
 *
 * A batch is one transaction: BEGIN IMMEDIATE, each job in its own savepoint, COMMIT. A job alone
 * in its batch needs no savepoint: its failure rolls back the whole. Some failures (disk full, no
 * memory, I/O) make the engine roll back the whole transaction under us; then each job of the batch
 * is run again in a transaction of its own, so that each gets its own truth. So is a job that
 * another writer of the database has overtaken.
 *
 * Savepoints are dear (SQLite keeps a copy of every page that is changed under one), and a job that
 * is refused has seldom written before. Where the engine counts what is written, jobs run without;
 * should one fail that has written, the batch is undone and run again with savepoints.
 *
 * Clients that come back with the next request as soon as they are answered would fall into two
 * halves, one waiting for the commit of the other. So a batch waits a little for as many jobs as
 * there were clients: those just answered and those already here. Who comes alone waits for nobody.
 * Where jobs run without savepoints they run as they come, and only the commit waits for the last.
 */
#include "lib/db/db_writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/db/db.h"
#include "lib/db/db_checkpoint.h"

/* A batch takes no further job when it has run for so long: heavy jobs must not make light ones
 * wait for their commit. */
#define BATCH_FOR (50 * USEC_PER_MSEC)

/* How long a batch waits for those who were just answered: this part of the last commit's time, and
 * never longer than that. */
#define GATHER_PART 2
#define GATHER_FOR_MAX (2 * USEC_PER_MSEC)

/* Waked for each one, the thread would take the processor from those who bring them. */
#define GATHER_FEW 4

struct db_writer {
        pthread_t thread;
        struct db *db;       /* the thread's alone */
        bool is_guarded;     /* constant: the engine does not count what a job writes */
        struct db_job *rest; /* the thread's alone: taken, but not run with their batch */
        struct db_checkpoint *checkpoint; /* the thread's alone */
        usec_t gather_until;              /* the thread's alone: the next batch goes at last */
        usec_t waited_for;                /* the thread's alone: for jobs, inside a batch */

        pthread_mutex_t lock; /* of all below */
        pthread_cond_t work, room;
        struct db_job *head, **tail;
        bool is_stopping;
        size_t n_wanted; /* jobs the next batch shall have, if they come in time */
        size_t n_wake;   /* so many in the queue wake the thread */
        size_t n_max;
        struct db_writer_stats stats;
};

/* --- the thread ------------------------------------------------------------------------------- */

/* Under lock: until n jobs are in the queue; false: not in time. */
static bool wait_until(struct db_writer *w, size_t n) {
        const struct timespec until = {.tv_sec = (time_t) (w->gather_until / USEC_PER_SEC),
                                       .tv_nsec = (long) (w->gather_until % USEC_PER_SEC) * 1000};
        int r = 0;

        w->n_wake = n;
        while (w->stats.n_queued < n && !w->is_stopping && r == 0)
                r = pthread_cond_timedwait(&w->work, &w->lock, &until);
        w->n_wake = 1;
        return w->stats.n_queued >= n;
}

/* Under lock: n_max jobs of the queue at most, in order. */
static struct db_job *take_queued(struct db_writer *w, size_t n_max) {
        struct db_job *first = w->head, *last = first;
        size_t n = 1;

        if (!first)
                return NULL;
        for (; last->next && n < n_max; n++)
                last = last->next;
        w->head = last->next;
        if (!w->head)
                w->tail = &w->head;
        last->next = NULL;
        assert(w->stats.n_queued >= n);
        w->stats.n_queued -= n;
        (void) pthread_cond_broadcast(&w->room);
        return first;
}

/* Waits for jobs and takes them, in order; NULL when there are none and no more will come. */
static struct db_job *take_batch(struct db_writer *w) {
        struct db_job *batch;

        if (w->rest)
                return TAKE_PTR(w->rest);
        (void) pthread_mutex_lock(&w->lock);
        assert(w->n_wanted <= w->n_max);
        if (w->is_guarded && w->n_wanted > 1)
                (void) wait_until(w, w->n_wanted);
        while (!w->head && !w->is_stopping)
                (void) pthread_cond_wait(&w->work, &w->lock);
        batch = take_queued(w, DB_WRITER_BATCH_MAX);
        (void) pthread_mutex_unlock(&w->lock);
        return batch;
}

/* More jobs for a batch that has run n; NULL: it is to be committed. */
static struct db_job *take_more(struct db_writer *w, size_t n) {
        usec_t start = clock_mono(clock_system());
        struct db_job *more = NULL;

        (void) pthread_mutex_lock(&w->lock);
        if (n < w->n_wanted) {
                (void) wait_until(w, MIN(w->n_wanted - n, (size_t) GATHER_FEW));
                more = take_queued(w, w->n_wanted - n);
        }
        (void) pthread_mutex_unlock(&w->lock);
        w->waited_for += clock_mono(clock_system()) - start;
        return more;
}

static int run_in_savepoint(struct db *db, struct db_job *job) {
        int r, k;

        r = db_savepoint(db);
        if (r < 0)
                return r;
        r = job->run(db, job);
        if (!db_in_transaction(db))
                return r < 0 ? r : -EIO;
        k = r < 0 ? db_undo(db) : db_release(db);
        return k < 0 ? k : r;
}

enum ran {
        RAN,
        RAN_SOILED, /* a job that failed has left something: to be undone and run with savepoints */
        RAN_BROKEN, /* the engine gave up the transaction: nothing of it was written */
};

/* Without a savepoint. False: it failed and has left something. */
static bool run_bare(struct db *db, struct db_job *job) {
        int64_t before = db_total_changes(db);

        job->result = job->run(db, job);
        return job->result >= 0 || db_total_changes(db) == before;
}

/* Sets the result of one job. */
static enum ran run_one(struct db *db, struct db_job *job, bool guarded) {
        bool clean = true;

        if (guarded)
                job->result = run_in_savepoint(db, job);
        else
                clean = run_bare(db, job);
        if (!db_in_transaction(db)) {
                if (job->result >= 0)
                        job->result = -EIO;
                return RAN_BROKEN;
        }
        return clean ? RAN : RAN_SOILED;
}

/* Runs the jobs of `batch` and sets their results; it is cut where its time is over, w->rest are
 * those behind. One that may grow takes those who come while it runs. */
static enum ran run_jobs(struct db_writer *w, struct db_job *batch, bool guarded, bool may_grow) {
        usec_t until_at = clock_mono(clock_system()) + BATCH_FOR;
        bool needs_savepoints = guarded && batch->next;
        size_t n = 1;

        for (struct db_job *job = batch; job; job = job->next, n++) {
                enum ran ran = run_one(w->db, job, needs_savepoints);

                if (ran == RAN_SOILED && !batch->next)
                        return RAN; /* alone: the whole is undone */
                if (ran != RAN)
                        return ran;
                if (clock_mono(clock_system()) >= until_at) {
                        if (job->next)
                                w->rest = TAKE_PTR(job->next);
                } else if (!job->next && may_grow) {
                        job->next = take_more(w, n);
                }
        }
        return RAN;
}

static void set_results(struct db_job *batch, int r) {
        for (struct db_job *job = batch; job; job = job->next)
                if (job->result >= 0)
                        job->result = r;
}

/* One transaction, with w->rest as run_jobs(). False: the engine gave it up and nothing of it was
 * written. */
static bool commit_jobs(struct db_writer *w, struct db_job *batch, bool guarded, bool may_grow) {
        struct db *db = w->db;
        enum ran ran;
        int r;

        for (struct db_job *job = batch; job; job = job->next)
                job->result = 0;
        r = db_begin(db, true);
        if (r < 0) {
                set_results(batch, r);
                return true;
        }
        ran = run_jobs(w, batch, guarded, may_grow);
        if (ran != RAN) {
                db_rollback(db);
                assert(ran == RAN_BROKEN || (!guarded && !w->rest));
                return ran == RAN_SOILED && commit_jobs(w, batch, true, false);
        }
        if (!batch->next && batch->result < 0) {
                db_rollback(db);
                return true;
        }
        r = db_commit(db);
        if (r < 0)
                set_results(batch, r);
        return true;
}

static void commit_alone(struct db_writer *w, struct db_job *job) {
        struct db_job *next = job->next;

        job->next = NULL;
        (void) commit_jobs(w, job, w->is_guarded, false);
        assert(!job->next);
        assert(!db_in_transaction(w->db));
        job->next = next;
}

/* Those that another writer of the database has overtaken. */
static void commit_again(struct db_writer *w, struct db_job *batch) {
        for (struct db_job *job = batch; job; job = job->next)
                for (unsigned n = 1; n < DB_WRITER_TRIES && job->result == -ESTALE; n++)
                        commit_alone(w, job);
}

/* n_waiting: those who queued up meanwhile. */
static void finish(struct db_writer *w, struct db_job *batch, size_t n_waiting) {
        struct db_job *next;
        uint64_t n_failed = 0;
        size_t n = 0;

        for (struct db_job *job = batch; job; job = next, n++) {
                next = job->next; /* done() may free the job */
                if (job->result < 0)
                        n_failed++;
                job->done(job, job->result);
        }
        (void) pthread_mutex_lock(&w->lock);
        w->n_wanted = MIN(n + n_waiting, MIN(w->n_max, (size_t) DB_WRITER_BATCH_MAX));
        w->stats.n_failed += n_failed;
        w->stats.n_batches++;
        (void) pthread_mutex_unlock(&w->lock);
}

static void *writer_main(void *userdata) {
        struct db_writer *w = userdata;
        struct db_job *batch;

        while ((batch = take_batch(w))) {
                usec_t start = clock_mono(clock_system()), now;
                size_t n_waiting;

                w->waited_for = 0;
                if (!commit_jobs(w, batch, w->is_guarded, !w->is_guarded) && batch->next)
                        for (struct db_job *job = batch; job; job = job->next)
                                commit_alone(w, job);
                commit_again(w, batch);
                assert(!db_in_transaction(w->db));
                (void) pthread_mutex_lock(&w->lock);
                n_waiting = w->stats.n_queued;
                (void) pthread_mutex_unlock(&w->lock);
                finish(w, batch, n_waiting);
                db_checkpoint_look(w->checkpoint);
                now = clock_mono(clock_system());
                w->gather_until =
                        now + MIN((now - start - w->waited_for) / GATHER_PART, GATHER_FOR_MAX);
        }
        return NULL;
}

/* --- its owner -------------------------------------------------------------------------------- */

/* Signals are the main thread's. */
static int start_thread(struct db_writer *w) {
        sigset_t all, old;
        int r;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&w->thread, NULL, writer_main, w);
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r >= 0)
                (void) pthread_setname_np(w->thread, "db-writer");
        return r;
}

int db_writer_new(const struct db_config *config, size_t n_queue_max, struct errmsg *em,
                  struct db_writer **ret_writer) {
        pthread_condattr_t monotonic;
        struct db_writer *w;
        int r;

        assert(config && !(config->flags & DB_READ_ONLY));
        w = mem_new(struct db_writer);
        if (!w)
                return -ENOMEM;
        w->tail = &w->head;
        w->n_wake = 1;
        w->n_max = n_queue_max > 0 ? n_queue_max : DB_WRITER_QUEUE_DEFAULT;
        r = db_open_config(config, em, &w->db);
        if (r >= 0)
                r = db_checkpoint_new(w->db, &w->checkpoint);
        if (r >= 0)
                w->is_guarded = db_total_changes(w->db) < 0;
        if (r < 0) {
                db_free(w->db);
                mem_free(w);
                return r;
        }
        (void) pthread_mutex_init(&w->lock, NULL);
        (void) pthread_condattr_init(&monotonic);
        (void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&w->work, &monotonic);
        (void) pthread_condattr_destroy(&monotonic);
        (void) pthread_cond_init(&w->room, NULL);
        r = start_thread(w);
        if (r < 0) {
                db_checkpoint_free(w->checkpoint);
                db_free(w->db);
                mem_free(w);
                return errmsg_errno(em, r, "the thread of the database's writer cannot start");
        }
        *ret_writer = w;
        return 0;
}

struct db_writer *db_writer_free(struct db_writer *w) {
        if (!w)
                return NULL;
        (void) pthread_mutex_lock(&w->lock);
        w->is_stopping = true;
        (void) pthread_cond_broadcast(&w->work);
        (void) pthread_cond_broadcast(&w->room);
        (void) pthread_mutex_unlock(&w->lock);
        (void) pthread_join(w->thread, NULL);
        assert(!w->head && w->stats.n_queued == 0);
        (void) pthread_cond_destroy(&w->room);
        (void) pthread_cond_destroy(&w->work);
        (void) pthread_mutex_destroy(&w->lock);
        db_checkpoint_free(w->checkpoint);
        db_free(w->db);
        mem_free(w);
        return NULL;
}

/* --- submitting ------------------------------------------------------------------------------- */

static int enqueue(struct db_writer *w, struct db_job *job, bool wait_for_room) {
        int r = 0;

        assert(job->run && job->done);
        job->next = NULL;
        (void) pthread_mutex_lock(&w->lock);
        while (wait_for_room && w->stats.n_queued >= w->n_max && !w->is_stopping)
                (void) pthread_cond_wait(&w->room, &w->lock);
        if (w->is_stopping) {
                r = -ESHUTDOWN;
        } else if (w->stats.n_queued >= w->n_max) {
                w->stats.n_refused++;
                r = -EAGAIN;
        } else {
                *w->tail = job;
                w->tail = &job->next;
                w->stats.n_jobs++;
                if (++w->stats.n_queued > w->stats.n_queued_max)
                        w->stats.n_queued_max = w->stats.n_queued;
                if (w->stats.n_queued >= w->n_wake)
                        (void) pthread_cond_signal(&w->work);
        }
        (void) pthread_mutex_unlock(&w->lock);
        return r;
}

int db_writer_submit(struct db_writer *w, struct db_job *job) {
        return enqueue(w, job, false);
}

struct call {
        struct db_job job;
        struct db_job *inner;
        pthread_mutex_t lock;
        pthread_cond_t is_done_cond;
        bool is_done;
        int r;
};

static int call_run(struct db *db, struct db_job *job) {
        struct db_job *inner = ((struct call *) job)->inner;

        return inner->run(db, inner);
}

static void call_done(struct db_job *job, int r) {
        struct call *c = (struct call *) job;

        (void) pthread_mutex_lock(&c->lock);
        c->r = r;
        c->is_done = true;
        (void) pthread_cond_signal(&c->is_done_cond);
        (void) pthread_mutex_unlock(&c->lock);
}

int db_writer_call(struct db_writer *w, struct db_job *job) {
        struct call c = {.job = {.run = call_run, .done = call_done},
                         .inner = job,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .is_done_cond = PTHREAD_COND_INITIALIZER};
        int r;

        assert(job->run);
        assert(!pthread_equal(pthread_self(), w->thread));
        r = enqueue(w, &c.job, true);
        if (r < 0)
                return r;
        (void) pthread_mutex_lock(&c.lock);
        while (!c.is_done)
                (void) pthread_cond_wait(&c.is_done_cond, &c.lock);
        (void) pthread_mutex_unlock(&c.lock);
        (void) pthread_cond_destroy(&c.is_done_cond);
        (void) pthread_mutex_destroy(&c.lock);
        return c.r;
}

void db_writer_get_stats(struct db_writer *w, struct db_writer_stats *ret_stats) {
        (void) pthread_mutex_lock(&w->lock);
        *ret_stats = w->stats;
        (void) pthread_mutex_unlock(&w->lock);
}
