#include "daemons/tracking/lineage_sql.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/tracking/inputs_sql.h"
#include "daemons/tracking/tags_sql.h"
#include "lib/base/buf.h"
#include "lib/base/entropy.h"
#include "lib/base/json_write.h"
#include "lib/base/utf8.h"

#define DB_SET lineage_sql
#define DB_SET_ROWS "daemons/tracking/lineage_sql.def"
#include "lib/db/db_set.h"

#define LINEAGE_SQL_RUNS_MAX 1000           /* of one try */
#define LINEAGE_SQL_KEPT_MS (7 * 86400000L) /* of tries whose end nobody tells */
#define LINEAGE_SQL_NAME_MAX 500            /* as MLflow's data sets have it */
#define LINEAGE_SQL_CUT_TAG "onebox.data_cut"

struct lineage_sql_run {
        char id[64];
        int64_t experiment_id;
};

static int lineage_sql_count(struct db *db, const char *try_id, int64_t *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_count);
        int r;

        db_bind_all(s, try_id);
        r = db_step(s);
        if (r == DB_ROW)
                *ret = db_col_i64(s, 0);
        return r < 0 ? r : 0;
}

int lineage_sql_keep(struct db *db, struct entropy *e, const char *try_id,
                     const struct lineage_object *objects, size_t n, int64_t now_ms) {
        int64_t n_there = 0;
        int r = lineage_sql_count(db, try_id, &n_there);

        for (size_t i = 0; r == 0 && i < n && n_there < LINEAGE_SQL_OBJECTS_MAX; i++, n_there++) {
                DB_USE struct db_stmt *s = use(db, STMT_insert);
                const struct lineage_object *o = &objects[i];
                char id[INPUTS_SQL_ID_SIZE];

                r = entropy_id(e, id);
                if (r < 0)
                        return r;
                db_bind_all(s, try_id, id, o->bucket, o->name, o->generation, (int64_t) o->written,
                            now_ms);
                r = db_run(s);
        }
        return r;
}

static int lineage_sql_runs(struct db *db, struct arena *a, const char *try_id,
                            struct lineage_sql_run **ret, size_t *ret_n) {
        struct lineage_sql_run *runs = arena_zalloc_array(a, LINEAGE_SQL_RUNS_MAX, sizeof(*runs));
        DB_USE struct db_stmt *s = use(db, STMT_runs);
        size_t n = 0;
        int r;

        if (!runs)
                return -ENOMEM;
        db_bind_all(s, try_id);
        while ((r = db_step(s)) == DB_ROW && n < LINEAGE_SQL_RUNS_MAX) {
                snprintf(runs[n].id, sizeof(runs[n].id), "%s", db_col_text(s, 0));
                runs[n++].experiment_id = db_col_i64(s, 1);
        }
        *ret = runs;
        *ret_n = n;
        return r < 0 ? r : 0;
}

/* As MLflow's client reads it: a source of the type "gs" has a URI. */
static int lineage_sql_source(struct arena *a, const struct lineage_object *o, char **ret) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;
        char *uri = arena_printf(a, "gs://%s/%s", o->bucket, o->name);

        if (!uri)
                return -ENOMEM;
        json_write_init(&w, &text, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "uri", uri);
        json_write_kv_str(&w, "generation", o->generation);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strndup(a, text.data, text.len);
        return *ret ? 0 : -ENOMEM;
}

/* What is there already stays as it is. */
static int lineage_sql_attach_one(struct db *db, struct entropy *e, struct arena *a,
                                  const struct lineage_sql_run *run,
                                  const struct lineage_object *o) {
        struct dataset d = {.digest = o->generation, .source_type = "gs"};
        char id[INPUTS_SQL_ID_SIZE], *source, *name;
        int r = lineage_sql_source(a, o, &source);

        if (r < 0)
                return r;
        name = arena_printf(a, "gs://%s/%s", o->bucket, o->name);
        if (!name)
                return -ENOMEM;
        name[utf8_cut(name, LINEAGE_SQL_NAME_MAX)] = 0;
        d.name = name;
        d.source = source;
        r = inputs_sql_add_dataset(db, e, run->experiment_id, run->id, &d, id);
        if (r != 0)
                return r == DB_CONFLICT ? 0 : r;
        return inputs_sql_tag(db, id, "mlflow.data.context", o->written ? "written" : "read");
}

int lineage_sql_attach(struct db *db, struct entropy *e, struct arena *a, const char *try_id,
                       const struct lineage_object *objects, size_t n, bool cut, size_t *ret_n) {
        struct lineage_sql_run *runs;
        int r = lineage_sql_runs(db, a, try_id, &runs, ret_n);

        for (size_t k = 0; r == 0 && k < *ret_n; k++) {
                for (size_t i = 0; r == 0 && i < n; i++)
                        r = lineage_sql_attach_one(db, e, a, &runs[k], &objects[i]);
                if (r == 0 && cut)
                        r = tags_sql_set_one(db, runs[k].id, LINEAGE_SQL_CUT_TAG, "true");
        }
        return r;
}

static int lineage_sql_kept(struct db *db, struct arena *a, const char *try_id,
                            struct lineage_object **ret, size_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_of_try);
        struct lineage_object *objects;
        size_t n = 0;
        int64_t n_there = 0;
        int r = lineage_sql_count(db, try_id, &n_there);

        if (r < 0)
                return r;
        objects = arena_zalloc_array(a, (size_t) n_there + 1, sizeof(*objects));
        if (!objects)
                return -ENOMEM;
        db_bind_all(s, try_id);
        while ((r = db_step(s)) == DB_ROW && n < (size_t) n_there) {
                struct lineage_object *o = &objects[n++];

                o->bucket = arena_strdup(a, db_col_text(s, 0));
                o->name = arena_strdup(a, db_col_text(s, 1));
                o->generation = arena_strdup(a, db_col_text(s, 2));
                o->written = db_col_i64(s, 3);
                if (!o->bucket || !o->name || !o->generation)
                        return -ENOMEM;
        }
        *ret = objects;
        *ret_n = n;
        return r < 0 ? r : 0;
}

int lineage_sql_settle(struct db *db, struct entropy *e, struct arena *a, const char *try_id,
                       int64_t now_ms) {
        struct lineage_object *objects;
        size_t n, n_runs = 0;
        int r = lineage_sql_kept(db, a, try_id, &objects, &n);

        if (r == 0 && n > 0)
                r = lineage_sql_attach(db, e, a, try_id, objects, n, false, &n_runs);
        if (r == 0) {
                DB_USE struct db_stmt *s = use(db, STMT_delete);

                db_bind_all(s, try_id);
                r = db_run(s);
        }
        if (r == 0) {
                DB_USE struct db_stmt *s = use(db, STMT_delete_old);

                db_bind_all(s, now_ms - LINEAGE_SQL_KEPT_MS);
                r = db_run(s);
        }
        return r;
}
