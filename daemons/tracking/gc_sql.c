#include "daemons/tracking/gc_sql.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

#define DB_SET gc_sql
#define DB_SET_ROWS "daemons/tracking/gc_sql.def"
#include "lib/db/db_set.h"

struct gc_item *gc_sql_find(struct gc_list *l, enum gc_kind kind, const char *id) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].kind == kind && str_eq(l->items[i].id, id))
                        return &l->items[i];
        return NULL;
}

static int add(struct gc_list *l, enum gc_kind kind, struct db_stmt *s) {
        struct gc_item item = {.kind = kind, .deleted_at_ms = -1};
        bool oom = false;

        item.id = db_col_dup(s, 0, l->arena, &oom);
        item.uri = db_col_dup(s, 1, l->arena, &oom);
        if (db_col_text(s, 2))
                item.deleted_at_ms = db_col_i64(s, 2);
        item.experiment_id = db_col_i64(s, 3);
        item.is_deleted = str_eq(db_col_text(s, 4), "deleted");
        if (oom)
                return -ENOMEM;
        if (l->n == l->cap) {
                size_t cap = l->cap ? 2 * l->cap : 64;
                struct gc_item *grown = arena_zalloc_array(l->arena, cap, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                if (l->n > 0)
                        memcpy(grown, l->items, l->n * sizeof *grown);
                l->items = grown;
                l->cap = cap;
        }
        l->items[l->n++] = item;
        return 0;
}

static int add_all(struct gc_list *l, enum gc_kind kind, struct db_stmt *s) {
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                if (kind == GC_RUN && gc_sql_find(l, kind, db_col_text(s, 0)))
                        continue;
                r = add(l, kind, s);
                if (r < 0)
                        return r;
        }
        return r;
}

int gc_sql_deleted(struct db *db, enum gc_kind kind, int64_t before_ms, size_t n_max,
                   struct gc_list *l) {
        static const size_t statements[] = {STMT_runs, STMT_models, STMT_experiments};
        DB_USE struct db_stmt *s = use(db, statements[kind]);

        db_bind_all(s, before_ms, (int64_t) n_max);
        return add_all(l, kind, s);
}

int gc_sql_one(struct db *db, enum gc_kind kind, const char *id, struct gc_list *l) {
        static const size_t statements[] = {STMT_run, STMT_model, STMT_experiment};
        DB_USE struct db_stmt *s = use(db, statements[kind]);
        int64_t number;
        int r;

        if (kind != GC_EXPERIMENT)
                db_bind_all(s, id);
        else if (str_to_i64(id, &number) == 0)
                db_bind_all(s, number);
        else
                return DB_DONE;
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = add(l, kind, s);
        return r < 0 ? r : DB_ROW;
}

int gc_sql_runs_of(struct db *db, int64_t experiment_id, size_t n_max, struct gc_list *l) {
        DB_USE struct db_stmt *s = use(db, STMT_runs_of);

        db_bind_all(s, experiment_id, (int64_t) n_max);
        return add_all(l, GC_RUN, s);
}

/* --- removing ------------------------------------------------------------------------------------
 */

static int run_text(struct db *db, const size_t *statements, size_t n, const char *id) {
        for (size_t i = 0; i < n; i++) {
                DB_USE struct db_stmt *s = use(db, statements[i]);
                int r;

                db_bind_all(s, id);
                r = db_run(s);
                if (r != DB_DONE)
                        return r < 0 ? r : -EINVAL;
        }
        return 0;
}

static int run_number(struct db *db, const size_t *statements, size_t n, int64_t id) {
        for (size_t i = 0; i < n; i++) {
                DB_USE struct db_stmt *s = use(db, statements[i]);
                int r;

                db_bind_all(s, id);
                r = db_run(s);
                if (r != DB_DONE)
                        return r < 0 ? r : -EINVAL;
        }
        return 0;
}

/* Is there still a deleted one? It may have been restored since it was found. */
static int look_again(struct db *db, const struct gc_item *item) {
        static const size_t statements[] = {STMT_run, STMT_model, STMT_experiment};
        DB_USE struct db_stmt *s = use(db, statements[item->kind]);
        int r;

        if (item->kind == GC_EXPERIMENT)
                db_bind_all(s, item->experiment_id);
        else
                db_bind_all(s, item->id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        return str_eq(db_col_text(s, 4), "deleted") ? 0 : 1;
}

static int remove_experiment(struct db *db, int64_t id) {
        static const size_t statements[] = {STMT_experiment_tags, STMT_experiment_spans,
                                            STMT_experiment_scoring, STMT_experiment_delete};
        DB_USE struct db_stmt *s = use(db, STMT_left_of_experiment);
        int64_t n_left;
        int r;

        db_bind_all(s, id, id, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        n_left = db_col_i64(s, 0);
        return n_left > 0 ? 1 : run_number(db, statements, ARRAY_SIZE(statements), id);
}

int gc_sql_remove(struct db *db, const struct gc_item *item) {
        static const size_t of_run[] = {STMT_run_metrics, STMT_run_latest, STMT_run_params,
                                        STMT_run_tags, STMT_run_delete};
        static const size_t of_model[] = {STMT_model_metrics, STMT_model_params, STMT_model_tags,
                                          STMT_model_delete};
        int r = look_again(db, item);

        if (r != 0)
                return r;
        switch (item->kind) {
        case GC_RUN:
                return run_text(db, of_run, ARRAY_SIZE(of_run), item->id);
        case GC_MODEL:
                return run_text(db, of_model, ARRAY_SIZE(of_model), item->id);
        case GC_EXPERIMENT:
                break;
        }
        return remove_experiment(db, item->experiment_id);
}
