/* The writer: order, isolation of jobs, one truth for each, nothing acknowledged is lost. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "lib/base/fault.h"
#include "lib/db/db.h"
#include "lib/db/db_writer.h"

enum { T_INSERT, T_INSERT_OR_ROLLBACK, T_HAS, T_COUNT };

static const struct db_statement rows[] = {
        [T_INSERT] = {"insert", "INSERT INTO t(id) VALUES (?)"},
        [T_INSERT_OR_ROLLBACK] = {"insert_or_rollback", "INSERT OR ROLLBACK INTO t(id) VALUES (?)"},
        [T_HAS] = {"has", "SELECT 1 FROM t WHERE id = ?"},
        [T_COUNT] = {"count", "SELECT count(*) FROM t"},
};
static const struct db_set set = {"t", rows, ARRAY_SIZE(rows)};
static const struct db_set *const sets[] = {&set};

struct insert {
        struct db_job job;
        int64_t id;
        size_t statement;
        int fail_after;  /* run() answers this once it has written */
        int n_overtaken; /* so often run() says that another writer came between */
        int n_runs, n_done, r;
        atomic_int *order;
        int at; /* place in the order of done() */
};

static int insert_run(struct db *db, struct db_job *job) {
        struct insert *i = container_of(job, struct insert, job);
        DB_USE struct db_stmt *s = db_use(db, &set, i->statement);
        int r;

        i->n_runs++;
        db_bind_all(s, i->id);
        r = db_run(s);
        if (i->n_runs <= i->n_overtaken)
                return -ESTALE;
        return r < 0 ? r : r == DB_CONFLICT ? -EEXIST : i->fail_after;
}

static void insert_done(struct db_job *job, int r) {
        struct insert *i = container_of(job, struct insert, job);

        i->n_done++;
        i->r = r;
        if (i->order)
                i->at = atomic_fetch_add(i->order, 1);
}

#define INSERT(id_) \
        { .job = {.run = insert_run, .done = insert_done}, .id = (id_) }
#define INSERT_NOW(id_) ((struct insert) INSERT(id_))

/* Holds the writer inside a batch until the test says go: what is queued meanwhile is one batch. */
struct gate {
        struct db_job job;
        sem_t entered, go;
};

static int gate_run(struct db *db, struct db_job *job) {
        struct gate *g = container_of(job, struct gate, job);

        sem_post(&g->entered);
        sem_wait(&g->go);
        return 0;
}

static void gate_done(struct db_job *job, int r) {
        assert_int_equal(r, 0);
}

static void gate_close(struct gate *g, struct db_writer *w) {
        *g = (struct gate){.job = {.run = gate_run, .done = gate_done}};
        sem_init(&g->entered, 0, 0);
        sem_init(&g->go, 0, 0);
        assert_int_equal(db_writer_submit(w, &g->job), 0);
        sem_wait(&g->entered);
}

/* As one batch, which begins now. */
static void submit_together(struct db_writer *w, struct gate *g, struct insert *jobs, size_t n) {
        gate_close(g, w);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(db_writer_submit(w, &jobs[i].job), 0);
        sem_post(&g->go);
}

static struct db_writer *start(const char *uri, size_t n_max) {
        struct db_config config = {.uri = uri, .flags = DB_CREATE, .sets = sets, .n_sets = 1};
        struct db_writer *w = NULL;
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, DB_CREATE, &em, &db));
        assert_ok(em, db_exec(db, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY)"));
        db_free(db);
        assert_ok(em, db_writer_new(&config, n_max, &em, &w));
        return w;
}

static bool has(struct db *db, int64_t id) {
        DB_USE struct db_stmt *s = db_use(db, &set, T_HAS);

        db_bind_all(s, id);
        return db_step(s) == DB_ROW;
}

static struct db *reader(const char *uri) {
        struct db_config config = {.uri = uri, .flags = DB_READ_ONLY, .sets = sets, .n_sets = 1};
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open_config(&config, &em, &db));
        return db;
}

static void test_one_batch_in_order(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[50];
        struct db_writer_stats stats;
        atomic_int order = 0;
        sigset_t blocked;
        struct gate g;

        gate_close(&g, w);
        for (int i = 0; i < 50; i++) {
                jobs[i] = (struct insert) INSERT(i);
                jobs[i].order = &order;
                assert_int_equal(db_writer_submit(w, &jobs[i].job), 0);
        }
        db_writer_get_stats(w, &stats);
        assert_int_equal(stats.n_queued, 50);
        assert_int_equal(stats.n_batches, 0);
        sem_post(&g.go);
        assert_int_equal(db_writer_call(w, &INSERT_NOW(100).job), 0);
        db_writer_get_stats(w, &stats);
        assert_int_equal(stats.n_jobs, 52);
        assert_true(stats.n_batches <= 3);
        assert_int_equal(stats.n_queued, 0);
        assert_int_equal(stats.n_failed, 0);
        assert_true(stats.n_queued_max == 50 || stats.n_queued_max == 51);
        (void) pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        assert_int_equal(sigismember(&blocked, SIGTERM), 0); /* only the writer's own thread */
        db_writer_free(w);
        for (int i = 0; i < 50; i++) {
                assert_int_equal(jobs[i].r, 0);
                assert_int_equal(jobs[i].at, i);
                assert_int_equal(jobs[i].n_runs, 1);
        }
}

static void test_a_failing_job_undoes_itself_only(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[] = {INSERT(1), INSERT(2), INSERT(1), INSERT(4)};
        _cleanup_(db_freep) struct db *db = reader(t->uri);
        struct insert alone = INSERT(5);
        struct gate g;

        jobs[1].fail_after = -EPERM;
        jobs[3].fail_after = 7; /* a documented answer: kept */
        submit_together(w, &g, jobs, ARRAY_SIZE(jobs));
        alone.fail_after = -EPERM;
        assert_int_equal(db_writer_call(w, &alone.job), -EPERM);
        assert_int_equal(jobs[0].r, 0);
        assert_int_equal(jobs[1].r, -EPERM);
        assert_int_equal(jobs[2].r, -EEXIST);
        assert_int_equal(jobs[3].r, 7);
        assert_true(has(db, 1));
        assert_false(has(db, 2));
        assert_true(has(db, 4));
        assert_false(has(db, 5));
        assert_int_equal(jobs[0].n_runs, 2); /* with what the second had written */
        db_writer_free(w);
}

/* By another writer of the database: it is run again until it is not, or has been so too often. */
static void test_an_overtaken_job_is_run_again(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[] = {INSERT(1), INSERT(2), INSERT(3), INSERT(4)};
        _cleanup_(db_freep) struct db *db = reader(t->uri);
        struct gate g;

        jobs[1].n_overtaken = DB_WRITER_TRIES - 1;
        jobs[2].n_overtaken = 1000;
        submit_together(w, &g, jobs, ARRAY_SIZE(jobs));
        assert_int_equal(db_writer_call(w, &INSERT_NOW(9).job), 0);
        assert_int_equal(jobs[1].r, 0);
        assert_int_equal(jobs[2].r, -ESTALE);
        assert_true(jobs[2].n_runs >= DB_WRITER_TRIES && jobs[2].n_runs < 2 * DB_WRITER_TRIES);
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
                assert_int_equal(jobs[i].n_done, 1);
                assert_true(has(db, (int64_t) i + 1) == (i != 2));
        }
        assert_true(has(db, 9));
        db_writer_free(w);
}

/* Who fails without having written costs the others nothing. */
static void test_a_refused_job_is_left_out(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[] = {INSERT(1), INSERT(1), INSERT(2)};
        _cleanup_(db_freep) struct db *db = reader(t->uri);
        struct gate g;

        submit_together(w, &g, jobs, ARRAY_SIZE(jobs));
        assert_int_equal(db_writer_call(w, &INSERT_NOW(9).job), 0);
        assert_int_equal(jobs[0].r, 0);
        assert_int_equal(jobs[1].r, -EEXIST);
        assert_int_equal(jobs[2].r, 0);
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                assert_int_equal(jobs[i].n_runs, 1);
        assert_true(has(db, 1) && has(db, 2) && has(db, 9));
        db_writer_free(w);
}

static void test_a_broken_transaction_is_run_again(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[] = {INSERT(1), INSERT(2), INSERT(1), INSERT(3)};
        _cleanup_(db_freep) struct db *db = reader(t->uri);
        struct gate g;

        jobs[2].statement = T_INSERT_OR_ROLLBACK; /* takes the whole batch with it */
        submit_together(w, &g, jobs, ARRAY_SIZE(jobs));
        assert_int_equal(db_writer_call(w, &INSERT_NOW(9).job), 0);
        assert_int_equal(jobs[0].r, 0);
        assert_int_equal(jobs[0].n_runs, 2);
        assert_int_equal(jobs[1].r, 0);
        assert_int_equal(jobs[2].r, -EEXIST);
        assert_int_equal(jobs[3].r, 0);
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                assert_int_equal(jobs[i].n_done, 1);
        for (int id = 1; id <= 3; id++)
                assert_true(has(db, id));
        db_writer_free(w);
}

static void test_a_failed_commit_writes_nothing(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[] = {INSERT(1), INSERT(2), INSERT(2)};
        _cleanup_(db_freep) struct db *db = reader(t->uri);
        struct gate g;

        gate_close(&g, w);
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                assert_int_equal(db_writer_submit(w, &jobs[i].job), 0);
        fault_arm(FAULT_COMMIT, 2, ENOSPC, 1); /* the gate's own commit goes well */
        sem_post(&g.go);
        db_writer_free(w);
        fault_reset();
        assert_int_equal(jobs[0].r, -ENOSPC);
        assert_int_equal(jobs[1].r, -ENOSPC);
        assert_int_equal(jobs[2].r, -EEXIST); /* its own reason */
        assert_false(has(db, 1));
        assert_false(has(db, 2));
        w = start(t->uri, 0);
        assert_int_equal(db_writer_call(w, &INSERT_NOW(2).job), 0);
        assert_true(has(db, 2));
        db_writer_free(w);
}

static int slow_run(struct db *db, struct db_job *job) {
        (void) usleep(60000); /* longer than a batch may run */
        return insert_run(db, job);
}

static void test_slow_jobs_cut_their_batch(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        struct insert jobs[] = {INSERT(1), INSERT(2), INSERT(3), INSERT(3)};
        struct db_writer_stats stats;
        atomic_int order = 0;
        struct gate g;

        jobs[0].job.run = jobs[1].job.run = slow_run;
        gate_close(&g, w);
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
                jobs[i].order = &order;
                assert_int_equal(db_writer_submit(w, &jobs[i].job), 0);
        }
        sem_post(&g.go);
        assert_int_equal(db_writer_call(w, &INSERT_NOW(9).job), 0);
        db_writer_get_stats(w, &stats);
        assert_true(stats.n_batches >= 3); /* the gate, each slow one; the last may not count yet */
        db_writer_free(w);
        for (int i = 0; i < 4; i++) {
                assert_int_equal(jobs[i].at, i);
                assert_int_equal(jobs[i].n_runs, 1);
                assert_int_equal(jobs[i].r, i < 3 ? 0 : -EEXIST);
        }
}

struct late {
        struct insert insert;
        struct db_writer *w;
        uint64_t n_before; /* batches, when it was done */
};

static void late_done(struct db_job *job, int r) {
        struct late *l = container_of(job, struct late, insert.job);
        struct db_writer_stats stats;

        db_writer_get_stats(l->w, &stats);
        l->n_before = stats.n_batches;
        insert_done(job, r);
}

/* Three are wanted, the third comes while the first runs: it is of the same commit. */
static void grow(struct test_dir *t, struct insert *early, struct late *late) {
        struct db_writer *w = late->w = start(t->uri, 0);
        struct gate first, second;

        late->insert.job.done = late_done;
        gate_close(&first, w);
        second = (struct gate){.job = {.run = gate_run, .done = gate_done}};
        sem_init(&second.entered, 0, 0);
        sem_init(&second.go, 0, 0);
        assert_int_equal(db_writer_submit(w, &second.job), 0);
        assert_int_equal(db_writer_submit(w, &early->job), 0);
        sem_post(&first.go);
        sem_wait(&second.entered);
        assert_int_equal(db_writer_submit(w, &late->insert.job), 0);
        sem_post(&second.go);
        sem_post(&second.go); /* should it run a second time */
        db_writer_free(w);
        assert_int_equal(late->n_before, 1);
        assert_int_equal(early->r, 0);
}

static void test_a_batch_grows(void **state) {
        struct insert early = INSERT(1), early_too = INSERT(3);
        struct late late = {.insert = INSERT(2)}, failing = {.insert = INSERT(4)};
        struct db *db;

        grow(*state, &early, &late);
        assert_int_equal(late.insert.r, 0);
        assert_int_equal(early.n_runs, 1);
        failing.insert.fail_after = -EDOM; /* has written: all are run again, with savepoints */
        grow(*state, &early_too, &failing);
        assert_int_equal(failing.insert.r, -EDOM);
        assert_int_equal(early_too.n_runs, 2);
        db = reader(((struct test_dir *) *state)->uri);
        for (int64_t id = 1; id <= 4; id++)
                assert_int_equal(has(db, id), id != 4);
        db_free(db);
}

static void test_a_full_queue_refuses(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 2);
        struct insert jobs[] = {INSERT(1), INSERT(2), INSERT(3)};
        struct db_writer_stats stats;
        struct gate g;

        gate_close(&g, w);
        assert_int_equal(db_writer_submit(w, &jobs[0].job), 0);
        assert_int_equal(db_writer_submit(w, &jobs[1].job), 0);
        assert_int_equal(db_writer_submit(w, &jobs[2].job), -EAGAIN);
        db_writer_get_stats(w, &stats);
        assert_int_equal(stats.n_refused, 1);
        sem_post(&g.go);
        assert_int_equal(db_writer_call(w, &INSERT_NOW(9).job), 0);
        db_writer_free(w);
        assert_int_equal(jobs[1].n_done, 1);
        assert_int_equal(jobs[2].n_done, 0);
}

static void test_free_finishes_the_queue(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 0);
        static struct insert jobs[3000];

        for (int i = 0; i < 3000; i++) {
                jobs[i] = (struct insert) INSERT(i);
                assert_int_equal(db_writer_submit(w, &jobs[i].job), 0);
        }
        assert_null(db_writer_free(w));
        for (int i = 0; i < 3000; i++)
                assert_true(jobs[i].n_done == 1 && jobs[i].r == 0);
        assert_null(db_writer_free(NULL));
}

struct client {
        struct db_writer *w;
        pthread_t thread;
        int first_id, n_failed;
};

static void *client_main(void *userdata) {
        struct client *c = userdata;

        for (int i = 0; i < 200; i++) {
                struct insert job = INSERT(c->first_id + i);

                if (db_writer_call(c->w, &job.job) != 0)
                        c->n_failed++;
        }
        return NULL;
}

static void test_many_clients(void **state) {
        struct test_dir *t = *state;
        struct db_writer *w = start(t->uri, 4); /* calls wait for room */
        _cleanup_(db_freep) struct db *db = reader(t->uri);
        struct client clients[16];
        struct db_stmt *s;

        for (int i = 0; i < 16; i++) {
                clients[i] = (struct client){.w = w, .first_id = i * 1000};
                assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]),
                                 0);
        }
        for (int i = 0; i < 16; i++) {
                assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
                assert_int_equal(clients[i].n_failed, 0);
        }
        s = db_use(db, &set, T_COUNT);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(db_col_i64(s, 0), 16 * 200);
        db_writer_free(w);
}

/* --- kill -9 -------------------------------------------------------------------------------------
 */

struct acked_insert {
        struct insert insert;
        int fd;
};

static void acked_done(struct db_job *job, int r) {
        struct insert *i = container_of(job, struct insert, job);
        struct acked_insert *a = container_of(i, struct acked_insert, insert);

        if (r == 0 && write(a->fd, &i->id, sizeof(i->id)) != sizeof(i->id))
                _exit(1);
        free(a);
}

/* Writes until it is killed; tells each id once it is acknowledged. */
static void write_for_ever(const char *uri, int64_t first_id, int fd) {
        struct db_writer *w = start(uri, 32);

        for (int64_t id = first_id;; id++) {
                struct acked_insert *a = malloc(sizeof(*a));
                int r;

                if (!a)
                        _exit(1);
                *a = (struct acked_insert){.insert = INSERT(id), .fd = fd};
                a->insert.job.done = acked_done;
                while ((r = db_writer_submit(w, &a->insert.job)) == -EAGAIN)
                        (void) usleep(50); /* the queue is full: that is the load we want */
                if (r < 0)
                        _exit(1);
        }
}

static size_t check_acked(const char *uri, int fd) {
        _cleanup_(db_freep) struct db *db = reader(uri);
        struct errmsg em = {};
        size_t n = 0;
        int64_t id;

        assert_ok(em, db_check(db, false, &em));
        for (; read(fd, &id, sizeof(id)) == sizeof(id); n++)
                assert_true(has(db, id));
        return n;
}

static void test_killed_writer_loses_nothing(void **state) {
        const char *rounds = getenv("ONEBOX_TEST_ROUNDS");
        int n_rounds = rounds ? atoi(rounds) : 12;
        struct test_dir *t = *state;
        size_t n_acked = 0;

        srandom(42);
        for (int round = 0; round < n_rounds; round++) {
                int fds[2], status;
                pid_t pid;

                assert_int_equal(pipe(fds), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        (void) close(fds[0]);
                        write_for_ever(t->uri, (int64_t) round * 10000000, fds[1]);
                }
                (void) close(fds[1]);
                (void) usleep(10000 + (useconds_t) (random() % 120000)); /* a moment by chance */
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                n_acked += check_acked(t->uri, fds[0]);
                (void) close(fds[0]);
        }
        assert_true(n_acked > 0);
        print_message("# %d kills, %zu acknowledged rows, all there\n", n_rounds, n_acked);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_one_batch_in_order),
                IN_DIR(test_a_failing_job_undoes_itself_only),
                IN_DIR(test_a_refused_job_is_left_out),
                IN_DIR(test_an_overtaken_job_is_run_again),
                IN_DIR(test_a_broken_transaction_is_run_again),
                IN_DIR(test_a_failed_commit_writes_nothing),
                IN_DIR(test_slow_jobs_cut_their_batch),
                IN_DIR(test_a_batch_grows),
                IN_DIR(test_a_full_queue_refuses),
                IN_DIR(test_free_finishes_the_queue),
                IN_DIR(test_many_clients),
                IN_DIR(test_killed_writer_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
