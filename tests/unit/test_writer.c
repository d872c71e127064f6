/* What is written, and what of it is in the bucket: writer.c, commit.c, commit_compose.c, push.c.
 */
#include "fuse-gcs/writer.h"

#include "fuse-gcs/commit.h"
#include "fuse-gcs/commit_compose.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/lookup.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

static struct inode *create(struct mount_test *t, const char *name) {
        struct inode *i;

        assert_int_equal(entries_create(&t->m, "", name, &i), 0);
        return i;
}

static struct inode *find(struct mount_test *t, const char *name) {
        _cleanup_found_ struct lookup_found f = {};
        struct inode *i;

        assert_int_equal(lookup_name(&t->m, "", name, &f), 0);
        pthread_mutex_lock(&t->m.tree);
        assert_int_equal(inode_get(&t->m, f.path, f.attrs, f.until_at, &i), 0);
        pthread_mutex_unlock(&t->m.tree);
        return i;
}

static void write_text(struct mount_test *t, struct inode *i, uint64_t offset, const char *text) {
        assert_int_equal(writer_write(&t->m, i, offset, text, strlen(text)), 0);
}

static char *pattern(size_t n, char first) {
        char *data = mem_alloc(n + 1);

        for (size_t k = 0; k < n; k++)
                data[k] = (char) (first + (char) (k / 1000 % 20));
        data[n] = 0;
        return data;
}

static void test_create_is_one_request(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "f.txt");

        write_text(t, i, 0, "hello");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 1);
        mount_test_bucket_assert(&t->bucket, "f.txt", "hello");
        assert_string_equal(mount_test_bucket_get(&t->bucket, "f.txt")->content_type,
                            "text/plain; charset=utf-8");
        assert_non_null(strstr(mount_test_bucket_get(&t->bucket, "f.txt")->metadata, ATTRS_MTIME));
        assert_null(i->writer);
        assert_false(i->is_local);
        /* Nothing to do is nothing done. */
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
}

static void test_small_append_is_one_request(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "log");

        write_text(t, i, 0, "one\n");
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_forget_calls(&t->bucket);
        write_text(t, i, 4, "two\n");
        assert_int_equal(commit_inode(&t->m, i), 0);
        /* What was there is still here. */
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        mount_test_bucket_assert(&t->bucket, "log", "one\ntwo\n");
}

static void test_large_append_is_composed(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "log");
        _cleanup_free_ char *base = pattern(300 << 10, 'a');
        struct mount_test_object *o;

        write_text(t, i, 0, base);
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_forget_calls(&t->bucket);
        write_text(t, i, 300 << 10, "tail");
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 1);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 1);
        assert_int_equal(t->bucket.n_calls[GCS_READ], 0);
        o = mount_test_bucket_get(&t->bucket, "log");
        assert_int_equal(o->n, (300 << 10) + 4);
        assert_int_equal(o->n_components, 2);
        /* The tail's own object is gone. */
        assert_int_equal(t->bucket.objects.n, 1);
}

static void test_stream(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        size_t n = (3 << 20) + 12345;
        _cleanup_free_ char *data = pattern(n, 'a');

        for (size_t at = 0; at < n; at += 100000)
                assert_int_equal(
                        writer_write(&t->m, i, at, data + at, MIN((size_t) 100000, n - at)), 0);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_BEGIN], 1);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_PUT], 3);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_PUT], 4);
        mount_test_bucket_assert(&t->bucket, "big", data);
        assert_int_equal(t->m.n_overlay_bytes, 0);
}

static void test_write_before_what_was_sent(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        size_t n = 2 << 20;
        _cleanup_free_ char *data = pattern(n, 'a');
        char got[3];

        assert_int_equal(writer_write(&t->m, i, 0, data, n), 0);
        write_text(t, i, 10, "XYZ");
        memcpy(data + 10, "XYZ", 3);
        assert_int_equal(writer_read(&t->m, i, 10, got, 3), 3);
        assert_memory_equal(got, "XYZ", 3);
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_assert(&t->bucket, "big", data);
}

static void test_overwrite_in_the_middle(void **state) {
        struct mount_test *t = *state;
        struct inode *i;

        mount_test_bucket_put(&t->bucket, "f", "0123456789");
        i = find(t, "f");
        write_text(t, i, 3, "xx");
        assert_int_equal(writer_truncate(&t->m, i, 8), 0);
        assert_int_equal(writer_truncate(&t->m, i, 12), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_get(&t->bucket, "f")->n, 12);
        assert_memory_equal(mount_test_bucket_get(&t->bucket, "f")->data, "012xx567\0\0\0\0", 12);
}

static void test_foreign_change_is_estale(void **state) {
        struct mount_test *t = *state;
        struct inode *i;

        mount_test_bucket_put(&t->bucket, "f", "mine");
        i = find(t, "f");
        write_text(t, i, 0, "ours");
        mount_test_bucket_put(&t->bucket, "f", "theirs");
        assert_int_equal(commit_inode(&t->m, i), -ESTALE);
        mount_test_bucket_assert(&t->bucket, "f", "theirs");
        /* It stays so. */
        assert_int_equal(writer_write(&t->m, i, 0, "x", 1), -ESTALE);
}

/* The peer's sixth fault, at each way into the bucket. */
static void test_lost_answers(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "f");
        _cleanup_free_ char *base = pattern(300 << 10, 'a');

        write_text(t, i, 0, base);
        t->bucket.fault = (struct mount_test_fault){GCS_INSERT, 412, true, 1};
        assert_int_equal(commit_inode(&t->m, i), 0);
        write_text(t, i, 300 << 10, "tail");
        t->bucket.fault = (struct mount_test_fault){GCS_COMPOSE, 412, true, 1};
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_get(&t->bucket, "f")->n, (300 << 10) + 4);
        i = create(t, "g");
        assert_int_equal(writer_write(&t->m, i, 0, base, 300 << 10), 0);
        assert_int_equal(writer_truncate(&t->m, i, 3 << 20), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_get(&t->bucket, "g")->n, 3 << 20);
}

static void test_broken_piece_is_sent_again(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        size_t n = 2 << 20;
        _cleanup_free_ char *data = pattern(n, 'a');

        t->bucket.fault = (struct mount_test_fault){GCS_UPLOAD_PUT, 503, false, 1};
        assert_int_equal(writer_write(&t->m, i, 0, data, n), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_assert(&t->bucket, "big", data);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_STATUS], 1);
}

static void test_refused_commit_keeps_the_changes(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "f");

        write_text(t, i, 0, "hello");
        t->bucket.fault = (struct mount_test_fault){GCS_INSERT, 503, false, 1};
        assert_int_equal(commit_inode(&t->m, i), -EIO);
        assert_non_null(i->writer);
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_assert(&t->bucket, "f", "hello");
}

static void test_full_temp_is_enospc(void **state) {
        struct mount_test *t = *state;
        struct inode *i;
        _cleanup_free_ char *data = pattern(1 << 20, 'a');
        int r = 0;

        mount_test_bucket_put(&t->bucket, "f", "0123456789");
        i = find(t, "f");
        t->m.overlay_limits.temp_max = 6 << 20;
        /* With holes between, so that nothing can leave. */
        for (uint64_t k = 0; k < 20 && r == 0; k++)
                r = writer_write(&t->m, i, (k * 2 + 1) << 20, data, 1 << 20);
        assert_int_equal(r, -ENOSPC);
        /* What was there is as it was. */
        mount_test_bucket_assert(&t->bucket, "f", "0123456789");
}

/* No object will ever hold it: nothing is begun. */
static void test_too_large_is_efbig(void **state) {
        struct mount_test *t = *state;
        struct inode *i;

        mount_test_bucket_put(&t->bucket, "f", "0123456789");
        i = find(t, "f");
        assert_int_equal(writer_truncate(&t->m, i, WRITER_SIZE_MAX + 1), -EFBIG);
        assert_int_equal(writer_write(&t->m, i, WRITER_SIZE_MAX, "x", 1), -EFBIG);
        assert_int_equal(writer_write(&t->m, i, UINT64_MAX, "xy", 2), -EFBIG);
        assert_null(i->writer);
        assert_int_equal(writer_write(&t->m, i, WRITER_SIZE_MAX - 1, "x", 1), 0);
}

static void test_mtime(void **state) {
        struct mount_test *t = *state;
        const struct timespec when = {.tv_sec = 1000000, .tv_nsec = 5};
        struct inode *i = create(t, "f");

        write_text(t, i, 0, "x");
        writer_set_mtime(&t->m, i, when);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        assert_int_equal(i->attrs->mtime.tv_sec, 1000000);
        assert_int_equal(i->attrs->mtime.tv_nsec, 5);
        assert_int_equal(commit_compose_mtime(&t->m, i, (struct timespec){.tv_sec = 2000000}), 0);
        assert_int_equal(i->attrs->mtime.tv_sec, 2000000);
        mount_test_bucket_assert(&t->bucket, "f", "x");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_create_is_one_request),
                mount_test_case(test_small_append_is_one_request),
                mount_test_case(test_large_append_is_composed),
                mount_test_case(test_stream),
                mount_test_case(test_write_before_what_was_sent),
                mount_test_case(test_overwrite_in_the_middle),
                mount_test_case(test_foreign_change_is_estale),
                mount_test_case(test_lost_answers),
                mount_test_case(test_broken_piece_is_sent_again),
                mount_test_case(test_refused_commit_keeps_the_changes),
                mount_test_case(test_full_temp_is_enospc),
                mount_test_case(test_too_large_is_efbig),
                mount_test_case(test_mtime),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
