/* OTLP from protobuf's wire form, byte by byte, and what becomes of its spans. */
#include "daemons/tracking/otlp_proto.h"

#include "daemons/tracking/span_in.h"
#include "daemons/tracking/span_json.h"
#include "tests/unit/tracking_test.h"

/* One span: ids, a name, times, a value of each kind, a status of error. */
#define ID16 "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10"
#define ID8 "\11\2\3\4\5\6\7\10"
#define NANO "\1\0\0\0\0\0\0\0"
static const char attributes[] = "J\6\n\1s\22\1\n" /* cut short on purpose: see below */
        ;

static const struct json *first_span(const struct json *root) {
        const struct json *rs = json_first(json_get(root, "resourceSpans"));

        return json_first(json_get(json_first(json_get(rs, "scopeSpans")), "spans"));
}

/* Wraps a span's fields in ScopeSpans, ResourceSpans and the request; each is short. */
static size_t wrap(char *out, const char *fields, size_t n) {
        size_t at = 0;

        assert_true(n + 6 < 128);
        out[at++] = '\n';
        out[at++] = (char) (n + 4);
        out[at++] = '\22';
        out[at++] = (char) (n + 2);
        out[at++] = '\22';
        out[at++] = (char) n;
        memcpy(out + at, fields, n);
        return at + n;
}

static int parse(struct arena *a, const char *fields, size_t n, struct json **ret) {
        char out[128];
        size_t size = wrap(out, fields, n);

        return otlp_proto_parse(a, out, size, ret);
}

static void test_fields(void **state) {
        struct tracking_test *t = *state;
        static const char fields[] =
                "\n\20" ID16 "\22\10" ID8 "*\1n0\3\71" NANO "\101" NANO "J\7\n\1i\22\2\30\5"
                "J\14\n\1d\22\7"
                "2\5\n\3\n\1x" /* {"x": null} */
                "z\5\22\1e\30\2"
                "\370\6\1"; /* of the future: passed over */
        struct json *root;
        const struct json *s;
        struct span_in in;

        assert_int_equal(parse(&t->arena, fields, sizeof(fields) - 1, &root), 0);
        s = first_span(root);
        assert_string_equal(json_get(s, "traceId")->str, "01020304050607080102030405060708");
        assert_string_equal(json_get(s, "spanId")->str, "0902030405060708");
        assert_string_equal(json_get(s, "name")->str, "n");
        assert_int_equal(span_in_read(&t->arena, s, NULL, &in), 0);
        assert_string_equal(in.trace_id, "tr-01020304050607080102030405060708");
        assert_string_equal(in.kind, "SPAN_KIND_CLIENT");
        assert_string_equal(in.span.status, "ERROR");
        assert_string_equal(in.status_text, "e");
        assert_string_equal(span_in_attribute(&in, "i"), "5");
        assert_string_equal(span_in_attribute(&in, "d"), "{\"x\": null}");
        assert_int_equal(in.span.start_at_ns, 1);
        assert_null(in.span.parent_id);
}

static void test_refused(void **state) {
        struct tracking_test *t = *state;
        struct json *root;

        assert_int_equal(parse(&t->arena, attributes, sizeof(attributes) - 1, &root), -EINVAL);
        assert_int_equal(parse(&t->arena, "*\1\377", 3, &root), -EINVAL); /* no UTF-8 */
        assert_int_equal(parse(&t->arena, "*\5n", 3, &root), -EINVAL);    /* cut short */
        assert_int_equal(parse(&t->arena, "(\1", 2, &root), -EINVAL);     /* a name is no number */
        assert_int_equal(parse(&t->arena, "+", 1, &root), -EINVAL);       /* a group */
        assert_int_equal(
                otlp_proto_parse(&t->arena, "\n\377\377\377\377\377\377\377\377\377\1", 11, &root),
                -EINVAL);
        assert_int_equal(otlp_proto_parse(&t->arena, "", 0, &root), 0);
        assert_null(json_get(root, "resourceSpans"));
}

static void test_kept_form(void **state) {
        struct tracking_test *t = *state;
        static const char text[] =
                "{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"0000000000000002\","
                "\"name\":\"n\",\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":"
                "\"{\\\"b\\\": 1}\"}},{\"key\":\"c\",\"value\":{\"stringValue\":\"1\"}}],"
                "\"startTimeUnixNano\":\"5\",\"endTimeUnixNano\":\"9\"}";
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        struct json *root;
        struct span_in in;

        assert_int_equal(json_parse_copy(&t->arena, text, sizeof(text) - 1, &root, NULL), 0);
        assert_int_equal(span_in_read(&t->arena, root, NULL, &in), 0);
        /* JSON in a string loses one layer, a word stays one. */
        assert_string_equal(span_in_attribute(&in, "a"), "{\"b\": 1}");
        assert_string_equal(span_in_attribute(&in, "c"), "\"1\"");
        assert_string_equal(
                in.span.content,
                "{\"trace_id\": \"AAAAAAAAAAAAAAAAAAAAAQ==\", \"span_id\": "
                "\"AAAAAAAAAAI=\", \"parent_span_id\": null, \"name\": \"n\", \"kind\": "
                "\"SPAN_KIND_INTERNAL\", \"start_time_unix_nano\": 5, "
                "\"end_time_unix_nano\": 9, \"events\": [], \"status\": {\"code\": "
                "\"STATUS_CODE_UNSET\", \"message\": \"\"}, \"attributes\": {\"a\": "
                "\"{\\\"b\\\": 1}\", \"c\": \"\\\"1\\\"\", \"mlflow.traceRequestId\": "
                "\"\\\"tr-00000000000000000000000000000001\\\"\"}, \"links\": []}");
        json_write_init(&w, &out, 0);
        assert_int_equal(span_json_write_otlp(&w, &t->arena, in.span.content), 0);
        assert_non_null(strstr(buf_cstr(&out),
                               "{\"key\":\"a\",\"value\":{\"kvlist_value\":{"
                               "\"values\":[{\"key\":\"b\",\"value\":{\"int_value\":"
                               "1}}]}}}"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_fields),
                tracking_test(test_refused),
                tracking_test(test_kept_form),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
