/* meter: what is counted, and how fast requests may go. The counters are read by /metrics.
 *
 * Limits are token buckets of 30 seconds: what was not used in that time may be used at once. */
#pragma once

#include "fuse-gcs/mount_conf.h"

struct meter;

int meter_new(struct loop *l, const struct mount_flags *f, const struct mount_conf *c,
              struct meter **ret, struct errmsg *em);
struct meter *meter_free(struct meter *m);
void meter_hooks(struct meter *m, struct gcs_client_hooks *ret);
/* Whose caches are shown. */
void meter_watch(struct meter *m, struct mnt *mnt);
/* Prometheus' text. */
int meter_print(struct meter *m, struct buf *out);

/* Pure: a bucket of tokens. How long until n may go; 0: they went. */
struct meter_bucket {
        double per_s, most, now;
        usec_t at;
};
void meter_bucket_init(struct meter_bucket *b, double per_s, usec_t now);
usec_t meter_bucket_take(struct meter_bucket *b, double n, usec_t now);
