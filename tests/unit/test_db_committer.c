/* What was begun here is committed there: told once, seen by others from then on, or wholly undone.
 */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <semaphore.h>

#include "lib/base/fault.h"
#include "lib/db/db.h"
#include "lib/db/db_committer.h"

struct fixture {
        struct db *db, *other;
        struct db_committer *c;
        sem_t told;
        int answer;
        unsigned n_told;
};

static void on_done(void *ctx, int r) {
        struct fixture *f = ctx;

        f->answer = r;
        f->n_told++;
        (void) sem_post(&f->told);
}

static void open_fixture(struct fixture *f, const struct test_dir *t) {
        struct errmsg em = {};

        *f = (struct fixture){};
        assert_int_equal(sem_init(&f->told, 0, 0), 0);
        assert_ok(em, db_open(t->uri, DB_CREATE, &em, &f->db));
        assert_ok(em, db_exec(f->db, "CREATE TABLE t(id INTEGER PRIMARY KEY)"));
        assert_ok(em, db_open(t->uri, DB_READ_ONLY, &em, &f->other));
        assert_int_equal(db_committer_new(f->db, on_done, f, &f->c), 0);
}

static void done_fixture(struct fixture *f) {
        f->c = db_committer_free(f->c);
        db_free(f->other);
        db_free(f->db);
        (void) sem_destroy(&f->told);
}

static int64_t count(struct db *db) {
        struct db_stmt *s;
        int64_t n;

        assert_int_equal(db_prepare_dynamic(db, "SELECT count(*) FROM t", &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        n = db_col_i64(s, 0);
        db_reset(s);
        return n;
}

static void write_one(struct fixture *f) {
        assert_int_equal(db_begin(f->db, true), 0);
        assert_int_equal(db_exec(f->db, "INSERT INTO t(id) VALUES (NULL)"), 0);
}

static int commit(struct fixture *f) {
        db_committer_start(f->c);
        while (sem_wait(&f->told) < 0 && errno == EINTR)
                ;
        assert_false(db_is_lent(f->db));
        assert_false(db_in_transaction(f->db));
        return f->answer;
}

static void test_commits(void **state) {
        struct fixture f;

        open_fixture(&f, *state);
        for (int i = 1; i <= 20; i++) {
                write_one(&f);
                assert_int_equal(count(f.other), i - 1);
                assert_int_equal(commit(&f), 0);
                assert_int_equal(count(f.other), i);
        }
        assert_int_equal(f.n_told, 20);
        done_fixture(&f);
}

static void test_failure_undoes_all(void **state) {
        struct fixture f;

        open_fixture(&f, *state);
        write_one(&f);
        assert_int_equal(commit(&f), 0);
        fault_arm(FAULT_COMMIT, 1, ENOSPC, 1);
        write_one(&f);
        assert_int_equal(commit(&f), -ENOSPC);
        assert_int_equal(count(f.other), 1);
        assert_int_equal(count(f.db), 1);
        fault_reset();
        write_one(&f);
        assert_int_equal(commit(&f), 0);
        assert_int_equal(count(f.other), 2);
        done_fixture(&f);
}

/* Freed at once: what was asked for is done and told. */
static void test_free_waits(void **state) {
        for (int i = 0; i < 50; i++) {
                struct fixture f;

                open_fixture(&f, *state);
                assert_int_equal(db_exec(f.db, "DELETE FROM t"), 0);
                write_one(&f);
                db_committer_start(f.c);
                f.c = db_committer_free(f.c);
                assert_int_equal(f.n_told, 1);
                assert_int_equal(f.answer, 0);
                assert_int_equal(count(f.other), 1);
                assert_int_equal(db_exec(f.db, "DROP TABLE t"), 0);
                done_fixture(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_commits),
                IN_DIR(test_failure_undoes_all),
                IN_DIR(test_free_waits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
