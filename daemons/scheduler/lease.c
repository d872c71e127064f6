#include "daemons/scheduler/lease.h"

#include <errno.h>
#include <poll.h>

#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/scheduler.h"
#include "lib/base/mem.h"
#include "lib/db/db.h"
#include "lib/net/loop.h"

#define LOCK_KEY INT64_C(0x6f6e65626f78) /* "onebox" */
#define BEAT_FOR (2 * USEC_PER_SEC)

struct lease {
        struct scheduler *s;
        char holder[ENTROPY_UUID_SIZE];
        struct loop_source *timer;
};

/* 1: the lock is ours; 0: another has it. */
static int try_lock(struct db *db) {
        DB_USE struct db_stmt *q = NULL;
        int r = db_prepare_dynamic(db, "SELECT pg_try_advisory_lock(?)", &q);

        if (r < 0)
                return r;
        db_bind_all(q, LOCK_KEY);
        r = db_step(q);
        return r == DB_ROW ? (int) db_col_i64(q, 0) : MIN(r, 0);
}

int lease_wait(struct db *db, void (*waiting)(void *ctx, bool first), void *ctx,
               struct errmsg *em) {
        for (bool first = true;; first = false) {
                int r = try_lock(db);

                if (r == 1)
                        return 0;
                /* a server that is away comes back; whoever works is cut off from it too */
                if (r < 0 && r != -ENOTCONN)
                        return errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db));
                waiting(ctx, first);
                (void) poll(NULL, 0, 1000);
        }
}

static int take_row(struct lease *l) {
        DB_USE struct db_stmt *q = NULL;
        struct db *db = l->s->db;
        int r;

        r = db_exec(db, "CREATE TABLE IF NOT EXISTS onebox_lease (id BIGINT PRIMARY KEY, "
                        "holder TEXT NOT NULL, epoch BIGINT NOT NULL, beat_at BIGINT NOT NULL)");
        if (r >= 0)
                r = db_prepare_dynamic(db,
                                       "INSERT INTO onebox_lease (id, holder, epoch, beat_at) "
                                       "VALUES (1, ?, 1, ?) ON CONFLICT (id) DO UPDATE SET "
                                       "holder = excluded.holder, beat_at = excluded.beat_at, "
                                       "epoch = onebox_lease.epoch + 1",
                                       &q);
        if (r < 0)
                return r;
        db_bind_all(q, l->holder, clock_now(l->s->clock));
        return MIN(db_run(q), 0);
}

int lease_take(struct scheduler *s, struct lease **ret, struct errmsg *em) {
        struct lease *l = mem_new(struct lease);
        int r;

        if (!l)
                return errmsg_fail(em, -ENOMEM, "no memory");
        l->s = s;
        r = entropy_uuid7(s->entropy, clock_now(s->clock), l->holder);
        if (r >= 0)
                r = take_row(l);
        if (r < 0) {
                errmsg_fail(em, r, "%s: the lease cannot be taken: %s", db_get_uri(s->db),
                            db_errmsg(s->db));
                lease_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

static int on_beat(struct loop_source *source, usec_t now, void *ctx) {
        struct lease *l = ctx;

        engine_kick(l->s);
        loop_source_arm_in(l->timer, BEAT_FOR);
        return 0;
}

int lease_watch(struct scheduler *s) {
        return loop_timer_in(s->loop, BEAT_FOR, USEC_PER_SEC, on_beat, s->lease, &s->lease->timer);
}

int lease_hold(struct scheduler *s) {
        DB_USE struct db_stmt *q = NULL;
        int r = db_prepare_dynamic(
                s->db, "UPDATE onebox_lease SET beat_at = ? WHERE id = 1 AND holder = ?", &q);

        if (r < 0)
                return r;
        db_bind_all(q, clock_now(s->clock), s->lease->holder);
        r = db_run(q);
        if (r < 0)
                return r;
        return db_changes(s->db) == 1 ? 0 : -ESTALE;
}

int lease_again(struct scheduler *s) {
        int r = try_lock(s->db);

        return r == 0 ? -ESTALE : MIN(r, 0);
}

struct lease *lease_free(struct lease *l) {
        if (l)
                loop_source_free(l->timer);
        mem_free(l);
        return NULL;
}
