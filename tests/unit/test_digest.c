#include "tests/unit/base_test.h"

#include "daemons/bucketd/digest.h"
#include "daemons/bucketd/gcs_error.h"
#include "lib/base/json.h"

static void known(void **state) {
        char md5[DIGEST_MD5_TEXT];
        struct digest g;

        (void) state;
        assert_int_equal(digest_init(&g, 100), 0);
        assert_int_equal(digest_add(&g, "12345", 5), 0);
        assert_int_equal(digest_add(&g, "6789", 4), 0);
        assert_int_equal(g.crc32c, 0xe3069283u);
        assert_int_equal(g.size, 9);
        assert_int_equal(digest_md5(&g, md5), 0);
        assert_string_equal(md5, "JfnnlDI7RTiF9RgfG2JNCw==");
        digest_done(&g);
}

/* What is too large has no MD5; its CRC32C is right all the same. */
static void too_large(void **state) {
        char md5[DIGEST_MD5_TEXT] = "x";
        struct digest g;

        (void) state;
        for (uint64_t max = 0; max < 9; max += 4) {
                assert_int_equal(digest_init(&g, max), 0);
                assert_int_equal(digest_add(&g, "12345", 5), 0);
                assert_int_equal(digest_add(&g, "6789", 4), 0);
                assert_int_equal(g.crc32c, 0xe3069283u);
                assert_int_equal(digest_md5(&g, md5), 0);
                assert_string_equal(md5, "");
                digest_done(&g);
        }
}

static void wanted(void **state) {
        static const char text[] = "{\"crc32c\":\"4waSgw==\",\"md5Hash\":\"bbb\"}";
        struct digest_wanted w = {.md5 = "aaa"};
        struct refused no;
        struct arena a;
        struct json *j;

        (void) state;
        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
        digest_want_json(&w, j);
        assert_string_equal(w.crc32c, "4waSgw==");
        assert_string_equal(w.md5, "aaa"); /* a header said so before */
        assert_int_equal(digest_check(&w, 0xe3069283u, "aaa", &no), 0);
        assert_int_equal(digest_check(&w, 0xe3069283u, "", &no), 0);
        assert_int_equal(digest_check(&w, 0xe3069284u, "aaa", &no), REFUSED);
        assert_int_equal(gcs_error_status(no.error), 400);
        assert_int_equal(digest_check(&w, 0xe3069283u, "bbb", &no), REFUSED);
        assert_int_equal(digest_check(&(struct digest_wanted){}, 1, "bbb", &no), 0);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known),
                cmocka_unit_test(too_large),
                cmocka_unit_test(wanted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
