#include "tests/unit/base_test.h"

#include "lib/base/crc32c.h"

/* Bit by bit, as the polynomial is written. */
static uint32_t plain(const unsigned char *p, size_t n) {
        uint32_t crc = ~0u;

        for (; n > 0; p++, n--) {
                crc ^= *p;
                for (int bit = 0; bit < 8; bit++)
                        crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
        return ~crc;
}

/* RFC 3720, B.4, and the checksum everybody quotes. */
static void known_values(void **state) {
        unsigned char block[32] = {};

        (void) state;
        assert_int_equal(crc32c_add(0, "", 0), 0);
        assert_int_equal(crc32c_add(0, "123456789", 9), 0xe3069283u);
        assert_int_equal(crc32c_add(0, block, sizeof(block)), 0x8a9136aau);
        memset(block, 0xff, sizeof(block));
        assert_int_equal(crc32c_add(0, block, sizeof(block)), 0x62a8ab43u);
        for (size_t i = 0; i < sizeof(block); i++)
                block[i] = (unsigned char) i;
        assert_int_equal(crc32c_add(0, block, sizeof(block)), 0x46dd794eu);
}

/* With each way this processor has, from nothing and as the end of something. */
static void all_ways(const unsigned char *p, size_t n) {
        uint32_t sum = plain(p, n), end = crc32c_combine(0x12345678, sum, n);

        assert_int_equal(crc32c_add(0, p, n), sum);
        assert_true(crc32c_has(CRC32C_BY_TABLE));
        for (enum crc32c_way way = CRC32C_BY_TABLE; way <= CRC32C_WIDE; way++)
                if (crc32c_has(way)) {
                        assert_int_equal(crc32c_add_by(way, 0, p, n), sum);
                        assert_int_equal(crc32c_add_by(way, 0x12345678, p, n), end);
                }
}

/* Every length around the borders of a step, at every alignment, and the three parts at once. */
static void lengths(void **state) {
        static const size_t long_ones[] = {1023,  1024,  1025,  1279,  1280,  1281,
                                           1535,  1536,  1537,  3080,  24575, 24576,
                                           24577, 26111, 26112, 49153, 98304, 100003};
        size_t size = 100032;
        unsigned char *data = malloc(size);

        (void) state;
        for (size_t i = 0; i < size; i++)
                data[i] = (unsigned char) (i * 131 + (i >> 8) * 17);
        for (size_t from = 0; from < 9; from++)
                for (size_t n = 0; n < 70; n++)
                        all_ways(data + from, n);
        for (size_t i = 0; i < ARRAY_SIZE(long_ones); i++)
                all_ways(data + i, long_ones[i]);
        free(data);
}

static void pieces(void **state) {
        unsigned char data[1000];
        uint32_t whole;

        (void) state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (unsigned char) (i * 7);
        whole = crc32c_add(0, data, sizeof(data));
        for (size_t cut = 0; cut <= sizeof(data); cut += 37) {
                uint32_t first = crc32c_add(0, data, cut);

                assert_int_equal(crc32c_add(first, data + cut, sizeof(data) - cut), whole);
                assert_int_equal(crc32c_combine(first,
                                                crc32c_add(0, data + cut, sizeof(data) - cut),
                                                sizeof(data) - cut),
                                 whole);
        }
}

/* A piece longer than memory: 5 GiB of zeros, doubled up by combining. */
static void long_pieces(void **state) {
        static const unsigned char zeros[1 << 16];
        uint32_t block = crc32c_add(0, zeros, sizeof(zeros)), crc = 0, direct;

        (void) state;
        for (int i = 0; i < 5 << 14; i++)
                crc = crc32c_combine(crc, block, sizeof(zeros));
        direct = block;
        for (uint64_t n = sizeof(zeros); n < UINT64_C(4) << 30; n *= 2)
                direct = crc32c_combine(direct, direct, n);
        block = crc32c_add(0, zeros, sizeof(zeros));
        for (uint64_t n = sizeof(zeros); n < UINT64_C(1) << 30; n *= 2)
                block = crc32c_combine(block, block, n);
        assert_int_equal(crc32c_combine(direct, block, UINT64_C(1) << 30), crc);
}

static void texts(void **state) {
        char text[CRC32C_TEXT_SIZE];
        uint32_t crc = 1;

        (void) state;
        assert_string_equal(crc32c_print(0, text), "AAAAAA==");
        assert_string_equal(crc32c_print(0xe3069283u, text), "4waSgw==");
        assert_int_equal(crc32c_parse("4waSgw==", 8, &crc), 0);
        assert_int_equal(crc, 0xe3069283u);
        assert_int_equal(crc32c_parse("4waSgw", 6, &crc), -EINVAL);
        assert_int_equal(crc32c_parse("AAAAAAA=", 8, &crc), -EINVAL);
        assert_int_equal(crc32c_parse("", 0, &crc), -EINVAL);
        assert_int_equal(crc, 0xe3069283u);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_values), cmocka_unit_test(lengths), cmocka_unit_test(pieces),
                cmocka_unit_test(long_pieces),  cmocka_unit_test(texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
