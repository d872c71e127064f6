#include "tests/unit/base_test.h"

#include "daemons/bucketd/segment.h"

static void round_trip(void **state) {
        struct segment all[] = {{1, 0, 10}, {UINT64_MAX, UINT64_C(1) << 40, 3}};
        struct segments s = {all, 2}, back;
        struct arena a;
        void *data;

        (void) state;
        arena_init(&a, 0);
        data = segment_encode(&a, &s);
        assert_int_equal(segment_decode(&a, data, 2 * SEGMENT_STORED_SIZE, &back), 0);
        assert_int_equal(back.n, 2);
        assert_memory_equal(back.all, all, sizeof(all));
        assert_int_equal(segment_decode(&a, data, 0, &back), 0);
        assert_int_equal(back.n, 0);
        assert_int_equal(segment_decode(&a, data, SEGMENT_STORED_SIZE + 1, &back), -EUCLEAN);
        assert_int_equal(segment_total(&s), 13);
        arena_done(&a);
}

/* Every range of a content of three pieces, byte by byte. */
static void slices(void **state) {
        struct segment all[] = {{1, 5, 3}, {2, 0, 1}, {1, 100, 4}};
        struct segments s = {all, 3}, part;
        uint64_t bytes[8][2], i = 0;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        for (size_t k = 0; k < s.n; k++)
                for (uint64_t b = 0; b < all[k].size; b++, i++) {
                        bytes[i][0] = all[k].blob;
                        bytes[i][1] = all[k].offset + b;
                }
        for (uint64_t first = 0; first <= 8; first++)
                for (uint64_t size = 0; first + size <= 8; size++) {
                        i = first;
                        assert_int_equal(segment_slice(&a, &s, first, size, &part), 0);
                        assert_int_equal(segment_total(&part), size);
                        for (size_t k = 0; k < part.n; k++)
                                for (uint64_t b = 0; b < part.all[k].size; b++, i++) {
                                        assert_int_equal(part.all[k].blob, bytes[i][0]);
                                        assert_int_equal(part.all[k].offset + b, bytes[i][1]);
                                }
                }
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(slices),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
