/* The signer against the examples in AWS's own documentation of S3. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/aws_sigv4.h"

#define AT (1369353600 * USEC_PER_SEC) /* 20130524T000000Z */

static const struct aws_sigv4_key key = {
        .access_key = "AKIAIOSFODNN7EXAMPLE",
        .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        .region = "us-east-1",
        .service = "s3",
};

static void expect(const struct aws_sigv4_request *req, const char *signature) {
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(aws_sigv4_sign(&key, req, AT, &out), 0);
        assert_non_null(strstr(out.data, "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                                         "aws4_request, SignedHeaders="));
        if (!strstr(out.data, signature))
                fail_msg("%s", out.data);
}

static void test_documented(void **state) {
        static const struct aws_sigv4_pair range[] = {{"range", "bytes=0-9"}};
        static const struct aws_sigv4_pair lifecycle[] = {{"lifecycle", ""}};
        static const struct aws_sigv4_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
        static const struct aws_sigv4_pair put[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                                    {"date", "Fri, 24 May 2013 00:00:00 GMT"}};
        _cleanup_buf_ struct buf path = {};
        char empty[AWS_SIGV4_HASH_SIZE], text[AWS_SIGV4_HASH_SIZE];
        struct aws_sigv4_request req = {.method = "GET",
                                        .host = "examplebucket.s3.amazonaws.com",
                                        .path = "/test.txt",
                                        .headers = range,
                                        .n_headers = 1,
                                        .payload_hash = empty};

        aws_sigv4_hash("", 0, empty);
        expect(&req, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        req.path = "/";
        req.n_headers = 0;
        req.query = lifecycle;
        req.n_query = 1;
        expect(&req, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
        req.query = list;
        req.n_query = 2;
        expect(&req, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
        aws_sigv4_hash("Welcome to Amazon S3.", 21, text);
        assert_int_equal(aws_sigv4_encode(&path, "/test$file.text", true), 0);
        req = (struct aws_sigv4_request){.method = "PUT",
                                         .host = "examplebucket.s3.amazonaws.com",
                                         .path = path.data,
                                         .headers = put,
                                         .n_headers = 2,
                                         .payload_hash = text};
        expect(&req, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void test_presign(void **state) {
        struct aws_sigv4_request req = {.method = "GET",
                                        .host = "examplebucket.s3.amazonaws.com",
                                        .path = "/test.txt",
                                        .payload_hash = AWS_SIGV4_UNSIGNED};
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(aws_sigv4_presign(&key, &req, AT, 86400 * USEC_PER_SEC, &out), 0);
        assert_string_equal(
                out.data,
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
                "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
                "X-Amz-SignedHeaders=host&X-Amz-Signature="
                "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void test_query_order(void **state) {
        static const struct aws_sigv4_pair query[] = {{"b", "2"},  {"a", "z"},  {"a", "y z"},
                                                      {"a:", "1"}, {"a-", "1"}, {"\xc3\xa9", "/"}};
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(aws_sigv4_query(&out, query, ARRAY_SIZE(query)), 0);
        assert_string_equal(out.data, "%C3%A9=%2F&a=y%20z&a=z&a%3A=1&a-=1&b=2");
}

static void test_md5(void **state) {
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(aws_sigv4_md5("", 0, &out), 0);
        assert_string_equal(out.data, "1B2M2Y8AsgTpgAmY7PhCfg==");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_documented),
                cmocka_unit_test(test_presign),
                cmocka_unit_test(test_query_order),
                cmocka_unit_test(test_md5),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
