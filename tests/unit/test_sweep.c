/* Objects of ours are deleted with nobody waiting, but for the mount's end. */
#include "fuse-gcs/sweep.h"

#include "fuse-gcs/names.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

#define LONG_FOR (60 * USEC_PER_SEC)

/* A bucket that takes up calls and carries them out when it is told. */
struct late {
        struct remote remote;
        struct mount_test_bucket *bucket;
        pthread_mutex_t lock;
        struct gcs_request *waits[4];
        unsigned n;
};

static int late_start(struct remote *r, struct gcs_request *q) {
        struct late *l = container_of(r, struct late, remote);

        pthread_mutex_lock(&l->lock);
        assert_true(l->n < ARRAY_SIZE(l->waits));
        l->waits[l->n++] = q;
        pthread_mutex_unlock(&l->lock);
        return 0;
}

static const struct remote_ops late_ops = {.start = late_start};

#define LATE(t) \
        { .remote.ops = &late_ops, .bucket = &(t)->bucket, .lock = PTHREAD_MUTEX_INITIALIZER }

static void late_answer(struct late *l) {
        for (unsigned k = 0; k < l->n; k++)
                assert_int_equal(remote_start(&l->bucket->remote, l->waits[k]), 0);
        l->n = 0;
}

static void *late_answer_thread(void *ctx) {
        late_answer(ctx);
        return NULL;
}

/* A bucket that takes the sources away itself is noticed, and asked no more. */
static void test_learns(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, NAMES_TMP "x", "tail");
        sweep_object(&t->m, NAMES_TMP "x");
        assert_null(mount_test_bucket_get(&t->bucket, NAMES_TMP "x"));
        assert_false(t->m.sure_delete);
        sweep_object(&t->m, NAMES_TMP "x");
        assert_true(t->m.sure_delete);
}

static char **names_of(const char *a, const char *b) {
        char **names = mem_zalloc_array(3, sizeof(*names));

        assert_non_null(names);
        assert_non_null(names[0] = mem_strdup(a));
        assert_non_null(names[1] = mem_strdup(b));
        return names;
}

static void test_sources_one_after_the_other(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, NAMES_TMP "a", "1");
        mount_test_bucket_put(&t->bucket, NAMES_TMP "b", "2");
        sweep_sources(&t->m, names_of(NAMES_TMP "a", NAMES_TMP "b"), 2);
        assert_int_equal(t->bucket.n_calls[GCS_DELETE], 2);
        assert_int_equal(sweep_wait(&t->m, mnt_now()), 0);
        /* The first is gone already: so is the other. */
        sweep_sources(&t->m, names_of(NAMES_TMP "a", NAMES_TMP "b"), 2);
        assert_int_equal(t->bucket.n_calls[GCS_DELETE], 3);
        assert_int_equal(sweep_wait(&t->m, mnt_now()), 0);
}

static void test_waits_until_it_is_late(void **state) {
        struct mount_test *t = *state;
        struct late late = LATE(t);
        pthread_t thread;

        mount_test_bucket_put(&t->bucket, NAMES_TMP "a", "1");
        t->m.remote = &late.remote;
        sweep_object(&t->m, NAMES_TMP "a");
        assert_int_equal(sweep_wait(&t->m, mnt_now() + USEC_PER_SEC / 10), 1);
        assert_int_equal(pthread_create(&thread, NULL, late_answer_thread, &late), 0);
        assert_int_equal(sweep_wait(&t->m, mnt_now() + LONG_FOR), 0);
        pthread_join(thread, NULL);
        assert_null(mount_test_bucket_get(&t->bucket, NAMES_TMP "a"));
}

static void test_begins_nothing_at_the_end(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, NAMES_TMP "a", "1");
        t->m.stopping = true;
        sweep_object(&t->m, NAMES_TMP "a");
        sweep_sources(&t->m, names_of(NAMES_TMP "a", NAMES_TMP "b"), 2);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        assert_int_equal(sweep_wait(&t->m, mnt_now() + LONG_FOR), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_learns),
                mount_test_case(test_sources_one_after_the_other),
                mount_test_case(test_waits_until_it_is_late),
                mount_test_case(test_begins_nothing_at_the_end),
        };

        return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
