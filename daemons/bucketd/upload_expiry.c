/* upload_expiry: see upload_expiry.h. */
#include "daemons/bucketd/upload_expiry.h"

#include <errno.h>
#include <stdatomic.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/uploads_sql.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/db/db_writer.h"
#include "lib/net/loop.h"

#define LOOK_EVERY USEC_PER_HOUR
#define AT_ONCE 500 /* uploads in one transaction; the next look takes the rest */

struct upload_expiry {
        struct bucketd *d;
        usec_t kept_for;
        struct loop_source *timer;
        struct db_job job;
        atomic_bool is_running;
        struct arena arena;
        struct blobs_sql_gone gone;
        uint64_t staged[AT_ONCE]; /* files of the uploads that went */
        size_t n_staged, n;
};

int upload_expiry_forget(struct db *db, struct arena *a, const char *id,
                         struct blobs_sql_gone *gone) {
        struct upload_part part = {};
        int r;

        while ((r = uploads_sql_next_part(db, a, id, part.number, &part)) > 0) {
                r = blobs_sql_release(db, &part.segments, gone);
                if (r != 0)
                        return r;
        }
        if (r == 0)
                r = uploads_sql_delete_parts(db, id);
        return r != 0 ? r : uploads_sql_delete(db, id);
}

static int expire(struct db *db, struct db_job *job) {
        struct upload_expiry *e = container_of(job, struct upload_expiry, job);
        usec_t now = clock_now(e->d->clock);
        struct upload_row row;
        int r = 0;

        arena_reset(&e->arena);
        e->gone = (struct blobs_sql_gone){.arena = &e->arena};
        e->n_staged = e->n = 0;
        while (e->n < AT_ONCE && now > e->kept_for &&
               (r = uploads_sql_old(db, &e->arena, now - e->kept_for, &row)) > 0) {
                if (row.blob > 0)
                        e->staged[e->n_staged++] = row.blob;
                r = upload_expiry_forget(db, &e->arena, row.id, &e->gone);
                if (r != 0)
                        return r;
                e->n++;
        }
        return MIN(r, 0);
}

static void expired(struct db_job *job, int r) {
        struct upload_expiry *e = container_of(job, struct upload_expiry, job);

        if (r >= 0) {
                blob_discard(e->d->blobs, e->gone.ids, e->gone.n);
                for (size_t i = 0; i < e->n_staged; i++)
                        blob_drop(e->d->blobs, e->staged[i]);
                if (e->n > 0)
                        log_info("%zu uploads that were begun long ago are forgotten", e->n);
        } else {
                log_errno(r, "old uploads stay for now");
        }
        e->is_running = false;
}

static usec_t look_in(const struct upload_expiry *e) {
        return MAX(MIN(LOOK_EVERY, e->kept_for / 2), USEC_PER_SEC);
}

static int on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct upload_expiry *e = ctx;

        if (!e->is_running) {
                e->is_running = true;
                e->job = (struct db_job){.run = expire, .done = expired};
                if (db_writer_submit(e->d->writer, &e->job) < 0)
                        e->is_running = false;
        }
        return loop_source_arm_in(s, look_in(e));
}

int upload_expiry_new(struct bucketd *d, usec_t kept_for, struct upload_expiry **ret) {
        struct upload_expiry *e;
        int r;

        if (kept_for == 0)
                return 0;
        e = mem_new(struct upload_expiry);
        if (!e)
                return -ENOMEM;
        e->d = d;
        e->kept_for = kept_for;
        arena_init(&e->arena, 0);
        r = loop_timer_in(d->loop, MIN(look_in(e), USEC_PER_MINUTE), USEC_PER_SEC, on_timer, e,
                          &e->timer);
        if (r < 0) {
                upload_expiry_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

struct upload_expiry *upload_expiry_free(struct upload_expiry *e) {
        if (!e)
                return NULL;
        loop_source_free(e->timer);
        arena_done(&e->arena);
        return mem_free(e);
}
