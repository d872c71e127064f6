#include "tests/unit/base_test.h"

#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/object.h"
#include "lib/base/json_write.h"

static void names(void **state) {
        struct refused no;
        char text[OBJECT_NAME_MAX + 2];

        (void) state;
        assert_int_equal(object_check_name("a/b", &no), 0);
        assert_int_equal(object_check_name("a//b/./..", &no), 0);
        assert_int_equal(object_check_name("...", &no), 0);
        assert_int_equal(object_check_name("h\xc3\xa9 ?#[]*", &no), 0);
        memset(text, 'x', sizeof(text));
        text[OBJECT_NAME_MAX] = 0;
        assert_int_equal(object_check_name(text, &no), 0);
        text[OBJECT_NAME_MAX] = 'x';
        text[OBJECT_NAME_MAX + 1] = 0;
        assert_int_equal(object_check_name(text, &no), REFUSED);
        assert_int_equal(object_check_name("", &no), REFUSED);
        assert_int_equal(object_check_name(".", &no), REFUSED);
        assert_int_equal(object_check_name("..", &no), REFUSED);
        assert_int_equal(object_check_name("a\nb", &no), REFUSED);
        assert_int_equal(object_check_name("a\rb", &no), REFUSED);
        assert_int_equal(object_check_name(".well-known/acme-challenge/x", &no), REFUSED);
}

static int patch(struct arena *a, struct object *o, const char *text, bool whole,
                 struct refused *no) {
        struct json *j;

        assert_int_equal(json_parse_copy(a, text, strlen(text), &j, NULL), 0);
        return object_patch(a, o, j, whole, no);
}

static void patches(void **state) {
        struct object o = {};
        struct refused no;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        assert_int_equal(patch(&a, &o,
                               "{\"name\":\"x\",\"contentType\":\"t/p\",\"cacheControl\":\"c\","
                               "\"metadata\":{\"a\":\"1\",\"b\":\"2\"},\"unknown\":7}",
                               true, &no),
                         0);
        assert_string_equal(o.content_type, "t/p");
        assert_string_equal(o.attributes,
                            "{\"cacheControl\":\"c\",\"metadata\":{\"a\":\"1\",\"b\":\"2\"}}");
        assert_int_equal(patch(&a, &o, "{\"metadata\":{\"a\":null,\"c\":\"3\"}}", false, &no), 0);
        assert_string_equal(o.content_type, "t/p");
        assert_string_equal(o.attributes,
                            "{\"cacheControl\":\"c\",\"metadata\":{\"b\":\"2\",\"c\":\"3\"}}");
        assert_int_equal(patch(&a, &o, "{\"metadata\":null,\"temporaryHold\":true}", false, &no),
                         0);
        assert_string_equal(o.attributes, "{\"cacheControl\":\"c\",\"temporaryHold\":true}");
        assert_int_equal(object_set(&a, &o, "k", "v", true, &no), 0);
        assert_int_equal(object_set(&a, &o, "contentEncoding", "gzip", false, &no), 0);
        assert_string_equal(o.attributes, "{\"cacheControl\":\"c\",\"contentEncoding\":\"gzip\","
                                          "\"temporaryHold\":true,\"metadata\":{\"k\":\"v\"}}");
        assert_int_equal(patch(&a, &o, "{\"contentType\":null}", false, &no), 0);
        assert_null(o.content_type);
        assert_int_equal(patch(&a, &o, "{}", true, &no), 0);
        assert_string_equal(o.attributes, "");
        arena_done(&a);
}

static void bad_patches(void **state) {
        static const char *const texts[] = {
                "{\"metadata\":\"x\"}", "{\"metadata\":{\"a\":1}}",
                "{\"cacheControl\":1}", "{\"temporaryHold\":\"x\"}",
                "{\"contentType\":[]}", "{\"customTime\":\"soon\"}",
        };
        struct object o = {.attributes = "{\"cacheControl\":\"c\"}"};
        _cleanup_buf_ struct buf big = {};
        struct refused no;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                assert_int_equal(patch(&a, &o, texts[i], false, &no), REFUSED);
                assert_int_equal(gcs_error_status(no.error), 400);
        }
        assert_string_equal(o.attributes, "{\"cacheControl\":\"c\"}");
        buf_add_str(&big, "{\"metadata\":{\"a\":\"");
        buf_add_fill(&big, 'x', OBJECT_METADATA_MAX);
        buf_add_str(&big, "\"}}");
        assert_int_equal(patch(&a, &o, big.data, false, &no), REFUSED);
        arena_done(&a);
}

static void resource(void **state) {
        const struct object o = {
                .bucket = "b",
                .name = "d/\xc3\xa9",
                .generation = 1700000000123456,
                .metageneration = 2,
                .size = 5000000000,
                .crc32c = 0xe3069283u,
                .components = 3,
                .created_at = 1700000000123456,
                .updated_at = 1700000001000000,
                .content_type = "t/p",
                .attributes = "{\"metadata\":{\"k\":\"v\"}}",
        };
        const struct field_mask *few;
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        json_write_init(&w, &out, 0);
        assert_int_equal(object_write_json(&a, &o, "http://h", &field_mask_all, &w), 0);
        assert_string_equal(
                out.data,
                "{\"kind\":\"storage#object\",\"id\":\"b/d/\xc3\xa9/1700000000123456\","
                "\"selfLink\":\"http://h/storage/v1/b/b/o/d%2F%C3%A9\","
                "\"mediaLink\":\"http://h/download/storage/v1/b/b/o/d%2F%C3%A9?generation="
                "1700000000123456&alt=media\",\"name\":\"d/\xc3\xa9\",\"bucket\":\"b\","
                "\"generation\":\"1700000000123456\",\"metageneration\":\"2\","
                "\"contentType\":\"t/p\",\"size\":\"5000000000\",\"crc32c\":\"4waSgw==\","
                "\"etag\":\"CMDEgMHBxIIDEAI=\",\"componentCount\":3,"
                "\"timeCreated\":\"2023-11-14T22:13:20.123Z\","
                "\"updated\":\"2023-11-14T22:13:21.000Z\","
                "\"timeStorageClassUpdated\":\"2023-11-14T22:13:20.123Z\","
                "\"timeFinalized\":\"2023-11-14T22:13:20.123Z\",\"storageClass\":\"STANDARD\","
                "\"metadata\":{\"k\":\"v\"}}");
        buf_reset(&out);
        assert_int_equal(field_mask_parse(&a, "name,size,metadata/k", &few), 0);
        json_write_init(&w, &out, 0);
        assert_int_equal(object_write_json(&a, &o, "http://h", few, &w), 0);
        assert_string_equal(out.data, "{\"name\":\"d/\xc3\xa9\",\"size\":\"5000000000\","
                                      "\"metadata\":{\"k\":\"v\"}}");
        arena_done(&a);
}

static void holds(void **state) {
        struct object o = {.attributes = "{\"metadata\":{\"a\":\"\\\"temporaryHold\\\":true\"}}"};
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        assert_null(object_hold(&(struct object){}));
        assert_null(object_hold(&o));
        assert_int_equal(object_hold_new(&a, &o), 0);
        assert_string_equal(object_hold(&o), "Event-Based");
        assert_non_null(strstr(o.attributes, "temporaryHold"));
        /* Who said that it has none has none. */
        o.attributes = "{\"eventBasedHold\":false}";
        assert_int_equal(object_hold_new(&a, &o), 0);
        assert_null(object_hold(&o));
        o.attributes = "{\"eventBasedHold\":true,\"temporaryHold\":true}";
        assert_string_equal(object_hold(&o), "Temporary");
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),       cmocka_unit_test(patches),
                cmocka_unit_test(bad_patches), cmocka_unit_test(resource),
                cmocka_unit_test(holds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
