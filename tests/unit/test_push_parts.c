/* A large file as several uploads: when, how they become one object, and what is left of them. */
#include "fuse-gcs/push_parts.h"

#include <errno.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/writer.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

#define MIB ((size_t) 1 << 20)

static void test_choice(void **state) {
        const struct push_parts_facts slow_stream = {
                .n_at_once = 4,
                .n_unsent = 16 * MIB,
                .took_for = 100 * USEC_PER_MSEC, /* 160 MiB/s */
                .bytes_per_s = 100 * MIB,
                .n_memory = 16 * MIB,
                .memory_max = 128 * MIB,
                .block_size = 16 * MIB,
        };
        struct push_parts_facts f = slow_stream;

        /* Only what is large. */
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_WAIT);
        f.n_unsent = f.n_memory = 48 * MIB;
        f.took_for *= 3;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_MANY);
        /* An upload that is as fast as the file comes is enough, and so is one where none was seen
         * yet and the file comes slowly. */
        f.bytes_per_s = 150 * MIB;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
        f.bytes_per_s = 0;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_MANY);
        f.took_for *= 4;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
        /* Unless somebody wants it so. */
        f.is_asked_for = true;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_MANY);
        f.no_temporaries = true;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
        f.no_temporaries = false;
        f.n_at_once = 1;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
        f.n_at_once = 0;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
        /* Small blocks alone make no large file, but for who asked. */
        f = slow_stream;
        f.block_size = MIB;
        f.n_unsent = f.n_memory = 5 * MIB;
        f.n_least = 48 * MIB;
        f.took_for = 10 * USEC_PER_MSEC;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_WAIT);
        f.is_asked_for = true;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_MANY);
        /* Nobody waits for more where others need the memory. */
        f = slow_stream;
        f.n_memory = 80 * MIB;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
        f.took_for = 0;
        assert_int_equal(push_parts_choose(&f), PUSH_PARTS_ONE);
}

/* --- with a bucket --------------------------------------------------------------------------- */

static char *pattern(size_t n, char first) {
        char *data = mem_alloc(n + 1);

        assert_non_null(data);
        for (size_t k = 0; k < n; k++)
                data[k] = (char) (first + (char) (k / 1000 % 20));
        data[n] = 0;
        return data;
}

static int setup(void **state) {
        struct mount_test *t;

        if (mount_test_setup(state) != 0)
                return -1;
        t = *state;
        t->m.o.n_uploads_at_once = 4;
        t->m.o.uploads_asked_for = true;
        t->m.overlay_limits.memory_max = 16 * MIB;
        return 0;
}
#define parts_case(f) cmocka_unit_test_setup_teardown(f, setup, mount_test_teardown)

static struct inode *create(struct mount_test *t, const char *name) {
        struct inode *i;

        assert_int_equal(entries_create(&t->m, "", name, &i), 0);
        return i;
}

static void write_all(struct mount_test *t, struct inode *i, uint64_t from, const char *data,
                      size_t n) {
        for (size_t at = 0; at < n; at += 100000)
                assert_int_equal(
                        writer_write(&t->m, i, from + at, data + at, MIN((size_t) 100000, n - at)),
                        0);
}

/* Nothing of ours is in the bucket but what has a name of its own, n objects. */
static void assert_clean(struct mount_test *t, size_t n) {
        assert_int_equal(t->m.n_overlay_bytes, 0);
        assert_int_equal(t->bucket.objects.n, n);
}

static void test_a_large_file(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big.txt");
        size_t n = 5 * MIB + 12345;
        _cleanup_free_ char *data = pattern(n, 'a');
        struct mount_test_object *o;

        write_all(t, i, 0, data, 2 * MIB);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0); /* it may end here */
        write_all(t, i, 2 * MIB, data + 2 * MIB, n - 2 * MIB);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 5);
        assert_null(mount_test_bucket_get(&t->bucket, "big.txt"));
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 6);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 1);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_BEGIN], 0);
        mount_test_bucket_assert(&t->bucket, "big.txt", data);
        o = mount_test_bucket_get(&t->bucket, "big.txt");
        assert_int_equal(o->n_components, 6);
        assert_string_equal(o->content_type, "text/plain; charset=utf-8");
        assert_non_null(strstr(o->metadata, ATTRS_MTIME));
        assert_null(i->writer);
        assert_clean(t, 1);
}

static void test_what_is_not_large_stays_whole(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "f");
        _cleanup_free_ char *data = pattern(2 * MIB + 99, 'a');

        write_all(t, i, 0, data, 2 * MIB + 99);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 1);
        mount_test_bucket_assert(&t->bucket, "f", data);
        assert_clean(t, 1);
}

/* 32 become one again and again: the last compose takes no more than it may. */
static void test_many_parts(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        size_t n = 75 * (256 << 10) + 7;
        _cleanup_free_ char *data = pattern(n, 'a');

        t->m.o.block_size = 256 << 10;
        write_all(t, i, 0, data, n);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 2);
        /* Those that were merged are gone. */
        assert_true(t->bucket.objects.n <= 2 + 32);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_INSERT], 76);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 3);
        mount_test_bucket_assert(&t->bucket, "big", data);
        assert_clean(t, 1);
}

/* 31 of each of two kinds: too many for the last one. */
static void test_more_than_one_compose_takes(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "log");
        size_t head = 300 << 10, n = (32 * 5 + 31) * (size_t) (64 << 10);
        _cleanup_free_ char *data = pattern(head + n, 'a');

        t->m.o.block_size = 64 << 10;
        t->m.o.n_uploads_at_once = 1;
        assert_int_equal(writer_write(&t->m, i, 0, data, head), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        t->m.o.n_uploads_at_once = 4;
        mount_test_bucket_forget_calls(&t->bucket);
        write_all(t, i, head, data + head, n);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 5);
        assert_int_equal(commit_inode(&t->m, i), 0);
        /* [base] + 5 + 31: six at least have to become one first. */
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 7);
        mount_test_bucket_assert(&t->bucket, "log", data);
        assert_clean(t, 1);
}

static void test_append(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "log");
        size_t head = 300 << 10, n = 4 * MIB;
        _cleanup_free_ char *data = pattern(head + n, 'a');

        assert_int_equal(writer_write(&t->m, i, 0, data, head), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        mount_test_bucket_forget_calls(&t->bucket);
        write_all(t, i, head, data + head, n);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_READ], 0);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 1);
        mount_test_bucket_assert(&t->bucket, "log", data);
        assert_clean(t, 1);
}

/* What was sent is read, or written over: it has to be an object first. */
static void test_read_and_write_of_what_left(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        size_t n = 4 * MIB;
        _cleanup_free_ char *data = pattern(n, 'a');
        char got[3];

        write_all(t, i, 0, data, n);
        assert_true(writer_is_sending(i->writer));
        assert_int_equal(writer_read(&t->m, i, 5, got, 3), -EAGAIN); /* the bucket's now */
        mount_test_bucket_assert(&t->bucket, "big", data);
        write_all(t, i, n, data, n);
        assert_int_equal(writer_write(&t->m, i, 7, "XYZ", 3), 0);
        assert_int_equal(mount_test_bucket_get(&t->bucket, "big")->n, 2 * n);
        assert_int_equal(writer_truncate(&t->m, i, n), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        memcpy(data + 7, "XYZ", 3);
        mount_test_bucket_assert(&t->bucket, "big", data);
        assert_clean(t, 1);
}

static void test_holes_at_the_end(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        _cleanup_free_ char *data = pattern(3 * MIB, 'a'), *none = mem_zalloc(2 * MIB);

        write_all(t, i, 0, data, 3 * MIB);
        assert_int_equal(writer_truncate(&t->m, i, 5 * MIB), 0);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(mount_test_bucket_get(&t->bucket, "big")->n, 5 * MIB);
        assert_memory_equal(mount_test_bucket_get(&t->bucket, "big")->data, data, 3 * MIB);
        assert_memory_equal(mount_test_bucket_get(&t->bucket, "big")->data + 3 * MIB, none,
                            2 * MIB);
}

static void test_lost_race(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        _cleanup_free_ char *data = pattern(4 * MIB, 'a');

        write_all(t, i, 0, data, 4 * MIB);
        mount_test_bucket_put(&t->bucket, "big", "theirs");
        assert_int_equal(commit_inode(&t->m, i), -ESTALE);
        mount_test_bucket_assert(&t->bucket, "big", "theirs");
        i->writer = writer_free(i->writer);
        assert_clean(t, 1);
}

/* Each answer is lost once: of a part, of a merge, of the last compose. */
static void test_lost_answers(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        size_t n = 40 * (64 << 10);
        _cleanup_free_ char *data = pattern(n, 'a');

        t->m.o.block_size = 64 << 10;
        t->bucket.fault = (struct mount_test_fault){GCS_INSERT, 412, true, 1};
        write_all(t, i, 0, data, n / 2);
        t->bucket.fault = (struct mount_test_fault){GCS_COMPOSE, 412, true, 1};
        write_all(t, i, n / 2, data + n / 2, n / 2);
        assert_int_equal(t->bucket.fault.n, 0);
        t->bucket.fault = (struct mount_test_fault){GCS_COMPOSE, 404, true, 1};
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.fault.n, 0);
        mount_test_bucket_assert(&t->bucket, "big", data);
        assert_clean(t, 1);
}

/* A part that does not get there is the file's error, said by every call from then on, and nothing
 * of it stays. */
static void test_broken_part(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        _cleanup_free_ char *data = pattern(4 * MIB, 'a');
        int r = 0;

        write_all(t, i, 0, data, 3 * MIB);
        t->bucket.fault = (struct mount_test_fault){GCS_INSERT, 403, false, 1};
        for (size_t at = 3 * MIB; at < 4 * MIB && r == 0; at += 100000)
                r = writer_write(&t->m, i, at, data, 100000);
        if (r == 0)
                r = commit_inode(&t->m, i);
        assert_int_equal(r, -EACCES);
        assert_int_equal(writer_write(&t->m, i, 4 * MIB, "x", 1), -EACCES);
        assert_int_equal(commit_inode(&t->m, i), -EACCES);
        i->writer = writer_free(i->writer);
        assert_clean(t, 0);
}

/* A bucket that retains what is put there says so of the first object of ours. */
static void test_retained(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        _cleanup_free_ char *data = pattern(4 * MIB, 'a');

        t->bucket.retains = true;
        write_all(t, i, 0, data, 4 * MIB);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_true(t->m.no_temporaries);
        mount_test_bucket_assert(&t->bucket, "big", data);
        mount_test_bucket_forget_calls(&t->bucket);
        i = create(t, "next");
        write_all(t, i, 0, data, 4 * MIB);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 0);
        assert_int_equal(t->bucket.n_calls[GCS_UPLOAD_BEGIN], 1);
}

/* Not asked for: only what comes faster than one upload, as the mount has seen them. */
static void test_only_where_it_pays(void **state) {
        struct mount_test *t = *state;
        _cleanup_free_ char *data = pattern(4 * MIB, 'a');
        struct inode *i;

        t->m.o.uploads_asked_for = false;
        t->m.upload_bytes_per_s = UINT64_C(1) << 50;
        i = create(t, "one");
        write_all(t, i, 0, data, 4 * MIB);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 0);
        t->m.upload_bytes_per_s = 1;
        i = create(t, "many");
        write_all(t, i, 0, data, 4 * MIB);
        /* What they bring was seen. */
        assert_true(t->m.upload_bytes_per_s > 1);
        assert_int_equal(commit_inode(&t->m, i), 0);
        assert_int_equal(t->bucket.n_calls[GCS_COMPOSE], 1);
        mount_test_bucket_assert(&t->bucket, "many", data);
}

/* Unlinked while it is open: what left is an object by then, which is kept for those who read. */
static void test_unlinked(void **state) {
        struct mount_test *t = *state;
        struct inode *i = create(t, "big");
        _cleanup_free_ char *data = pattern(4 * MIB, 'a');

        write_all(t, i, 0, data, 4 * MIB);
        assert_int_equal(entries_park(&t->m, "big", false), 0);
        assert_false(i->writer && writer_is_sending(i->writer));
        mount_test_bucket_assert(&t->bucket, "big", data);
        assert_clean(t, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_choice),
                parts_case(test_a_large_file),
                parts_case(test_what_is_not_large_stays_whole),
                parts_case(test_many_parts),
                parts_case(test_more_than_one_compose_takes),
                parts_case(test_append),
                parts_case(test_read_and_write_of_what_left),
                parts_case(test_holes_at_the_end),
                parts_case(test_lost_race),
                parts_case(test_lost_answers),
                parts_case(test_broken_part),
                parts_case(test_retained),
                parts_case(test_only_where_it_pays),
                parts_case(test_unlinked),
        };

        return cmocka_run_group_tests_name("push_parts", tests, NULL, NULL);
}
