#include "lib/db/db_checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "lib/base/mem.h"
#include "lib/db/db.h"

/* The thread goes on while more than so many pages came behind it, so many times at most. */
enum { FEW = 200, ROUNDS_MAX = 4 };

enum state { IDLE, ASKED, MOVED, STOPPING };

struct db_checkpoint {
        struct db *db;       /* the writer's */
        size_t n_last, next; /* the writer's: pages at the last look, and when to begin */
        bool is_running;     /* the writer's: there is a thread */
        pthread_t thread;

        pthread_mutex_t lock; /* of the state */
        pthread_cond_t asked;
        enum state state;
};

/* --- the thread ------------------------------------------------------------------------------- */

static void move_pages(struct db *db) {
        size_t left = 0;
        int r = 0;

        for (int i = 0; r >= 0 && i < ROUNDS_MAX && (i == 0 || left > FEW); i++)
                r = db_wal_checkpoint(db, &left);
}

static void *checkpoint_main(void *userdata) {
        struct db_checkpoint *c = userdata;
        struct db *db = NULL; /* a failure to open leaves the log to the writer's commits */
        int r = db_open(db_get_uri(c->db), 0, NULL, &db);

        (void) pthread_mutex_lock(&c->lock);
        while (c->state != STOPPING) {
                if (c->state != ASKED) {
                        (void) pthread_cond_wait(&c->asked, &c->lock);
                        continue;
                }
                (void) pthread_mutex_unlock(&c->lock);
                if (r >= 0)
                        move_pages(db);
                (void) pthread_mutex_lock(&c->lock);
                if (c->state == ASKED)
                        c->state = MOVED;
        }
        (void) pthread_mutex_unlock(&c->lock);
        db_free(db);
        return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(struct db_checkpoint *c) {
        sigset_t all, old;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        c->is_running = pthread_create(&c->thread, NULL, checkpoint_main, c) == 0;
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (c->is_running)
                (void) pthread_setname_np(c->thread, "db-checkpoint");
        return c->is_running;
}

/* --- the writer --------------------------------------------------------------------------------
 */

int db_checkpoint_new(struct db *db, struct db_checkpoint **ret) {
        struct db_checkpoint *c;

        assert(db && ret);
        *ret = NULL;
        if (!db_wal_set_limit(db, DB_CHECKPOINT_LIMIT))
                return 0;
        c = mem_new(struct db_checkpoint);
        if (!c)
                return -ENOMEM;
        c->db = db;
        c->next = DB_CHECKPOINT_START;
        (void) pthread_mutex_init(&c->lock, NULL);
        (void) pthread_cond_init(&c->asked, NULL);
        *ret = c;
        return 0;
}

static void set_state(struct db_checkpoint *c, enum state state) {
        (void) pthread_mutex_lock(&c->lock);
        c->state = state;
        (void) pthread_cond_signal(&c->asked);
        (void) pthread_mutex_unlock(&c->lock);
}

static enum state get_state(struct db_checkpoint *c) {
        enum state state;

        (void) pthread_mutex_lock(&c->lock);
        state = c->state;
        (void) pthread_mutex_unlock(&c->lock);
        return state;
}

struct db_checkpoint *db_checkpoint_free(struct db_checkpoint *c) {
        if (!c)
                return NULL;
        if (c->is_running) {
                set_state(c, STOPPING);
                (void) pthread_join(c->thread, NULL);
        }
        (void) pthread_cond_destroy(&c->asked);
        (void) pthread_mutex_destroy(&c->lock);
        return mem_free(c);
}

void db_checkpoint_look(struct db_checkpoint *c) {
        size_t n, left = 0;

        if (!c)
                return;
        assert(!db_in_transaction(c->db));
        n = db_wal_pages(c->db);
        if (n < c->n_last)
                c->next = DB_CHECKPOINT_START; /* it began anew */
        c->n_last = n;
        if (n < c->next)
                return;
        switch (get_state(c)) {
        case IDLE:
                if (c->is_running || start_thread(c))
                        set_state(c, ASKED);
                break;
        case MOVED:
                assert(c->is_running);
                /* With nothing left the next commit begins at the log's front again, if no reader
                 * needs what is there; else it is tried again when as much has come. */
                (void) db_wal_checkpoint(c->db, &left);
                c->next = n + DB_CHECKPOINT_START;
                set_state(c, IDLE);
                break;
        default:
                break;
        }
}
