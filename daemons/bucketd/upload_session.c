/* upload_session: see upload_session.h. */
#include "daemons/bucketd/upload_session.h"

#include <errno.h>
#include <pthread.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define KEPT_MAX 1024 /* sessions in memory that nobody has */
#define READ_SIZE ((size_t) 256 * 1024)

struct upload_table {
        pthread_mutex_t lock;
        struct strmap sessions;
        struct upload_session *oldest, **end;
        size_t n_idle;
};

static void session_free(void *p) {
        struct upload_session *s = p;

        blob_put_close(s->put);
        digest_done(&s->digest);
        arena_done(&s->arena);
        mem_free(s);
}

int upload_session_table_new(struct bucketd *d, struct upload_table **ret) {
        struct upload_table *t = mem_new(struct upload_table);

        if (!t)
                return -ENOMEM;
        (void) pthread_mutex_init(&t->lock, NULL);
        strmap_init(&t->sessions, session_free);
        t->end = &t->oldest;
        *ret = t;
        return 0;
}

struct upload_table *upload_session_table_free(struct upload_table *t) {
        if (!t)
                return NULL;
        strmap_done(&t->sessions);
        (void) pthread_mutex_destroy(&t->lock);
        return mem_free(t);
}

/* --- the list of those nobody has, under the lock --------------------------------------------- */

static void unlink_idle(struct upload_table *t, struct upload_session *s) {
        *s->prev = s->next;
        if (s->next)
                s->next->prev = s->prev;
        else
                t->end = s->prev;
        t->n_idle--;
}

static void link_idle(struct upload_table *t, struct upload_session *s) {
        s->next = NULL;
        s->prev = t->end;
        *t->end = s;
        t->end = &s->next;
        t->n_idle++;
}

/* --- taking and giving ----------------------------------------------------------------------- */

struct load {
        struct upload_session *s;
        const char *id;
        int found;
};

static int load_row(void *ctx, struct db *db) {
        struct load *l = ctx;

        l->found = uploads_sql_get(db, &l->s->arena, l->id, &l->s->row);
        return l->found < 0 ? l->found : 0;
}

/* From its row and its file. 0, REFUSED, -errno. */
static int load(struct bucketd *d, const char *id, struct upload_session **ret,
                struct refused *no) {
        struct upload_session *s = mem_new(struct upload_session);
        struct load l = {s, id, 0};
        int r;

        if (!s)
                return -ENOMEM;
        arena_init(&s->arena, 0);
        r = str_copy(s->id, sizeof(s->id), id);
        if (r >= 0)
                r = bucket_job_look(d, load_row, &l);
        if (r == -E2BIG || (r >= 0 && (l.found == 0 || s->row.kind != UPLOAD_RESUMABLE)))
                r = gcs_error_set(no, GCS_ERROR_NO_UPLOAD, "No such upload: %.64s", id);
        s->is_over = s->row.result != NULL;
        if (r == 0 && !s->is_over) {
                r = blob_put_reopen(d->blobs, s->row.blob, &s->put, &s->size);
                if (r == -ENOENT) {
                        /* Made with the first bytes; a crash may have come before. */
                        s->size = 0;
                        r = 0;
                }
                s->skipped = s->size;
        }
        if (r == 0 && s->put)
                r = upload_session_cut(s, s->size - s->size % UPLOAD_SESSION_CHUNK);
        s->put = blob_put_close(s->put);
        if (r != 0) {
                session_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

static int insert(struct upload_table *t, struct upload_session *s) {
        int r;

        (void) pthread_mutex_lock(&t->lock);
        r = strmap_set(&t->sessions, s->id, s);
        if (r >= 0)
                link_idle(t, s);
        (void) pthread_mutex_unlock(&t->lock);
        return r;
}

int upload_session_take(struct bucketd *d, const char *id, struct upload_session **ret,
                        struct http_request **ret_loser, struct refused *no) {
        struct upload_table *t = d->uploads;
        struct upload_session *s;
        int r = 0;

        (void) pthread_mutex_lock(&t->lock);
        s = strmap_get(&t->sessions, id);
        (void) pthread_mutex_unlock(&t->lock);
        /* Only the loop's thread adds sessions, and only those nobody has ever go. */
        if (!s) {
                r = load(d, id, &s, no);
                if (r == 0 && (r = insert(t, s)) < 0)
                        session_free(s);
                if (r != 0)
                        return r;
        }
        (void) pthread_mutex_lock(&t->lock);
        *ret_loser = NULL;
        if (s->is_taken && !s->receiver) {
                r = gcs_error_set(no, GCS_ERROR_UNAVAILABLE,
                                  "Another request of this upload is under way. Try again.");
        } else if (s->is_taken) {
                *ret_loser = TAKE_PTR(s->receiver);
        } else {
                unlink_idle(t, s);
        }
        if (r == 0)
                s->is_taken = true;
        (void) pthread_mutex_unlock(&t->lock);
        if (r == 0)
                *ret = s;
        return r;
}

bool upload_session_received(struct bucketd *d, struct upload_session *s,
                             const struct http_request *req) {
        bool ours;

        (void) pthread_mutex_lock(&d->uploads->lock);
        ours = s->receiver == req;
        if (ours)
                s->receiver = NULL;
        (void) pthread_mutex_unlock(&d->uploads->lock);
        return ours;
}

void upload_session_give(struct bucketd *d, struct upload_session *s) {
        struct upload_table *t = d->uploads;

        s->put = blob_put_close(s->put);
        (void) pthread_mutex_lock(&t->lock);
        s->is_taken = false;
        s->receiver = NULL;
        link_idle(t, s);
        if (s->is_over) {
                unlink_idle(t, s);
                (void) strmap_remove(&t->sessions, s->id);
        }
        if (t->n_idle > KEPT_MAX) {
                s = t->oldest;
                unlink_idle(t, s);
                (void) strmap_remove(&t->sessions, s->id);
        }
        (void) pthread_mutex_unlock(&t->lock);
}

/* --- bytes ----------------------------------------------------------------------------------- */

int upload_session_open(struct bucketd *d, struct upload_session *s) {
        uint64_t size = 0;
        int r;

        if (s->put)
                return 0;
        r = blob_put_reopen(d->blobs, s->row.blob, &s->put, &size);
        if (r == -ENOENT && s->size == 0)
                r = blob_put_create(d->blobs, s->row.blob, &s->put);
        if (r >= 0 && size < s->size)
                r = -EUCLEAN;
        if (r >= 0)
                r = blob_put_cut(s->put, s->size);
        if (r >= 0 && s->size == 0) {
                digest_done(&s->digest);
                s->skipped = 0;
                r = digest_init(&s->digest, s->row.wanted.md5 ? UINT64_MAX : d->md5_max);
        }
        return r;
}

int upload_session_write(struct upload_session *s, const void *data, size_t n) {
        int r = blob_put_write(s->put, data, n);

        if (r < 0)
                return r;
        s->size += n;
        return digest_add(&s->digest, data, n);
}

int upload_session_cut(struct upload_session *s, uint64_t size) {
        int r;

        if (size == s->size)
                return 0;
        r = blob_put_cut(s->put, size);
        if (r < 0)
                return r;
        digest_done(&s->digest);
        s->digest = (struct digest){};
        s->size = s->skipped = size;
        return 0;
}

/* Of the bytes [from, to) of the file. */
static int read_digest(struct upload_session *s, uint64_t to, struct digest *g) {
        _cleanup_free_ char *data = mem_alloc(READ_SIZE);
        int r = data ? 0 : -ENOMEM;

        for (uint64_t at = 0; r == 0 && at < to;) {
                ssize_t n = blob_put_read(s->put, data, MIN((uint64_t) READ_SIZE, to - at), at);

                if (n <= 0)
                        return n < 0 ? (int) n : -EUCLEAN;
                r = digest_add(g, data, (size_t) n);
                at += (uint64_t) n;
        }
        return r;
}

int upload_session_finish(struct bucketd *d, struct upload_session *s, char md5[DIGEST_MD5_TEXT]) {
        struct digest whole;
        int r = upload_session_open(d, s);

        if (r >= 0)
                r = blob_put_sync(s->put);
        if (r < 0 || s->skipped == 0)
                return r < 0 ? r : digest_md5(&s->digest, md5);
        /* Begun by another life of ours, or cut: its beginning is read again, and all of it where
         * its MD5 may be had or is asked for. */
        r = digest_init(&whole, s->row.wanted.md5 ? UINT64_MAX : d->md5_max);
        if (r >= 0)
                r = read_digest(s, s->size <= whole.md5_max ? s->size : s->skipped, &whole);
        if (r >= 0 && whole.size < s->size) {
                whole.crc32c = crc32c_combine(whole.crc32c, s->digest.crc32c, s->size - s->skipped);
                digest_done(&whole);
        }
        if (r >= 0)
                r = digest_md5(&whole, md5);
        digest_done(&s->digest);
        s->digest = whole;
        s->digest.md5 = NULL;
        s->skipped = 0;
        return r;
}
