/* What a mount that died left behind, and what must be left alone. */
#include "fuse-gcs/sweeper.h"

#include "fuse-gcs/names.h"
#include "lib/base/timestamp.h"
#include "tests/unit/mount_test_bucket.h"

/* When all objects of the bucket in memory were written. */
static usec_t written_at(void) {
        usec_t at;

        assert_int_equal(timestamp_parse("2026-01-02T03:04:05Z", &at), 0);
        return at;
}

static void fill(struct mount_test *t) {
        mount_test_bucket_put(&t->bucket, NAMES_TMP "0123456789abcdef", "a tail");
        mount_test_bucket_put(&t->bucket, NAMES_OPEN "0123456789abcdef", "open once");
        mount_test_bucket_put(&t->bucket, NAMES_PARTS "0123456789abcdef", "a part");
        mount_test_bucket_put(&t->bucket, "data", "x");
        mount_test_bucket_put(&t->bucket, "sub/" NAMES_TMP "f", "somebody's");
}

static bool has(struct mount_test *t, const char *name) {
        return mount_test_bucket_get(&t->bucket, name);
}

static void test_by_age(void **state) {
        struct mount_test *t = *state;

        fill(t);
        sweeper_sweep(&t->m, written_at() + 29 * USEC_PER_MINUTE);
        assert_int_equal(t->bucket.n_calls[GCS_DELETE], 0);
        sweeper_sweep(&t->m, written_at() + 31 * USEC_PER_MINUTE);
        assert_false(has(t, NAMES_TMP "0123456789abcdef"));
        assert_true(has(t, NAMES_OPEN "0123456789abcdef"));
        sweeper_sweep(&t->m, written_at() + 7 * USEC_PER_DAY - USEC_PER_MINUTE);
        assert_true(has(t, NAMES_OPEN "0123456789abcdef"));
        assert_true(has(t, NAMES_PARTS "0123456789abcdef"));
        sweeper_sweep(&t->m, written_at() + 7 * USEC_PER_DAY + USEC_PER_MINUTE);
        assert_false(has(t, NAMES_OPEN "0123456789abcdef"));
        assert_false(has(t, NAMES_PARTS "0123456789abcdef"));
        assert_true(has(t, "data") && has(t, "sub/" NAMES_TMP "f"));
}

static void test_only_below_its_own_root(void **state) {
        struct mount_test *t = *state;

        fill(t);
        t->m.o.root = "sub/";
        sweeper_sweep(&t->m, written_at() + USEC_PER_DAY);
        assert_true(has(t, NAMES_TMP "0123456789abcdef"));
        assert_false(has(t, "sub/" NAMES_TMP "f"));
        t->m.o.root = "";
}

static void test_errors_and_the_end(void **state) {
        struct mount_test *t = *state;

        fill(t);
        t->bucket.fault = (struct mount_test_fault){.verb = GCS_LIST, .status = 403, .n = 1};
        sweeper_sweep(&t->m, written_at() + USEC_PER_DAY);
        assert_true(has(t, NAMES_TMP "0123456789abcdef"));
        /* It is not written over by who finds one: only what was listed goes. */
        t->bucket.fault = (struct mount_test_fault){.verb = GCS_DELETE, .status = 412, .n = 1};
        sweeper_sweep(&t->m, written_at() + USEC_PER_DAY);
        assert_true(has(t, NAMES_TMP "0123456789abcdef"));
        t->m.stopping = true;
        mount_test_bucket_forget_calls(&t->bucket);
        sweeper_sweep(&t->m, written_at() + USEC_PER_DAY);
        assert_int_equal(t->bucket.n_calls[GCS_DELETE], 0);
}

static void test_thread_ends_at_once(void **state) {
        struct mount_test *t = *state;

        fill(t);
        sweeper_start(&t->m);
        sweeper_stop(&t->m);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        sweeper_stop(&t->m);
        t->m.o.read_only = true;
        sweeper_start(&t->m); /* changes nothing, so it does not even begin */
        sweeper_stop(&t->m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_by_age),
                mount_test_case(test_only_below_its_own_root),
                mount_test_case(test_errors_and_the_end),
                mount_test_case(test_thread_ends_at_once),
        };

        return cmocka_run_group_tests_name("sweeper", tests, NULL, NULL);
}
