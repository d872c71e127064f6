/* op_meter: the kernel's requests, counted, timed and told of, where somebody wants that; where
 * nobody does it costs two looks at a flag. The rows are op_meter.def. One a process, as the
 * session is. Threads: any. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

enum op_meter_op {
#define OP(row, ...) OP_METER_##row,
#include "fuse-gcs/op_meter.def"
#undef OP
        OP_METER_N,
};

struct op_meter_call {
        enum op_meter_op op;
        usec_t began_at; /* 0: nobody wants to know */
        uint32_t number;
        int error; /* of the answer; 0: good */
        struct op_meter_call *outer;
};

/* At the start, before the first request. */
void op_meter_set(bool counts, bool says);
void op_meter_begin(struct op_meter_call *c, enum op_meter_op op, const char *format, ...)
        _printf_(3, 4);
/* The request this thread works on is answered with an errno. */
void op_meter_failed(int error);
void op_meter_end(struct op_meter_call *c);
/* Prometheus' text, in gcsfuse's names: fs_ops_count, fs_ops_error_count, fs_ops_latency. */
void op_meter_print(struct buf *out);

/* Pure: what a histogram of microseconds is made of, shared with the requests to the bucket. */
#define OP_METER_BOUNDS 16
struct op_meter_times {
        _Atomic uint64_t n[OP_METER_BOUNDS + 1], sum, count;
};
void op_meter_times_add(struct op_meter_times *t, usec_t took_for);
/* label: `fs_op="ReadFile"`. */
void op_meter_times_print(struct op_meter_times *t, const char *name, const char *label,
                          struct buf *out);
