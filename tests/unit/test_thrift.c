/* Pages are given back once nothing was done for a while, not before. */
#include "tests/unit/db_test_dir.h"

#include <pthread.h>
#include <semaphore.h>

#include "daemons/scheduler/thrift.h"
#include "lib/db/db.h"
#include "lib/db/db_readers.h"
#include "lib/net/loop.h"

static void count(void *ctx) {
        ++*(unsigned *) ctx;
}

static void work(struct db *db) {
        assert_int_equal(
                db_exec(db, "INSERT INTO t SELECT NULL, randomblob(4000) FROM t LIMIT 100"), 0);
}

struct elsewhere {
        struct thrift *t;
        struct db_readers *readers;
        sem_t has_read, may_rest;
};

static void *elsewhere_main(void *ctx) {
        struct elsewhere *e = ctx;
        struct db *reader;

        assert_int_equal(db_readers_get(e->readers, &reader), 0);
        assert_int_equal(db_exec(reader, "SELECT sum(length(x)) FROM t"), 0);
        sem_post(&e->has_read);
        sem_wait(&e->may_rest);
        thrift_rest(e->t);
        return NULL;
}

/* There is no rest as long as another thread has not closed its reader. */
static void reads_elsewhere(struct thrift *t, struct db_readers *readers) {
        struct elsewhere e = {.t = t, .readers = readers};
        pthread_t thread;

        sem_init(&e.has_read, 0, 0);
        sem_init(&e.may_rest, 0, 0);
        assert_int_equal(pthread_create(&thread, NULL, elsewhere_main, &e), 0);
        sem_wait(&e.has_read);
        assert_true(thrift_is_due(t));
        sem_post(&e.may_rest);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(thrift_is_due(t));
        sem_destroy(&e.has_read);
        sem_destroy(&e.may_rest);
}

static void test_given_back(void **state) {
        struct test_dir *dir = *state;
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct thrift *t = NULL;
        struct errmsg em = {};
        struct db_readers *readers = NULL;
        struct db *db = NULL, *reader;
        unsigned n_also = 0;
        usec_t began;
        size_t bytes;

        assert_ok(em, db_open(dir->uri, DB_CREATE, &em, &db));
        assert_int_equal(db_exec(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB);"
                                     "INSERT INTO t VALUES(1, 'x')"),
                         0);
        for (size_t i = 0; i < 10; i++)
                work(db);
        assert_int_equal(loop_new(&l), 0);
        thrift_look(NULL); /* before it is there */
        assert_ok(em, db_readers_new(&(struct db_config){.uri = dir->uri}, &em, &readers));
        assert_int_equal(thrift_new(l, db, readers, 20 * USEC_PER_MSEC, &t), 0);
        assert_int_equal(thrift_count(t, &bytes), 0);
        thrift_set_also(t, count, &n_also);

        /* work goes on: nothing is given back, however long it takes */
        thrift_look(t);
        began = loop_now(l, CLOCK_BOOTTIME);
        while (thrift_count(t, &bytes) == 0)
                assert_true(loop_turn(l, 20 * USEC_PER_SEC) >= 0);
        assert_true(loop_now(l, CLOCK_BOOTTIME) >= began + 20 * USEC_PER_MSEC);
        assert_true(bytes > 100 * 4000);
        assert_int_equal(db_trim(db), 0);

        /* and by whoever reads; a thread that has read nothing has nothing */
        assert_int_equal(db_readers_trim(readers), 0);
        assert_int_equal(db_readers_get(readers, &reader), 0);
        assert_int_equal(db_exec(reader, "SELECT sum(length(x)) FROM t"), 0);
        assert_false(thrift_is_due(t)); /* one's own does not count */
        thrift_rest(t);
        assert_true(thrift_is_due(t)); /* its memory is the loop's to give back */
        while (thrift_count(t, &bytes) == 1)
                assert_true(loop_turn(l, 20 * USEC_PER_SEC) >= 0);
        assert_false(thrift_is_due(t));
        reads_elsewhere(t, readers);
        while (thrift_count(t, &bytes) == 2)
                assert_true(loop_turn(l, 20 * USEC_PER_SEC) >= 0);
        assert_false(thrift_is_due(t));
        assert_int_equal(db_readers_trim(readers), 0);
        assert_false(db_readers_close(readers));
        assert_int_equal(db_readers_get(readers, &reader), 0); /* it is there again when needed */
        assert_int_equal(db_begin(reader, false), 0);
        assert_false(db_readers_close(readers)); /* in use */
        db_rollback(reader);
        assert_int_equal(db_exec(reader, "SELECT sum(length(x)) FROM t"), 0);
        assert_true(db_readers_trim(readers) > 50 * 4000);

        /* once for each burst */
        assert_int_equal(loop_turn(l, 100 * USEC_PER_MSEC), 0);
        assert_int_equal(thrift_count(t, &bytes), 3);
        work(db);
        thrift_look(t);
        thrift_look(t);
        while (thrift_count(t, &bytes) == 3)
                assert_true(loop_turn(l, 20 * USEC_PER_SEC) >= 0);
        assert_int_equal(loop_turn(l, 100 * USEC_PER_MSEC), 0);
        assert_int_equal(thrift_count(t, &bytes), 4);
        assert_int_equal(n_also, 4);
        thrift_free(t);
        db_readers_free(readers);
        db_free(db);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_given_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
