#include "daemons/tracking/metrics_samples.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/base/crew.h"
#include "lib/db/db_readers.h"

/* Fewer points of a run are read sooner than a thread has begun. */
#define LONG_MIN_POINTS 20000
/* Each brings a connection, which is kept. */
#define THREADS_MAX 4
#define READ_FOR (30 * USEC_PER_SEC)

struct reading {
        struct db_readers *readers;
        const struct metrics_sample *of;
        const char *const *run_ids;
        struct metrics_samples *samples;
        size_t from; /* the first run that the crew reads */
        atomic_int error;
};

static bool same_point(const struct metric *a, const struct metric *b) {
        return a->step == b->step && a->at_ms == b->at_ms &&
               (isnan(a->value) ? isnan(b->value) : a->value == b->value);
}

static int read_last(struct db *db, const char *run_id, const struct metrics_sample *of,
                     struct metric *ret) {
        DB_USE struct db_stmt *s =
                metrics_sql_last(db, run_id, of->key, of->first_step, of->last_step);
        int r = db_step(s);

        if (r == DB_ROW) {
                *ret = metrics_sql_read(s);
                ret->key = NULL;
        }
        return r;
}

/* The last sampled point gives way when there is no room for the end. */
static int read_one(struct db *db, const char *run_id, const struct metrics_sample *of,
                    struct metrics_samples *ret, int64_t *ret_n_passed) {
        struct metrics_sample to_last = *of;
        struct metric last = {};
        int r = read_last(db, run_id, of, &last);

        *ret_n_passed = 0;
        if (r != DB_ROW)
                return r;
        to_last.last_step = last.step;
        r = metrics_sample(db, &ret->arena, run_id, &to_last, &ret->points, &ret->n, ret_n_passed);
        if (r < 0)
                return r;
        if (ret->n == 0 ||
            (!same_point(&ret->points[ret->n - 1], &last) && ret->n < (size_t) of->n_max))
                ret->n++;
        ret->points[ret->n - 1] = last;
        return 0;
}

/* On a connection of this thread's. */
static int read_apart(struct reading *x, size_t i) {
        struct db *db;
        int64_t n_passed;
        int r = db_readers_get(x->readers, &db);
        bool is_new = r >= 0 && !db_in_transaction(db);

        if (is_new)
                r = db_begin(db, false);
        if (r < 0)
                return r;
        if (is_new)
                db_set_budget(db, READ_FOR);
        r = read_one(db, x->run_ids[i], x->of, &x->samples[i], &n_passed);
        if (is_new) {
                db_rollback(db);
                db_set_budget(db, 0);
        }
        return r;
}

static bool each(void *ctx, size_t i) {
        struct reading *x = ctx;
        int r = read_apart(x, i + x->from);

        if (r < 0)
                atomic_store(&x->error, r);
        return r >= 0;
}

static size_t count_threads(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n > 1 ? MIN((size_t) n, (size_t) THREADS_MAX) : 1;
}

/* Does the run look as long as if threads were worth it? */
static int looks_long(struct db *db, const char *run_id, const struct metrics_sample *of,
                      bool *ret) {
        struct metrics_sample to_last = *of;
        struct metric last = {};
        int64_t n = 0;
        int r = db_get_dialect(db) == DB_SQLITE ? read_last(db, run_id, of, &last) : DB_DONE;

        if (r == DB_ROW) {
                to_last.last_step = last.step;
                r = metrics_sample_guess(db, run_id, &to_last, &n);
        }
        *ret = n >= LONG_MIN_POINTS;
        return r;
}

int metrics_samples_read(struct db_readers *readers, struct db *db, const struct metrics_sample *of,
                         const char *const *run_ids, size_t n, struct metrics_samples *ret) {
        struct reading x = {.readers = readers, .of = of, .run_ids = run_ids, .samples = ret};
        int64_t n_passed = 0;
        bool is_long = false;
        int r = 0;

        for (size_t i = 0; i < n; i++)
                arena_init(&ret[i].arena, 0);
        if (n > 1)
                r = looks_long(db, run_ids[0], of, &is_long);
        if (r == 0 && n > 0 && !is_long) {
                r = read_one(db, run_ids[0], of, &ret[0], &n_passed);
                is_long = n_passed >= LONG_MIN_POINTS;
                x.from = 1;
        }
        if (r < 0 || n == 0)
                return r;
        crew_run(n - x.from, is_long ? count_threads() : 1, each, &x);
        return atomic_load(&x.error);
}

void metrics_samples_done(struct metrics_samples *samples, size_t n) {
        for (size_t i = 0; i < n; i++)
                arena_done(&samples[i].arena);
}
