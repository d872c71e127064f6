#include "fuse-gcs/meter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/buckets.h"
#include "fuse-gcs/complaint.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/op_meter.h"
#include "fuse-gcs/read_meter.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_server.h"

#define METER_WINDOW_S 30

struct meter_verb {
        atomic_uint_least64_t n_good, n_failed, usec, n_bytes;
        struct op_meter_times times;
};

struct meter {
        struct loop *loop;
        struct http_server *http; /* NULL: nobody asks */
        struct mnt *mnt;
        struct meter_verb verbs[GCS_N_VERBS];
        struct meter_bucket ops, bytes; /* on the loop's thread */
        bool limits_ops, limits_bytes, says_all;
};

void meter_bucket_init(struct meter_bucket *b, double per_s, usec_t now) {
        *b = (struct meter_bucket){
                .per_s = per_s,
                .most = per_s * METER_WINDOW_S,
                .now = per_s * METER_WINDOW_S,
                .at = now,
        };
}

usec_t meter_bucket_take(struct meter_bucket *b, double n, usec_t now) {
        if (now > b->at)
                b->now = MIN(b->most, b->now + (double) (now - b->at) / USEC_PER_SEC * b->per_s);
        b->at = MAX(b->at, now);
        /* More than ever fits goes when the bucket is full, and leaves it in debt. */
        if (b->now >= n || b->now >= b->most) {
                b->now -= n;
                return 0;
        }
        return (usec_t) ((MIN(n, b->most) - b->now) / b->per_s * USEC_PER_SEC) + 1;
}

static usec_t meter_pace(void *ctx, enum gcs_verb verb, uint64_t n_bytes) {
        struct meter *m = ctx;
        usec_t now = loop_now(m->loop, CLOCK_MONOTONIC), wait_for = 0;

        if (m->limits_ops)
                wait_for = meter_bucket_take(&m->ops, 1, now);
        if (wait_for == 0 && m->limits_bytes && verb == GCS_READ && n_bytes > 0) {
                wait_for = meter_bucket_take(&m->bytes, (double) n_bytes, now);
                /* The turn was taken for nothing. */
                if (wait_for > 0 && m->limits_ops)
                        m->ops.now += 1;
        }
        return wait_for;
}

static void meter_tried(void *ctx, enum gcs_verb verb, int status, int error, usec_t took_for,
                        uint64_t n_bytes) {
        struct meter *m = ctx;
        struct meter_verb *v = &m->verbs[verb];
        bool good = error >= 0 && (status < 400 || status == 404 || status == 412);

        atomic_fetch_add(good ? &v->n_good : &v->n_failed, 1);
        atomic_fetch_add(&v->usec, took_for);
        op_meter_times_add(&v->times, took_for);
        atomic_fetch_add(&v->n_bytes, n_bytes);
        complaint_tried(status, error);
        if (m->says_all)
                log_debug("%s: status %d, error %d, %" PRIu64 " us, %" PRIu64 " bytes",
                          gcs_request_verb_name(verb), status, error, took_for, n_bytes);
}

void meter_hooks(struct meter *m, struct gcs_client_hooks *ret) {
        *ret = (struct gcs_client_hooks){
                .pace = m->limits_ops || m->limits_bytes ? meter_pace : NULL,
                .tried = meter_tried,
                .ctx = m,
        };
}

void meter_watch(struct meter *m, struct mnt *mnt) {
        m->mnt = mnt;
}

static void meter_print_verbs(struct meter *m, struct buf *out) {
        const struct meter_verb *read = &m->verbs[GCS_READ];
        uint64_t n_reads = (uint64_t) read->n_good + (uint64_t) read->n_failed;

        buf_add_str(out, "# TYPE gcs_request_count counter\n");
        for (unsigned v = 0; v < GCS_N_VERBS; v++) {
                buf_printf(out, "gcs_request_count{gcs_method=\"%s\",status=\"ok\"} %" PRIu64 "\n",
                           gcs_request_verb_name(v), (uint64_t) m->verbs[v].n_good);
                buf_printf(out,
                           "gcs_request_count{gcs_method=\"%s\",status=\"failed\"} %" PRIu64 "\n",
                           gcs_request_verb_name(v), (uint64_t) m->verbs[v].n_failed);
        }
        buf_add_str(out, "# TYPE gcs_request_seconds counter\n");
        for (unsigned v = 0; v < GCS_N_VERBS; v++)
                buf_printf(out, "gcs_request_seconds{gcs_method=\"%s\"} %.6f\n",
                           gcs_request_verb_name(v), (double) m->verbs[v].usec / USEC_PER_SEC);
        buf_add_str(out, "# TYPE gcs_request_latencies histogram\n");
        for (unsigned v = 0; v < GCS_N_VERBS; v++) {
                char label[64];

                snprintf(label, sizeof(label), "gcs_method=\"%s\"", gcs_request_verb_name(v));
                op_meter_times_print(&m->verbs[v].times, "gcs_request_latencies", label, out);
        }
        /* Each read is a request that ends. */
        buf_printf(out,
                   "# TYPE gcs_reader_count counter\n"
                   "gcs_reader_count{io_method=\"opened\"} %" PRIu64
                   "\ngcs_reader_count{io_method=\"closed\"} %" PRIu64 "\n",
                   n_reads, n_reads);
        buf_printf(out,
                   "# TYPE gcs_download_bytes_count counter\ngcs_download_bytes_count %" PRIu64
                   "\n# TYPE gcs_upload_bytes_count counter\ngcs_upload_bytes_count %" PRIu64 "\n",
                   (uint64_t) m->verbs[GCS_READ].n_bytes,
                   (uint64_t) (m->verbs[GCS_INSERT].n_bytes + m->verbs[GCS_UPLOAD_PUT].n_bytes));
}

struct meter_caches {
        struct block_cache_stats b;
        struct disk_cache_stats d;
        size_t n_stats, n_inodes, n_overlay;
        uint64_t n_temp;
};

static void meter_add_caches(struct mnt *mnt, void *ctx) {
        struct meter_caches *c = ctx;
        struct block_cache_stats b;
        struct disk_cache_stats d = {};

        block_cache_stats_get(mnt->blocks, &b);
        if (mnt->disk)
                disk_cache_stats_get(mnt->disk, &d);
        c->b.n_bytes += b.n_bytes;
        c->b.n_hits += b.n_hits;
        c->b.n_misses += b.n_misses;
        c->d.n_bytes += d.n_bytes;
        c->d.n_files += d.n_files;
        c->d.n_hits += d.n_hits;
        c->d.n_bad += d.n_bad;
        c->d.n_dropped += d.n_dropped;
        pthread_mutex_lock(&mnt->tree);
        c->n_stats += stat_cache_n_bytes(mnt->stats);
        c->n_inodes += mnt->n_inodes;
        pthread_mutex_unlock(&mnt->tree);
        c->n_overlay += mnt->n_overlay_bytes;
        c->n_temp += mnt->n_temp_bytes;
}

static void meter_print_caches(struct mnt *mnt, struct buf *out) {
        struct meter_caches c = {};

        buckets_each(mnt, meter_add_caches, &c);
        buf_printf(out,
                   "# TYPE block_cache_bytes gauge\nblock_cache_bytes %zu\n"
                   "# TYPE block_cache_hits counter\nblock_cache_hits %" PRIu64 "\n"
                   "# TYPE block_cache_misses counter\nblock_cache_misses %" PRIu64 "\n",
                   c.b.n_bytes, c.b.n_hits, c.b.n_misses);
        buf_printf(out,
                   "# TYPE file_cache_bytes gauge\nfile_cache_bytes %" PRIu64 "\n"
                   "# TYPE file_cache_files gauge\nfile_cache_files %" PRIu64 "\n"
                   "# TYPE file_cache_hits counter\nfile_cache_hits %" PRIu64 "\n"
                   "# TYPE file_cache_bad counter\nfile_cache_bad %" PRIu64 "\n"
                   "# TYPE file_cache_dropped counter\nfile_cache_dropped %" PRIu64 "\n",
                   c.d.n_bytes, c.d.n_files, c.d.n_hits, c.d.n_bad, c.d.n_dropped);
        buf_printf(out,
                   "# TYPE stat_cache_bytes gauge\nstat_cache_bytes %zu\n"
                   "# TYPE inodes gauge\ninodes %zu\n"
                   "# TYPE write_buffer_bytes gauge\nwrite_buffer_bytes %zu\n"
                   "# TYPE staged_bytes gauge\nstaged_bytes %" PRIu64 "\n",
                   c.n_stats, c.n_inodes, c.n_overlay, c.n_temp);
}

int meter_print(struct meter *m, struct buf *out) {
        meter_print_verbs(m, out);
        op_meter_print(out);
        read_meter_print(out);
        if (m->mnt)
                meter_print_caches(m->mnt, out);
        return buf_error(out);
}

/* --- /metrics -------------------------------------------------------------------------------- */

static int meter_metrics(struct http_request *req) {
        _cleanup_buf_ struct buf text = {};
        int r = meter_print(req->ctx, &text);

        return r < 0 ? r
                     : http_request_reply(req, 200, "text/plain; version=0.0.4", text.data,
                                          text.len);
}

static const struct http_route meter_routes[] = {
        {.method = HTTP_GET, .path = "/metrics", .handle = meter_metrics},
};

static int meter_serve(struct meter *m, unsigned port, struct errmsg *em) {
        const struct http_server_options o = {
                .loop = m->loop, .ctx = m, .n_workers = 1, .n_connections = 16};
        const struct http_listen_options lo = {.name = "metrics"};
        struct http_listen *l;
        char address[32];
        int r = http_server_new(&o, meter_routes, ARRAY_SIZE(meter_routes), &m->http, em);

        if (r < 0)
                return r;
        snprintf(address, sizeof(address), "127.0.0.1:%u", port);
        r = http_listen_open(address, &lo, &l, em);
        if (r < 0) {
                errmsg_prefix(em, "--prometheus-port=%u", port);
                return r;
        }
        r = http_server_listen(m->http, l);
        return r < 0 ? errmsg_errno(em, r, "--prometheus-port=%u", port) : 0;
}

int meter_new(struct loop *l, const struct mount_flags *f, const struct mount_conf *c,
              struct meter **ret, struct errmsg *em) {
        struct meter *m = mem_new(struct meter);

        if (!m)
                return errmsg_errno(em, -ENOMEM, "meter");
        m->loop = l;
        m->limits_ops = c->ops_per_s > 0;
        m->limits_bytes = c->bytes_per_s > 0;
        m->says_all = mount_flags_bool(f, FLAGS_debug_gcs) ||
                      str_eq_fold(mount_flags_str(f, FLAGS_log_severity), "trace");
        op_meter_set(mount_flags_int(f, FLAGS_prometheus_port) > 0,
                     str_eq_fold(mount_flags_str(f, FLAGS_log_severity), "trace"));
        read_meter_set(mount_flags_int(f, FLAGS_prometheus_port) > 0,
                       str_eq_fold(mount_flags_str(f, FLAGS_log_severity), "trace"),
                       c->mnt.read_ahead_max == 0,
                       (unsigned) mount_flags_int(f, FLAGS_read_random_seek_threshold));
        meter_bucket_init(&m->ops, c->ops_per_s, loop_now(l, CLOCK_MONOTONIC));
        meter_bucket_init(&m->bytes, c->bytes_per_s, loop_now(l, CLOCK_MONOTONIC));
        if (mount_flags_int(f, FLAGS_prometheus_port) > 0) {
                int r = meter_serve(m, (unsigned) mount_flags_int(f, FLAGS_prometheus_port), em);

                if (r < 0) {
                        meter_free(m);
                        return r;
                }
        }
        *ret = m;
        return 0;
}

struct meter *meter_free(struct meter *m) {
        if (m)
                http_server_free(m->http);
        return mem_free(m);
}
