/* read_meter: reads of files by gcsfuse's names for them: whether they went on where one ended, and
 * whether what they asked for was here; and told of in gcsfuse's words. One a process; where nobody
 * wants to know it costs a look at a flag. Threads: any. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

/* At the start, before the first read. is_plain: nothing is fetched ahead. n_seeks_max: more of one
 * handle are told of. */
void read_meter_set(bool counts, bool says, bool is_plain, unsigned n_seeks_max);
bool read_meter_says(void);
/* 0: nobody wants to know. */
usec_t read_meter_begin(void);
/* goes_on: it is one of a stream. hit: nothing had to come from the bucket for it. */
void read_meter_end(usec_t began_at, bool goes_on, bool hit, size_t n_bytes);
struct read_meter_line {
        const char *bucket, *object;
        uint64_t handle;        /* as ReadFile's line calls it */
        uint64_t offset, block; /* block: which one of the object it begins in */
        size_t size;
        bool is_of_disk; /* there is a cache on the disk */
        bool goes_on, hit;
};
/* The two lines gcsfuse's log has of a read through its file cache, or else its buffered reader. */
void read_meter_say(usec_t began_at, const struct read_meter_line *l);
/* How a handle was read, for the log alone. The caller locks it. */
struct read_meter_pattern {
        uint64_t last_at;
        unsigned n_seeks;
        bool was_told; /* that nothing is fetched ahead */
};
/* One more read of it: says when there were more seeks than are worth reading ahead for, and when
 * it goes on again. */
void read_meter_follow(struct read_meter_pattern *p, const struct read_meter_line *l);
/* Prometheus' text: file_cache_read_bytes_count, file_cache_read_count, file_cache_read_latencies.
 */
void read_meter_print(struct buf *out);
