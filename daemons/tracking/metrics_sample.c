/* metrics_sample.c: see metrics_sample.h.
 *
 * On SQLite nothing is read but the index by step and the points that are asked for: each is found
 * from the one before. The index does not say how points of one step follow each other; where many
 * share a step, and on engines where each question is a trip, one statement sorts them all. */
#include "daemons/tracking/metrics_sample.h"

#include <errno.h>

#include "lib/base/arena.h"

/* More points of one step than this are not counted through again and again. */
#define SAME_STEP_MAX 64

struct sample {
        struct db *db;
        const char *run_id, *key;
        int64_t first_step, last_step;
        /* the number of the first point of a step that has been met */
        int64_t step, at;
        bool is_crowded; /* too many points share a step */
};

/* The step of point number `at`, and the step of the one before it when there is one. */
static int look(struct sample *s, int64_t at, int64_t *ret_before, int64_t *ret_step) {
        bool has_before = at > s->at;
        DB_USE struct db_stmt *stmt = metrics_sql_neighbours(s->db, s->run_id, s->key, s->step,
                                                             s->last_step, at - s->at - has_before);
        int r = db_step(stmt);

        if (r == DB_ROW && has_before) {
                *ret_before = db_col_i64(stmt, 0);
                r = db_step(stmt);
        }
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret_step = db_col_i64(stmt, 0);
        if (!has_before)
                *ret_before = *ret_step;
        return 0;
}

/* Moves s->step and s->at to the step of point number `at`. */
static int go(struct sample *s, int64_t at) {
        int64_t before, step, n = 0;
        int r = look(s, at, &before, &step);

        if (r < 0)
                return r;
        if (at == s->at || before != step) {
                s->at = at; /* the first of its step */
        } else if (step != s->step) {
                r = metrics_sql_count(s->db, s->run_id, s->key, s->step, step - 1, &n);
                s->at += n;
        }
        s->step = step;
        s->is_crowded = at - s->at > SAME_STEP_MAX;
        return r;
}

static int read_point(struct db_stmt *stmt, struct metric *ret) {
        int r = db_step(stmt);

        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret = metrics_sql_read(stmt);
        ret->key = NULL;
        return 0;
}

/* The first of each of n_max parts of n points: the first n % n_max parts have one more. */
static int by_seeks(struct sample *s, int64_t n, int64_t n_max, struct metric *points) {
        int64_t at = 0;
        int r = 0;

        for (int64_t i = 0; r == 0 && i < n_max; i++) {
                DB_USE struct db_stmt *stmt = NULL;

                r = go(s, at);
                if (r < 0 || s->is_crowded)
                        return r;
                stmt = metrics_sql_nth_of_step(s->db, s->run_id, s->key, s->step, at - s->at);
                r = read_point(stmt, &points[i]);
                at += n / n_max + (i < n % n_max);
        }
        return r;
}

static int by_sorting(struct sample *s, int64_t n_max, struct metric *points, size_t *ret_n) {
        DB_USE struct db_stmt *stmt =
                metrics_sql_sample(s->db, s->run_id, s->key, n_max, s->first_step, s->last_step);
        size_t n = 0;
        int r;

        while ((r = db_step(stmt)) == DB_ROW) {
                assert(n < (size_t) n_max);
                points[n] = metrics_sql_read(stmt);
                points[n++].key = NULL;
        }
        *ret_n = n;
        return r;
}

int metrics_sample(struct db *db, struct arena *a, const char *run_id, const char *key,
                   int64_t n_max, int64_t first_step, int64_t last_step, struct metric **ret,
                   size_t *ret_n) {
        struct sample s = {db, run_id, key, first_step, last_step, first_step, 0, false};
        struct metric *points = arena_zalloc_array(a, (size_t) n_max, sizeof(*points));
        int64_t n = 0;
        int r = 0;

        if (!points)
                return -ENOMEM;
        *ret = points;
        if (db_get_dialect(db) == DB_SQLITE)
                r = metrics_sql_count(db, run_id, key, first_step, last_step, &n);
        if (r == 0 && n > n_max) {
                *ret_n = (size_t) n_max;
                r = by_seeks(&s, n, n_max, points);
                if (r < 0 || !s.is_crowded)
                        return r;
        }
        return r < 0 ? r : by_sorting(&s, n_max, points, ret_n);
}
