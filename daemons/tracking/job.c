#include "daemons/tracking/job.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/webhook_sender.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/db/db_readers.h"
#include "lib/net/http_request.h"

/* What one request may read for, in all. */
#define READ_FOR (30 * USEC_PER_SEC)

static int reply_refusal(struct http_request *req, enum refusal_code code, const char *text) {
        _cleanup_buf_ struct buf out = {};

        refusal_write(code, text, &out);
        return http_request_reply_json(req, refusal_status(code), &out);
}

/* What went wrong below, in words for the client; the details are in the log. */
static int reply_broken(struct http_request *req, int r) {
        switch (r) {
        case -EAGAIN:
                return reply_refusal(req, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                     "Too many requests wait for the database: try again.");
        case -ENOSPC:
                return reply_refusal(req, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                     "The database's disk is full: nothing was written. "
                                     "Free some space there and try again.");
        case -ENOTCONN:
                return reply_refusal(req, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                     "The tracking database does not answer or is starting: try "
                                     "again. The server's log says what is wrong with it.");
        case -EBUSY:
                return reply_refusal(req, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                     "Another program holds the tracking database for too long: "
                                     "nothing was written. Try again.");
        case -ESTALE:
                return reply_refusal(req, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                     "Others change the same at the same moment: nothing was "
                                     "written. Try again.");
        case -ETIME:
                return reply_refusal(req, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                     "The search takes too long: narrow its filter.");
        default:
                return reply_refusal(req, REFUSAL_INTERNAL_ERROR, errmsg_strerror(r));
        }
}

int job_refuse(struct ask *q) {
        assert(q->result != 0);
        if (q->answer)
                return q->result;
        if (q->result == REFUSED)
                return reply_refusal(q->req, q->refusal.code, q->refusal.text);
        return q->result == -ENOSPC ? reply_broken(q->req, q->result) : q->result;
}

static struct job *job_new(struct ask *q, job_fn *run, const void *in, size_t in_size) {
        struct job *j = arena_new(q->arena, struct job);

        if (!j)
                return NULL;
        j->req = q->req;
        j->tracking = q->req->ctx;
        j->arena = q->arena;
        j->refusal.arena = q->arena;
        j->refusal.access = q->refusal.access;
        j->run = run;
        j->in = arena_memdup(q->arena, in, in_size);
        return j->in ? j : NULL;
}

/* 0, REFUSED or -errno; the answer's object is complete after 0. */
static int run_once(struct job *j, struct db *db) {
        int r;

        buf_reset(&j->out);
        json_write_init(&j->json, &j->out,
                        JSON_WRITE_ASCII | (j->compact ? 0u : JSON_WRITE_PRETTY));
        json_write_object(&j->json);
        r = j->run(j, db);
        if (r != 0)
                return r;
        json_write_end(&j->json);
        r = json_write_finish(&j->json);
        return r == 0 && j->compact ? buf_add_char(&j->out, '\n') : r;
}

/* Replies and ends the job: its memory may be gone afterwards. */
static int job_reply(struct job *j, int r) {
        if (r == 0 && !j->reply)
                return http_request_reply_json(j->req, 200, &j->out);
        buf_done(&j->out);
        if (r == 0)
                return j->reply(j->req);
        if (r == REFUSED)
                return reply_refusal(j->req, j->refusal.code, j->refusal.text);
        log_struct(LOG_ERR, LOG_FIELDS({"ONEBOX_PATH", j->req->path}), "%s %s: %s",
                   j->req->method_name, j->req->path, errmsg_strerror(r));
        return reply_broken(j->req, r);
}

/* One snapshot around fn(). */
static int with_reader(const struct tracking *t, int (*fn)(void *ctx, struct db *db), void *ctx) {
        struct db *db;
        int r = db_readers_get(t->readers, &db);

        if (r < 0)
                return r;
        r = db_begin(db, false);
        if (r < 0)
                return r;
        db_set_budget(db, READ_FOR);
        r = fn(ctx, db);
        if (r < 0)
                log_error("reading the tracking database: %s",
                          *db_errmsg(db) ? db_errmsg(db) : errmsg_strerror(r));
        db_rollback(db);
        db_set_budget(db, 0);
        return r;
}

static int read_run(void *ctx, struct db *db) {
        return run_once(ctx, db);
}

static int read_within(struct ask *q, struct job *j) {
        int r = with_reader(j->tracking, read_run, j);

        if (r == REFUSED)
                q->refusal = j->refusal;
        if (r == 0)
                r = buf_add(q->answer, j->out.data, j->out.len);
        buf_done(&j->out);
        return r;
}

static int read_as(struct ask *q, job_fn *run, const void *in, size_t in_size, bool compact) {
        struct job *j;

        if (q->result != 0)
                return job_refuse(q);
        j = job_new(q, run, in, in_size);
        if (!j)
                return -ENOMEM;
        j->compact = compact;
        if (q->answer)
                return read_within(q, j);
        return job_reply(j, with_reader(j->tracking, read_run, j));
}

int job_read_copy(struct ask *q, job_fn *run, const void *in, size_t in_size) {
        return read_as(q, run, in, in_size, false);
}

int job_read_compact_copy(struct ask *q, job_fn *run, const void *in, size_t in_size) {
        return read_as(q, run, in, in_size, true);
}

static int write_run(struct db *db, struct db_job *db_job) {
        struct job *j = container_of(db_job, struct job, db_job);
        uint64_t n_conflicts = db_n_conflicts(db);
        int r;

        j->made_type = j->made_id = j->gone_type = j->gone_id = j->made_for = NULL;
        j->told_webhooks = false;
        r = run_once(j, db);
        j->refused = r == REFUSED;
        if (j->refused)
                return -ECANCELED;
        /* It had looked before it wrote: another server came between. */
        if (r != 0 && db_n_conflicts(db) != n_conflicts)
                return -ESTALE;
        if (r < 0 && r != -ESTALE && *db_errmsg(db))
                log_error("writing the tracking database: %s", db_errmsg(db));
        return r;
}

static void write_done(struct db_job *db_job, int r) {
        struct job *j = container_of(db_job, struct job, db_job);

        if (j->refused && r == -ECANCELED)
                r = REFUSED;
        else if (r > 0)
                r = 0;
        if (r == 0 && j->told_webhooks)
                webhook_sender_wake(j->tracking->webhooks);
        if (r == 0 && j->made_id && j->gone_id)
                access_moved(j->tracking->users, j->made_type, j->gone_id, j->made_id);
        else if (r == 0 && j->made_id)
                access_created(j->req, j->tracking->users, j->made_for, j->made_type, j->made_id);
        else if (r == 0 && j->gone_id)
                access_deleted(j->tracking->users, j->gone_type, j->gone_id);
        if (job_reply(j, r) < 0)
                log_error("an answer could not be made: out of memory");
}

int job_write_copy(struct ask *q, job_fn *run, const void *in, size_t in_size) {
        struct http_request *req = q->req;
        struct job *j;
        int r;

        if (q->result != 0)
                return job_refuse(q);
        j = job_new(q, run, in, in_size);
        if (!j)
                return -ENOMEM;
        j->reply = q->reply;
        j->db_job.run = write_run;
        j->db_job.done = write_done;
        r = db_writer_submit(j->tracking->writer, &j->db_job);
        return r < 0 ? reply_broken(req, r) : HTTP_LATER;
}

struct look {
        struct ask *q;
        int (*fn)(struct ask *q, struct db *db, void *in);
        void *in;
};

static int look_run(void *ctx, struct db *db) {
        struct look *l = ctx;

        return l->fn(l->q, db, l->in);
}

int job_look(struct ask *q, int (*look)(struct ask *q, struct db *db, void *in), void *in) {
        struct look l = {q, look, in};

        if (q->result == 0)
                ask_check(q, with_reader(q->req->ctx, look_run, &l));
        return q->result;
}

int job_reply_json(struct ask *q, struct buf *out) {
        int r;

        if (!q->answer)
                return http_request_reply_json(q->req, 200, out);
        r = buf_error(out);
        if (r == 0)
                r = buf_add(q->answer, out->data, out->len);
        buf_done(out);
        return r;
}

int job_reply_empty(struct http_request *req) {
        return http_request_reply_static(req, 200, "application/json", "{}", 2);
}
