#include "daemons/scheduler/thrift.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/mem.h"
#include "lib/db/db.h"
#include "lib/db/db_readers.h"
#include "lib/net/loop.h"

enum { WORTH_BYTES = 64 * 1024 };
#define ASKED_FOR (500 * USEC_PER_MSEC) /* threads that worked together rest together */

struct thrift {
        struct db *db;
        struct db_readers *readers;
        struct loop *loop;
        struct loop_source *timer;
        void (*also)(void *ctx);
        void *ctx;
        usec_t quiet_for, last_at; /* of the last work, CLOCK_BOOTTIME */
        struct loop_task asked;    /* by threads that have closed their readers */
        atomic_bool is_asked;
        bool is_armed;
        unsigned n;
        size_t bytes;
};

static void arm(struct thrift *t, usec_t at) {
        t->is_armed = true;
        loop_source_arm_at(t->timer, at);
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct thrift *t = ctx;
        usec_t at;

        t->is_armed = false;
        at = (db_is_lent(t->db) ? now : t->last_at) + t->quiet_for; /* work came meanwhile */
        if (now < at) {
                arm(t, at);
                return 0;
        }
        t->bytes += db_trim(t->db) + db_readers_trim(t->readers);
        t->n++;
        if (t->also)
                t->also(t->ctx);
        mem_trim();
        mem_trim_code();
        return 0;
}

void thrift_look(struct thrift *t) {
        if (!t)
                return;
        t->last_at = loop_now(t->loop, CLOCK_BOOTTIME);
        if (!t->is_armed)
                arm(t, t->last_at + t->quiet_for);
}

bool thrift_is_due(struct thrift *t) {
        return t &&
               (t->is_armed || atomic_load(&t->is_asked) || !db_readers_are_closed(t->readers));
}

unsigned thrift_count(const struct thrift *t, size_t *ret_bytes) {
        *ret_bytes = t->bytes;
        return t->n;
}

static void on_asked(struct loop_task *task) {
        struct thrift *t = container_of(task, struct thrift, asked);

        atomic_store(&t->is_asked, false);
        if (!t->is_armed)
                arm(t, loop_now(t->loop, CLOCK_BOOTTIME) + MIN(t->quiet_for, ASKED_FOR));
}

/* What one question took is not worth looking through all that malloc() has; what a burst took is
 * given back by the loop, once for all threads. */
void thrift_rest(struct thrift *t) {
        size_t bytes = db_readers_trim(t->readers);

        if (!db_readers_close(t->readers) || bytes < WORTH_BYTES)
                return;
        if (!atomic_exchange(&t->is_asked, true))
                loop_post_task(t->loop, &t->asked);
}

int thrift_new(struct loop *l, struct db *db, struct db_readers *readers, usec_t quiet_for,
               struct thrift **ret) {
        struct thrift *t = mem_new(struct thrift);
        int r;

        if (!t)
                return -ENOMEM;
        t->db = db;
        t->readers = readers;
        t->loop = l;
        t->quiet_for = quiet_for;
        t->asked.run = on_asked;
        r = loop_timer(l, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_SEC, on_timer, t, &t->timer);
        if (r < 0) {
                mem_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

void thrift_set_also(struct thrift *t, void (*also)(void *ctx), void *ctx) {
        t->also = also;
        t->ctx = ctx;
}

struct thrift *thrift_free(struct thrift *t) {
        if (!t)
                return NULL;
        if (atomic_load(&t->is_asked))
                loop_post_flush(t->loop);
        loop_source_free(t->timer);
        return mem_free(t);
}
