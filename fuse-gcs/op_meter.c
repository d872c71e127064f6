#include "fuse-gcs/op_meter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/errmsg.h"
#include "lib/base/log.h"

static struct {
        bool counts, says;
        atomic_uint number;
        struct {
                atomic_uint_least64_t n, n_failed;
                struct op_meter_times times;
        } ops[OP_METER_N];
} meter;

static _Thread_local struct op_meter_call *current;

static const char *const names[] = {
#define OP(row, name, ...) name,
#include "fuse-gcs/op_meter.def"
#undef OP
};

/* What reads gcsfuse's log looks for the words of its library, the place in the source among them.
 */
#define OP_METER_SAYS "fuse_debug: Op 0x%08" PRIx32 "          connection.go:0] "

/* Upper bounds in microseconds; what is longer is +Inf's. */
static const usec_t bounds[OP_METER_BOUNDS] = {
        10,   20,    50,    100,   200,    500,     1000,    2000,
        5000, 10000, 20000, 50000, 100000, 1000000, 5000000, 30000000,
};

void op_meter_set(bool counts, bool says) {
        meter.counts = counts;
        meter.says = says;
}

static usec_t op_meter_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / NSEC_PER_USEC + 1;
}

void op_meter_begin(struct op_meter_call *c, enum op_meter_op op, const char *format, ...) {
        _cleanup_buf_ struct buf text = {};
        va_list ap;

        *c = (struct op_meter_call){.op = op};
        if (!meter.counts && !meter.says)
                return;
        c->began_at = op_meter_now();
        c->number = atomic_fetch_add(&meter.number, 1);
        c->outer = current;
        current = c;
        if (!meter.says)
                return;
        va_start(ap, format);
        (void) buf_vprintf(&text, format, ap);
        va_end(ap);
        log_debug(OP_METER_SAYS "<- %s (%s)", c->number, names[op], buf_cstr(&text));
}

void op_meter_failed(int error) {
        if (current && error > 0)
                current->error = error;
}

void op_meter_end(struct op_meter_call *c) {
        if (c->began_at == 0)
                return;
        current = c->outer;
        atomic_fetch_add(&meter.ops[c->op].n, 1);
        if (c->error > 0)
                atomic_fetch_add(&meter.ops[c->op].n_failed, 1);
        op_meter_times_add(&meter.ops[c->op].times, op_meter_now() - c->began_at);
        if (meter.says && c->error > 0)
                log_debug(OP_METER_SAYS "-> Error: \"%s\"", c->number, errmsg_strerror(-c->error));
        else if (meter.says)
                log_debug(OP_METER_SAYS "-> OK ()", c->number);
}

void op_meter_times_add(struct op_meter_times *t, usec_t took_for) {
        size_t k = 0;

        while (k < OP_METER_BOUNDS && took_for > bounds[k])
                k++;
        atomic_fetch_add(&t->n[k], 1);
        atomic_fetch_add(&t->sum, took_for);
        atomic_fetch_add(&t->count, 1);
}

void op_meter_times_print(struct op_meter_times *t, const char *name, const char *label,
                          struct buf *out) {
        uint64_t n = 0;

        for (size_t k = 0; k < OP_METER_BOUNDS; k++) {
                n += t->n[k];
                buf_printf(out, "%s_bucket{%s,le=\"%" PRIu64 "\"} %" PRIu64 "\n", name, label,
                           bounds[k], n);
        }
        /* What is added meanwhile is not in the parts: the sum of them is what holds together. */
        n += t->n[OP_METER_BOUNDS];
        buf_printf(out,
                   "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n%s_sum{%s} %" PRIu64
                   "\n%s_count{%s} %" PRIu64 "\n",
                   name, label, n, name, label, (uint64_t) t->sum, name, label, n);
}

static void op_meter_print_times(const char *name, struct buf *out) {
        buf_printf(out, "# TYPE %s histogram\n", name);
        for (size_t k = 0; k < OP_METER_N; k++) {
                char label[64];

                snprintf(label, sizeof(label), "fs_op=\"%s\"", names[k]);
                op_meter_times_print(&meter.ops[k].times, name, label, out);
        }
}

void op_meter_print(struct buf *out) {
        buf_add_str(out, "# TYPE fs_ops_count counter\n");
        for (size_t k = 0; k < OP_METER_N; k++)
                buf_printf(out, "fs_ops_count{fs_op=\"%s\"} %" PRIu64 "\n", names[k],
                           (uint64_t) meter.ops[k].n);
        buf_add_str(out, "# TYPE fs_ops_error_count counter\n");
        for (size_t k = 0; k < OP_METER_N; k++)
                buf_printf(out, "fs_ops_error_count{fs_op=\"%s\"} %" PRIu64 "\n", names[k],
                           (uint64_t) meter.ops[k].n_failed);
        /* What it is called depends on gcsfuse's version. */
        op_meter_print_times("fs_ops_latency", out);
        op_meter_print_times("fs_ops_latencies", out);
}
