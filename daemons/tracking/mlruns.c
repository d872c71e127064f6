#include "daemons/tracking/mlruns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/mlruns_file.h"
#include "daemons/tracking/mlruns_model.h"
#include "daemons/tracking/mlruns_row.h"
#include "daemons/tracking/mlruns_run.h"
#include "daemons/tracking/mlruns_trace.h"
#include "daemons/tracking/move_store.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/store/store.h"
#include "lib/store/store_local.h"

#define T mlruns_text
#define I mlruns_i64

const char *const mlruns_tables[MLRUNS_N_TABLES] = {
#define MLRUNS_TABLE(name) #name,
#include "daemons/tracking/mlruns.def"
#undef MLRUNS_TABLE
};

/* One thing of the directory, in a transaction of its own. */
struct thing {
        int (*read)(struct mlruns *m, const struct thing *t);
        const char *dir, *name;
        int64_t id; /* the experiment's */
};

static int in_transaction(struct mlruns *m, const struct thing *t) {
        int r = db_begin(m->db, !m->verify);

        if (r < 0)
                return r;
        m->where = t->dir;
        r = t->read(m, t);
        if (r == 0 && !m->verify)
                return db_commit(m->db);
        db_rollback(m->db);
        return r;
}

/* --- experiments --------------------------------------------------------------------------------
 */

static int tag(struct mlruns *m, void *userdata, const char *key, char *text) {
        const struct thing *t = userdata;

        return MLRUNS_ROW(m, experiment_tags, "experiment_id, \"key\", value", I(t->id), T(key),
                          T(text));
}

static struct mlruns_value time_of(const struct json *meta, const char *key) {
        int64_t at;

        return json_i64(json_get(meta, key), &at) == 0 ? I(at) : T(NULL);
}

/* A new database has an experiment 0 of its own: it makes place for the directory's, unless it is
 * in use. */
static int make_place(struct mlruns *m, const char *name, const char *location, int64_t at) {
        DB_USE struct db_stmt *s = NULL;
        int r = db_prepare_dynamic(
                m->db,
                "DELETE FROM experiments WHERE experiment_id = 0 AND (name <> ? OR "
                "artifact_location <> ? OR coalesce(creation_time, -1) <> ?) AND NOT EXISTS "
                "(SELECT 1 FROM runs WHERE experiment_id = "
                "0) AND NOT EXISTS (SELECT 1 FROM experiment_tags WHERE experiment_id = 0) AND NOT "
                "EXISTS (SELECT 1 FROM trace_info WHERE experiment_id = 0) AND NOT EXISTS (SELECT "
                "1 FROM logged_models WHERE experiment_id = 0)",
                &s);

        if (r < 0)
                return r;
        db_bind_all(s, name, location, at);
        return db_run(s);
}

static int experiment(struct mlruns *m, const struct thing *t) {
        const char *name, *location, *stage, *tags = arena_printf(&m->arena, "%s/tags", t->dir);
        const struct json *meta;
        int r = tags ? mlruns_file_yaml(m, t->dir, "meta.yaml", &meta) : -ENOMEM;

        if (r < 0 || !meta)
                return r;
        name = mlruns_file_text(m, json_get(meta, "name"));
        stage = mlruns_file_text(m, json_get(meta, "lifecycle_stage"));
        location = mlruns_file_uri(m, mlruns_file_text(m, json_get(meta, "artifact_location")), &r);
        if (!name)
                name = arena_printf(&m->arena, "experiment_%s", t->name);
        if (r == 0 && t->id == 0 && !m->verify)
                r = make_place(m, name, location ? location : "",
                               mlruns_file_i64(json_get(meta, "creation_time"), -1));
        if (r == 0)
                r = MLRUNS_ROW(m, experiments,
                               "experiment_id, name, artifact_location, lifecycle_stage, "
                               "creation_time, last_update_time, workspace",
                               I(t->id), T(name), T(location), T(stage ? stage : "active"),
                               time_of(meta, "creation_time"), time_of(meta, "last_update_time"),
                               T("default"));
        if (r == 0)
                r = mlruns_file_each(m, tags, tag, (void *) t);
        return r < 0 ? r : mlruns_run_datasets(m, t->dir, t->id);
}

static int run(struct mlruns *m, const struct thing *t) {
        return mlruns_run(m, t->dir, t->name, t->id);
}

static int logged_model(struct mlruns *m, const struct thing *t) {
        return mlruns_model_logged(m, t->dir, t->name, t->id);
}

static int registered_model(struct mlruns *m, const struct thing *t) {
        return mlruns_model_registered(m, t->dir, t->name);
}

static int trace(struct mlruns *m, const struct thing *t) {
        return mlruns_trace(m, t->dir, t->name, t->id);
}

/* Each directory in `dir`. The arena is emptied between them: names are kept elsewhere. */
static int each_in(struct mlruns *m, const char *dir, int64_t id,
                   int (*read)(struct mlruns *m, const struct thing *t)) {
        static const char *const others[] = {"tags", "datasets", "traces", "models", ".trash"};
        struct mlruns names = *m;
        const char *const *name = NULL;
        int r;

        arena_init(&names.arena, 0);
        r = mlruns_file_dirs(&names, dir, &name);
        for (; r == 0 && *name; name++) {
                struct thing t = {.read = read, .name = *name, .id = id};
                bool other = false;

                for (size_t i = 0; read == run && i < ARRAY_SIZE(others); i++)
                        other = other || str_eq(*name, others[i]);
                if (other)
                        continue;
                arena_reset(&m->arena);
                t.dir = arena_printf(&names.arena, "%s/%s", dir, *name);
                r = t.dir ? in_transaction(m, &t) : -ENOMEM;
        }
        arena_done(&names.arena);
        return r;
}

/* Models before the runs that name them would be as good: no constraint joins them. */
static int whole_experiment(struct mlruns *m, const char *dir, const char *name, int64_t id) {
        const struct thing t = {.read = experiment, .dir = dir, .name = name, .id = id};
        _cleanup_free_ char *models = str_printf("%s/models", dir);
        _cleanup_free_ char *traces = str_printf("%s/traces", dir);
        int r = models && traces ? 0 : -ENOMEM;

        arena_reset(&m->arena);
        if (r == 0)
                r = in_transaction(m, &t);
        if (r == 0)
                r = each_in(m, dir, id, run);
        if (r == 0)
                r = each_in(m, models, id, logged_model);
        return r < 0 ? r : each_in(m, traces, id, trace);
}

/* --- the directory ------------------------------------------------------------------------------
 */

static int each_experiment(struct mlruns *m, const char *dir,
                           int (*each)(struct mlruns *m, const char *dir, const char *name,
                                       int64_t id, void *userdata),
                           void *userdata) {
        struct mlruns names = *m;
        const char *const *name = NULL;
        int r;

        arena_init(&names.arena, 0);
        r = mlruns_file_dirs(&names, dir, &name);
        for (; r == 0 && *name; name++) {
                const char *below = arena_printf(&names.arena, "%s/%s", dir, *name);
                int64_t id;

                if (str_to_i64(*name, &id) == 0 && id >= 0)
                        r = below ? each(m, below, *name, id, userdata) : -ENOMEM;
        }
        arena_done(&names.arena);
        return r;
}

static int rows_of(struct mlruns *m, const char *dir, const char *name, int64_t id,
                   void *userdata) {
        return whole_experiment(m, dir, name, id);
}

static int pass(struct mlruns *m, const char *trash, const char *models) {
        int r;

        memset(m->n_rows, 0, sizeof(m->n_rows));
        r = each_experiment(m, m->root, rows_of, NULL);
        if (r == 0)
                r = each_experiment(m, trash, rows_of, NULL);
        return r < 0 ? r : each_in(m, models, 0, registered_model);
}

struct artifacts {
        struct store *from;
        const char *below; /* "" or ".trash/" */
        struct mlruns_counts *counts;
};

static int artifacts_below(struct mlruns *m, const struct artifacts *a, const char *path) {
        struct move_store_counts n = {};
        char prefix[STORE_NAME_MAX], to[STORE_NAME_MAX];
        int r;

        if (snprintf(prefix, sizeof(prefix), "%s%s/artifacts/", a->below, path) >=
                    (int) sizeof(prefix) ||
            snprintf(to, sizeof(to), "%s/artifacts/", path) >= (int) sizeof(to))
                return -ENAMETOOLONG;
        r = move_store(a->from, prefix, m->store, to, m->em, &n);
        a->counts->n_artifacts += n.n_objects;
        a->counts->n_artifact_bytes += n.n_bytes;
        return r;
}

/* Of its runs, models and traces: each has a directory artifacts/. */
static int artifacts_of(struct mlruns *m, const char *dir, const char *name, int64_t id,
                        void *userdata) {
        static const char *const places[] = {"", "models/", "traces/"};
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++) {
                _cleanup_free_ char *below = str_printf("%s/%s", dir, places[i]);
                const char *const *things = NULL;

                arena_reset(&m->arena);
                r = below ? mlruns_file_dirs(m, below, &things) : -ENOMEM;
                for (; r == 0 && *things; things++) {
                        _cleanup_free_ char *path = str_printf("%s/%s%s", name, places[i], *things);

                        r = path ? artifacts_below(m, userdata, path) : -ENOMEM;
                }
        }
        return r;
}

static int move_artifacts(struct mlruns *m, const char *trash, struct mlruns_counts *counts) {
        _cleanup_(store_freep) struct store *from = NULL;
        struct artifacts a = {.below = "", .counts = counts};
        int r = m->store ? store_local_open_to_read(m->root, m->em, &from) : 0;

        if (r < 0 || !from)
                return r;
        a.from = from;
        r = each_experiment(m, m->root, artifacts_of, &a);
        a.below = ".trash/";
        return r < 0 ? r : each_experiment(m, trash, artifacts_of, &a);
}

int mlruns_import(const char *dir, struct db *db, struct store *store, struct errmsg *em,
                  struct mlruns_counts *ret) {
        _cleanup_free_ char *root = mem_strdup(dir), *trash = NULL, *models = NULL;
        struct mlruns m = {.db = db, .store = store, .em = em};
        struct mlruns_counts counts = {};
        int r = 0;

        if (root)
                while (strlen(root) > 1 && str_ends(root, "/"))
                        root[strlen(root) - 1] = '\0';
        trash = str_printf("%s/.trash", root ? root : "");
        models = str_printf("%s/models", root ? root : "");
        if (!root || !trash || !models)
                return -ENOMEM;
        m.root = root;
        arena_init(&m.arena, 0);
        /* Artifacts first: a run that is to be seen has its files. */
        r = move_artifacts(&m, trash, &counts);
        if (r == 0)
                r = pass(&m, trash, models);
        m.verify = true;
        if (r == 0)
                r = pass(&m, trash, models);
        arena_done(&m.arena);
        if (r < 0)
                return r;
        memcpy(counts.n_rows, m.n_rows, sizeof(counts.n_rows));
        *ret = counts;
        return 0;
}
