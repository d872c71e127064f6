/* Bodies as Google's Python client (LF alone) and apitools (CRLF, Content-ID) send them; and what
 * is none. */
#include "daemons/bucketd/batch_parse.h"

#include <errno.h>

#include "lib/base/buf.h"
#include "tests/unit/base_test.h"

static struct batch_part *parts;
static size_t n_parts;

static int parse(struct arena *a, const char *type, const char *text) {
        char *body = arena_strdup(a, text);

        return batch_parse(a, type, body, strlen(body), &parts, &n_parts);
}

static void test_python(void **state) {
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(
                parse(&a, "multipart/mixed; boundary=\"===============12==\"",
                      "--===============12==\nContent-Type: application/http\nMIME-Version: 1.0\n\n"
                      "DELETE /storage/v1/b/bkt/o/a%2Fb?prettyPrint=false "
                      "HTTP/1.1\nX-Goog-API-Client: gl\nContent-Length: 3\n\n"
                      "\n--===============12==\nContent-Type: application/http\nMIME-Version: "
                      "1.0\n\n"
                      "PATCH /storage/v1/b/bkt/o/c HTTP/1.1\nContent-Type: "
                      "application/json\n\n{\"a\": 1}\n"
                      "--===============12==--"),
                0);
        assert_int_equal(n_parts, 2);
        assert_string_equal(parts[0].method, "DELETE");
        assert_string_equal(parts[0].target, "/storage/v1/b/bkt/o/a%2Fb?prettyPrint=false");
        assert_string_equal(parts[0].headers[0], "X-Goog-API-Client: gl");
        assert_null(parts[0].headers[1]);
        assert_int_equal(parts[0].body_size, 0);
        assert_null(parts[0].id);
        assert_string_equal(parts[1].content_type, "application/json");
        assert_int_equal(parts[1].body_size, 8);
        assert_memory_equal(parts[1].body, "{\"a\": 1}", 8);
        arena_done(&a);
}

static void test_apitools(void **state) {
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(parse(&a, "Multipart/Mixed; boundary=b1; x=y",
                               "preamble\r\n--b1\r\nContent-Type: application/http\r\nContent-ID: "
                               "<uu+7>\r\n\r\n"
                               "GET https://storage.googleapis.com/storage/v1/b/x?fields=name "
                               "HTTP/1.1\r\nauthorization: Bearer tok\r\n"
                               "Host: h\r\nIf-Match: z\r\n\r\n\r\n--b1--\r\nepilogue"),
                         0);
        assert_int_equal(n_parts, 1);
        assert_string_equal(parts[0].id, "uu+7");
        assert_string_equal(parts[0].target, "/storage/v1/b/x?fields=name");
        assert_string_equal(parts[0].token, "tok");
        assert_string_equal(parts[0].headers[0], "If-Match: z");
        arena_done(&a);
}

static void test_refused(void **state) {
        static const char *const bodies[] = {
                "",
                "--b\n\nGET /x HTTP/1.1\n\n",                  /* no end */
                "--b\n\n--b--",                                /* no request */
                "--b\nContent-ID: 1\n\n\n\n--b--",             /* none but blank lines */
                "--b\n\nGET\n\n--b--",                         /* no target */
                "--b\n\nGET x HTTP/1.1\n\n--b--",              /* no path */
                "--b\n\nGET http://host HTTP/1.1\n\n--b--",    /* no path */
                "--b\n\nGET /x HTTP/1.1\nnonsense\n\n--b--",   /* no header */
                "--b\n\nGET /x HTTP/1.1\nA: b\rC: d\n\n--b--", /* two in one */
        };
        struct arena a;

        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
                assert_int_equal(parse(&a, "multipart/mixed; boundary=b", bodies[i]), -EINVAL);
        assert_int_equal(parse(&a, "multipart/mixed; boundary=b", "--b--"), 0);
        assert_int_equal(n_parts, 0);
        assert_int_equal(parse(&a, NULL, "--b--"), -EINVAL);
        assert_int_equal(parse(&a, "multipart/mixed", "--b--"), -EINVAL);
        assert_int_equal(parse(&a, "multipart/related; boundary=b", "--b--"), -EINVAL);
        assert_int_equal(parse(&a, "multipart/mixed; boundary=\"\"", "--b--"), -EINVAL);
        arena_done(&a);
}

static void test_too_many(void **state) {
        _cleanup_buf_ struct buf text = {};
        struct arena a;

        arena_init(&a, 0);
        for (int i = 0; i < BATCH_PARSE_MAX + 1; i++)
                buf_printf(&text, "--b\n\nGET /%d HTTP/1.1\n\n", i);
        buf_printf(&text, "--b--");
        assert_int_equal(parse(&a, "multipart/mixed; boundary=b", buf_cstr(&text)), -EINVAL);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_python),
                cmocka_unit_test(test_apitools),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
