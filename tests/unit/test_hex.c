#include "tests/unit/base_test.h"

#include "lib/base/hex.h"

static void round_trip(void **state) {
        unsigned char bytes[256], back[256];
        char text[513];

        (void) state;
        for (size_t i = 0; i < 256; i++)
                bytes[i] = (unsigned char) i;
        hex_encode(bytes, 256, text);
        assert_int_equal(strlen(text), 512);
        assert_memory_equal(text, "000102", 6);
        assert_int_equal(hex_decode(text, back, 256), 0);
        assert_memory_equal(bytes, back, 256);
}

static void refusals(void **state) {
        unsigned char out[2];

        (void) state;
        assert_int_equal(hex_decode("AbCd", out, 2), 0);
        assert_int_equal(out[0], 0xAB);
        assert_int_equal(hex_decode("abc", out, 2), -EINVAL);
        assert_int_equal(hex_decode("abcde", out, 2), -EINVAL);
        assert_int_equal(hex_decode("ab", out, 2), -EINVAL);
        assert_int_equal(hex_decode("", out, 1), -EINVAL);
        assert_int_equal(hex_decode("0g00", out, 2), -EINVAL);
        assert_int_equal(hex_digit('/'), -1);
        assert_int_equal(hex_digit(':'), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
