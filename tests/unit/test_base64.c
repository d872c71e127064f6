#include "tests/unit/base_test.h"

#include "lib/base/base64.h"

static void rfc_vectors(void **state) {
        static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
        static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                            "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
                _cleanup_buf_ struct buf text = {}, back = {}, bare = {};

                assert_int_equal(base64_encode(&text, plain[i], strlen(plain[i]), 0), 0);
                assert_string_equal(buf_cstr(&text), coded[i]);
                assert_int_equal(base64_decode(&back, coded[i], strlen(coded[i]), 0), 0);
                assert_string_equal(buf_cstr(&back), plain[i]);
                assert_int_equal(base64_encode(&bare, plain[i], strlen(plain[i]), BASE64_NO_PAD),
                                 0);
                assert_int_equal(bare.len, strcspn(coded[i], "="));
                buf_reset(&back);
                assert_int_equal(base64_decode(&back, bare.data, bare.len, BASE64_NO_PAD), 0);
                assert_string_equal(buf_cstr(&back), plain[i]);
        }
}

static void alphabets(void **state) {
        _cleanup_buf_ struct buf text = {}, back = {};

        (void) state;
        base64_encode(&text, "\xfb\xff\xfe", 3, BASE64_URL);
        assert_string_equal(buf_cstr(&text), "-__-");
        assert_int_equal(base64_decode(&back, "-__-", 4, BASE64_URL), 0);
        assert_memory_equal(back.data, "\xfb\xff\xfe", 3);
        assert_int_equal(base64_decode(&back, "-__-", 4, 0), -EINVAL);
        assert_int_equal(base64_decode(&back, "+//+", 4, BASE64_URL), -EINVAL);
}

static void refusals_append_nothing(void **state) {
        static const char *const bad[] = {"Zg",   "Zg=",  "Z",         "Zm9v=",    "====",
                                          "Zh==", "Zm9=", "Zm9v Zm9v", "Zg==Zg==", "Zm\n9v"};
        _cleanup_buf_ struct buf out = {};

        (void) state;
        buf_add_str(&out, "kept");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(base64_decode(&out, bad[i], strlen(bad[i]), 0), -EINVAL);
                assert_string_equal(buf_cstr(&out), "kept");
        }
        assert_int_equal(base64_decode(&out, "Zh", 2, BASE64_NO_PAD), -EINVAL);
        assert_int_equal(base64_decode(&out, "Zm9vZ", 5, BASE64_NO_PAD), -EINVAL);
        assert_string_equal(buf_cstr(&out), "kept");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rfc_vectors),
                cmocka_unit_test(alphabets),
                cmocka_unit_test(refusals_append_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
