#include "fuse-gcs/fetch_pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/unit/base_test.h"

struct job {
        struct fetch_pool_task task;
        sem_t *began, *may_end;
        atomic_uint *n_done;
        unsigned *order, number;
};

static void job_run(struct fetch_pool_task *t) {
        struct job *j = container_of(t, struct job, task);

        if (j->began)
                sem_post(j->began);
        if (j->may_end)
                sem_wait(j->may_end);
        if (j->order)
                j->order[atomic_load(j->n_done)] = j->number;
        atomic_fetch_add(j->n_done, 1);
}

/* One after the other on one thread, in the order they were put. */
static void test_in_order(void **state) {
        struct fetch_pool *p = NULL;
        struct job jobs[50];
        unsigned order[50];
        atomic_uint n_done = 0;

        assert_int_equal(fetch_pool_new(1, &p), 0);
        assert_int_equal(fetch_pool_n_threads(p), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
                jobs[i] = (struct job){
                        .task.run = job_run, .n_done = &n_done, .order = order, .number = i};
                assert_int_equal(fetch_pool_put(p, &jobs[i].task), 0);
        }
        assert_int_equal(fetch_pool_n_threads(p), 1);
        assert_null(fetch_pool_free(p));
        assert_int_equal(n_done, ARRAY_SIZE(jobs));
        for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++)
                assert_int_equal(order[i], i);
}

/* All at once as far as threads may be: none waits for another one's end. */
static void test_at_once(void **state) {
        struct fetch_pool *p = NULL;
        struct job jobs[6];
        sem_t began, may_end;
        atomic_uint n_done = 0;

        sem_init(&began, 0, 0);
        sem_init(&may_end, 0, 0);
        assert_int_equal(fetch_pool_new(4, &p), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
                jobs[i] = (struct job){.task.run = job_run,
                                       .began = &began,
                                       .may_end = &may_end,
                                       .n_done = &n_done};
                assert_int_equal(fetch_pool_put(p, &jobs[i].task), 0);
        }
        for (unsigned i = 0; i < 4; i++)
                sem_wait(&began);
        assert_int_equal(fetch_pool_n_threads(p), 4);
        assert_int_equal(sem_trywait(&began), -1);
        for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++)
                sem_post(&may_end);
        assert_null(fetch_pool_free(p));
        assert_int_equal(n_done, ARRAY_SIZE(jobs));
        sem_destroy(&began);
        sem_destroy(&may_end);
}

struct putter {
        struct fetch_pool *pool;
        struct job jobs[200];
        atomic_uint *n_done;
};

static void *put_many(void *ctx) {
        struct putter *t = ctx;

        for (size_t i = 0; i < ARRAY_SIZE(t->jobs); i++) {
                t->jobs[i] = (struct job){.task.run = job_run, .n_done = t->n_done};
                assert_int_equal(fetch_pool_put(t->pool, &t->jobs[i].task), 0);
        }
        return NULL;
}

static void test_from_many(void **state) {
        static struct putter putters[4];
        pthread_t threads[4];
        struct fetch_pool *p = NULL;
        atomic_uint n_done = 0;

        assert_int_equal(fetch_pool_new(3, &p), 0);
        for (size_t i = 0; i < 4; i++) {
                putters[i].pool = p;
                putters[i].n_done = &n_done;
                assert_int_equal(pthread_create(&threads[i], NULL, put_many, &putters[i]), 0);
        }
        for (size_t i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        assert_null(fetch_pool_free(p));
        assert_int_equal(n_done, 4 * ARRAY_SIZE(putters[0].jobs));
}

static void test_unused(void **state) {
        struct fetch_pool *p = NULL;

        assert_int_equal(fetch_pool_new(0, &p), 0);
        assert_null(fetch_pool_free(p));
        assert_null(fetch_pool_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_order),
                cmocka_unit_test(test_at_once),
                cmocka_unit_test(test_from_many),
                cmocka_unit_test(test_unused),
        };

        return cmocka_run_group_tests_name("fetch_pool", tests, NULL, NULL);
}
