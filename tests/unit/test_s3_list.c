/* S3's XML and headers, and AWS's files. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/base/arena.h"
#include "lib/store/s3_config.h"
#include "lib/store/s3_list.h"
#include "lib/store/s3_xml.h"

static void test_page(void **state) {
        static const char text[] =
                "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><IsTruncated>true"
                "</IsTruncated><Prefix>p</Prefix><Contents><Key>b%20c%2B%C3%A9</Key><LastModified>"
                "1970-01-01T00:00:01.000Z</LastModified><ETag>&quot;e-1&quot;</ETag><Size>12</Size>"
                "<Owner><ID>x</ID></Owner></Contents>\n<CommonPrefixes><Prefix>a/</Prefix>"
                "</CommonPrefixes></ListBucketResult>";
        struct s3_list_page page;
        struct arena arena;

        arena_init(&arena, 0);
        assert_int_equal(s3_list_parse(&arena, text, strlen(text), &page), 0);
        assert_int_equal(page.n, 2);
        assert_true(page.is_truncated);
        assert_string_equal(page.entries[0].name, "a/");
        assert_true(page.entries[0].is_prefix);
        assert_string_equal(page.entries[1].name, "b c+\xc3\xa9");
        assert_string_equal(page.entries[1].info.etag, "e-1");
        assert_int_equal(page.entries[1].info.size, 12);
        assert_int_equal(page.entries[1].info.modified_at, USEC_PER_SEC);
        arena_done(&arena);
}

static void test_not_pages(void **state) {
        static const char *const rows[] = {
                "<a>",
                "</a>",
                "<a></b>",
                "<>",
                "<a>&nope;</a>",
                "<a>&#0;</a>",
                "<a>&#xd800;</a>",
                "<a>&amp</a>",
                "<Contents></Contents>",
                "<Contents><Key>a</Key><Size>-1</Size></Contents>",
                "<Contents><Key>%ff</Key></Contents>",
                "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct s3_list_page page = {.n = 7};
                struct arena arena;

                arena_init(&arena, 0);
                if (s3_list_parse(&arena, rows[i], strlen(rows[i]), &page) != -EBADMSG)
                        fail_msg("%s is taken", rows[i]);
                assert_int_equal(page.n, 7);
                arena_done(&arena);
        }
}

static void test_find_and_escape(void **state) {
        static const char text[] = "<Error><Code>A&amp;B</Code><Empty/><Code>C</Code></Error>";
        _cleanup_buf_ struct buf out = {};
        char ret[16];

        assert_int_equal(s3_xml_find(text, strlen(text), "Code", ret, sizeof ret), 0);
        assert_string_equal(ret, "A&B");
        assert_int_equal(s3_xml_find(text, strlen(text), "Empty", ret, sizeof ret), 0);
        assert_string_equal(ret, "");
        assert_int_equal(s3_xml_escape(&out, "a<b>&\"'\t"), 0);
        assert_string_equal(out.data, "a&lt;b&gt;&amp;&quot;&apos;&#9;");
}

static struct http_fetch_answer answer(const char *head) {
        struct http_fetch_answer a = {};

        buf_add_str(&a.head, head);
        return a;
}

static void test_info(void **state) {
        struct http_fetch_answer a =
                answer("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/77\r\n"
                       "Last-Modified: Fri, 02 Jan 1970 00:00:01 GMT\r\n"
                       "etag: \"x\"\r\nContent-Length: 2\r\n\r\n");
        struct store_info info;
        struct errmsg em = {};

        assert_int_equal(s3_list_info(&a, &info, &em), 0);
        assert_int_equal(info.size, 77);
        assert_int_equal(info.modified_at, USEC_PER_DAY + USEC_PER_SEC);
        assert_string_equal(info.etag, "x");
        http_fetch_answer_done(&a);
        a = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        assert_int_equal(s3_list_info(&a, &info, &em), -EPROTO);
        http_fetch_answer_done(&a);
        a = answer("HTTP/1.1 200 OK\r\nETag: \"x\"\r\n\r\n");
        assert_int_equal(s3_list_info(&a, &info, &em), -EPROTO);
        http_fetch_answer_done(&a);
}

static void expect_config(const char *section, const char *key, const char *want) {
        static const char text[] = "# c\n[default]\nregion = eu-x \r\nregional=no\n[profile p]\n"
                                   "region=us-y\n\tnot = this\n[q]\nk==v w\n";
        size_t n;
        const char *value = s3_config_find(text, section, key, &n);

        if (!want) {
                assert_null(value);
                return;
        }
        assert_non_null(value);
        assert_int_equal(n, strlen(want));
        assert_memory_equal(value, want, n);
}

static void test_config_file(void **state) {
        expect_config("default", "region", "eu-x");
        expect_config("p", "region", "us-y");
        expect_config("p", "not", NULL);
        expect_config("q", "k", "=v w");
        expect_config("q", "region", NULL);
        expect_config("none", "region", NULL);
}

static void test_config(void **state) {
        char dir[] = "/tmp/test_s3_config.XXXXXX", path[64];
        struct s3_config c;
        struct errmsg em = {};
        FILE *f;

        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/credentials", dir);
        f = fopen(path, "we");
        assert_non_null(f);
        fputs("[work]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = C\n"
              "region = eu-west-9\n",
              f);
        assert_int_equal(fclose(f), 0);
        setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
        setenv("AWS_CONFIG_FILE", path, 1);
        setenv("AWS_PROFILE", "work", 1);
        unsetenv("AWS_ACCESS_KEY_ID");
        unsetenv("MLFLOW_S3_ENDPOINT_URL");
        assert_int_equal(s3_config_load("bucket", &c, &em), 0);
        assert_string_equal(c.endpoint, "https://bucket.s3.eu-west-9.amazonaws.com");
        assert_false(c.is_path_style);
        assert_string_equal(c.session_token, "C");
        s3_config_done(&c);
        assert_int_equal(s3_config_load("with.dots", &c, &em), 0);
        assert_true(c.is_path_style);
        s3_config_done(&c);
        setenv("MLFLOW_S3_ENDPOINT_URL", "http://h:9000/path", 1);
        assert_int_equal(s3_config_load("bucket", &c, &em), -EINVAL);
        assert_non_null(strstr(em.text, "MLFLOW_S3_ENDPOINT_URL"));
        /* what is given comes before the environment and the files */
        assert_int_equal(s3_config_load_given("bucket",
                                              &(struct s3_config_given){.access_key = "G",
                                                                        .secret_key = "H",
                                                                        .endpoint = "http://g:1"},
                                              &c, &em),
                         0);
        assert_string_equal(c.access_key, "G");
        assert_string_equal(c.secret_key, "H");
        assert_null(c.session_token); /* the file's belongs to the file's key */
        assert_string_equal(c.endpoint, "http://g:1");
        assert_string_equal(c.region, "eu-west-9");
        s3_config_done(&c);
        unlink(path);
        rmdir(dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_page),
                cmocka_unit_test(test_not_pages),
                cmocka_unit_test(test_find_and_escape),
                cmocka_unit_test(test_info),
                cmocka_unit_test(test_config_file),
                cmocka_unit_test(test_config),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
