/* The pool: order, limits, back-off, and that every job is finished exactly once, whatever dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>

#include "daemons/serving/pyworker_pool.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "tests/unit/pyworker_test_worker.h"

#define PATIENCE (20 * USEC_PER_SEC)
#define JOBS 64

struct fixture {
        struct loop *loop;
        struct pyworker_pool *pool;
        struct pyworker_pool_options o;
        struct pyworker_pool_job jobs[JOBS];
        enum pyworker_pool_outcome outcomes[JOBS];
        unsigned n_calls[JOBS];
        unsigned order[JOBS], n_done;
        unsigned n_notices;
        bool stopped;
};

static void on_done(struct pyworker_pool_job *job, enum pyworker_pool_outcome outcome,
                    const struct pyworker_frame_message *m) {
        struct fixture *f = job->ctx;
        size_t i = (size_t) (job - f->jobs);

        f->n_calls[i]++;
        f->outcomes[i] = outcome;
        f->order[f->n_done++] = (unsigned) i;
        assert_int_equal(outcome == PYWORKER_POOL_ANSWERED, m != NULL);
        if (m) {
                assert_int_equal(m->body_size, job->request.body_size);
                assert_memory_equal(m->body, job->request.body, m->body_size);
        }
}

static void on_notice(void *ctx, const char *text) {
        ((struct fixture *) ctx)->n_notices++;
        assert_true(text[0] != 0);
}

static void on_stopped(void *ctx) {
        struct fixture *f = ctx;

        assert_false(f->stopped);
        f->stopped = true;
}

static int setup(void **state) {
        static struct fixture f;
        static const char *const env[] = {"ASAN_OPTIONS=detect_leaks=0", NULL};

        f = (struct fixture){.o = {.spec = {.python = "/proc/self/exe",
                                            .script = "well",
                                            .envp = env,
                                            .max_body = 1 << 20,
                                            .start_for = PATIENCE},
                                   .n_workers = 2,
                                   .n_queue = JOBS,
                                   .timeout_for = PATIENCE,
                                   .notice = on_notice,
                                   .ctx = &f}};
        assert_int_equal(loop_new(&f.loop), 0);
        f.o.loop = f.loop;
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        pyworker_pool_free(f->pool);
        loop_free(f->loop);
        for (size_t i = 0; i < JOBS; i++)
                assert_true(f->n_calls[i] <= 1);
        return 0;
}

static void begin(struct fixture *f, const char *mode) {
        f->o.spec.script = mode;
        assert_int_equal(pyworker_pool_new(&f->o, &f->pool), 0);
}

static void submit(struct fixture *f, size_t i, const char *endpoint) {
        f->jobs[i] = (struct pyworker_pool_job){.request = {.endpoint = endpoint,
                                                            .method = "POST",
                                                            .content_type = "",
                                                            .body = "body",
                                                            .body_size = 4},
                                                .done = on_done,
                                                .ctx = f};
        pyworker_pool_submit(f->pool, &f->jobs[i]);
}

static struct pyworker_pool_stats stats(struct fixture *f) {
        struct pyworker_pool_stats s;

        pyworker_pool_stats(f->pool, &s);
        return s;
}

static void turn_until(struct fixture *f, bool (*enough)(struct fixture *f)) {
        usec_t end = loop_now(f->loop, CLOCK_MONOTONIC) + PATIENCE;

        while (!enough(f)) {
                assert_true(loop_turn(f->loop, USEC_PER_SEC) >= 0);
                assert_true(loop_now(f->loop, CLOCK_MONOTONIC) < end);
        }
}

static unsigned wanted;

static bool all_done(struct fixture *f) {
        return f->n_done >= wanted;
}

static bool all_ready(struct fixture *f) {
        return stats(f).n_ready == f->o.n_workers;
}

static bool has_stopped(struct fixture *f) {
        return f->stopped;
}

static bool in_trouble(struct fixture *f) {
        return *pyworker_pool_trouble(f->pool) != 0;
}

static void finish(struct fixture *f, unsigned n) {
        wanted = n;
        turn_until(f, all_done);
}

static void waits_for_start(void **state) {
        struct fixture *f = *state;

        begin(f, "well");
        for (size_t i = 0; i < 20; i++)
                submit(f, i, "/x");
        assert_int_equal(stats(f).n_queued, 20);
        finish(f, 20);
        for (size_t i = 0; i < 20; i++)
                assert_int_equal(f->outcomes[i], PYWORKER_POOL_ANSWERED);
        assert_int_equal(stats(f).n_answered, 20);
        assert_int_equal(stats(f).n_queued, 0);
        assert_int_equal(stats(f).n_restarts, 0);
}

static void in_order(void **state) {
        struct fixture *f = *state;

        f->o.n_workers = 1;
        begin(f, "well");
        for (size_t i = 0; i < 10; i++)
                submit(f, i, "/x");
        finish(f, 10);
        for (unsigned i = 0; i < 10; i++)
                assert_int_equal(f->order[i], i);
}

static void full(void **state) {
        struct fixture *f = *state;

        f->o.n_queue = 3;
        f->o.n_workers = 1;
        begin(f, "well");
        turn_until(f, all_ready);
        for (size_t i = 0; i < 6; i++)
                submit(f, i, "/slow");
        /* One runs, three wait, two are told at once. */
        assert_int_equal(f->n_done, 2);
        assert_int_equal(f->outcomes[4], PYWORKER_POOL_FULL);
        assert_int_equal(f->outcomes[5], PYWORKER_POOL_FULL);
        finish(f, 6);
        assert_int_equal(stats(f).n_answered, 4);
        assert_int_equal(stats(f).n_refused_full, 2);
}

static void no_patience(void **state) {
        struct fixture *f = *state;

        f->o.timeout_for = 50 * USEC_PER_MSEC;
        f->o.n_workers = 1;
        begin(f, "stall");
        submit(f, 0, "/x");
        submit(f, 1, "/x");
        finish(f, 2);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_WAITED);
        assert_int_equal(f->outcomes[1], PYWORKER_POOL_WAITED);
}

static bool is_abandoned(const struct pyworker_pool_job *job) {
        return true;
}

/* Work that nobody waits for is not begun. */
static void abandoned(void **state) {
        struct fixture *f = *state;

        f->o.n_workers = 1;
        begin(f, "well");
        submit(f, 0, "/x");
        submit(f, 1, "/exit");
        f->jobs[1].abandoned = is_abandoned;
        submit(f, 2, "/x");
        finish(f, 3);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_ANSWERED);
        assert_int_equal(f->outcomes[1], PYWORKER_POOL_ABANDONED);
        assert_int_equal(f->outcomes[2], PYWORKER_POOL_ANSWERED);
        assert_int_equal(stats(f).n_restarts, 0);
}

static void times_out(void **state) {
        struct fixture *f = *state;

        f->o.n_workers = 1;
        begin(f, "well");
        turn_until(f, all_ready);
        pyworker_pool_free(f->pool);
        f->o.timeout_for = 3 * USEC_PER_SEC;
        begin(f, "well");
        turn_until(f, all_ready);
        submit(f, 0, "/hang");
        finish(f, 1);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_TIMED_OUT);
        /* A new worker takes its place. */
        turn_until(f, all_ready);
        submit(f, 1, "/x");
        finish(f, 2);
        assert_int_equal(f->outcomes[1], PYWORKER_POOL_ANSWERED);
        assert_int_equal(stats(f).n_timed_out, 1);
        assert_int_equal(stats(f).n_restarts, 1);
}

/* The job whose worker died in it is not run again; the others do not notice. */
static void dies_in_request(void **state) {
        struct fixture *f = *state;

        begin(f, "well");
        for (size_t i = 0; i < 12; i++)
                submit(f, i, i % 4 == 1 ? "/exit" : "/x");
        finish(f, 12);
        for (size_t i = 0; i < 12; i++)
                assert_int_equal(f->outcomes[i],
                                 i % 4 == 1 ? PYWORKER_POOL_LOST : PYWORKER_POOL_ANSWERED);
        assert_int_equal(stats(f).n_lost, 3);
        assert_true(f->n_notices >= 3);
}

/* A request no worker has read is tried on the next one. */
static void unread_is_tried_again(void **state) {
        struct fixture *f = *state;
        char dir[] = "/tmp/onebox-once-XXXXXX", once[64];
        const char *env[] = {once, "ASAN_OPTIONS=detect_leaks=0", NULL};

        assert_non_null(mkdtemp(dir));
        snprintf(once, sizeof(once), "ONCE=%s/x", dir);
        f->o.n_workers = 1;
        f->o.spec.envp = env;
        begin(f, "deaf once");
        submit(f, 0, "/x");
        finish(f, 1);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_ANSWERED);
        assert_int_equal(stats(f).n_restarts, 1);
        assert_int_equal(stats(f).n_lost, 0);
        assert_int_equal(fileio_rm_rf(dir), 0);
}

/* But only once: a request that nobody ever reads comes to an end. */
static void unread_is_given_up(void **state) {
        struct fixture *f = *state;

        f->o.n_workers = 1;
        begin(f, "deaf");
        submit(f, 0, "/x");
        finish(f, 1);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_LOST);
        assert_int_equal(stats(f).n_lost, 1);
}

static void cannot_load(void **state) {
        struct fixture *f = *state;

        begin(f, "refuse");
        submit(f, 0, "/x");
        finish(f, 1);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_NO_WORKER);
        assert_string_equal(pyworker_pool_trouble(f->pool), "no module named x");
}

static void no_program(void **state) {
        struct fixture *f = *state;

        f->o.spec.python = "/nonexistent/python";
        begin(f, "well");
        turn_until(f, in_trouble);
        assert_non_null(strstr(pyworker_pool_trouble(f->pool), "/nonexistent/python"));
}

static void stops(void **state) {
        struct fixture *f = *state;

        begin(f, "well");
        turn_until(f, all_ready);
        pyworker_pool_stop(f->pool, on_stopped, f);
        turn_until(f, has_stopped);
        assert_int_equal(stats(f).n_ready, 0);
}

/* Starting fails for a while: requests wait, and are answered when it goes well again. */
static void cannot_start_for_a_while(void **state) {
        struct fixture *f = *state;

        f->o.n_workers = 1;
        fault_arm(FAULT_SPAWN, 1, 0, 3);
        begin(f, "well");
        turn_until(f, all_ready);
        fault_reset();
        submit(f, 0, "/x");
        finish(f, 1);
        assert_int_equal(f->outcomes[0], PYWORKER_POOL_ANSWERED);
        assert_int_equal(f->n_notices, 3);
        assert_string_equal(pyworker_pool_trouble(f->pool), "");
}

/* Memory that runs out at every place in turn: every job ends once, and then all is well again. */
static void out_of_memory(void **state) {
        struct fixture *f = *state;

        f->o.n_workers = 1;
        for (unsigned n = 1; n <= 12; n++) {
                f->n_done = 0;
                memset(f->n_calls, 0, sizeof(f->n_calls));
                begin(f, "well");
                turn_until(f, all_ready);
                fault_arm(FAULT_ALLOC, n, 0, 1);
                submit(f, 0, "/x");
                finish(f, 1);
                fault_reset();
                turn_until(f, all_ready);
                submit(f, 1, "/x");
                finish(f, 2);
                assert_int_equal(f->outcomes[1], PYWORKER_POOL_ANSWERED);
                assert_int_equal(f->n_calls[0], 1);
                pyworker_pool_free(TAKE_PTR(f->pool));
        }
        fault_arm(FAULT_ALLOC, 1, 0, 1);
        assert_int_equal(pyworker_pool_new(&f->o, &f->pool), -ENOMEM);
        fault_arm(FAULT_ALLOC, 2, 0, 1);
        assert_int_equal(pyworker_pool_new(&f->o, &f->pool), -ENOMEM);
        fault_reset();
        assert_null(f->pool);
}

static void backoff(void **state) {
        assert_int_equal(pyworker_pool_backoff(0), 0);
        assert_int_equal(pyworker_pool_backoff(1), 100 * USEC_PER_MSEC);
        assert_int_equal(pyworker_pool_backoff(2), 200 * USEC_PER_MSEC);
        assert_int_equal(pyworker_pool_backoff(7), 6400 * USEC_PER_MSEC);
        assert_int_equal(pyworker_pool_backoff(8), 10 * USEC_PER_SEC);
        assert_int_equal(pyworker_pool_backoff(4000000000u), 10 * USEC_PER_SEC);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                TEST(waits_for_start),
                TEST(in_order),
                TEST(full),
                TEST(no_patience),
                TEST(abandoned),
                TEST(times_out),
                TEST(dies_in_request),
                TEST(unread_is_tried_again),
                TEST(unread_is_given_up),
                TEST(cannot_load),
                TEST(no_program),
                TEST(stops),
                TEST(cannot_start_for_a_while),
                TEST(out_of_memory),
                cmocka_unit_test(backoff),
        };

        worker_run_if_asked(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
