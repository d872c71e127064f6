#include "lib/gcp/gcs_object.h"

#include "tests/unit/base_test.h"

static void test_object(void **state) {
        static const char text[] =
                "{\"name\":\"a/b\",\"size\":\"12\",\"generation\":\"1700000000000001\","
                "\"metageneration\":\"3\",\"updated\":\"2026-01-02T03:04:05.678Z\","
                "\"crc32c\":\"AAAAAQ==\",\"contentType\":\"text/plain\",\"componentCount\":2,"
                "\"metadata\":{\"k\":\"v\"}}";
        struct gcs_object o;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(gcs_object_parse(&a, text, strlen(text), &o, &em), 0);
        assert_string_equal(o.name, "a/b");
        assert_int_equal(o.size, 12);
        assert_int_equal(o.generation, 1700000000000001);
        assert_int_equal(o.metageneration, 3);
        assert_true(o.has_crc32c);
        assert_int_equal(o.crc32c, 1);
        assert_int_equal(o.n_components, 2);
        assert_int_equal(o.updated_at % USEC_PER_SEC, 678000);
        assert_string_equal(gcs_object_metadata(&o, "k"), "v");
        assert_null(gcs_object_metadata(&o, "x"));
        arena_done(&a);
}

static bool is_held(const char *field) {
        char text[256];
        struct gcs_object o;
        struct errmsg em;
        struct arena a;

        snprintf(text, sizeof(text), "{\"name\":\"a\",\"size\":\"1\",\"generation\":\"1\"%s}",
                 field);
        arena_init(&a, 0);
        assert_int_equal(gcs_object_parse(&a, text, strlen(text), &o, &em), 0);
        arena_done(&a);
        return o.is_held;
}

static void test_held(void **state) {
        assert_false(is_held(""));
        assert_false(is_held(",\"eventBasedHold\":false"));
        assert_false(is_held(",\"eventBasedHold\":\"yes\""));
        assert_true(is_held(",\"eventBasedHold\":true"));
        assert_true(is_held(
                ",\"eventBasedHold\":false,\"retentionExpirationTime\":\"2036-01-01T00:00:00Z\""));
}

static void refuse(const char *text, const char *words) {
        struct gcs_object o;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(gcs_object_parse(&a, text, strlen(text), &o, &em), -EPROTO);
        assert_says(em, words);
        arena_done(&a);
}

static void test_refused(void **state) {
        refuse("", "answer");
        refuse("[]", "an array");
        refuse("{}", "without a name");
        refuse("{\"name\":\"x\"}", "no generation");
        refuse("{\"name\":\"x\",\"generation\":\"-1\"}", "no generation");
        refuse("{\"name\":\"x\",\"generation\":\"1\",\"size\":\"y\"}", "no number");
}

static void test_list(void **state) {
        static const char text[] = "{\"items\":[{\"name\":\"a\",\"generation\":1,\"size\":0}],"
                                   "\"prefixes\":[\"d/\",\"e/\"],\"nextPageToken\":\"t\"}";
        struct gcs_object_list l;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(gcs_object_parse_list(&a, text, strlen(text), &l, &em), 0);
        assert_int_equal(l.n_items, 1);
        assert_int_equal(l.n_prefixes, 2);
        assert_string_equal(l.prefixes[1], "e/");
        assert_string_equal(l.next_page_token, "t");
        assert_int_equal(gcs_object_parse_list(&a, "{}", 2, &l, &em), 0);
        assert_int_equal(l.n_items + l.n_prefixes, 0);
        assert_null(l.next_page_token);
        assert_int_equal(gcs_object_parse_list(&a, "{\"prefixes\":[1]}", 16, &l, &em), -EPROTO);
        arena_done(&a);
}

static void test_rewrite(void **state) {
        static const char going[] = "{\"done\":false,\"rewriteToken\":\"more\"}";
        static const char done[] = "{\"resource\":{\"name\":\"x\",\"generation\":\"5\"}}";
        struct gcs_object o;
        const char *token;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(gcs_object_parse_rewrite(&a, going, strlen(going), &o, &token, &em), 0);
        assert_string_equal(token, "more");
        assert_int_equal(gcs_object_parse_rewrite(&a, done, strlen(done), &o, &token, &em), 0);
        assert_null(token);
        assert_int_equal(o.generation, 5);
        assert_int_equal(gcs_object_parse_rewrite(&a, "{}", 2, &o, &token, &em), -EPROTO);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_object),  cmocka_unit_test(test_held),
                cmocka_unit_test(test_refused), cmocka_unit_test(test_list),
                cmocka_unit_test(test_rewrite),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
