#include "fuse-gcs/sweeper.h"

#include <errno.h>

#include "fuse-gcs/buckets.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/names.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SWEEPER_LATER_S 60

static struct {
        pthread_mutex_t lock;
        pthread_cond_t stop;
        pthread_t thread;
        bool runs, stops;
} sweeper = {.lock = PTHREAD_MUTEX_INITIALIZER, .stop = PTHREAD_COND_INITIALIZER};

/* One page is enough: what is more waits for the next mount. */
static void sweeper_sweep_below(struct mnt *m, const char *below, usec_t before) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_free_ char *prefix = str_printf("%s%s", m->o.root, below);
        struct gcs_object_list l;
        struct gcs_request q;
        struct errmsg em;
        struct arena a;

        if (!prefix)
                return;
        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = prefix;
        q.n_max = 1000;
        if (remote_call(m->remote, &q, &answer) < 0)
                return;
        arena_init(&a, 0);
        if (gcs_object_parse_list(&a, answer.body ?: "", answer.body_len, &l, &em) >= 0)
                for (size_t i = 0; i < l.n_items && !m->stopping; i++)
                        if (l.items[i].updated_at > 0 && l.items[i].updated_at < before)
                                (void) entries_delete(m, l.items[i].name, l.items[i].generation);
        arena_done(&a);
}

void sweeper_sweep(struct mnt *m, usec_t now) {
        sweeper_sweep_below(m, NAMES_TMP, now - 30 * USEC_PER_MINUTE);
        sweeper_sweep_below(m, NAMES_OPEN, now - 7 * USEC_PER_DAY);
        /* As long as the service keeps an upload that nobody goes on with. */
        sweeper_sweep_below(m, NAMES_PARTS, now - 7 * USEC_PER_DAY);
}

static void sweeper_sweep_one(struct mnt *m, void *ctx) {
        sweeper_sweep(m, clock_now(clock_system()));
}

static void *sweeper_main(void *ctx) {
        struct mnt *m = ctx;
        struct timespec at;
        bool stops;

        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_sec += SWEEPER_LATER_S;
        pthread_mutex_lock(&sweeper.lock);
        while (!sweeper.stops &&
               pthread_cond_timedwait(&sweeper.stop, &sweeper.lock, &at) != ETIMEDOUT)
                ;
        stops = sweeper.stops;
        pthread_mutex_unlock(&sweeper.lock);
        if (stops)
                return NULL;
        buckets_each(m, sweeper_sweep_one, NULL);
        return NULL;
}

void sweeper_start(struct mnt *m) {
        if (m->o.read_only)
                return;
        sweeper.stops = false;
        sweeper.runs = pthread_create(&sweeper.thread, NULL, sweeper_main, m) == 0;
}

void sweeper_stop(struct mnt *m) {
        if (!sweeper.runs)
                return;
        pthread_mutex_lock(&sweeper.lock);
        sweeper.stops = true;
        pthread_cond_signal(&sweeper.stop);
        pthread_mutex_unlock(&sweeper.lock);
        pthread_join(sweeper.thread, NULL);
        sweeper.runs = false;
}
