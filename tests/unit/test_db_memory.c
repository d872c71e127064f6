/* Memory that runs out at every place in turn: each call answers -ENOMEM, nothing leaks (the
 * sanitizer looks), nothing half-written is kept, and the next try goes well. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <sqlite3.h>

#include "lib/base/arena.h"
#include "lib/base/fault.h"
#include "lib/db/db.h"
#include "lib/db/db_migrate.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_writer.h"

/* --- SQLite's own memory: the nth allocation from now fails, and all after it while it lasts
 * ------ */

static struct {
        sqlite3_mem_methods real;
        int n_left; /* 0: none fails */
        int n_failed;
} mem;

static bool fails(void) {
        if (__atomic_load_n(&mem.n_left, __ATOMIC_SEQ_CST) == 0 ||
            __atomic_sub_fetch(&mem.n_left, 1, __ATOMIC_SEQ_CST) > 0)
                return false;
        __atomic_store_n(&mem.n_left, 0, __ATOMIC_SEQ_CST); /* one failure an arming */
        mem.n_failed++;
        return true;
}

static void *mem_malloc(int n) {
        return fails() ? NULL : mem.real.xMalloc(n);
}

static void *mem_resize(void *p, int n) {
        return fails() ? NULL : mem.real.xRealloc(p, n);
}

static int install(void **state) {
        sqlite3_mem_methods mine;

        assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &mem.real), SQLITE_OK);
        mine = mem.real;
        mine.xMalloc = mem_malloc;
        mine.xRealloc = mem_resize;
        return sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK ? 0 : -1;
}

static void arm(bool in_sqlite, int nth) {
        mem.n_failed = 0;
        if (in_sqlite)
                mem.n_left = nth;
        else
                fault_arm(FAULT_ALLOC, (unsigned) nth, ENOMEM, 1);
}

/* Did the failure come to pass? Without it the scenario has fewer allocations than nth. */
static bool disarm(bool in_sqlite, int nth) {
        bool failed = in_sqlite ? mem.n_failed > 0 : fault_count(FAULT_ALLOC) >= (unsigned) nth;

        mem.n_left = 0;
        fault_reset();
        return failed;
}

/* --- what is done under it
 * -------------------------------------------------------------------------- */

enum { T_INSERT, T_GET };

static const struct db_statement rows[] = {
        [T_INSERT] = {"insert", "INSERT INTO t(id, text) VALUES (?, ?)"},
        [T_GET] = {"get", "SELECT text FROM t WHERE id = ? ORDER BY text || 'x'"},
};
static const struct db_set set = {"t", rows, ARRAY_SIZE(rows)};
static const struct db_set *const sets[] = {&set};
static const struct db_migration steps[] = {
        {1, "CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)"},
        {2, "CREATE INDEX t_text ON t(text)"}};

static int64_t next_id = 1;

static int insert_two(struct db *db, int64_t id) {
        int r = 0;

        for (int i = 0; r == 0 && i < 2; i++) {
                DB_USE struct db_stmt *s = db_use(db, &set, T_INSERT);

                db_bind_all(s, id + i, "some text that goes into the index as well");
                r = db_run(s);
        }
        return r;
}

static int read_back(struct db *db, int64_t id) {
        DB_USE struct db_stmt *s = NULL, *d = NULL;
        bool oom = false;
        struct arena a;
        int r;

        s = db_use(db, &set, T_GET);
        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -ENODATA;
        arena_init(&a, 0);
        if (!db_col_dup(s, 0, &a, &oom) || oom)
                r = -ENOMEM;
        arena_done(&a);
        if (r < 0)
                return r;
        r = db_prepare_dynamic(db, "SELECT count(*) FROM t WHERE text LIKE '%goes%'", &d);
        if (r >= 0)
                r = db_step(d);
        return r < 0 ? r : 0;
}

/* Open, migrate, write in a transaction with savepoints, read. */
static int scenario_connection(const char *uri) {
        _cleanup_(db_freep) struct db *db = NULL;
        int64_t id = next_id;
        int r;

        next_id += 2;
        r = db_open(uri, DB_CREATE, NULL, &db);
        if (r >= 0)
                r = db_migrate(db, steps, ARRAY_SIZE(steps), 1, NULL);
        if (r >= 0)
                r = db_prepare_set(db, &set, NULL);
        if (r >= 0)
                r = db_begin(db, true);
        if (r < 0)
                return r;
        r = db_savepoint(db);
        if (r >= 0)
                r = insert_two(db, id);
        if (r >= 0)
                r = db_release(db);
        if (r < 0) {
                db_rollback(db);
                return r;
        }
        r = db_commit(db);
        return r < 0 ? r : read_back(db, id);
}

struct insert {
        struct db_job job;
        int64_t id;
};

static int insert_run(struct db *db, struct db_job *job) {
        return insert_two(db, container_of(job, struct insert, job)->id);
}

/* Writer and readers: the job's answer tells the truth about its rows. */
static int scenario_writer(const char *uri) {
        struct db_config config = {.uri = uri, .sets = sets, .n_sets = 1};
        struct insert job = {.job.run = insert_run, .id = next_id};
        _cleanup_(db_readers_freep) struct db_readers *readers = NULL;
        _cleanup_(db_writer_freep) struct db_writer *w = NULL;
        struct db *db;
        int r;

        next_id += 2;
        r = db_writer_new(&config, 0, NULL, &w);
        if (r >= 0)
                r = db_readers_new(&config, NULL, &readers);
        if (r >= 0)
                r = db_writer_call(w, &job.job);
        if (r >= 0)
                r = db_readers_get(readers, &db);
        return r < 0 ? r : read_back(db, job.id);
}

static int64_t count_where(struct db *db, const char *condition) {
        DB_USE struct db_stmt *s = NULL;
        char sql[128];

        (void) snprintf(sql, sizeof(sql), "SELECT count(*) FROM t WHERE %s", condition);
        assert_int_equal(db_prepare_dynamic(db, sql, &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

/* No job is there by half: ids come in pairs of an odd and an even one. */
static void check_file(const char *uri) {
        _cleanup_(db_freep) struct db *db = NULL;
        struct errmsg em = {};

        assert_ok(em, db_open(uri, 0, &em, &db));
        assert_ok(em, db_check(db, false, &em));
        assert_int_equal(count_where(db, "id % 2 = 1"), count_where(db, "id % 2 = 0"));
}

static void run_out_everywhere(const char *uri, int (*scenario)(const char *uri), bool in_sqlite) {
        bool failed = true;
        int nth = 1, r;

        assert_int_equal(scenario_connection(uri), 0); /* the tables */
        for (; failed; nth++) {
                arm(in_sqlite, nth);
                r = scenario(uri);
                failed = disarm(in_sqlite, nth);
                /* SQLite lives on without some of its caches */
                if (r != 0 && r != -ENOMEM)
                        fail_msg("allocation %d: %d", nth, r);
                if (!in_sqlite && failed)
                        assert_int_equal(r, -ENOMEM);
                if (!failed)
                        assert_int_equal(r, 0);
        }
        check_file(uri);
        print_message("# %d places\n", nth - 2);
        assert_true(nth > 5);
}

static void test_connection(void **state) {
        run_out_everywhere(((struct test_dir *) *state)->uri, scenario_connection, false);
}

static void test_connection_in_sqlite(void **state) {
        run_out_everywhere(((struct test_dir *) *state)->uri, scenario_connection, true);
}

static void test_new_file_in_sqlite(void **state) {
        struct test_dir *t = *state;
        bool failed = true;
        int r;

        for (int nth = 1; failed; nth += 3) {
                (void) fileio_unlink(t->file);
                arm(true, nth);
                r = scenario_connection(t->uri);
                failed = disarm(true, nth);
                assert_true(r == 0 || r == -ENOMEM);
        }
        check_file(t->uri);
}

static void test_writer(void **state) {
        run_out_everywhere(((struct test_dir *) *state)->uri, scenario_writer, false);
}

static void test_writer_in_sqlite(void **state) {
        run_out_everywhere(((struct test_dir *) *state)->uri, scenario_writer, true);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_connection),         IN_DIR(test_connection_in_sqlite),
                IN_DIR(test_new_file_in_sqlite), IN_DIR(test_writer),
                IN_DIR(test_writer_in_sqlite),
        };

        return cmocka_run_group_tests(tests, install, NULL);
}
