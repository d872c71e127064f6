/* metrics_sample.c: see metrics_sample.h.
 *
 * On SQLite nothing is read but the index by step, once, and the points that are asked for: each is
 * found from a mark that was left before it. Marks are left where parts would begin if the steps
 * were even: when the count tells that they do, the marks are all there is to find. The index does
 * not say how points of one step follow each other; where many share a step, and on engines where
 * each question is a trip, one statement sorts them all. */
#include "daemons/tracking/metrics_sample.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"

/* More points of one step than this are not counted through again and again. */
#define SAME_STEP_MAX 64
/* From one mark to the next at most. */
#define STRIDE 512

enum { NO_POINT = 1 };

/* The first point of the step is number `at`. */
struct place {
        int64_t step, at;
};

/* Of point number `at`. */
struct mark {
        struct place place;
        int64_t at;
};

struct sample {
        struct db *db;
        const char *run_id, *key;
        int64_t first_step, last_step;
        int64_t n_parts;
        struct place here;
        struct mark *marks; /* the first one of point number 0 */
        size_t n_marks, marks_max;
        bool is_crowded; /* too many points share a step */
};

static void sample_done(struct sample *s) {
        mem_free(s->marks);
}

/* The step of point number `at`, and the step of the one before it when there is one. 0, NO_POINT
 * or -errno. */
static int look(struct sample *s, int64_t at, int64_t *ret_before, int64_t *ret_step) {
        bool has_before = at > s->here.at;
        DB_USE struct db_stmt *stmt = metrics_sql_neighbours(
                s->db, s->run_id, s->key, s->here.step, s->last_step, at - s->here.at - has_before);
        int r = db_step(stmt);

        if (r == DB_ROW && has_before) {
                *ret_before = db_col_i64(stmt, 0);
                r = db_step(stmt);
        }
        if (r != DB_ROW)
                return r < 0 ? r : NO_POINT;
        *ret_step = db_col_i64(stmt, 0);
        if (!has_before)
                *ret_before = *ret_step;
        return 0;
}

/* Moves on to the step of point number `at`. 0, NO_POINT or -errno. */
static int go(struct sample *s, int64_t at) {
        int64_t before, step, n = 0;
        int r = look(s, at, &before, &step);

        if (r != 0)
                return r;
        if (at == s->here.at || before != step) {
                s->here.at = at; /* the first of its step */
        } else if (step != s->here.step) {
                r = metrics_sql_count(s->db, s->run_id, s->key, s->here.step, step - 1, &n);
                s->here.at += n;
        }
        s->here.step = step;
        s->is_crowded = at - s->here.at > SAME_STEP_MAX;
        return r;
}

/* Where part number i of n points begins: the first n % n_parts parts have one more. */
static int64_t part_at(const struct sample *s, int64_t n, int64_t i) {
        return i * (n / s->n_parts) + MIN(i, n % s->n_parts);
}

/* Leaves a mark and moves on to the next point that is to have one, should there be n_guessed. */
static int leave_mark(struct sample *s, int64_t n_guessed, int64_t *at, int64_t *part) {
        int r = go(s, *at);

        if (r != 0 || s->is_crowded)
                return r;
        r = mem_grow((void **) &s->marks, &s->marks_max, s->n_marks + 1, sizeof(*s->marks));
        if (r < 0)
                return r;
        s->marks[s->n_marks++] = (struct mark){s->here, *at};
        while (n_guessed > s->n_parts && *part < s->n_parts && part_at(s, n_guessed, *part) <= *at)
                ++*part;
        *at += STRIDE;
        if (n_guessed > s->n_parts && *part < s->n_parts)
                *at = MIN(*at, part_at(s, n_guessed, *part));
        return 0;
}

/* Leaves marks and counts all points, unless it finds them crowded. 0 or -errno. */
static int survey(struct sample *s, int64_t n_guessed, int64_t *ret_n) {
        int64_t n = 0, at = 0, part = 0;
        int r;

        while ((r = leave_mark(s, n_guessed, &at, &part)) == 0 && !s->is_crowded)
                ;
        if (r < 0 || s->is_crowded)
                return r;
        r = metrics_sql_count(s->db, s->run_id, s->key, s->here.step, s->last_step, &n);
        *ret_n = s->here.at + n;
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

/* Moves on to the step of point number `at`, from the last mark before it. */
static int go_by_marks(struct sample *s, const struct mark **mark, int64_t at) {
        while (*mark + 1 < s->marks + s->n_marks && (*mark)[1].at <= at)
                ++*mark;
        if ((*mark)->place.at > s->here.at || (*mark)->at == at)
                s->here = (*mark)->place;
        return (*mark)->at == at ? 0 : go(s, at);
}

/* The first of each part of n points. */
static int by_seeks(struct sample *s, int64_t n, struct metric *points) {
        const struct mark *mark = s->marks;
        int r = 0;

        s->here = mark->place;
        for (int64_t i = 0; r == 0 && i < s->n_parts; i++) {
                DB_USE struct db_stmt *stmt = NULL;
                int64_t at = part_at(s, n, i);

                r = go_by_marks(s, &mark, at);
                if (r != 0 || s->is_crowded)
                        return r > 0 ? -EIO : r;
                stmt = metrics_sql_nth_of_step(s->db, s->run_id, s->key, s->here.step,
                                               at - s->here.at);
                r = read_point(stmt, &points[i]);
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

int metrics_sample_guess(struct db *db, const char *run_id, const struct metrics_sample *of,
                         int64_t *ret_n) {
        DB_USE struct db_stmt *stmt =
                metrics_sql_neighbours(db, run_id, of->key, of->first_step, of->last_step, 0);
        int64_t first, span, each = 0;
        int r = db_step(stmt);

        *ret_n = 0;
        if (r != DB_ROW)
                return r;
        first = db_col_i64(stmt, 0);
        r = db_step(stmt);
        if (r < 0)
                return r;
        if (r == DB_ROW)
                each = db_col_i64(stmt, 0) - first;
        if (!__builtin_sub_overflow(of->last_step, first, &span) && span < INT64_MAX)
                *ret_n = span / MAX(each, (int64_t) 1) + 1;
        return 0;
}

int metrics_sample(struct db *db, struct arena *a, const char *run_id,
                   const struct metrics_sample *of, struct metric **ret, size_t *ret_n,
                   int64_t *ret_n_passed) {
        struct sample s _cleanup_(sample_done) = {
                .db = db,
                .run_id = run_id,
                .key = of->key,
                .first_step = of->first_step,
                .last_step = of->last_step,
                .n_parts = of->n_max,
                .here = {of->first_step, 0},
        };
        struct metric *points = arena_zalloc_array(a, (size_t) of->n_max, sizeof(*points));
        int64_t n_guessed, n = 0;
        int r = 0;

        if (!points)
                return -ENOMEM;
        *ret = points;
        if (db_get_dialect(db) == DB_SQLITE) {
                r = metrics_sample_guess(db, run_id, of, &n_guessed);
                if (r == 0)
                        r = survey(&s, n_guessed, &n);
        }
        *ret_n_passed = n;
        if (r == 0 && n > of->n_max && !s.is_crowded) {
                *ret_n = (size_t) of->n_max;
                r = by_seeks(&s, n, points);
                if (r < 0 || !s.is_crowded)
                        return r;
        }
        return r < 0 ? r : by_sorting(&s, of->n_max, points, ret_n);
}
