#include "daemons/tracking/run_resume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/run_tags.h"
#include "daemons/tracking/tags_sql.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define DB_SET run_resume
#define DB_SET_ROWS "daemons/tracking/run_resume.def"
#include "lib/db/db_set.h"

#define RESUMED_AT "onebox.resumed_at"

struct run_resume {
        struct strmap runs; /* id → when it was resumed, in ms */
        bool loaded;
};

struct run_resume *run_resume_new(void) {
        return mem_new(struct run_resume);
}

struct run_resume *run_resume_free(struct run_resume *x) {
        if (!x)
                return NULL;
        strmap_done(&x->runs);
        mem_free(x);
        return NULL;
}

/* Those that run now; what was known of others is forgotten. */
static int load(struct run_resume *x, struct db *db) {
        DB_USE struct db_stmt *s = use(db, STMT_open);
        int64_t at_ms;
        int r;

        strmap_clear(&x->runs);
        while ((r = db_step(s)) == DB_ROW) {
                if (str_to_i64(db_col_text(s, 1), &at_ms) < 0)
                        continue;
                r = strmap_set(&x->runs, db_col_text(s, 0), (void *) (intptr_t) at_ms);
                if (r < 0)
                        return r;
        }
        x->loaded = r == 0;
        return r;
}

/* --- changing hands --- */

/* Is `who` a later try of the task whose tags the run has? 1, 0 or -errno. */
static int is_later(struct db *db, struct arena *a, const char *run_id,
                    const struct auth_identity *who) {
        const struct {
                const char *key, *value;
        } same[] = {
                {"onebox.dag_id", who->dag_id},
                {"onebox.run_id", who->run_id},
                {"onebox.task_id", who->task_id},
        };
        const char *text = NULL;
        int64_t number = 0;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
                r = tags_sql_get(db, run_id, same[i].key, a, &text);
                if (r != DB_ROW)
                        return r;
                if (!str_eq(text, same[i].value))
                        return 0;
        }
        r = tags_sql_get(db, run_id, "onebox.try", a, &text);
        if (r != DB_ROW)
                return r;
        return str_to_i64(text, &number) == 0 && who->try_number > number;
}

int run_resume_claim(struct run_resume *x, struct db *db, struct arena *a, const char *run_id,
                     const struct auth_identity *who, int64_t now_ms) {
        const char *owner = NULL;
        char at[24];
        int r;

        if (!who || str_empty(who->try_id))
                return 0;
        r = tags_sql_get(db, run_id, "onebox.try_id", a, &owner);
        if (r < 0 || (r == DB_ROW && str_eq(owner, who->try_id)))
                return r < 0 ? r : 0;
        r = is_later(db, a, run_id, who);
        if (r < 0)
                return r;
        if (r == 0) /* another task's run, or nobody's: this try has it open, and ends it */
                return tags_sql_set_one(db, run_id, "onebox.try_id", who->try_id);
        snprintf(at, sizeof(at), "%" PRId64, now_ms);
        r = run_tags_of_try(db, run_id, who);
        if (r == 0)
                r = tags_sql_set_one(db, run_id, RESUMED_AT, at);
        return r == 0 ? load(x, db) : r;
}

/* --- one history --- */

static int run(struct db *db, size_t row, const char *run_id, const char *key) {
        DB_USE struct db_stmt *s = use(db, row);

        db_bind_all(s, run_id, key);
        return db_run(s);
}

static int cut_points(struct db *db, const char *run_id, const char *key, int64_t step) {
        DB_USE struct db_stmt *s = use(db, STMT_cut);

        db_bind_all(s, run_id, key, step);
        return db_run(s);
}

/* Does the key's history go beyond `step` with points from before the run was resumed? DB_ROW, 0
 * or -errno. */
static int overlaps(struct db *db, const char *run_id, const char *key, int64_t step,
                    int64_t resumed_at_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_latest);
        int64_t last;
        int r;

        db_bind_all(s, run_id, key);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        last = db_col_i64(s, 0);
        return last > 0 && last >= step && db_col_i64(s, 1) < resumed_at_ms ? DB_ROW : 0;
}

static int cut_key(struct db *db, const char *run_id, const char *key, int64_t step,
                   int64_t resumed_at_ms) {
        int r = overlaps(db, run_id, key, step, resumed_at_ms);

        if (r != DB_ROW)
                return r;
        r = cut_points(db, run_id, key, step);
        if (r == 0)
                r = run(db, STMT_forget_latest, run_id, key);
        return r == 0 ? run(db, STMT_find_latest, run_id, key) : r;
}

static int first_steps(struct strmap *ret, const struct metric *metrics, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                bool known = strmap_has(ret, metrics[i].key);
                int64_t step = (int64_t) (intptr_t) strmap_get(ret, metrics[i].key);

                if (!known || metrics[i].step < step)
                        r = strmap_set(ret, metrics[i].key, (void *) (intptr_t) metrics[i].step);
        }
        return r;
}

int run_resume_cut(struct run_resume *x, struct db *db, const char *run_id,
                   const struct metric *metrics, size_t n) {
        struct strmap steps _cleanup_(strmap_done) = {};
        const struct strmap_entry *e;
        int64_t resumed_at_ms;
        int r = x->loaded ? 0 : load(x, db);

        if (r < 0 || n == 0 || x->runs.n == 0 || !strmap_has(&x->runs, run_id))
                return r;
        resumed_at_ms = (int64_t) (intptr_t) strmap_get(&x->runs, run_id);
        r = first_steps(&steps, metrics, n);
        map_each (e, &steps) {
                if (r == 0)
                        r = cut_key(db, run_id, e->key, (int64_t) (intptr_t) e->value,
                                    resumed_at_ms);
        }
        return r;
}
