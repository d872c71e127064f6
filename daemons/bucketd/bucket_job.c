/* bucket_job: see bucket_job.h. */
#include "daemons/bucketd/bucket_job.h"

#include <errno.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucketd.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/db/db_readers.h"

usec_t bucket_job_stamp(struct bucketd *d) {
        usec_t now = clock_now(d->clock);

        d->last_at = now > d->last_at ? now : d->last_at + 1;
        return d->last_at;
}

static void prepare(struct bucket_job *j) {
        j->d = bucket_call_daemon(j->req);
        j->arena = j->req->arena;
        j->gone.arena = j->arena;
}

static int run_once(struct bucket_job *j, struct db *db) {
        buf_reset(&j->out);
        json_write_init(&j->json, &j->out, 0);
        j->gone.n = 0;
        return j->run(j, db);
}

int bucket_job_fail(struct bucket_job *j, int r) {
        buf_done(&j->out);
        assert(r != 0);
        if (r == REFUSED)
                return gcs_error_reply(j->req, &j->no);
        log_struct(LOG_ERR, LOG_FIELDS({"ONEBOX_PATH", j->req->path}), "%s %s: %s",
                   j->req->method_name, j->req->path, errmsg_strerror(r));
        return gcs_error_reply_errno(j->req, r);
}

static int answer(struct bucket_job *j, int r) {
        if (r == 0)
                r = buf_error(&j->out);
        if (r != 0)
                return bucket_job_fail(j, r);
        if (j->reply)
                return j->reply(j);
        return bucket_call_reply_json(j->req, &j->out);
}

int bucket_job_look(struct bucketd *d, int (*fn)(void *ctx, struct db *db), void *ctx) {
        struct db *db;
        int r = db_readers_get(d->readers, &db);

        if (r < 0)
                return r;
        r = db_begin(db, false);
        if (r < 0)
                return r;
        r = fn(ctx, db);
        if (r < 0 && *db_errmsg(db))
                log_error("reading the index: %s", db_errmsg(db));
        db_rollback(db);
        return r;
}

static int look(void *ctx, struct db *db) {
        return run_once(ctx, db);
}

int bucket_job_read(struct bucket_job *j) {
        prepare(j);
        return answer(j, bucket_job_look(j->d, look, j));
}

static int write_run(struct db *db, struct db_job *db_job) {
        struct bucket_job *j = container_of(db_job, struct bucket_job, db_job);
        int r = run_once(j, db);

        j->refused = r == REFUSED;
        if (r < 0 && *db_errmsg(db))
                log_error("writing the index: %s", db_errmsg(db));
        return j->refused ? -ECANCELED : r;
}

static void write_done(struct db_job *db_job, int r) {
        struct bucket_job *j = container_of(db_job, struct bucket_job, db_job);
        struct http_request *req = j->req;

        if (j->refused && r == -ECANCELED)
                r = REFUSED;
        if (r == 0)
                blob_discard(j->d->blobs, j->gone.ids, j->gone.n);
        if (j->after)
                j->after(j, r);
        if (answer(j, r) < 0)
                http_request_reply_cut(req);
}

int bucket_job_write(struct bucket_job *j) {
        int r;

        prepare(j);
        j->db_job = (struct db_job){.run = write_run, .done = write_done};
        r = db_writer_submit(j->d->writer, &j->db_job);
        if (r == 0)
                return HTTP_LATER;
        if (j->after)
                j->after(j, r);
        return bucket_job_fail(j, r);
}
