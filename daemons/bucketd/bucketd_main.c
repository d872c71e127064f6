/* onebox-bucketd: the object server of a box without a cloud: Cloud Storage's JSON and XML API over
 * a directory.
 *
 * Owns that directory: index.db (buckets, objects, small contents), data/ and staging/ (blob.h).
 * One loop for the sockets; one thread that writes the index, whose commit is shared by all that
 * wait for it; workers that read and that wait for the disk; one thread that moves and removes
 * files. It can be killed at any moment: what was acknowledged is on the disk, whole. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/blobs_sql.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/bucketd_api.h"
#include "daemons/bucketd/bucketd_db.h"
#include "daemons/bucketd/buckets_api.h"
#include "daemons/bucketd/chaos.h"
#include "daemons/bucketd/folders_api.h"
#include "daemons/bucketd/gcs_error.h"
#include "daemons/bucketd/object_batch.h"
#include "daemons/bucketd/object_read.h"
#include "daemons/bucketd/objects_api.h"
#include "daemons/bucketd/objects_copy_api.h"
#include "daemons/bucketd/policies_api.h"
#include "daemons/bucketd/upload.h"
#include "daemons/bucketd/upload_expiry.h"
#include "daemons/bucketd/upload_resumable.h"
#include "daemons/bucketd/upload_session.h"
#include "daemons/bucketd/uploads_sql.h"
#include "daemons/bucketd/xml_api.h"
#include "daemons/bucketd/xml_list.h"
#include "daemons/bucketd/xml_upload.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_writer.h"
#include "lib/net/listeners.h"
#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"

#define DRAIN_FOR (5 * USEC_PER_SEC)
#define TOKEN_MAX 4096

struct bucketd_conf {
#define CONF_KEY CONF_FIELD
#include "config/bucketd.def"
#undef CONF_KEY
};
static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct bucketd_conf, __VA_ARGS__)
#include "config/bucketd.def"
#undef CONF_KEY
};

static const struct http_route routes[] = {
#define KIB ((size_t) 1024)
#define BUCKETD_ROUTE(method_, path_, handler, flags_, kib) \
        {.method = HTTP_##method_,                          \
         .path = path_,                                     \
         .handle = handler,                                 \
         .flags = HTTP_##flags_ | HTTP_NO_GZIP,             \
         .max_body = (kib) ? (kib) *KIB : 16 * KIB},
#define BUCKETD_UPLOAD(method_, path_, handler, ops) \
        {.method = HTTP_##method_,                   \
         .path = path_,                              \
         .handle = handler,                          \
         .flags = HTTP_WORKER | HTTP_NO_GZIP,        \
         .max_body = SIZE_MAX,                       \
         .body = &(ops)},
#define BUCKETD_ABSENT(path_, why)            \
        {.method = HTTP_ANY,                  \
         .path = path_,                       \
         .handle = bucketd_api_absent,        \
         .flags = HTTP_INLINE | HTTP_NO_GZIP, \
         .max_body = KIB * KIB,               \
         .data = (why)},
#include "daemons/bucketd/bucketd_routes.def"
#undef BUCKETD_ROUTE
#undef BUCKETD_ABSENT
#undef BUCKETD_UPLOAD
};

struct daemon {
        struct bucketd_conf conf;
        struct paths paths;
        struct arena arena; /* for the daemon's life */
        char *dir, *token;
        struct loop_source *term, *interrupt;
        struct bucketd bucketd;
        struct upload_expiry *expiry;
};

/* --- what it keeps ---------------------------------------------------------------------------- */

struct forget {
        struct db_job job;
        const uint64_t *ids;
        size_t n;
};

static int forget_run(struct db *db, struct db_job *job) {
        struct forget *f = container_of(job, struct forget, job);

        return blobs_sql_delete(db, f->ids, f->n);
}

/* On the blob store's thread. What fails is found again at the next start. */
static void on_forget(void *ctx, const uint64_t *ids, size_t n) {
        struct bucketd *d = ctx;
        struct forget f = {.job = {.run = forget_run}, .ids = ids, .n = n};
        int r = db_writer_call(d->writer, &f.job);

        if (r < 0)
                log_errno(r, "%zu blobs are gone but not forgotten yet", n);
}

struct start {
        struct arena *arena;
        uint64_t first_id;
        uint64_t *garbage;
        size_t n_garbage;
        uint64_t id; /* asked for */
        int in_index, in_upload;
};

static int look_start(void *ctx, struct db *db) {
        struct start *s = ctx;
        uint64_t blob = 0, upload = 0;
        int r = blobs_sql_last(db, &blob);

        if (r == 0)
                r = uploads_sql_last_blob(db, &upload);
        if (r == 0)
                r = blobs_sql_garbage(db, s->arena, &s->garbage, &s->n_garbage);
        s->first_id = MAX(blob, upload) + 1;
        return r;
}

static int look_fate(void *ctx, struct db *db) {
        struct start *s = ctx;

        s->in_index = blobs_sql_is_in_file(db, s->id);
        s->in_upload = uploads_sql_has_blob(db, s->id);
        return s->in_upload < 0 ? s->in_upload : 0;
}

/* A staged file: published, of an upload under way, or of nobody. */
static int fate(void *ctx, uint64_t id) {
        struct daemon *d = ctx;
        struct start s = {.id = id};
        int r = bucket_job_look(&d->bucketd, look_fate, &s);

        if (r < 0)
                return r;
        if (s.in_index > 0)
                return BLOB_MOVE;
        return s.in_upload > 0 ? BLOB_KEEP : BLOB_DROP;
}

static int open_store(struct daemon *d, struct errmsg *em) {
        struct bucketd *b = &d->bucketd;
        struct start s = {.arena = &d->arena};
        const struct blob_options o = {
                .dir = d->dir, .no_sync = !d->conf.sync, .forget = on_forget, .ctx = b};
        int r = fileio_mkdir_p(d->dir, 0750);

        if (r < 0)
                return errmsg_errno(em, r, "%s cannot be made by uid %u", d->dir,
                                    (unsigned) geteuid());
        r = bucketd_db_open(b, d->dir, !d->conf.sync, clock_now(b->clock), em);
        if (r < 0)
                return r;
        r = bucket_job_look(b, look_start, &s);
        if (r < 0)
                return errmsg_errno(em, r, "%s/index.db", d->dir);
        r = blob_store_open(&o, s.first_id, em, &b->blobs);
        if (r < 0)
                return r;
        r = blob_store_recover(b->blobs, fate, d);
        if (r < 0)
                return errmsg_errno(em, r, "%s/staging", d->dir);
        blob_discard(b->blobs, s.garbage, s.n_garbage);
        r = upload_session_table_new(b, &b->uploads);
        if (r >= 0)
                r = upload_expiry_new(b, d->conf.uploads_kept_for, &d->expiry);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start");
        for (char **name = d->conf.buckets; r >= 0 && name && *name; name++)
                r = buckets_api_ensure(b, *name, em);
        return r;
}

/* --- listeners ------------------------------------------------------------------------------- */

static int on_open(void *ctx, const char *address) {
        struct daemon *d = ctx;

        return object_batch_at(d->bucketd.batch, address);
}

static int listen_on_all(struct daemon *d, struct errmsg *em) {
        struct listeners l = {
                .server = d->bucketd.http,
                .options = {.name = "bucketd", .unix_mode = 0666, .allow_remote = true},
                .on_open = on_open,
                .ctx = d,
        };
        int r = listeners_open_handed(&l, em);

        if (r != 0)
                return r;
        l.options.allow_remote = false;
        r = listeners_open_addresses(&l, d->conf.listen, em);
        return r < 0 ? r : listeners_open_socket(&l, d->conf.socket, d->paths.runtime_dir, em);
}

static int start_server(struct daemon *d, struct errmsg *em) {
        const struct http_server_options o = {
                .loop = d->bucketd.loop,
                .ctx = &d->bucketd,
                .before = bucket_call_before,
                .error_format = gcs_error_format,
                .n_workers = (unsigned) MIN(MAX(d->conf.workers, (uint64_t) 1), (uint64_t) 64),
                .n_worker_queue = 4096,
                .n_connections = 4096,
        };
        int r = http_server_new(&o, routes, ARRAY_SIZE(routes), &d->bucketd.http, em);

        return r < 0 ? r : listen_on_all(d, em);
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_drained(void *ctx) {
        struct daemon *d = ctx;

        loop_quit(d->bucketd.loop, 0);
}

static int on_impatient(struct loop_source *s, usec_t now, void *ctx) {
        on_drained(ctx);
        return 0;
}

static int on_signal(struct loop_source *s, int signo, void *ctx) {
        struct daemon *d = ctx;

        if (d->bucketd.draining) {
                loop_quit(d->bucketd.loop, 0);
                return 0;
        }
        d->bucketd.draining = true;
        chaos_answer_flush(&d->bucketd.late);
        loop_notify_stopping();
        if (loop_timer_in(d->bucketd.loop, DRAIN_FOR, 0, on_impatient, d, NULL) < 0)
                loop_quit(d->bucketd.loop, 0);
        return http_server_drain(d->bucketd.http, on_drained, d);
}

static int read_token(struct daemon *d, struct errmsg *em) {
        int r;

        if (!d->conf.token_file)
                return 0;
        r = fileio_read(d->conf.token_file, TOKEN_MAX, &d->token, NULL);
        if (r < 0)
                return errmsg_errno(em, r, "[bucketd] token_file %s", d->conf.token_file);
        d->bucketd.token = str_strip(d->token);
        if (str_empty(d->bucketd.token))
                return errmsg_fail(em, -EINVAL, "[bucketd] token_file %s is empty",
                                   d->conf.token_file);
        return 0;
}

static int start(struct daemon *d, struct errmsg *em) {
        struct bucketd *b = &d->bucketd;
        int r;

        b->clock = clock_system();
        b->entropy = entropy_system();
        b->inline_max = d->conf.inline_max;
        b->md5_max = d->conf.md5_max;
        d->dir = d->conf.dir ? mem_strdup(d->conf.dir) : paths_state(&d->paths, "bucketd");
        if (!d->dir)
                return errmsg_errno(em, -ENOMEM, "cannot start");
        r = loop_new(&b->loop);
        if (r >= 0)
                r = loop_signal(b->loop, SIGTERM, on_signal, d, &d->term);
        if (r >= 0)
                r = loop_signal(b->loop, SIGINT, on_signal, d, &d->interrupt);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make the event loop");
        b->started_at = loop_now(b->loop, CLOCK_BOOTTIME);
        r = read_token(d, em);
        if (r >= 0 && d->conf.faults)
                r = chaos_new(&b->chaos);
        if (r >= 0)
                r = object_batch_new(&b->batch);
        if (r >= 0)
                r = open_store(d, em);
        if (r >= 0)
                r = start_server(d, em);
        if (r < 0)
                return r;
        loop_notify_ready();
        (void) loop_notify_status("Serving %s", d->dir);
        return loop_notify_watchdog(b->loop);
}

static void stop(struct daemon *d) {
        struct bucketd *b = &d->bucketd;

        /* The store's last words need the writer, the writer's last answers the server, and what
         * that breaks off the store. */
        if (b->blobs)
                blob_store_stop(b->blobs);
        b->writer = db_writer_free(b->writer);
        b->batch = object_batch_free(b->batch);
        b->http = http_server_free(b->http);
        b->blobs = blob_store_free(b->blobs);
        chaos_free(b->chaos);
        upload_session_table_free(b->uploads);
        upload_expiry_free(d->expiry);
        db_readers_free(b->readers);
        loop_source_free(d->term);
        loop_source_free(d->interrupt);
        loop_free(b->loop);
        arena_done(&d->arena);
        mem_free(d->dir);
        mem_free_secret(d->token, d->token ? strlen(d->token) : 0);
}

int main(int argc, char **argv) {
        const struct options_daemon options = {
                .program = "onebox-bucketd",
                .summary = "Serves a directory as Cloud Storage",
                .conf = {keys, ARRAY_SIZE(keys)},
        };
        struct daemon d = {};
        struct errmsg em = {};
        int n_args, r;

        log_init("onebox-bucketd");
        umask(0027);
        arena_init(&d.arena, 0);
        r = options_daemon_start(&options, argc, argv, &d.conf, &d.paths, &n_args, &em);
        if (r == 0) {
                r = start(&d, &em);
                if (r >= 0)
                        r = loop_run_main(d.bucketd.loop, &em);
                stop(&d);
                paths_done(&d.paths);
        }
        conf_done(&options.conf, &d.conf);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return EXIT_SUCCESS;
        if (r < 0)
                log_error("%s", *em.text ? em.text : errmsg_strerror(r));
        return options_exit_status(r);
}
