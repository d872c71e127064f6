#include "fuse-gcs/disk_queue.h"

#include <semaphore.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/unit/base_test.h"

#define ROOM 128 /* as many wait */

struct seen {
        struct disk_queue *queue;
        sem_t go; /* one for begin(), and one for each that is written */
        sem_t under_way;
        bool has_begun;
        unsigned n, n_void;
        uint64_t last;
};

static const struct disk_files_key key_a = {"a", 1, 1, 10}, key_b = {"b", 2, 1, 10};

static void begin(void *ctx) {
        struct seen *s = ctx;

        sem_wait(&s->go);
        s->has_begun = true;
}

static void write_one(void *ctx, const struct disk_queue_job *j) {
        struct seen *s = ctx;

        sem_post(&s->under_way);
        sem_wait(&s->go);
        assert_true(s->has_begun);
        if (disk_queue_is_void(s->queue)) {
                s->n_void++;
                return;
        }
        assert_int_equal(j->n, 3);
        assert_memory_equal(j->data, "xyz", 3);
        assert_true(str_eq(j->key.path, "a") || str_eq(j->key.path, "b"));
        s->last = j->index;
        s->n++;
}

static void open_queue(struct seen *s) {
        const struct disk_queue_options o = {begin, write_one, s};

        *s = (struct seen){};
        sem_init(&s->go, 0, 0);
        sem_init(&s->under_way, 0, 0);
        assert_int_equal(disk_queue_new(&o, &s->queue), 0);
}

static void go(struct seen *s, unsigned n) {
        while (n-- > 0)
                sem_post(&s->go);
}

static void close_queue(struct seen *s) {
        s->queue = disk_queue_free(s->queue);
        sem_destroy(&s->go);
        sem_destroy(&s->under_way);
}

static void test_in_order(void **state) {
        struct seen s;
        char data[] = "xyz";

        open_queue(&s);
        assert_false(*disk_queue_stops(s.queue));
        for (uint64_t i = 0; i < 3; i++)
                disk_queue_add(s.queue, &key_a, i, data, 3);
        memset(data, 0, sizeof(data)); /* it was copied */
        go(&s, 4);
        disk_queue_sync(s.queue);
        assert_int_equal(s.n, 3);
        assert_int_equal(s.last, 2);
        close_queue(&s);
}

/* Nothing waits for a disk that does not follow, and what waits is written at the end. */
static void test_bounded(void **state) {
        struct seen s;

        open_queue(&s);
        for (uint64_t i = 0; i < ROOM + 5; i++)
                disk_queue_add(s.queue, &key_a, i, "xyz", 3);
        assert_int_equal(disk_queue_n_dropped(s.queue), 5);
        go(&s, ROOM + 1);
        close_queue(&s);
        assert_int_equal(s.n, ROOM);
        assert_int_equal(s.last, ROOM - 1);
}

static void *put_one(void *ctx) {
        struct seen *s = ctx;

        disk_queue_put(s->queue, &key_b, ROOM, "xyz", 3);
        assert_int_equal(s->n, ROOM + 1);
        assert_int_equal(s->last, ROOM);
        return NULL;
}

/* Who has to have it there waits for room, and until it is written. */
static void test_waits_for_room(void **state) {
        struct seen s;
        pthread_t t;

        open_queue(&s);
        for (uint64_t i = 0; i < ROOM; i++)
                disk_queue_add(s.queue, &key_a, i, "xyz", 3);
        assert_int_equal(pthread_create(&t, NULL, put_one, &s), 0);
        go(&s, ROOM + 2);
        pthread_join(t, NULL);
        assert_int_equal(disk_queue_n_dropped(s.queue), 0);
        close_queue(&s);
}

static void *put_first(void *ctx) {
        struct seen *s = ctx;

        disk_queue_put(s->queue, &key_b, 0, "xyz", 3);
        return NULL;
}

/* What comes later is not waited for. */
static void test_waits_for_its_own(void **state) {
        struct seen s;
        pthread_t t;

        open_queue(&s);
        go(&s, 1);
        assert_int_equal(pthread_create(&t, NULL, put_first, &s), 0);
        sem_wait(&s.under_way);
        disk_queue_add(s.queue, &key_a, 1, "xyz", 3);
        go(&s, 1);
        pthread_join(t, NULL);
        assert_int_equal(s.last, 0);
        go(&s, 1);
        close_queue(&s);
        assert_int_equal(s.n, 2);
}

/* What waits and what is being written is known, each block of each content by itself. */
static void test_has(void **state) {
        const struct disk_files_key newer = {"a", 3, 2, 10};
        struct seen s;

        open_queue(&s);
        assert_false(disk_queue_has(s.queue, &key_a, 0));
        disk_queue_add(s.queue, &key_a, 0, "xyz", 3);
        disk_queue_add(s.queue, &key_b, 1, "xyz", 3);
        go(&s, 1);
        sem_wait(&s.under_way);
        assert_true(disk_queue_has(s.queue, &key_a, 0));
        assert_true(disk_queue_has(s.queue, &key_b, 1));
        assert_false(disk_queue_has(s.queue, &key_a, 1));
        assert_false(disk_queue_has(s.queue, &newer, 0));
        disk_queue_drop(s.queue, "a");
        assert_false(disk_queue_has(s.queue, &key_a, 0));
        disk_queue_drop(s.queue, "b");
        assert_false(disk_queue_has(s.queue, &key_b, 1));
        go(&s, 2);
        disk_queue_sync(s.queue);
        close_queue(&s);
}

static void test_dropped(void **state) {
        struct seen s;

        open_queue(&s);
        disk_queue_add(s.queue, &key_a, 0, "xyz", 3);
        disk_queue_add(s.queue, &key_b, 1, "xyz", 3);
        disk_queue_add(s.queue, &key_a, 2, "xyz", 3);
        disk_queue_drop(s.queue, "a");
        disk_queue_add(s.queue, &key_a, 3, "xyz", 3);
        go(&s, 5);
        disk_queue_sync(s.queue);
        assert_int_equal(s.n, 2);
        assert_int_equal(s.n_void, 2);
        assert_int_equal(s.last, 3);
        close_queue(&s);
        assert_null(disk_queue_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_order),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_waits_for_room),
                cmocka_unit_test(test_waits_for_its_own),
                cmocka_unit_test(test_has),
                cmocka_unit_test(test_dropped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
