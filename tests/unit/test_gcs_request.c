#include "lib/gcp/gcs_request.h"

#include "tests/unit/base_test.h"

static void want(const struct gcs_request *q, const char *method, const char *url) {
        struct gcs_request_wire w;

        assert_int_equal(gcs_request_build(q, "http://h", "b", NULL, 0, &w), 0);
        assert_string_equal(w.method, method);
        assert_string_equal(w.url.data, url);
        gcs_request_wire_done(&w);
}

static bool has_header(const struct gcs_request_wire *w, const char *text) {
        for (size_t i = 0; w->headers[i]; i++)
                if (!strcmp(w->headers[i], text))
                        return true;
        return false;
}

static void test_urls(void **state) {
        struct gcs_request q;

        gcs_request_init(&q, GCS_DELETE, "a/b");
        want(&q, "DELETE", "http://h/storage/v1/b/b/o/a%2Fb?prettyPrint=false");
        q.if_generation = 7;
        want(&q, "DELETE", "http://h/storage/v1/b/b/o/a%2Fb?ifGenerationMatch=7&prettyPrint=false");
        gcs_request_init(&q, GCS_MOVE, "a");
        q.dest = "c d";
        q.if_generation = 0;
        want(&q, "POST",
             "http://h/storage/v1/b/b/o/a/moveTo/o/c%20d?ifGenerationMatch=0&prettyPrint=false");
        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = "d/";
        q.delimiter = "/";
        q.n_max = 5;
        q.fields = "prefixes";
        want(&q, "GET",
             "http://h/storage/v1/b/b/o?prefix=d%2F&delimiter=%2F&maxResults=5&projection=noAcl&"
             "fields=prefixes&prettyPrint=false");
}

static void test_read(void **state) {
        struct gcs_request q;
        struct gcs_request_wire w;

        gcs_request_init(&q, GCS_READ, "a/b c");
        q.generation = 9;
        q.offset = 100;
        q.length = 50;
        assert_int_equal(gcs_request_build(&q, "http://h", "b", "proj", 10, &w), 0);
        assert_string_equal(w.url.data, "http://h/b/a/b%20c?generation=9&userProject=proj");
        assert_true(has_header(&w, "Range: bytes=110-149"));
        assert_true(has_header(&w, "Accept-Encoding: gzip"));
        gcs_request_wire_done(&w);
}

static void test_insert(void **state) {
        char data[] = "hello";
        struct iovec iov = {data, 5};
        struct gcs_request q;
        struct gcs_request_wire w;

        gcs_request_init(&q, GCS_INSERT, "x");
        q.json = "{\"name\":\"x\"}";
        q.content_type = "text/plain";
        q.data = &iov;
        q.n_data = 1;
        q.if_generation = 0;
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), 0);
        assert_non_null(strstr(w.url.data, "uploadType=multipart&name=x&ifGenerationMatch=0"));
        assert_non_null(strstr(w.head.data, "{\"name\":\"x\"}"));
        assert_non_null(strstr(w.head.data, "Content-Type: text/plain\r\n\r\n"));
        assert_int_equal(w.body_size, w.head.len + w.tail.len + 5);
        gcs_request_wire_done(&w);
}

static void test_upload(void **state) {
        char data[] = "hello";
        struct iovec iov = {data, 5};
        struct gcs_request q;
        struct gcs_request_wire w;

        gcs_request_init(&q, GCS_UPLOAD_PUT, NULL);
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), -EINVAL);
        q.upload_url = "http://s/1";
        q.data = &iov;
        q.n_data = 1;
        q.upload_offset = 10;
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), 0);
        assert_string_equal(w.url.data, "http://s/1");
        assert_true(has_header(&w, "Content-Range: bytes 10-14/*"));
        gcs_request_wire_done(&w);
        q.upload_total = 15;
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), 0);
        assert_true(has_header(&w, "Content-Range: bytes 10-14/15"));
        gcs_request_wire_done(&w);
        q.n_data = 0;
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), 0);
        assert_true(has_header(&w, "Content-Range: bytes */15"));
        gcs_request_wire_done(&w);
}

static void test_lacking(void **state) {
        struct gcs_request q;
        struct gcs_request_wire w;

        gcs_request_init(&q, GCS_STAT, NULL);
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), -EINVAL);
        gcs_request_init(&q, GCS_MOVE, "x");
        assert_int_equal(gcs_request_build(&q, "http://h", "b", NULL, 0, &w), -EINVAL);
        for (unsigned v = 0; v < GCS_N_VERBS; v++)
                assert_string_not_equal(gcs_request_verb_name(v), "?");
}

/* The service may think for a minute about some calls, but nobody waits longer than a call may
 * last. */
static void test_how_long_no_byte_may_come(void **state) {
        struct gcs_request insert, stat, chunk;

        gcs_request_init(&insert, GCS_INSERT, "x");
        gcs_request_init(&stat, GCS_STAT, "x");
        gcs_request_init(&chunk, GCS_UPLOAD_PUT, "x");
        assert_int_equal(gcs_request_stall_for(&stat, 0, 0, 0), 10 * USEC_PER_SEC);
        assert_int_equal(gcs_request_stall_for(&stat, 3 * USEC_PER_SEC, 0, 0), 3 * USEC_PER_SEC);
        assert_int_equal(gcs_request_stall_for(&stat, 3 * USEC_PER_SEC, 0, 2), 2);
        assert_int_equal(gcs_request_stall_for(&insert, 0, 0, 0), 60 * USEC_PER_SEC);
        assert_int_equal(gcs_request_stall_for(&insert, 90 * USEC_PER_SEC, 0, 0),
                         90 * USEC_PER_SEC);
        assert_int_equal(gcs_request_stall_for(&insert, 0, 0, 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
        assert_int_equal(gcs_request_stall_for(&insert, 0, 7, 0), 7);
        assert_int_equal(gcs_request_stall_for(&chunk, 90, 0, 0), 60 * USEC_PER_SEC);
        assert_int_equal(gcs_request_stall_for(&chunk, 90, 7, 0), 7);
        assert_int_equal(gcs_request_stall_for(&chunk, 90, USEC_INFINITY, 9), 9);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_urls),    cmocka_unit_test(test_read),
                cmocka_unit_test(test_insert),  cmocka_unit_test(test_upload),
                cmocka_unit_test(test_lacking), cmocka_unit_test(test_how_long_no_byte_may_come),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
