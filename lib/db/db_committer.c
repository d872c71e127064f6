/* One slot and a semaphore: a condition variable may lose a wakeup in glibc before 2.41 (its bug
 * 25847), and with it the commit. */
#include "lib/db/db_committer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "lib/base/mem.h"
#include "lib/db/db.h"

struct db_committer {
        struct db *db;
        void (*done)(void *ctx, int r);
        void *ctx;
        pthread_t thread;
        sem_t wakes;             /* one for each commit, one for the end */
        atomic_bool asked, ends; /* what the thread is woken for */
};

static void *committer_main(void *userdata) {
        struct db_committer *c = userdata;

        for (;;) {
                while (sem_wait(&c->wakes) < 0 && errno == EINTR)
                        ;
                if (atomic_exchange(&c->asked, false)) {
                        int r = db_commit(c->db);

                        db_lend(c->db, false);
                        c->done(c->ctx, r);
                } else if (atomic_load(&c->ends)) {
                        return NULL;
                }
        }
}

/* Signals are the main thread's. */
static int start_thread(struct db_committer *c) {
        sigset_t all, old;
        int r;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&c->thread, NULL, committer_main, c);
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r == 0)
                (void) pthread_setname_np(c->thread, "db-committer");
        return -r;
}

int db_committer_new(struct db *db, void (*done)(void *ctx, int r), void *ctx,
                     struct db_committer **ret) {
        struct db_committer *c;
        int r;

        assert(db && done && ret);
        c = mem_new(struct db_committer);
        if (!c)
                return -ENOMEM;
        c->db = db;
        c->done = done;
        c->ctx = ctx;
        r = sem_init(&c->wakes, 0, 0) < 0 ? -errno : start_thread(c);
        if (r < 0) {
                mem_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct db_committer *db_committer_free(struct db_committer *c) {
        if (!c)
                return NULL;
        atomic_store(&c->ends, true);
        (void) sem_post(&c->wakes);
        (void) pthread_join(c->thread, NULL);
        assert(!atomic_load(&c->asked));
        (void) sem_destroy(&c->wakes);
        return mem_free(c);
}

void db_committer_start(struct db_committer *c) {
        assert(db_in_transaction(c->db));
        assert(!db_is_lent(c->db));
        db_lend(c->db, true);
        atomic_store(&c->asked, true);
        (void) sem_post(&c->wakes);
}
