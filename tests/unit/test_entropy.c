#include "tests/unit/base_test.h"

#include "lib/base/entropy.h"

static void uuids_sort_by_time(void **state) {
        struct entropy *e = entropy_system();
        usec_t at = UINT64_C(1900000000) * USEC_PER_SEC;
        char last[ENTROPY_UUID_SIZE] = "", id[ENTROPY_UUID_SIZE];

        (void) state;
        for (int i = 0; i < 10000; i++) { /* more than one millisecond's counter holds */
                assert_int_equal(entropy_uuid7(e, at, id), 0);
                assert_true(entropy_is_uuid(id));
                assert_int_equal(id[14], '7');
                assert_non_null(strchr("89ab", id[19]));
                assert_true(strcmp(id, last) > 0);
                memcpy(last, id, sizeof(last));
        }
        assert_int_equal(entropy_uuid7(e, at - USEC_PER_HOUR, id), 0); /* the clock went back */
        assert_true(strcmp(id, last) > 0);
        assert_int_equal(entropy_uuid7(e, at + USEC_PER_HOUR, id), 0);
        id[8] = 0;
        assert_int_equal(strtoull(id, NULL, 16), (at + USEC_PER_HOUR) / USEC_PER_MSEC >> 16);
}

/* Neighbours for 16 ms, then elsewhere; apart from the three digits as any id. */
static void ids_of_a_moment_are_near(void **state) {
        usec_t at = UINT64_C(1900000000) * USEC_PER_SEC;
        char first[ENTROPY_ID_SIZE], id[ENTROPY_ID_SIZE];

        (void) state;
        assert_int_equal(entropy_id_near(entropy_system(), at, first), 0);
        for (int i = 0; i < 1000; i++) {
                assert_int_equal(entropy_id_near(entropy_system(), at, id), 0);
                assert_int_equal(strlen(id), 32);
                assert_int_equal(strspn(id, "0123456789abcdef"), 32);
                assert_int_equal(id[12], '4');
                assert_memory_equal(id, first, 3);
                assert_memory_not_equal(id + 3, first + 3, 29);
        }
        assert_int_equal(entropy_id_near(entropy_system(), at + ENTROPY_NEAR_FOR, id), 0);
        assert_int_equal(strtoul((char[]){id[0], id[1], id[2], 0}, NULL, 16),
                         (strtoul((char[]){first[0], first[1], first[2], 0}, NULL, 16) + 1) % 4096);
}

static void what_is_a_uuid(void **state) {
        (void) state;
        assert_true(entropy_is_uuid("01890a5d-ac96-774b-bcce-b302099a8057"));
        assert_false(entropy_is_uuid("01890A5D-ac96-774b-bcce-b302099a8057"));
        assert_false(entropy_is_uuid("01890a5dac96-774b-bcce-b302099a80570"));
        assert_false(entropy_is_uuid("01890a5d-ac96-774b-bcce-b302099a805"));
        assert_false(entropy_is_uuid("01890a5d-ac96-774b-bcce-b302099a80577"));
        assert_false(entropy_is_uuid(""));
}

static void ids_are_version_4(void **state) {
        char a[ENTROPY_ID_SIZE], b[ENTROPY_ID_SIZE];

        (void) state;
        assert_int_equal(entropy_id(entropy_system(), a), 0);
        assert_int_equal(entropy_id(entropy_system(), b), 0);
        assert_int_equal(strlen(a), 32);
        assert_int_equal(strspn(a, "0123456789abcdef"), 32);
        assert_int_equal(a[12], '4');
        assert_string_not_equal(a, b);
}

static void the_fake_repeats_itself(void **state) {
        struct entropy_fake f, g;
        char a[33], b[33];

        (void) state;
        entropy_fake_init(&f, 42);
        entropy_fake_init(&g, 42);
        assert_int_equal(entropy_hex(&f.entropy, 16, a), 0);
        assert_int_equal(entropy_hex(&g.entropy, 16, b), 0);
        assert_string_equal(a, b);
        assert_int_equal(entropy_hex(&g.entropy, 16, b), 0);
        assert_string_not_equal(a, b);
}

static void dice_are_even(void **state) {
        struct entropy_fake f;
        unsigned counts[7] = {};

        (void) state;
        entropy_fake_init(&f, 1);
        for (int i = 0; i < 70000; i++) {
                uint64_t v;

                assert_int_equal(entropy_below(&f.entropy, 7, &v), 0);
                assert_true(v < 7);
                counts[v]++;
        }
        for (int i = 0; i < 7; i++)
                assert_in_range(counts[i], 9500, 10500);
}

static void failures_come_through(void **state) {
        char id[ENTROPY_UUID_SIZE] = "kept";
        uint64_t v = 7;

        (void) state;
        fault_arm(FAULT_ENTROPY, 1, 0, 0);
        assert_int_equal(entropy_uuid7(entropy_system(), 1, id), -EIO);
        assert_int_equal(entropy_below(entropy_system(), 3, &v), -EIO);
        assert_string_equal(id, "kept");
        assert_int_equal(v, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(uuids_sort_by_time),
                cmocka_unit_test(ids_of_a_moment_are_near),
                cmocka_unit_test(what_is_a_uuid),
                cmocka_unit_test(ids_are_version_4),
                cmocka_unit_test(the_fake_repeats_itself),
                cmocka_unit_test(dice_are_even),
                cmocka_unit_test_teardown(failures_come_through, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
