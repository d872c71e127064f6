/* The metadata server's values, once and when they change. */
#include "tests/unit/gcp_test_server.h"

#include "lib/base/mem.h"
#include "lib/gcp/metadata.h"

static void *change_later(void *arg) {
        usleep(50000);
        gcp_test.metadata_value = 2;
        return NULL;
}

static void test_get(void **state) {
        _cleanup_(http_fetch_freep) struct http_fetch *http = NULL;
        struct errmsg em = {};
        char *text = NULL;

        assert_int_equal(http_fetch_new(NULL, &http), 0);
        assert_int_equal(metadata_get(http, METADATA_PROJECT, 0, &text, &em), 0);
        assert_string_equal(text, "the-project");
        mem_free(text);
        assert_int_equal(metadata_get(http, "no/such", 0, &text, &em), -ENOENT);
        assert_non_null(strstr(em.text, "no/such"));
        http_fetch_cancel(http);
        assert_int_equal(metadata_get(http, METADATA_PROJECT, 0, &text, &em), -ECANCELED);
}

static void test_wait(void **state) {
        _cleanup_(http_fetch_freep) struct http_fetch *http = NULL;
        char etag[METADATA_ETAG_SIZE] = "";
        struct errmsg em = {};
        pthread_t thread;
        char *text = NULL;

        assert_int_equal(http_fetch_new(NULL, &http), 0);
        gcp_test.metadata_value = 1;
        assert_int_equal(metadata_wait(http, METADATA_MAINTENANCE, USEC_PER_SEC, etag, &text, &em),
                         0);
        assert_string_equal(text, "NONE");
        mem_free(text);
        assert_int_equal(metadata_wait(http, METADATA_MAINTENANCE, USEC_PER_SEC, etag, &text, &em),
                         1);
        assert_int_equal(pthread_create(&thread, NULL, change_later, NULL), 0);
        assert_int_equal(
                metadata_wait(http, METADATA_MAINTENANCE, 20 * USEC_PER_SEC, etag, &text, &em), 0);
        pthread_join(thread, NULL);
        assert_string_equal(text, "MIGRATE");
        assert_string_equal(etag, "2");
        mem_free(text);
}

static void test_nobody_there(void **state) {
        _cleanup_(http_fetch_freep) struct http_fetch *http = NULL;
        struct errmsg em = {};
        char *text;

        setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
        assert_int_equal(http_fetch_new(NULL, &http), 0);
        assert_int_equal(metadata_get(http, METADATA_PROJECT, 0, &text, &em), -ECONNREFUSED);
        assert_non_null(strstr(em.text, "the metadata server does not answer"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_get),
                cmocka_unit_test(test_wait),
                cmocka_unit_test(test_nobody_there),
        };

        return cmocka_run_group_tests(tests, gcp_test_setup, gcp_test_teardown);
}
