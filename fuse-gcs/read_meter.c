#include "fuse-gcs/read_meter.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fuse-gcs/op_meter.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define READ_METER_BACK ((uint64_t) 8 << 20) /* from so far on, the start is another place */

static struct {
        bool counts, says, is_plain;
        unsigned n_seeks_max;
        atomic_uint number;
        atomic_uint_least64_t n_bytes[2], n[2][2]; /* by goes_on; by hit and goes_on */
        struct op_meter_times times[2];            /* by hit */
} meter;

static const char *const types[] = {"Random", "Sequential"};
static const char *const hits[] = {"false", "true"};

void read_meter_set(bool counts, bool says, bool is_plain, unsigned n_seeks_max) {
        meter.counts = counts;
        meter.is_plain = is_plain;
        meter.says = says;
        meter.n_seeks_max = n_seeks_max;
}

bool read_meter_says(void) {
        return meter.says;
}

usec_t read_meter_begin(void) {
        return meter.counts || meter.says ? clock_mono(clock_system()) : 0;
}

void read_meter_end(usec_t began_at, bool goes_on, bool hit, size_t n_bytes) {
        atomic_fetch_add(&meter.n_bytes[goes_on], n_bytes);
        atomic_fetch_add(&meter.n[hit][goes_on], 1);
        op_meter_times_add(&meter.times[hit], clock_mono(clock_system()) - began_at);
}

void read_meter_say(usec_t began_at, const struct read_meter_line *l) {
        unsigned number = atomic_fetch_add(&meter.number, 1);
        double ms = (double) (clock_mono(clock_system()) - began_at) / USEC_PER_MSEC;

        if (l->is_of_disk) {
                log_debug("%08x-0000 <- FileCache(%s:/%s, offset: %" PRIu64
                          ", size: %zu handle: %" PRIu64 ")",
                          number, l->bucket, l->object, l->offset, l->size, l->handle);
                log_debug("%08x-0000 -> OK (isSeq: %s, cacheHit: %s) (%.3fms)", number,
                          hits[l->goes_on], hits[l->hit], ms);
        } else if (!meter.is_plain) {
                log_debug("%08x-0000 <- ReadAt(%s:/%s, %" PRIu64 ", %" PRIu64 ", %zu, %" PRIu64 ")",
                          number, l->bucket, l->object, l->handle, l->offset, l->size, l->block);
                log_debug("%08x-0000 -> ReadAt(): Ok(%.3fms)", number, ms);
        }
}

void read_meter_follow(struct read_meter_pattern *p, const struct read_meter_line *l) {
        bool is_seek = !l->goes_on || (l->offset == 0 && p->last_at >= READ_METER_BACK);

        if (meter.is_plain) {
                if (!p->was_told)
                        log_debug("Failed to create bufferedReader: nothing may be fetched ahead "
                                  "(read-global-max-blocks, read-ahead-max-mb). Buffered reading "
                                  "will be disabled for handle %" PRIu64 ".",
                                  l->handle);
                p->was_told = true;
                return;
        }
        p->last_at = l->offset;
        if (is_seek && ++p->n_seeks == meter.n_seeks_max + 1) {
                log_debug("Fallback to another reader for object \"%s\", handle %" PRIu64
                          ". Random seek count %u exceeded threshold %u and read pattern is not "
                          "sequential.",
                          l->object, l->handle, p->n_seeks, meter.n_seeks_max);
        } else if (!is_seek && p->n_seeks > meter.n_seeks_max) {
                log_debug("Restarting buffered reader due to sequential read pattern detected for "
                          "object \"%s\", handle %" PRIu64,
                          l->object, l->handle);
                p->n_seeks = 0;
        }
}

void read_meter_print(struct buf *out) {
        buf_add_str(out, "# TYPE file_cache_read_bytes_count counter\n");
        for (int t = 0; t < 2; t++)
                buf_printf(out, "file_cache_read_bytes_count{read_type=\"%s\"} %" PRIu64 "\n",
                           types[t], (uint64_t) meter.n_bytes[t]);
        buf_add_str(out, "# TYPE file_cache_read_count counter\n");
        for (int k = 0; k < 4; k++)
                buf_printf(out,
                           "file_cache_read_count{cache_hit=\"%s\",read_type=\"%s\"} %" PRIu64 "\n",
                           hits[k / 2], types[k % 2], (uint64_t) meter.n[k / 2][k % 2]);
        buf_add_str(out, "# TYPE file_cache_read_latencies histogram\n");
        for (int h = 0; h < 2; h++) {
                char label[32];

                snprintf(label, sizeof(label), "cache_hit=\"%s\"", hits[h]);
                op_meter_times_print(&meter.times[h], "file_cache_read_latencies", label, out);
        }
}
