/* The writer on a disk that loses power, is full, or fails: what was acknowledged is there, a job
 * is there whole or not at all, the file is sound. ONEBOX_TEST_ROUNDS sets the number of power
 * cuts. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/entropy.h"
#include "lib/base/fault.h"
#include "lib/db/db.h"
#include "lib/db/db_writer.h"
#include "tests/fake/power_vfs.h"

enum { T_INSERT, T_COUNT_OF, T_BLOAT };
enum { ROWS_A_JOB = 3, CLIENTS = 4, JOBS_A_CLIENT = 40 };

static const struct db_statement rows[] = {
        [T_INSERT] = {"insert", "INSERT INTO t(job, part, text) VALUES (?, ?, ?)"},
        [T_COUNT_OF] = {"count_of", "SELECT count(*) FROM t WHERE job = ?"},
        [T_BLOAT] = {"bloat", "UPDATE t SET text = text || 'x' WHERE job % 7 = ?"},
};
static const struct db_set set = {"t", rows, ARRAY_SIZE(rows)};
static const struct db_set *const sets[] = {&set};

struct insert {
        struct db_job job;
        int64_t id;
};

static int insert_run(struct db *db, struct db_job *job) {
        struct insert *i = container_of(job, struct insert, job);
        char text[300];
        int r = 0;

        memset(text, 'a' + (int) (i->id % 26), sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int part = 0; r == 0 && part < ROWS_A_JOB; part++) {
                DB_USE struct db_stmt *s = db_use(db, &set, T_INSERT);

                db_bind_all(s, i->id, part, (const char *) text);
                r = db_run(s);
        }
        if (r == 0 && i->id % 5 == 0) { /* touches many pages */
                DB_USE struct db_stmt *s = db_use(db, &set, T_BLOAT);

                db_bind_all(s, i->id % 7);
                r = db_run(s);
        }
        return r;
}

static struct db *open_db(const char *uri, unsigned flags) {
        struct db_config config = {.uri = uri, .flags = flags, .sets = sets, .n_sets = 1};
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open_config(&config, &em, &db));
        return db;
}

static void make_table(const char *uri, unsigned flags) {
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, flags | DB_CREATE, &em, &db));
        assert_ok(em, db_exec(db, "CREATE TABLE t(job INTEGER, part INTEGER, text TEXT, "
                                  "PRIMARY KEY(job, part)); CREATE INDEX t_text ON t(text)"));
        db_free(db);
}

static int64_t rows_of(struct db *db, int64_t job) {
        DB_USE struct db_stmt *s = db_use(db, &set, T_COUNT_OF);

        db_bind_all(s, job);
        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

/* --- power cuts
 * ------------------------------------------------------------------------------------ */

struct client {
        struct db_writer *w;
        pthread_t thread;
        int64_t first_id;
        bool acked[JOBS_A_CLIENT];
};

static void *client_main(void *userdata) {
        struct client *c = userdata;

        for (int i = 0; i < JOBS_A_CLIENT; i++) {
                struct insert job = {.job.run = insert_run, .id = c->first_id + i};

                c->acked[i] = db_writer_call(c->w, &job.job) == 0;
        }
        return NULL;
}

static void run_clients(struct db_writer *w, struct client clients[CLIENTS], int64_t first_id) {
        for (int i = 0; i < CLIENTS; i++) {
                clients[i] = (struct client){.w = w, .first_id = first_id + i * JOBS_A_CLIENT};
                assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]),
                                 0);
        }
        for (int i = 0; i < CLIENTS; i++)
                assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
}

struct tally {
        unsigned n_cuts, n_acked, n_lost;
};

/* One day: work until the power goes at a moment by chance, then look what is there. */
static void one_cut(const char *uri, unsigned flags, struct entropy *dice, int64_t first_id,
                    struct tally *tally) {
        struct db_config config = {.uri = uri, .flags = flags, .sets = sets, .n_sets = 1};
        static struct client clients[CLIENTS];
        struct db_writer *w = NULL;
        struct errmsg em = {};
        uint64_t n_calls = 0;
        struct db *db;

        assert_int_equal(entropy_below(dice, 700, &n_calls), 0);
        power_vfs_cut_after((unsigned) n_calls + 1);
        if (db_writer_new(&config, 0, &em, &w) == 0)
                run_clients(w, clients, first_id);
        else
                memset(clients, 0, sizeof(clients));
        db_writer_free(w);
        tally->n_cuts += power_vfs_is_cut();
        assert_int_equal(power_vfs_restore(dice), 0);
        db = open_db(uri, flags);
        assert_ok(em, db_check(db, false, &em));
        for (int i = 0; i < CLIENTS; i++)
                for (int j = 0; j < JOBS_A_CLIENT; j++) {
                        int64_t n = rows_of(db, first_id + i * JOBS_A_CLIENT + j);

                        assert_true(n == 0 || n == ROWS_A_JOB);
                        tally->n_acked += clients[i].acked[j];
                        tally->n_lost += clients[i].acked[j] && n == 0;
                }
        assert_int_equal(db_exec(db, "DELETE FROM t WHERE job % 3 = 0"), 0);
        db_free(db);
}

static struct tally many_cuts(struct test_dir *t, unsigned flags) {
        const char *rounds = getenv("ONEBOX_TEST_ROUNDS");
        int n_rounds = rounds ? atoi(rounds) : 40;
        struct entropy_fake dice;
        struct tally tally = {};

        entropy_fake_init(&dice, 20261122 + flags);
        assert_int_equal(power_vfs_install(), 0);
        make_table(t->uri, flags);
        for (int i = 0; i < n_rounds; i++)
                one_cut(t->uri, flags, &dice.entropy, 1 + (int64_t) i * 1000, &tally);
        power_vfs_remove();
        print_message("# %u power cuts, %u acknowledged jobs, %u lost\n", tally.n_cuts,
                      tally.n_acked, tally.n_lost);
        assert_true(tally.n_cuts > 0);
        assert_true(tally.n_acked > 0);
        return tally;
}

static void test_power_cuts_lose_nothing(void **state) {
        assert_int_equal(many_cuts(*state, 0).n_lost, 0);
}

static void test_power_cuts_with_a_rollback_journal(void **state) {
        assert_int_equal(many_cuts(*state, DB_ROLLBACK).n_lost, 0);
}

/* The check of the check: commits that are not synced are lost, and this test sees it. The file and
 * each job stay whole even so. */
static void test_unsynced_commits_are_lost(void **state) {
        assert_true(many_cuts(*state, DB_SYNC_NORMAL).n_lost > 0);
}

/* --- a disk that is full or fails
 * -------------------------------------------------------------------- */

static void try_fault(struct db_writer *w, struct db *reader, enum fault_point point, int error,
                      unsigned nth, unsigned n_times, int64_t first_id) {
        int r[6];

        fault_arm(point, nth, error, n_times);
        for (int i = 0; i < 6; i++) {
                struct insert job = {.job.run = insert_run, .id = first_id + i};

                r[i] = db_writer_call(w, &job.job);
        }
        fault_reset();
        for (int i = 0; i < 6; i++) {
                assert_true(r[i] == 0 || r[i] == -error || r[i] == -EIO);
                assert_int_equal(rows_of(reader, first_id + i), r[i] == 0 ? ROWS_A_JOB : 0);
        }
        /* the disk is well again: so is the writer */
        assert_int_equal(
                db_writer_call(w, &(struct insert){.job.run = insert_run, .id = first_id + 10}.job),
                0);
        assert_int_equal(rows_of(reader, first_id + 10), ROWS_A_JOB);
}

static void many_faults(struct test_dir *t, enum fault_point point, int error) {
        struct db_config config = {.uri = t->uri, .sets = sets, .n_sets = 1};
        struct db_writer *w = NULL;
        struct errmsg em = {};
        struct db *reader;

        assert_int_equal(power_vfs_install(), 0);
        make_table(t->uri, 0);
        assert_ok(em, db_writer_new(&config, 0, &em, &w));
        reader = open_db(t->uri, DB_READ_ONLY);
        for (unsigned nth = 1; nth <= 30; nth++)
                for (unsigned n_times = 1; n_times <= 4; n_times += 3)
                        try_fault(w, reader, point, error, nth, n_times,
                                  nth * 1000 + n_times * 100);
        assert_ok(em, db_check(reader, false, &em));
        db_free(reader);
        db_writer_free(w);
        power_vfs_remove();
        reader = open_db(t->uri, 0); /* and after a clean stop */
        assert_ok(em, db_check(reader, false, &em));
        assert_int_equal(rows_of(reader, 30 * 1000 + 400 + 10), ROWS_A_JOB);
        db_free(reader);
}

static void test_a_full_disk(void **state) {
        many_faults(*state, FAULT_WRITE, ENOSPC);
}

static void test_failing_writes(void **state) {
        many_faults(*state, FAULT_WRITE, EIO);
}

static void test_failing_syncs(void **state) {
        many_faults(*state, FAULT_FSYNC, EIO);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_power_cuts_lose_nothing),
                IN_DIR(test_power_cuts_with_a_rollback_journal),
                IN_DIR(test_unsynced_commits_are_lost),
                IN_DIR(test_a_full_disk),
                IN_DIR(test_failing_writes),
                IN_DIR(test_failing_syncs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
