/* Is what is in the bucket what we sent? The questions a commit asks when answers were lost, and
 * what an object is said to be. */
#include "fuse-gcs/commit.h"

#include <errno.h>

#include "fuse-gcs/commit_compose.h"
#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

static uint32_t crc_of(const char *text) {
        return crc32c_add(0, text, strlen(text));
}

static void test_recognise(void **state) {
        struct mount_test *t = *state;
        struct attrs *a = NULL, base = {};

        /* Somebody else's, of another content: both versions are in the log. */
        mount_test_bucket_put(&t->bucket, "f", "theirs");
        assert_int_equal(commit_recognise(&t->m, "f", 4, crc_of("ours"), NULL, &a), -ESTALE);
        assert_null(a);
        /* The same length is not the same content. */
        mount_test_bucket_put(&t->bucket, "f", "ourz");
        assert_int_equal(commit_recognise(&t->m, "f", 4, crc_of("ours"), NULL, &a), -ESTALE);
        mount_test_bucket_put(&t->bucket, "f", "ours");
        assert_int_equal(commit_recognise(&t->m, "f", 4, crc_of("ours"), NULL, &a), 0);
        assert_int_equal(a->size, 4);
        /* What we began with is no proof that we wrote it again. */
        base.generation = a->generation;
        a = attrs_unref(a);
        assert_int_equal(commit_recognise(&t->m, "f", 4, crc_of("ours"), &base, &a), -ESTALE);
        base.generation--;
        assert_int_equal(commit_recognise(&t->m, "f", 4, crc_of("ours"), &base, &a), 0);
        a = attrs_unref(a);
        assert_int_equal(commit_recognise(&t->m, "gone", 4, crc_of("ours"), NULL, &a), -ESTALE);
        /* Not being able to look is not a lost race. */
        t->bucket.fault = (struct mount_test_fault){.verb = GCS_STAT, .status = 403, .n = 1};
        assert_int_equal(commit_recognise(&t->m, "f", 4, crc_of("ours"), NULL, &a), -EACCES);
}

static void test_insert_whose_answer_was_lost(void **state) {
        struct mount_test *t = *state;
        struct timespec mtime = {1700000000, 5}, other = {1700000000, 6};
        struct iovec data = {"x", 1};
        struct attrs *a = NULL;
        _cleanup_buf_ struct buf json = {};

        assert_int_equal(commit_resource(&json, NULL, "f", &data, mtime, NULL), 0);
        t->bucket.fault =
                (struct mount_test_fault){.verb = GCS_INSERT, .status = 412, .after = true, .n = 1};
        assert_int_equal(
                commit_insert(&t->m, "f", 0, json.data, "text/plain", &mtime, &data, 1, &a), 0);
        assert_int_equal(a->mtime.tv_nsec, 5);
        a = attrs_unref(a);
        /* Another one of the name, made by somebody else a nanosecond later. */
        assert_int_equal(
                commit_insert(&t->m, "f", 0, json.data, "text/plain", &other, &data, 1, &a),
                -ESTALE);
        /* Without a time to know it by: refused is refused. */
        assert_int_equal(commit_insert(&t->m, "f", 0, json.data, "text/plain", NULL, &data, 1, &a),
                         -ESTALE);
        assert_null(a);
}

static void test_check(void **state) {
        struct attrs a = {.size = 5, .has_crc32c = true, .crc32c = 7};

        assert_int_equal(commit_check("f", &a, 5, 7), 0);
        assert_int_equal(commit_check("f", &a, 5, 8), -EIO);
        assert_int_equal(commit_check("f", &a, 4, 7), -EIO);
        a.has_crc32c = false; /* of customer-supplied keys there is none */
        assert_int_equal(commit_check("f", &a, 5, 8), 0);
        assert_int_equal(commit_check("f", &a, 6, 8), -EIO);
}

static void test_content_type(void **state) {
        struct iovec html = {"<!DOCTYPE html><html>", 21}, bytes = {"\0\1\2\3", 4};
        struct attrs base = {.content_type = "x/y"};

        /* What it was before, then its name's, then what it looks like. */
        assert_string_equal(commit_content_type(&base, "a.txt", &html), "x/y");
        base.content_type = NULL;
        assert_string_equal(commit_content_type(&base, "a.txt", &html),
                            "text/plain; charset=utf-8");
        assert_non_null(strstr(commit_content_type(NULL, "a", &html), "text/"));
        assert_string_equal(commit_content_type(NULL, "a", &bytes), "application/octet-stream");
        assert_string_equal(commit_content_type(NULL, "a", NULL), "application/octet-stream");
}

static void test_resource(void **state) {
        struct attrs base = {.content_encoding = "gzip", .metadata = "{\"mine\":\"kept\"}"};
        struct timespec mtime = {1700000000, 123000000};
        uint32_t crc = crc_of("x");
        _cleanup_buf_ struct buf b = {};

        assert_int_equal(commit_resource(&b, &base, "d/a \"q\".txt", NULL, mtime, &crc), 0);
        assert_non_null(strstr(b.data, "\"name\":\"d/a \\\"q\\\".txt\""));
        assert_non_null(strstr(b.data, "\"contentEncoding\":\"gzip\""));
        assert_non_null(strstr(b.data, "\"mine\":\"kept\""));
        assert_non_null(strstr(b.data, "2023-11-14T22:13:20.123"));
        assert_non_null(strstr(b.data, "\"crc32c\""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_recognise), mount_test_case(test_insert_whose_answer_was_lost),
                mount_test_case(test_check),     mount_test_case(test_content_type),
                mount_test_case(test_resource),
        };

        return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
