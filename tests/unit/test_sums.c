#include "fuse-gcs/sums.h"

#include "lib/base/crc32c.h"
#include "tests/unit/base_test.h"

#define SIZE 1000

static char data[SIZE];
static struct sums_object object;

static int setup(void **state) {
        struct sums *s;

        for (size_t i = 0; i < SIZE; i++)
                data[i] = (char) (i * 37);
        object = (struct sums_object){
                .content = 7, .size = SIZE, .crc32c = crc32c_add(0, data, SIZE)};
        assert_int_equal(sums_new(&s), 0);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        sums_free(*state);
        return 0;
}

static int add(struct sums *s, size_t from, size_t to) {
        return sums_add(s, &object, from, to - from, crc32c_add(0, data + from, to - from));
}

static void test_in_order(void **state) {
        for (size_t at = 0; at < 900; at += 100)
                assert_int_equal(add(*state, at, at + 100), 0);
        assert_int_equal(add(*state, 900, SIZE), 1);
        /* It begins anew. */
        assert_int_equal(add(*state, 0, 500), 0);
        assert_int_equal(add(*state, 500, SIZE), 1);
}

static void test_any_order(void **state) {
        static const size_t orders[][4] = {
                {0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}, {0, 3, 1, 2}};

        for (size_t k = 0; k < ARRAY_SIZE(orders); k++)
                for (size_t i = 0; i < 4; i++) {
                        size_t at = orders[k][i] * 250;

                        /* Two GETs, each in two parts. */
                        assert_int_equal(add(*state, at, at + 100), 0);
                        assert_int_equal(add(*state, at + 100, at + 250), i == 3);
                }
}

static void test_wrong(void **state) {
        data[499] ^= 1;
        assert_int_equal(add(*state, 0, 500), 0);
        assert_int_equal(add(*state, 500, SIZE), -EBADMSG);
        data[499] ^= 1;
        /* Said once, to whom it concerns. */
        assert_false(sums_take_bad(*state, object.content));
        sums_put_bad(*state, object.content);
        assert_false(sums_take_bad(*state, 1234));
        assert_true(sums_take_bad(*state, object.content));
        assert_false(sums_take_bad(*state, object.content));
        assert_int_equal(add(*state, 0, 500), 0);
        assert_int_equal(add(*state, 500, SIZE), 1);
        assert_false(sums_take_bad(*state, object.content));
}

/* The same bytes again, by another GET: they are known. */
static void test_twice(void **state) {
        assert_int_equal(add(*state, 200, 400), 0);
        assert_int_equal(add(*state, 200, 400), 0);
        assert_int_equal(add(*state, 300, 500), 0);
        assert_int_equal(add(*state, 100, 300), 0);
        assert_int_equal(add(*state, 0, 200), 0);
        assert_int_equal(add(*state, 400, SIZE), 1);
}

static void test_forgotten(void **state) {
        assert_int_equal(add(*state, 0, 500), 0);
        sums_forget(*state, object.content);
        sums_forget(*state, 1234);
        assert_int_equal(add(*state, 500, SIZE), 0);
        assert_int_equal(add(*state, 0, 500), 1);
        assert_int_equal(sums_add(*state, &object, 0, 0, 0), 0);
}

static void test_bounded(void **state) {
        /* More pieces than are kept, then all in order. */
        for (size_t at = 0; at < SIZE; at += 10)
                assert_int_equal(add(*state, at, at + 5), 0);
        sums_forget(*state, object.content);
        assert_int_equal(add(*state, 0, 500), 0);
        /* More objects than are kept: the one that was touched least goes. */
        for (uint64_t c = 100; c < 100 + SUMS_OBJECTS; c++) {
                struct sums_object other = {.content = c, .size = SIZE};

                assert_int_equal(sums_add(*state, &other, 0, 10, crc32c_add(0, data, 10)), 0);
        }
        assert_int_equal(add(*state, 500, SIZE), 0);
        assert_int_equal(add(*state, 0, 500), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_any_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
                cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
                cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
        };

        return cmocka_run_group_tests_name("sums", tests, NULL, NULL);
}
