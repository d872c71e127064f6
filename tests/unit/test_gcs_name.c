#include "lib/gcp/gcs_name.h"

#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

static void test_escape(void **state) {
        _cleanup_buf_ struct buf b = {}, p = {};

        assert_int_equal(gcs_name_escape(&b, "a/b c+\xc3\xa4%?#~"), 0);
        assert_string_equal(b.data, "a%2Fb%20c%2B%C3%A4%25%3F%23~");
        assert_int_equal(gcs_name_escape_path(&p, "a/b c"), 0);
        assert_string_equal(p.data, "a/b%20c");
}

static void test_check(void **state) {
        char longest[GCS_NAME_MAX + 2];

        assert_int_equal(gcs_name_check("a/b"), 0);
        assert_int_equal(gcs_name_check("\xf0\x9f\x98\x80"), 0);
        assert_int_equal(gcs_name_check(""), -EINVAL);
        assert_int_equal(gcs_name_check("."), -EINVAL);
        assert_int_equal(gcs_name_check(".."), -EINVAL);
        assert_int_equal(gcs_name_check("a\nb"), -EINVAL);
        assert_int_equal(gcs_name_check("a\xff"), -EILSEQ);
        assert_int_equal(gcs_name_check(".well-known/acme-challenge/x"), -EINVAL);
        memset(longest, 'x', sizeof(longest));
        longest[GCS_NAME_MAX] = 0;
        assert_int_equal(gcs_name_check(longest), 0);
        longest[GCS_NAME_MAX] = 'x';
        longest[GCS_NAME_MAX + 1] = 0;
        assert_int_equal(gcs_name_check(longest), -ENAMETOOLONG);
}

static void test_bucket(void **state) {
        struct errmsg em;

        assert_int_equal(gcs_name_check_bucket("my-bucket.example_1", &em), 0);
        assert_int_equal(gcs_name_check_bucket("ab", &em), -EINVAL);
        assert_says(em, "\"ab\" is no bucket");
        assert_int_equal(gcs_name_check_bucket("-ab", &em), -EINVAL);
        assert_int_equal(gcs_name_check_bucket("Abc", &em), -EINVAL);
        assert_int_equal(gcs_name_check_bucket("a/c", &em), -EINVAL);
}

static void test_endpoint(void **state) {
        static const struct {
                const char *given, *want;
        } rows[] = {
                {"http://h:1/storage/v1/", "http://h:1"},
                {"http://h:1/storage/v1/b", "http://h:1"},
                {"http://h:1", "http://h:1"},
                {"h:1/", "http://h:1"},
                {"https://proxy/gcs/storage/v1", "https://proxy/gcs"},
        };
        struct errmsg em;
        char *got;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(gcs_name_endpoint(rows[i].given, &got, &em), 0);
                assert_string_equal(got, rows[i].want);
                mem_free(got);
        }
        assert_int_equal(gcs_name_endpoint("ftp://h", &got, &em), -EINVAL);
        assert_says(em, "http://");
        assert_int_equal(gcs_name_endpoint("http:///x", &got, &em), -EINVAL);
        assert_int_equal(gcs_name_endpoint("http://h/?x", &got, &em), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_escape),
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_bucket),
                cmocka_unit_test(test_endpoint),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
