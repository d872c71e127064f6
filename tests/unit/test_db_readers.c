/* Readers: one connection a thread, taken over when a thread ends, never in the writer's way. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <pthread.h>

#include "lib/db/db.h"
#include "lib/db/db_readers.h"

static const struct db_statement rows[] = {{"count", "SELECT count(*) FROM t"}};
static const struct db_set set = {"t", rows, 1};
static const struct db_set *const sets[] = {&set};

static struct db_readers *readers_of(const char *uri) {
        struct db_config config = {.uri = uri, .flags = DB_CREATE, .sets = sets, .n_sets = 1};
        struct db_readers *r = NULL;
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, DB_CREATE, &em, &db));
        assert_ok(em, db_exec(db, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY)"));
        db_free(db);
        assert_ok(em, db_readers_new(&config, &em, &r));
        return r;
}

static int64_t count(struct db *db) {
        DB_USE struct db_stmt *s = db_use(db, &set, 0);

        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

static void *get(void *readers) {
        struct db *db = NULL, *again = NULL;

        assert_int_equal(db_readers_get(readers, &db), 0);
        assert_int_equal(db_readers_get(readers, &again), 0);
        assert_ptr_equal(db, again);
        assert_int_equal(count(db), 0);
        return db;
}

static void test_a_connection_for_each_thread(void **state) {
        struct test_dir *t = *state;
        struct db_readers *r = readers_of(t->uri);
        pthread_t thread;
        void *first, *second, *mine;

        mine = get(r);
        assert_int_equal(pthread_create(&thread, NULL, get, r), 0);
        assert_int_equal(pthread_join(thread, &first), 0);
        assert_int_equal(pthread_create(&thread, NULL, get, r), 0);
        assert_int_equal(pthread_join(thread, &second), 0);
        assert_ptr_not_equal(mine, first);
        assert_ptr_equal(first, second); /* taken over */
        assert_ptr_equal(get(r), mine);
        assert_null(db_readers_free(r));
        assert_null(db_readers_free(NULL));
}

/* With few pages a statement is kept once it was used; a wrong one stops the start all the same. */
static void test_statements_when_used(void **state) {
        static const struct db_statement wrong_rows[] = {{"count", "SELECT count(*) FROM t"},
                                                         {"wrong", "SELECT x FROM t"}};
        static const struct db_set wrong = {"w", wrong_rows, 2};
        static const struct db_set *const wrong_sets[] = {&wrong};
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = NULL, *writer = NULL;
        struct db_config config = {
                .uri = t->uri, .flags = DB_READ_ONLY | DB_FEW_PAGES, .sets = sets, .n_sets = 1};
        struct errmsg em = {};
        struct db_stmt *s;

        db_readers_free(readers_of(t->uri));
        assert_ok(em, db_open_config(&config, &em, &db));
        assert_int_equal(count(db), 0);
        assert_int_equal(count(db), 0);
        config.sets = wrong_sets;
        assert_int_equal(db_open_config(&config, &em, &writer), -EINVAL);
        assert_non_null(strstr(em.text, "w.wrong"));

        /* what cannot be prepared any more is the next step's answer, binds before it or not */
        db_free(db);
        config.sets = sets;
        assert_ok(em, db_open_config(&config, &em, &db));
        assert_ok(em, db_open(t->uri, 0, &em, &writer));
        assert_int_equal(db_exec(writer, "DROP TABLE t"), 0);
        assert_int_equal(db_exec(db, "SELECT 1 FROM sqlite_schema"), 0); /* it learns of that */
        s = db_use(db, &set, 0);
        db_bind_i64(s, 1, 1);
        db_bind_text(s, 2, "x");
        assert_true(db_step(s) < 0);
        assert_non_null(strstr(db_errmsg(db), "prepared"));
        db_reset(s);
        assert_int_equal(db_exec(writer, "CREATE TABLE t(id INTEGER PRIMARY KEY)"), 0);
        assert_int_equal(count(db), 0);
}

/* Where another connection has looked, a wrong statement hurts whoever uses it, and nobody else. */
static void test_statements_checked_elsewhere(void **state) {
        static const struct db_statement some_rows[] = {{"count", "SELECT count(*) FROM t"},
                                                        {"wrong", "SELECT x FROM t"}};
        static const struct db_set some = {"s", some_rows, 2};
        static const struct db_set *const some_sets[] = {&some};
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = NULL;
        struct db_config config = {
                .uri = t->uri, .flags = DB_READ_ONLY | DB_CHECKED, .sets = some_sets, .n_sets = 1};
        struct errmsg em = {};
        struct db_stmt *s;

        db_readers_free(readers_of(t->uri));
        assert_ok(em, db_open_config(&config, &em, &db));
        s = db_use(db, &some, 1);
        assert_int_equal(db_step(s), -EINVAL);
        assert_non_null(strstr(db_errmsg(db), "prepared"));
        for (int i = 0; i < 2; i++) {
                s = db_use(db, &some, 0);
                assert_int_equal(db_step(s), DB_ROW);
                assert_int_equal(db_col_i64(s, 0), 0);
                db_reset(s);
        }
}

static void test_reads_while_another_writes(void **state) {
        struct test_dir *t = *state;
        struct db_readers *r = readers_of(t->uri);
        _cleanup_(db_freep) struct db *writer = NULL;
        struct errmsg em = {};
        struct db *db;

        assert_ok(em, db_open(t->uri, 0, &em, &writer));
        assert_int_equal(db_readers_get(r, &db), 0);
        assert_int_equal(db_begin(writer, true), 0);
        assert_int_equal(db_exec(writer, "INSERT INTO t VALUES (1)"), 0);
        assert_int_equal(count(db), 0);
        assert_int_equal(db_commit(writer), 0);
        assert_int_equal(count(db), 1);
        assert_int_equal(db_exec(db, "INSERT INTO t VALUES (2)"), -EROFS);
        db_readers_free(r);
}

static void test_a_bad_start_says_why(void **state) {
        static const struct db_statement bad[] = {{"all", "SELECT * FROM no_such_table"}};
        static const struct db_set bad_set = {"bad", bad, 1};
        static const struct db_set *const bad_sets[] = {&bad_set};
        struct test_dir *t = *state;
        struct db_config config = {.uri = t->uri, .sets = bad_sets, .n_sets = 1};
        struct db_readers *r = NULL;
        struct errmsg em = {};

        assert_int_equal(db_readers_new(&config, &em, &r), -ENOENT);
        db_readers_free(readers_of(t->uri)); /* makes the file */
        assert_int_equal(db_readers_new(&config, &em, &r), -EINVAL);
        assert_non_null(strstr(em.text, "bad.all"));
        assert_null(r);
}

struct holder {
        struct db_readers *r;
        pthread_barrier_t *here;
        int answer;
};

static void *hold(void *userdata) {
        struct holder *h = userdata;
        struct db *db;

        h->answer = db_readers_get(h->r, &db);
        pthread_barrier_wait(h->here);
        return NULL;
}

static void test_the_limit(void **state) {
        enum { N = DB_READERS_MAX + 1 };
        struct test_dir *t = *state;
        struct db_readers *r = readers_of(t->uri);
        static struct holder holders[N];
        pthread_barrier_t here;
        pthread_t threads[N];
        int n_refused = 0;

        assert_int_equal(pthread_barrier_init(&here, NULL, N), 0);
        for (int i = 0; i < N; i++) {
                holders[i] = (struct holder){.r = r, .here = &here};
                assert_int_equal(pthread_create(&threads[i], NULL, hold, &holders[i]), 0);
        }
        for (int i = 0; i < N; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                assert_true(holders[i].answer == 0 || holders[i].answer == -EMFILE);
                n_refused += holders[i].answer == -EMFILE;
        }
        assert_int_equal(n_refused, 1);
        pthread_barrier_destroy(&here);
        db_readers_free(r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_a_connection_for_each_thread), IN_DIR(test_statements_when_used),
                IN_DIR(test_statements_checked_elsewhere), IN_DIR(test_reads_while_another_writes),
                IN_DIR(test_a_bad_start_says_why),         IN_DIR(test_the_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
