#include "daemons/tracking/move_database.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/tracking_schema.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/db/db_catalog.h"
#include "lib/db/db_copy.h"

struct move {
        struct db *from, *to;
        struct db_catalog tables, there;
        struct arena arena;
        struct move_database_counts counts;
};

static bool is_moved(const struct db_catalog_table *t) {
        return !str_eq(t->name, "alembic_version") && !str_eq(t->name, DB_COPY_RECORD);
}

static int failed(struct db *db, int r, struct errmsg *em) {
        return em && *em->text ? r : errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db));
}

static int open_both(struct move *m, const char *from, const char *to, struct errmsg *em) {
        char source[64], target[64];
        int r = db_open(from, DB_READ_ONLY, em, &m->from);

        if (r == 0)
                r = tracking_schema_check(m->from, em, source, sizeof(source));
        if (r == 0)
                r = tracking_schema_ensure(to, "mlflow-artifacts:/",
                                           (int64_t) (clock_now(clock_system()) / USEC_PER_MSEC),
                                           em);
        if (r == 0)
                r = db_open(to, 0, em, &m->to); /* a row may come before the one it points to */
        if (r == 0)
                r = tracking_schema_check(m->to, em, target, sizeof(target));
        if (r == 0 && !str_eq(source, target))
                return errmsg_fail(em, -ENOTSUP,
                                   "%s is of revision %s, %s of %s: bring the older one up with "
                                   "`mlflow db upgrade`",
                                   db_get_uri(m->from), source, db_get_uri(m->to), target);
        return r;
}

static int compare_tables(struct move *m, struct errmsg *em) {
        int r = db_catalog_read(m->from, &m->arena, em, &m->tables);

        if (r == 0)
                r = db_catalog_read(m->to, &m->arena, em, &m->there);
        for (size_t i = 0; r == 0 && i < m->tables.n_tables; i++) {
                const struct db_catalog_table *t = &m->tables.tables[i];
                const struct db_catalog_table *other = db_catalog_find(&m->there, t->name);

                if (is_moved(t) && (!other || !db_catalog_same(t, other)))
                        r = errmsg_fail(em, -ENOTSUP, "table %s is another one in %s", t->name,
                                        db_get_uri(m->to));
        }
        return r;
}

/* A new database holds nobody's rows. */
static int need_empty(struct db *to, struct errmsg *em) {
        DB_USE struct db_stmt *s = NULL;
        int r = db_prepare_dynamic(
                to,
                "SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM registered_models) + "
                "(SELECT count(*) FROM trace_info) + (SELECT count(*) FROM experiment_tags) + "
                "(SELECT count(*) FROM experiments WHERE experiment_id <> 0)",
                &s);

        if (r == 0)
                r = db_step(s);
        if (r == DB_ROW && db_col_i64(s, 0) > 0)
                return errmsg_fail(em, -EEXIST,
                                   "%s holds %" PRId64 " rows already: name an empty database",
                                   db_get_uri(to), db_col_i64(s, 0));
        return r < 0 ? r : 0;
}

/* What every opening puts into a database without experiments, taken out again where those of the
 * source have not begun to come. */
static int clear_defaults(struct db *to) {
        return db_exec(to, "DELETE FROM experiments WHERE NOT EXISTS "
                           "(SELECT 1 FROM " DB_COPY_RECORD " WHERE name = 'experiments');"
                           "DELETE FROM workspaces WHERE NOT EXISTS "
                           "(SELECT 1 FROM " DB_COPY_RECORD " WHERE name = 'workspaces')");
}

static int tell(void *userdata, const char *table, int64_t n_rows) {
        if (n_rows > 0)
                printf("%s: %" PRId64 " rows\n", table, n_rows);
        (void) fflush(stdout);
        return 0;
}

static int copy_all(struct move *m, struct errmsg *em) {
        bool is_new;
        int r = db_copy_begin(m->to, &is_new);

        if (r == 0 && is_new)
                r = need_empty(m->to, em);
        if (r == 0)
                r = clear_defaults(m->to);
        for (size_t i = 0; r == 0 && i < m->tables.n_tables; i++)
                if (is_moved(&m->tables.tables[i]))
                        r = db_copy_table(m->from, m->to, &m->tables.tables[i], tell, NULL, em);
        return r;
}

static int verify(struct move *m, struct errmsg *em) {
        for (size_t i = 0; i < m->tables.n_tables; i++) {
                const struct db_catalog_table *t = &m->tables.tables[i];
                struct db_copy_sum a, b;
                int r;

                if (!is_moved(t))
                        continue;
                r = db_copy_sum(m->from, t, &a);
                if (r < 0)
                        return failed(m->from, r, em);
                r = db_copy_sum(m->to, t, &b);
                if (r < 0)
                        return failed(m->to, r, em);
                if (a.n_rows != b.n_rows || a.sum != b.sum)
                        return errmsg_fail(em, -EUCLEAN,
                                           "table %s differs: %" PRId64 " rows (sum %016" PRIx64
                                           ") became %" PRId64 " (%016" PRIx64
                                           "): does something write to one of them?",
                                           t->name, a.n_rows, a.sum, b.n_rows, b.sum);
                m->counts.n_tables++;
                m->counts.n_rows += a.n_rows;
        }
        return 0;
}

int move_database(const char *from, const char *to, struct errmsg *em,
                  struct move_database_counts *ret) {
        struct errmsg why = {};
        struct move m = {};
        int r;

        arena_init(&m.arena, 0);
        r = open_both(&m, from, to, &why);
        if (r == 0)
                r = compare_tables(&m, &why);
        if (r == 0)
                r = copy_all(&m, &why);
        if (r == 0)
                r = verify(&m, &why);
        /* Killed after the last row and before it could say so: all of it is there. */
        else if (r == -EEXIST && verify(&m, NULL) == 0)
                r = 0;
        if (r == 0)
                r = db_copy_end(m.to);
        if (r < 0 && m.to)
                (void) failed(m.to, r, &why);
        if (r < 0)
                errmsg_set(em, "%s", *why.text ? why.text : errmsg_strerror(r));
        else
                *ret = m.counts;
        db_free(m.from);
        db_free(m.to);
        arena_done(&m.arena);
        return r;
}
