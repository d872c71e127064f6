/* One worker's life: start, answer, and every way to end; what became of the request each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>

#include "daemons/serving/pyworker.h"
#include "lib/base/str.h"
#include "tests/unit/pyworker_test_worker.h"

#define PATIENCE (20 * USEC_PER_SEC)

struct fixture {
        struct loop *loop;
        struct pyworker *worker;
        struct pyworker_spec spec;
        unsigned n_ready, n_reply, n_lost, n_down;
        enum pyworker_loss loss;
        char why[128], body[64];
        size_t body_size;
        int status;
};

static void on_ready(struct pyworker *w, void *ctx) {
        ((struct fixture *) ctx)->n_ready++;
        assert_int_equal(pyworker_state(w), PYWORKER_READY);
}

static void on_reply(struct pyworker *w, const struct pyworker_frame_message *m, void *ctx) {
        struct fixture *f = ctx;

        f->n_reply++;
        f->status = m->status;
        f->body_size = m->body_size;
        memcpy(f->body, m->body, MIN(m->body_size, sizeof(f->body)));
        assert_int_equal(pyworker_state(w), PYWORKER_READY);
}

static void on_lost(struct pyworker *w, enum pyworker_loss loss, const char *why, void *ctx) {
        struct fixture *f = ctx;

        f->n_lost++;
        f->loss = loss;
        snprintf(f->why, sizeof(f->why), "%s", why);
        assert_int_equal(pyworker_state(w), PYWORKER_DYING);
}

static void on_down(struct pyworker *w, void *ctx) {
        ((struct fixture *) ctx)->n_down++;
        assert_int_equal(pyworker_state(w), PYWORKER_DOWN);
        assert_int_equal(pyworker_pid(w), 0);
}

static const struct pyworker_events events = {on_ready, on_reply, on_lost, on_down};

static int setup(void **state) {
        static struct fixture f;
        static const char *const env[] = {"ASAN_OPTIONS=detect_leaks=0", NULL};

        f = (struct fixture){.spec = {.python = "/proc/self/exe",
                                      .script = "well",
                                      .envp = env,
                                      .max_body = 1 << 20,
                                      .start_for = PATIENCE}};
        assert_int_equal(loop_new(&f.loop), 0);
        assert_int_equal(pyworker_new(f.loop, &f.spec, &events, &f, &f.worker), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        pyworker_free(f->worker);
        loop_free(f->loop);
        return 0;
}

static void wait_for(struct fixture *f, const unsigned *count, unsigned n) {
        usec_t end = loop_now(f->loop, CLOCK_MONOTONIC) + PATIENCE;

        while (*count < n) {
                assert_true(loop_turn(f->loop, USEC_PER_SEC) >= 0);
                assert_true(loop_now(f->loop, CLOCK_MONOTONIC) < end);
        }
}

static void start(struct fixture *f, const char *mode) {
        struct errmsg em = {};

        f->spec.script = mode;
        assert_int_equal(pyworker_start(f->worker, &em), 0);
        assert_int_equal(pyworker_state(f->worker), PYWORKER_STARTING);
        assert_true(pyworker_pid(f->worker) > 0);
}

static void give(struct fixture *f, const char *endpoint, const void *body, size_t size,
                 usec_t limit_for) {
        const struct pyworker_frame_request r = {42, endpoint, "POST", "x/y", body, size};

        assert_int_equal(pyworker_send(f->worker, &r, limit_for), 0);
}

static void expect_end(struct fixture *f, enum pyworker_loss loss) {
        wait_for(f, &f->n_down, 1);
        assert_int_equal(f->n_lost, 1);
        assert_int_equal(f->loss, loss);
        assert_true(f->why[0] != 0);
}

static void answers(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        for (unsigned i = 1; i <= 3; i++) {
                give(f, "/x", "a\0b", 3, PATIENCE);
                assert_int_equal(pyworker_state(f->worker), PYWORKER_BUSY);
                wait_for(f, &f->n_reply, i);
                assert_int_equal(f->status, 201);
                assert_int_equal(f->body_size, 3);
                assert_memory_equal(f->body, "a\0b", 3);
        }
        assert_int_equal(f->n_lost, 0);
}

/* More than the socket holds, both ways. */
static void large(void **state) {
        static char body[1 << 20];
        struct fixture *f = *state;

        memset(body, 'z', sizeof(body));
        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/x", body, sizeof(body), PATIENCE);
        wait_for(f, &f->n_reply, 1);
        assert_int_equal(f->body_size, sizeof(body));
}

static void too_large(void **state) {
        static char body[2000];
        struct fixture *f = *state;

        f->spec.max_body = 1000;
        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/x", body, sizeof(body), PATIENCE);
        expect_end(f, PYWORKER_STARTED);
        assert_non_null(strstr(f->why, "2000 bytes"));
}

static void refuses(void **state) {
        struct fixture *f = *state;

        start(f, "refuse");
        expect_end(f, PYWORKER_REFUSED);
        assert_string_equal(f->why, "no module named x");
        assert_int_equal(f->n_ready, 0);
}

static void dies_early(void **state) {
        struct fixture *f = *state;

        start(f, "die");
        expect_end(f, PYWORKER_STARTED);
        start(f, "well");
        wait_for(f, &f->n_ready, 1);
}

static void stalls(void **state) {
        struct fixture *f = *state;

        f->spec.start_for = 100 * USEC_PER_MSEC;
        start(f, "stall");
        expect_end(f, PYWORKER_REFUSED);
}

static void no_program(void **state) {
        struct fixture *f = *state;
        struct errmsg em = {};

        f->spec.python = "/nonexistent/python";
        assert_int_equal(pyworker_start(f->worker, &em), -ENOENT);
        assert_non_null(strstr(em.text, "/nonexistent/python"));
        assert_int_equal(pyworker_state(f->worker), PYWORKER_DOWN);
}

static void dies_in_request(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/exit", "", 0, PATIENCE);
        expect_end(f, PYWORKER_STARTED);
        assert_int_equal(f->n_reply, 0);
}

/* The kernel's reset proves that the request was not read. */
static void dies_before_reading(void **state) {
        struct fixture *f = *state;

        start(f, "deaf");
        wait_for(f, &f->n_ready, 1);
        give(f, "/x", "body", 4, PATIENCE);
        expect_end(f, PYWORKER_UNSTARTED);
}

/* Half written: the worker cannot have read it whole. */
static void dies_half_written(void **state) {
        static char body[1 << 20];
        struct fixture *f = *state;

        start(f, "deaf");
        wait_for(f, &f->n_ready, 1);
        give(f, "/x", body, sizeof(body), PATIENCE);
        expect_end(f, PYWORKER_UNSTARTED);
}

/* Its last words count, whatever comes first: its end or its answer. */
static void answers_and_ends(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/last", "bye", 3, PATIENCE);
        wait_for(f, &f->n_down, 1);
        assert_int_equal(f->n_reply, 1);
        assert_int_equal(f->n_lost, 1);
}

static void times_out(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/hang", "", 0, 50 * USEC_PER_MSEC);
        expect_end(f, PYWORKER_TIMED_OUT);
}

static void speaks_nonsense(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/garbage", "", 0, PATIENCE);
        expect_end(f, PYWORKER_STARTED);
        assert_int_equal(f->n_reply, 0);
}

/* An answer to another request is none. */
static void answers_another(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        give(f, "/twice", "", 0, PATIENCE);
        expect_end(f, PYWORKER_STARTED);
        assert_int_equal(f->n_reply, 0);
}

static void stops(void **state) {
        struct fixture *f = *state;

        start(f, "well");
        wait_for(f, &f->n_ready, 1);
        pyworker_stop(f->worker);
        assert_int_equal(pyworker_state(f->worker), PYWORKER_DYING);
        wait_for(f, &f->n_down, 1);
        assert_int_equal(f->n_lost, 0);
}

static void states(void **state) {
        struct errmsg em = {};

        assert_int_equal(state_table_validate(&pyworker_states, PYWORKER_DOWN, &em), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                TEST(answers),
                TEST(large),
                TEST(too_large),
                TEST(refuses),
                TEST(dies_early),
                TEST(stalls),
                TEST(no_program),
                TEST(dies_in_request),
                TEST(dies_before_reading),
                TEST(dies_half_written),
                TEST(answers_and_ends),
                TEST(times_out),
                TEST(speaks_nonsense),
                TEST(answers_another),
                TEST(stops),
                cmocka_unit_test(states),
        };

        worker_run_if_asked(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
