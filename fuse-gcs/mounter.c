#include "fuse-gcs/mounter.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/block_fetch.h"
#include "fuse-gcs/buckets.h"
#include "fuse-gcs/cache_filter.h"
#include "fuse-gcs/device.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/fetch_pool.h"
#include "fuse-gcs/forgetter_ask.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/interrupt.h"
#include "fuse-gcs/lineage.h"
#include "fuse-gcs/meter.h"
#include "fuse-gcs/ops.h"
#include "fuse-gcs/resting.h"
#include "fuse-gcs/settle.h"
#include "fuse-gcs/sweeper.h"
#include "fuse-gcs/teller.h"
#include "fuse-gcs/workers.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token.h"
#include "lib/net/loop_notify.h"

#define MOUNTER_TRIM_FOR (60 * USEC_PER_SEC)  /* from one look at idle connections to the next */
#define MOUNTER_SENDERS 32u                   /* threads, at most */
#define MOUNTER_GRACE_FOR (20 * USEC_PER_SEC) /* for what is not committed yet */

struct mounter {
        const struct mounter_options *o;
        struct loop *loop;
        pthread_t net;
        bool has_net;
        struct http_client *http;
        struct token *token;
        struct gcs_client *client;
        struct gcs_direct *direct; /* NULL: reads are held to limits, so all go over the loop */
        struct fetch_pool *senders;
        struct remote_gcs remote;
        struct mnt m;
        bool has_mnt;
        atomic_bool serves; /* m is whole: the loop may look at it */
        struct meter *meter;
        struct lineage *lineage; /* NULL: nobody is told */
        struct fuse_session *session;
        bool is_mounted;
        struct workers *workers;
        struct forgetter_ask ask;
        int wake;              /* an eventfd: the kernel or a signal ended it */
        atomic_bool was_told;  /* by a signal */
        atomic_bool unmounted; /* by the kernel */
};

/* --- the network ----------------------------------------------------------------------------- */

static void mounter_wake(struct mounter *x) {
        uint64_t one = 1;

        (void) !write(x->wake, &one, sizeof(one));
}

static int mounter_on_signal(struct loop_source *s, int signo, void *ctx) {
        struct mounter *x = ctx;

        x->was_told = true;
        mounter_wake(x);
        return 0;
}

struct mounter_token {
        void (*done)(void *ctx, int error, const char *text, const char *why);
        void *ctx;
};

static void mounter_on_token(void *ctx, int r, const struct token_value *v,
                             const struct errmsg *why) {
        struct mounter_token t = *(struct mounter_token *) ctx;

        mem_free(ctx);
        t.done(t.ctx, r, r >= 0 ? v->text : NULL, why ? why->text : NULL);
}

static int mounter_get_token(void *ctx,
                             void (*done)(void *done_ctx, int error, const char *text,
                                          const char *why),
                             void *done_ctx) {
        struct mounter *x = ctx;
        struct mounter_token *t = mem_new(struct mounter_token);
        int r;

        if (!t)
                return -ENOMEM;
        *t = (struct mounter_token){done, done_ctx};
        r = token_get_start(x->token, x->loop, 0, mounter_on_token, t, NULL);
        if (r < 0)
                mem_free(t);
        return r;
}

static bool mounter_invalidate_token(void *ctx, const char *text) {
        struct mounter *x = ctx;

        return token_invalidate(x->token, text);
}

static int mounter_peek_token(void *ctx, char **ret) {
        _cleanup_token_value_ struct token_value v = {};
        struct mounter *x = ctx;
        int r = token_peek(x->token, &v);

        if (r == 0)
                *ret = TAKE_PTR(v.text);
        return r;
}

static int mounter_make_token(struct mounter *x, struct errmsg *em) {
        const struct mount_flags *f = x->o->flags;
        const char *url = mount_flags_str(f, FLAGS_token_url);
        static const char *const scopes[] = {TOKEN_SCOPE_STORAGE, NULL};
        struct token_options t = {
                .credentials_file = x->o->conf->key_file,
                .token_url = !x->o->conf->key_file && *url ? url : NULL,
                .scopes = scopes,
        };

        if (x->o->conf->anonymous)
                return 0;
        return token_new(&t, em, &x->token);
}

static void *mounter_net_main(void *ctx) {
        struct mounter *x = ctx;
        int r = loop_run(x->loop);

        if (r < 0) {
                log_errno(r, "the network loop ended");
                x->was_told = true;
                mounter_wake(x);
        }
        return NULL;
}

static int mounter_on_trim(struct loop_source *s, usec_t now, void *ctx) {
        gcs_direct_trim(((struct mounter *) ctx)->direct);
        lent_spare_trim();
        return loop_source_arm_in(s, MOUNTER_TRIM_FOR);
}

static void mounter_rest(struct mnt *m, void *ctx) {
        (void) resting_look(m);
}

static int mounter_on_rest(struct loop_source *s, usec_t now, void *ctx) {
        struct mounter *x = ctx;

        if (x->serves)
                buckets_each(&x->m, mounter_rest, NULL);
        return loop_source_arm_in(s, x->o->conf->rest_for);
}

/* Half of the connections are its own. */
static int mounter_make_direct(struct mounter *x, const struct gcs_client_options *o) {
        unsigned n = x->o->conf->n_connections / 2;
        const struct gcs_direct_options direct = {
                .endpoint = o->endpoint,
                .bucket = o->bucket,
                .project = o->project,
                .user_agent = o->user_agent,
                .n_connections = n,
                .stall_for = o->stall_for,
                .chunk_for = o->chunk_for,
                .patience = x->o->conf->read_patience,
                .tries_once = o->retry.n_tries_max == 1,
                .gives_up = interrupt_is_wanted,
                .token = x->token ? mounter_peek_token : NULL,
                .token_ctx = x,
                .tried = o->hooks.tried,
                .tried_ctx = o->hooks.ctx,
        };
        int r = o->hooks.pace || n == 0 ? 0 : gcs_direct_new(&direct, &x->direct);

        if (x->direct)
                r = fetch_pool_new(MIN(n, MOUNTER_SENDERS), &x->senders);
        if (x->senders)
                r = loop_timer_in(x->loop, MOUNTER_TRIM_FOR, USEC_PER_SEC, mounter_on_trim, x,
                                  NULL);
        return r == -EINVAL ? 0 : r;
}

static int mounter_make_client(struct mounter *x, struct errmsg *em) {
        const struct mount_conf *c = x->o->conf;
        const char *project = mount_flags_str(x->o->flags, FLAGS_billing_project);
        struct http_client_options http = {.n_connections =
                                                   c->n_connections - c->n_connections / 2};
        struct gcs_client_options o = {
                .endpoint = c->endpoint,
                .bucket = c->bucket,
                .project = *project ? project : NULL,
                .user_agent = c->agent,
                .retry = c->retry,
                .stall_for = c->stall_for,
                .chunk_for = c->chunk_for,
        };
        int r = meter_new(x->loop, x->o->flags, c, &x->meter, em);

        if (r >= 0)
                r = mounter_make_token(x, em);
        if (r < 0)
                return r;
        meter_hooks(x->meter, &o.hooks);
        if (x->token) {
                o.auth.get = mounter_get_token;
                o.auth.invalidate = mounter_invalidate_token;
                o.auth.ctx = x;
        }
        r = http_client_new(x->loop, &http, &x->http);
        if (r >= 0)
                r = gcs_client_new(x->loop, x->http, &o, &x->client);
        if (r >= 0)
                r = mounter_make_direct(x, &o);
        return r < 0 ? errmsg_errno(em, r, "network") : 0;
}

static int mounter_start_net(struct mounter *x, struct errmsg *em) {
        static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
        int r = 0;

        x->wake = eventfd(0, EFD_CLOEXEC);
        r = x->wake < 0 ? -errno : loop_new(&x->loop);
        /* Blocked here, and so in all threads made from now on. */
        for (size_t i = 0; i < ARRAY_SIZE(signals) && r >= 0; i++)
                r = loop_signal(x->loop, signals[i], mounter_on_signal, x, NULL);
        if (r >= 0)
                r = loop_notify_watchdog(x->loop);
        if (r < 0)
                return errmsg_errno(em, r, "event loop");
        r = mounter_make_client(x, em);
        if (r < 0)
                return r;
        if (x->o->conf->rest_for > 0)
                r = loop_timer_in(x->loop, x->o->conf->rest_for, x->o->conf->rest_for / 8,
                                  mounter_on_rest, x, NULL);
        if (r < 0)
                return errmsg_errno(em, r, "timer");
        remote_gcs_init(&x->remote, x->client, x->direct, x->senders, NULL);
        r = -pthread_create(&x->net, NULL, mounter_net_main, x);
        x->has_net = r >= 0;
        return r < 0 ? errmsg_errno(em, r, "thread") : 0;
}

/* --- the bucket ------------------------------------------------------------------------------ */

static int mounter_bucket_error(struct mounter *x, const struct remote_answer *a,
                                struct errmsg *em) {
        const struct mount_conf *c = x->o->conf;
        const char *remedy = a->error == -ENOENT   ? "bucket doesn't exist: check its name"
                             : a->error == -EACCES ? "check the credentials and their roles"
                                                   : "check the network and the endpoint";

        return errmsg_fail(em, a->error, "bucket %s at %s: %s: %s", c->bucket, c->endpoint, a->text,
                           remedy);
}

/* 0: it is there. In the foreground the network may be late. */
static int mounter_check_bucket(struct mounter *x, struct errmsg *em) {
        unsigned n = 0;

        /* Which ones there are is seen when somebody names them. */
        if (x->o->conf->all_buckets)
                return 0;
        for (;;) {
                _cleanup_answer_ struct remote_answer a = {};
                int r = buckets_ask(&x->remote.remote, x->o->conf->root, &a);
                struct timespec nap = {1, 0};

                if (r >= 0)
                        return 0;
                (void) mounter_bucket_error(x, &a, em);
                if (r == -ENOENT || r == -EACCES || r == -EINVAL || r == -EKEYREJECTED ||
                    (!x->o->in_foreground && ++n >= 3) || x->was_told)
                        return r;
                loop_notify_status("waiting for the bucket: %s", em->text);
                (void) nanosleep(&nap, NULL);
        }
}

static void mounter_check_layout(struct mounter *x) {
        if (!x->o->conf->all_buckets && mount_flags_bool(x->o->flags, FLAGS_enable_hns))
                x->o->conf->mnt.is_hierarchical = buckets_has_folders(&x->remote.remote);
}

/* --- many buckets ---------------------------------------------------------------------------- */

static struct remote *mounter_open_bucket(void *ctx, const char *bucket) {
        struct mounter *x = ctx;
        struct remote_gcs *r = mem_new(struct remote_gcs);

        if (!r)
                return NULL;
        remote_gcs_init(r, x->client, x->direct, x->senders, bucket);
        return &r->remote;
}

static struct remote *mounter_close_bucket(void *ctx, struct remote *r) {
        return mem_free(container_of(r, struct remote_gcs, remote));
}

/* Beside gcsfuse's, in its form: CACHE-DIR/gcsfuse-file-cache/BUCKET/OBJECT. */
static int mounter_disk_cache(struct mounter *x, const char *bucket, struct disk_cache **ret,
                              struct errmsg *em) {
        const struct mount_conf *c = x->o->conf;
        _cleanup_free_ char *root = str_printf("%s/gcsfuse-file-cache", c->cache_dir);
        _cleanup_free_ char *old_dir = str_printf("%s/fuse-gcs/%s", c->cache_dir, bucket);
        const struct disk_cache_options o = {
                .root = root,
                .bucket = bucket,
                .old_dir = old_dir,
                .n_bytes_max = c->cache_bytes_max,
                .keeps_parts = c->fill.chunk_bytes > 0,
                .wants_claims = c->fill.anywhere || c->fill.at_start,
        };

        return root && old_dir ? disk_cache_new(&o, ret, em)
                               : errmsg_errno(em, -ENOMEM, "--cache-dir");
}

static int mounter_bucket_caches(void *ctx, const char *bucket, struct mnt_settings *o,
                                 struct disk_cache **ret_disk, struct errmsg *em) {
        struct mounter *x = ctx;
        const struct mount_flags *f = x->o->flags;
        struct cache_filter *filter = NULL;
        int r;

        if (!x->o->conf->cache_dir)
                return 0;
        r = cache_filter_new(bucket, mount_flags_str(f, FLAGS_file_cache_include_regex),
                             mount_flags_str(f, FLAGS_file_cache_exclude_regex), &filter, em);
        if (r < 0)
                return r;
        r = mounter_disk_cache(x, bucket, ret_disk, em);
        if (r < 0)
                cache_filter_free(filter);
        else
                o->disk_filter = filter;
        return r;
}

static int mounter_make_buckets(struct mounter *x) {
        const struct buckets_options o = {
                .top = &x->m,
                .o = x->o->conf->mnt,
                .asks_layout = mount_flags_bool(x->o->flags, FLAGS_enable_hns),
                .open = mounter_open_bucket,
                .close = mounter_close_bucket,
                .caches = mounter_bucket_caches,
                .ctx = x,
        };

        return buckets_new(&o, &x->m.buckets);
}

/* --- the mount ------------------------------------------------------------------------------- */

static int mounter_make_lineage(struct mounter *x) {
        const char *to = mount_flags_str(x->o->flags, FLAGS_lineage_to);
        struct mount_conf *c = x->o->conf;
        int r = *to ? lineage_new(to, &x->lineage) : 0;

        c->mnt.lineage = x->lineage;
        c->mnt.bucket = c->all_buckets ? NULL : c->bucket;
        return r;
}

static int mounter_make_mnt(struct mounter *x, struct errmsg *em) {
        const struct mount_conf *c = x->o->conf;
        struct mnt_settings o;
        int r = mounter_make_lineage(x);

        if (r < 0)
                return errmsg_errno(em, r, "mount");
        o = c->mnt;
        if (c->all_buckets)
                o.root = "";
        r = mnt_init(&x->m, &o, &x->remote.remote);
        x->has_mnt = r >= 0;
        if (r >= 0 && c->all_buckets)
                r = mounter_make_buckets(x);
        if (r < 0)
                return errmsg_errno(em, r, "mount");
        meter_watch(x->meter, &x->m);
        if (!c->cache_dir || c->all_buckets)
                return 0;
        return mounter_disk_cache(x, c->bucket, &x->m.disk, em);
}

static void mounter_on_unmounted(void *ctx) {
        struct mounter *x = ctx;

        x->unmounted = true;
        mounter_wake(x);
}

/* What libfuse says, --debug_fuse's requests among it. */
static _printf_(2, 0) void mounter_on_fuse_log(enum fuse_log_level level, const char *format,
                                               va_list ap) {
        char text[512];
        size_t n;

        vsnprintf(text, sizeof(text), format, ap);
        n = strlen(text);
        while (n > 0 && text[n - 1] == '\n')
                text[--n] = 0;
        if (n > 0)
                log_write((int) level, NULL, "%s", text);
}

static int mounter_mount(struct mounter *x, struct errmsg *em) {
        const struct mount_conf *c = x->o->conf;
        const char *argv[] = {"fuse-gcs", "-o", c->fuse_options, NULL};
        struct fuse_args args = FUSE_ARGS_INIT(3, (char **) argv);
        int r;

        fuse_set_log_func(mounter_on_fuse_log);
        x->session = fuse_session_new(&args, ops_table(), sizeof(*ops_table()), &x->m);
        fuse_opt_free_args(&args);
        if (!x->session)
                return errmsg_fail(em, -EINVAL, "libfuse does not take the options %s",
                                   c->fuse_options);
        if (fuse_session_mount(x->session, c->mountpoint) != 0)
                return errmsg_fail(em, -EACCES,
                                   "cannot mount on %s: see above; is /dev/fuse there, and may "
                                   "this user use it?",
                                   c->mountpoint);
        x->is_mounted = true;
        x->m.session = x->session;
        r = device_init(x->session);
        if (r >= 0)
                r = teller_start(&x->m, x->session);
        forgetter_ask_init(&x->ask, x->session, c->mountpoint);
        if (r >= 0)
                forgetter_start(&x->m, &x->ask.kernel);
        if (r >= 0)
                r = workers_start(x->session, mounter_on_unmounted, x, &x->workers);
        return r < 0 ? errmsg_errno(em, r, "threads") : 0;
}

/* As root: the kernel asks for more at once than its 128 KiB. */
static void mounter_read_ahead(const struct mount_conf *c) {
        char path[64], text[16];
        struct stat st;
        int fd;

        if (c->read_ahead_kb == 0 || stat(c->mountpoint, &st) < 0)
                return;
        snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
                 minor(st.st_dev));
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        snprintf(text, sizeof(text), "%u", c->read_ahead_kb);
        (void) !write(fd, text, strlen(text));
        fileio_close(fd);
}

static void mounter_wait(struct mounter *x) {
        uint64_t n;

        while (!x->was_told && !x->unmounted)
                (void) !read(x->wake, &n, sizeof(n));
}

/* --- the end --------------------------------------------------------------------------------- */

static void mounter_settle_mnt(struct mnt *m, void *ctx) {
        const usec_t *until_at = ctx;

        settle(m, *until_at);
}

static void mounter_stop_mnt(struct mnt *m, void *ctx) {
        m->stopping = true;
}

static void mounter_drain_mnt(struct mnt *m, void *ctx) {
        block_fetch_drain(m);
}

/* The kernel gives up a mount that is in use only when its device is closed: the process ends. */
static void mounter_leave(struct mounter *x) {
        usec_t until_at = mnt_now() + MOUNTER_GRACE_FOR;

        buckets_each(&x->m, mounter_settle_mnt, &until_at);
        if (!x->unmounted) {
                buckets_each(&x->m, mounter_stop_mnt, NULL);
                gcs_client_stop(x->client);
                gcs_direct_stop(x->direct);
                teller_stop(&x->m);
                forgetter_stop();
                fuse_session_unmount(x->session);
                for (unsigned n = 0; n < 20 && !x->unmounted; n++) {
                        struct timespec nap = {0, 50000000};

                        (void) nanosleep(&nap, NULL);
                }
                if (!x->unmounted) {
                        lineage_stop(x->lineage);
                        log_notice("unmounted while files were open");
                        _exit(0);
                }
        }
}

static void mounter_quit_loop(void *ctx) {
        struct mounter *x = ctx;

        loop_quit(x->loop, 0);
}

static void mounter_done(struct mounter *x) {
        if (x->has_mnt)
                buckets_each(&x->m, mounter_stop_mnt, NULL);
        if (x->client)
                gcs_client_stop(x->client);
        gcs_direct_stop(x->direct);
        teller_stop(&x->m);
        forgetter_stop();
        if (x->is_mounted)
                fuse_session_unmount(x->session);
        workers_free(x->workers);
        device_done();
        if (x->session)
                fuse_session_destroy(x->session);
        if (x->has_mnt)
                buckets_each(&x->m, mounter_drain_mnt, NULL);
        sweeper_stop(&x->m);
        x->senders = fetch_pool_free(x->senders); /* what it leaves to the loop ends there */
        if (x->has_net) {
                (void) loop_post(x->loop, mounter_quit_loop, x);
                pthread_join(x->net, NULL);
        }
        gcs_client_free(x->client);
        if (x->has_mnt) {
                x->m.buckets = buckets_free(x->m.buckets);
                disk_cache_free(x->m.disk);
                mnt_done(&x->m);
        }
        gcs_direct_free(x->direct);
        lineage_free(x->lineage);
        http_client_free(x->http);
        meter_free(x->meter);
        token_unref(x->token);
        loop_free(x->loop);
        fileio_close(x->wake);
}

int mounter_run(const struct mounter_options *o, struct errmsg *em) {
        struct mounter x = {.o = o, .wake = -1};
        int r = mounter_start_net(&x, em);

        if (r >= 0)
                r = mounter_check_bucket(&x, em);
        if (r >= 0) {
                mounter_check_layout(&x);
                r = mounter_make_mnt(&x, em);
        }
        if (r >= 0)
                r = mounter_mount(&x, em);
        if (r >= 0) {
                x.serves = true;
                mounter_read_ahead(o->conf);
                o->mounted(o->ctx);
                (void) loop_notify_ready();
                loop_notify_status("%s is on %s", o->conf->what, o->conf->mountpoint);
                sweeper_start(&x.m);
                mounter_wait(&x);
                (void) loop_notify_stopping();
                mounter_leave(&x);
        }
        mounter_done(&x);
        return r;
}
