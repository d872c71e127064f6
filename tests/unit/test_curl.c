/* What takes any type reaches the library as it was given. */
#include <curl/curl.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/net/curl.h"
#include "tests/unit/net_test_cmocka.h"

static void test_load(void **state) {
        struct errmsg em = {};

        (void) state;
        assert_int_equal(curl_load(&em), 0);
        assert_int_equal(curl_load(NULL), 0);
        assert_string_equal(em.text, "");
}

static void test_types(void **state) {
        CURL *easy = curl_easy_init();
        char text[CURL_ERROR_SIZE] = "", *found = NULL;
        curl_off_t size = 0;

        (void) state;
        assert_non_null(easy);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_PRIVATE, text), CURLE_OK);
        assert_int_equal(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &found), CURLE_OK);
        assert_ptr_equal(found, text);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 1000L), CURLE_OK);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_PORT, 65536L), CURLE_BAD_FUNCTION_ARGUMENT);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) 1 << 40),
                         CURLE_OK);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) -2),
                         CURLE_BAD_FUNCTION_ARGUMENT);
        assert_int_equal(curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &size), CURLE_OK);
        assert_int_equal(size, 0);
        curl_easy_cleanup(easy);
}

/* The first failure is the library's own: nothing listens there. */
static void test_call(void **state) {
        CURL *easy = curl_easy_init();
        char text[CURL_ERROR_SIZE] = "";

        (void) state;
        assert_non_null(easy);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_URL, "unknown://x/"), CURLE_OK);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text), CURLE_OK);
        assert_int_equal(curl_easy_perform(easy), CURLE_UNSUPPORTED_PROTOCOL);
        assert_non_null(strstr(text, "unknown"));
        assert_string_equal(curl_easy_strerror(CURLE_UNSUPPORTED_PROTOCOL), "Unsupported protocol");
        curl_easy_cleanup(easy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_load),
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_call),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
