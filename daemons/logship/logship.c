/* logship.c: the shipper: see logship.h. */
#include "daemons/logship/logship.h"

#include <errno.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

#define BACKOFF_MIN_S 5
#define BACKOFF_MAX_S 300

void logship_kick(struct logship *l) {
        pthread_mutex_lock(&l->lock);
        l->kicked = true;
        pthread_cond_signal(&l->wake);
        pthread_mutex_unlock(&l->lock);
}

static bool is_stopping(struct logship *l) {
        bool stopping;

        pthread_mutex_lock(&l->lock);
        stopping = l->stopping;
        pthread_mutex_unlock(&l->lock);
        return stopping;
}

static void note(struct logship *l, int r, uint64_t bytes, const struct errmsg *em) {
        pthread_mutex_lock(&l->lock);
        if (r < 0) {
                if (!l->trouble.text[0])
                        l->trouble_since_at = clock_now(clock_system());
                if (!str_eq(l->trouble.text, em->text)) /* one that stays is said once */
                        log_warning("logs wait for the bucket: %s", em->text);
                l->trouble = *em;
        } else {
                if (l->trouble.text[0])
                        log_info("the bucket takes logs again");
                l->trouble.text[0] = 0;
                l->n_shipped += r == SHIP_DONE;
                l->n_bytes += bytes;
                l->n_queued -= l->n_queued > 0;
        }
        pthread_mutex_unlock(&l->lock);
}

/* One try, into the store as it is now. */
static int ship(struct logship *l, const char *try_id, uint64_t *ret_bytes, struct errmsg *em) {
        struct ship_store_one *store;
        struct ship to = l->ship;
        int r = ship_store_get(&l->stores, &store, em);

        if (r < 0)
                return r;
        to.store = ship_store_of(store);
        r = ship_one(&to, try_id, ret_bytes, em);
        ship_store_put(&l->stores, store);
        if (r < 0)
                ship_store_forget(&l->stores);
        return r;
}

/* All that is queued, until something is in the way. */
static int ship_all(struct logship *l) {
        _cleanup_(str_free_listp) char **tries = NULL;
        int r = ship_list(&l->ship, &tries);

        if (r < 0) {
                struct errmsg em;

                errmsg_errno(&em, r, "%s", l->ship.queue_dir);
                note(l, r, 0, &em);
                return r;
        }
        pthread_mutex_lock(&l->lock);
        l->n_queued = str_count(tries);
        pthread_mutex_unlock(&l->lock);
        for (char **one = tries; *one && !is_stopping(l); one++) {
                struct errmsg em = {};
                uint64_t bytes = 0;

                r = ship(l, *one, &bytes, &em);
                if (r == SHIP_DROPPED)
                        log_warning("nothing to upload: %s", em.text);
                note(l, r, bytes, &em);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Until somebody kicks, or for_s seconds (0: without end). */
static void rest(struct logship *l, unsigned for_s) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += for_s;
        pthread_mutex_lock(&l->lock);
        while (!l->stopping && (for_s > 0 || !l->kicked)) {
                int r = for_s > 0 ? pthread_cond_timedwait(&l->wake, &l->lock, &until)
                                  : pthread_cond_wait(&l->wake, &l->lock);

                if (r == ETIMEDOUT)
                        break;
        }
        l->kicked = false;
        pthread_mutex_unlock(&l->lock);
}

void *logship_run(void *ctx) {
        struct logship *l = ctx;
        unsigned backoff_s = 0;

        while (!is_stopping(l)) {
                if (ship_all(l) < 0)
                        backoff_s = MIN(MAX(2 * backoff_s, (unsigned) BACKOFF_MIN_S),
                                        (unsigned) BACKOFF_MAX_S);
                else
                        backoff_s = 0;
                rest(l, backoff_s);
        }
        return NULL;
}
