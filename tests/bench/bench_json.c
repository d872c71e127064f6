/* bench_json: parsing and writing a log-batch body of about 95 KB, as the tracking server gets it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/json_number.h"
#include "lib/base/json_write.h"

#define ROUNDS 200
#define INNER 10
#define N_METRICS 1000

static void write_body(struct buf *out, const double *values) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "run_id", "0123456789abcdef0123456789abcdef");
        json_write_kv_array(&w, "metrics");
        for (int i = 0; i < N_METRICS; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "key", "validation/loss");
                json_write_kv_f64(&w, "value", values[i]);
                json_write_kv_i64(&w, "timestamp", INT64_C(1700000000000) + i);
                json_write_kv_i64(&w, "step", i);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                abort();
}

/* The best round: other things run on the machine, too. */
static void report(const char *what, usec_t best, size_t bytes) {
        double each = (double) best / INNER;

        printf("  %-40s %8.1f us  %7.0f MB/s\n", what, each, (double) bytes / each);
}

static double sum_of(const struct json *tree) {
        const struct json *metric;
        double sum = 0, v;

        json_each (metric, json_get(tree, "metrics"))
                if (json_f64(json_get(metric, "value"), &v) == 0)
                        sum += v;
        return sum;
}

int main(void) {
        const struct clock *clock = clock_system();
        _cleanup_buf_ struct buf body = {}, copy = {};
        static double values[N_METRICS];
        struct entropy_fake dice;
        struct arena arena;
        struct json *tree;
        usec_t began, best = USEC_INFINITY;
        double sum = 0;

        entropy_fake_init(&dice, 1);
        for (int i = 0; i < N_METRICS; i++) {
                uint64_t v = 0;

                (void) entropy_below(&dice.entropy, UINT64_C(1) << 53, &v);
                values[i] = (double) v / (double) (UINT64_C(1) << 53);
        }
        printf("a log-batch of %d metrics\n", N_METRICS);
        for (int i = 0; i < ROUNDS; i++) {
                began = clock_mono(clock);
                for (int k = 0; k < INNER; k++) {
                        buf_reset(&body);
                        write_body(&body, values);
                }
                best = MIN(best, clock_mono(clock) - began);
        }
        report("write", best, body.len);
        arena_init(&arena, 0);
        best = USEC_INFINITY;
        for (int i = 0; i < ROUNDS; i++) {
                began = clock_mono(clock);
                for (int k = 0; k < INNER; k++) {
                        arena_reset(&arena);
                        buf_reset(&copy);
                        buf_add(&copy, body.data, body.len);
                        if (json_parse(&arena, copy.data, copy.len, &tree, NULL) < 0)
                                abort();
                }
                best = MIN(best, clock_mono(clock) - began);
        }
        report("parse (and copy the text)", best, body.len);
        best = USEC_INFINITY;
        for (int i = 0; i < ROUNDS; i++) {
                began = clock_mono(clock);
                for (int k = 0; k < INNER; k++)
                        sum += sum_of(tree);
                best = MIN(best, clock_mono(clock) - began);
        }
        report("read 1,000 doubles of it", best, body.len);
        arena_done(&arena);
        printf("  (%zu bytes, sum %g)\n", body.len, sum);
        return 0;
}
