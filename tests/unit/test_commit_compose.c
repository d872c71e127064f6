/* Commits of several calls: an append's tail and its compose, a stream's rest, the time alone; and
 * what each is when an answer was lost or somebody else was there. */
#include "fuse-gcs/commit_compose.h"

#include <errno.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/names.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

#define BASE ((size_t) 300 << 10)

/* A file whose next append is composed. */
static struct inode *long_file(struct mount_test *t) {
        _cleanup_free_ char *data = mem_alloc(BASE);
        struct inode *i;

        memset(data, 'b', BASE);
        assert_int_equal(entries_create(&t->m, "", "log", &i), 0);
        assert_int_equal(writer_write(&t->m, i, 0, data, BASE), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_forget_calls(&t->bucket);
        return i;
}

static void append(struct mount_test *t, struct inode *i, uint64_t at, const char *text) {
        assert_int_equal(writer_write(&t->m, i, at, text, strlen(text)), 0);
}

static void assert_ends(struct mount_test *t, size_t n, const char *tail) {
        struct mount_test_object *o = mount_test_bucket_get(&t->bucket, "log");

        assert_non_null(o);
        assert_int_equal(o->n, n);
        assert_memory_equal(o->data + n - strlen(tail), tail, strlen(tail));
        assert_int_equal(o->data[0], 'b');
        /* Nothing of ours is left beside it. */
        assert_int_equal(t->bucket.objects.n, 1);
}

static void test_append(void **state) {
        struct mount_test *t = *state;
        struct inode *i = long_file(t);

        t->bucket.knows_no_delete_sources = true;
        append(t, i, BASE, "one\n");
        assert_int_equal(commit_inode(&t->m, i), 0);
        append(t, i, BASE + 4, "two\n");
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_ends(t, BASE + 8, "one\ntwo\n");
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 2);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 2);
        /* This bucket leaves a compose's sources to us. */
        assert_int_equal(t->bucket.n_calls[GCS_DELETE], 2);
        assert_false(t->m.sure_delete);
        assert_int_equal(i->attrs->size, BASE + 8);
        /* One that takes them away is asked once. */
        t->bucket.knows_no_delete_sources = false;
        append(t, i, BASE + 8, "three\n");
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_true(t->m.sure_delete);
        append(t, i, BASE + 14, "four\n");
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_DELETE], 3);
}

static void test_lost_answers(void **state) {
        static const enum gcs_verb verbs[] = {GCS_INSERT, GCS_COMPOSE};
        struct mount_test *t = *state;
        struct inode *i = long_file(t);
        size_t n = BASE;

        for (size_t k = 0; k < ARRAY_SIZE(verbs); k++) {
                append(t, i, n, "more\n");
                n += 5;
                t->bucket.fault = (struct mount_test_fault){verbs[k], 412, true, 1};
                assert_int_equal(commit_inode(&t->m, i), 0);
                assert_ends(t, n, "more\n");
        }
}

static void test_foreign_change(void **state) {
        struct mount_test *t = *state;
        struct inode *i = long_file(t);

        append(t, i, BASE, "ours\n");
        mount_test_bucket_put(&t->bucket, "log", "theirs");
        assert_int_equal(commit_inode(&t->m, i), -ESTALE);
        mount_test_bucket_assert(&t->bucket, "log", "theirs");
        /* The tail is not left behind. */
        assert_int_equal(t->bucket.objects.n, 1);
}

/* Refused for a while: the changes are kept and go with the next try. */
static void test_refused(void **state) {
        struct mount_test *t = *state;
        struct inode *i = long_file(t);

        append(t, i, BASE, "kept\n");
        t->bucket.fault = (struct mount_test_fault){GCS_COMPOSE, 403, false, 1};
        assert_int_equal(commit_inode(&t->m, i), -EACCES);
        assert_int_equal(mount_test_bucket_get(&t->bucket, "log")->n, BASE);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_ends(t, BASE + 5, "kept\n");
}

/* What the bucket composed is not what was meant: said, not believed. */
static void test_wrong_checksum(void **state) {
        struct mount_test *t = *state;
        struct inode *i = long_file(t);

        append(t, i, BASE, "x\n");
        assert_true(i->writer->base->has_crc32c);
        i->writer->base->crc32c ^= 1;
        assert_int_equal(commit_inode(&t->m, i), -EIO);
        i->writer->base->crc32c ^= 1;
}

/* A tail longer than a piece goes as an upload of its own. */
static void test_long_tail(void **state) {
        struct mount_test *t = *state;
        size_t n = t->m.o.block_size * 2 + 77;
        _cleanup_free_ char *data = mem_alloc(n);
        struct inode *i = long_file(t);
        struct mount_test_object *o;

        memset(data, 't', n);
        assert_int_equal(writer_write(&t->m, i, BASE, data, n), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_BEGIN], 1);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 1);
        assert_int_equal(t->bucket.n_calls[GCS_READ], 0);
        o = mount_test_bucket_get(&t->bucket, "log");
        assert_int_equal(o->n, BASE + n);
        assert_memory_equal(o->data + BASE, data, n);
        assert_int_equal(t->bucket.objects.n, 1);
}

static void test_time(void **state) {
        const struct timespec when = {.tv_sec = 1000000, .tv_nsec = 5};
        struct mount_test *t = *state;
        struct inode *i = long_file(t);

        assert_int_equal(commit_compose_mtime(&t->m, i, when), 0);
        assert_int_equal(t->bucket.n_calls[GCS_PATCH], 1);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        assert_int_equal(i->attrs->mtime.tv_sec, when.tv_sec);
        assert_int_equal(i->attrs->mtime.tv_nsec, when.tv_nsec);
        /* Replaced elsewhere: it is not ours to give a time. */
        mount_test_bucket_put(&t->bucket, "log", "theirs");
        assert_int_equal(commit_compose_mtime(&t->m, i, when), -ESTALE);
        /* Without a name nobody sees it. */
        pthread_mutex_lock(&t->m.tree);
        i->is_unlinked = true;
        pthread_mutex_unlock(&t->m.tree);
        mount_test_bucket_forget_calls(&t->bucket);
        assert_int_equal(commit_compose_mtime(&t->m, i, when), 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        pthread_mutex_lock(&t->m.tree);
        i->is_unlinked = false;
        pthread_mutex_unlock(&t->m.tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_append),         mount_test_case(test_lost_answers),
                mount_test_case(test_foreign_change), mount_test_case(test_refused),
                mount_test_case(test_wrong_checksum), mount_test_case(test_long_tail),
                mount_test_case(test_time),
        };

        return cmocka_run_group_tests_name("commit_compose", tests, NULL, NULL);
}
