#include "fuse-gcs/prefetch.h"

#include "tests/unit/base_test.h"

#define MIB ((uint64_t) 1 << 20)

/* Returns how far ahead it went. */
static uint64_t read_in_order(usec_t waits_for) {
        struct prefetch p = {};
        uint64_t sent = 128 << 10, size = 100 * MIB, most = 0;

        for (uint64_t at = 0; at < 50 * MIB; at += 128 << 10) {
                struct prefetch_range r = prefetch_next(&p, at, 128 << 10, size, 32 * MIB);

                if (r.to > r.from) {
                        /* Nothing twice, nothing left out, whole units. */
                        assert_true(r.from == sent || r.from == at + (128 << 10));
                        assert_int_equal((r.to - r.from) % r.unit, 0);
                        assert_true(r.unit <= PREFETCH_UNIT_MAX);
                        sent = r.to;
                }
                assert_true(sent <= at + (128 << 10) + 32 * MIB);
                /* Who had to wait is a stream with the second read. */
                assert_int_equal(
                        r.runs, at >= (waits_for >= PREFETCH_PATIENCE_FOR ? 128 << 10 : 256 << 10));
                assert_false(r.is_lone);
                most = MAX(most, sent - at);
                prefetch_waited(&p, at + (128 << 10), waits_for);
        }
        return most;
}

static void test_sequential(void **state) {
        /* Who waits has much fetched ahead, in pieces that come beside one another. */
        assert_true(read_in_order(20 * USEC_PER_MSEC) > 24 * MIB);
        assert_true(read_in_order(0) <= PREFETCH_NEAR + MIB);
        assert_true(read_in_order(PREFETCH_PATIENCE_FOR - 1) <= PREFETCH_NEAR + MIB);
}

/* Reads on to `to`; whoever finds less than `needs` ahead waits so long. Returns how often. */
static unsigned read_on(struct prefetch *p, uint64_t *at, uint64_t to, uint64_t needs,
                        usec_t waits_for) {
        unsigned n = 0;

        for (; *at < to; *at += MIB) {
                (void) prefetch_next(p, *at, MIB, 100000 * MIB, 64 * MIB);
                if (p->streams[0].ahead < needs) {
                        prefetch_waited(p, *at + MIB, waits_for);
                        n++;
                }
        }
        return n;
}

/* One wait for a network that is far is enough to go far ahead; a short one is not. */
static void test_far(void **state) {
        struct prefetch p = {};
        uint64_t at = 0;

        assert_int_equal(read_on(&p, &at, 8 * MIB, PREFETCH_RUN, 20 * USEC_PER_MSEC), 1);
        assert_int_equal(p.streams[0].ahead, PREFETCH_RUN);
        p = (struct prefetch){};
        at = 0;
        assert_int_equal(read_on(&p, &at, 8 * MIB, PREFETCH_RUN, 5 * USEC_PER_MSEC), 3);
        assert_int_equal(p.streams[0].ahead, PREFETCH_RUN);
}

/* What a hard moment made large gets small again. */
static void test_calm(void **state) {
        struct prefetch p = {};
        uint64_t at = 0;

        (void) read_on(&p, &at, 10 * MIB, 16 * MIB, 9 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 16 * MIB);
        assert_int_equal(read_on(&p, &at, 300 * MIB, 0, 0), 0);
        assert_int_equal(p.streams[0].ahead, PREFETCH_NEAR);
}

/* What is needed stays, but for a try now and then that comes ever more rarely; and for a network
 * that is far there is none. */
static void test_needed(void **state) {
        struct prefetch p = {};
        uint64_t at = 0;

        (void) read_on(&p, &at, 10 * MIB, 16 * MIB, 9 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 16 * MIB);
        assert_true(read_on(&p, &at, 1000 * MIB, 16 * MIB, 9 * USEC_PER_MSEC) <= 4);
        assert_true(read_on(&p, &at, 10000 * MIB, 16 * MIB, 9 * USEC_PER_MSEC) <= 8);
        assert_true(read_on(&p, &at, 20000 * MIB, 16 * MIB, 9 * USEC_PER_MSEC) <= 2);
        p = (struct prefetch){};
        at = 0;
        (void) read_on(&p, &at, 10 * MIB, 16 * MIB, 20 * USEC_PER_MSEC);
        assert_int_equal(read_on(&p, &at, 10000 * MIB, 16 * MIB, 20 * USEC_PER_MSEC), 0);
        assert_int_equal(p.streams[0].ahead, 16 * MIB);
}

/* Waits that no window changes (the processor is what is short) need none; and when the network
 * gets far, it grows again. */
static void test_futile(void **state) {
        struct prefetch p = {};
        uint64_t at = 0;

        (void) read_on(&p, &at, 500 * MIB, UINT64_MAX, 5 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, PREFETCH_NEAR);
        (void) read_on(&p, &at, 600 * MIB, 32 * MIB, 20 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 32 * MIB);
}

/* Waits that are shorter than what is ahead lasts for are no reason for more of it. */
static void test_short_of_processors(void **state) {
        struct prefetch p = {};
        uint64_t at = 0;

        (void) read_on(&p, &at, 40 * MIB, UINT64_MAX, 3 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 4 * MIB);
        (void) read_on(&p, &at, 44 * MIB, UINT64_MAX, 9 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 16 * MIB);
        (void) read_on(&p, &at, 50 * MIB, UINT64_MAX, 9 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 16 * MIB);
        (void) read_on(&p, &at, 54 * MIB, UINT64_MAX, 20 * USEC_PER_MSEC);
        assert_int_equal(p.streams[0].ahead, 64 * MIB);
}

static void test_others_wait(void **state) {
        struct prefetch p = {};
        uint64_t ahead;

        for (uint64_t at = 0; at < 4 * MIB; at += 128 << 10)
                (void) prefetch_next(&p, at, 128 << 10, 1000 * MIB, 32 * MIB);
        ahead = p.streams[0].ahead;
        /* Somebody else, elsewhere in the file. */
        prefetch_waited(&p, 500 * MIB, USEC_PER_SEC);
        (void) prefetch_next(&p, 4 * MIB, 128 << 10, 1000 * MIB, 32 * MIB);
        assert_int_equal(p.streams[0].ahead, ahead);
        prefetch_waited(&p, 4 * MIB, USEC_PER_SEC);
        (void) prefetch_next(&p, 4 * MIB + (128 << 10), 128 << 10, 1000 * MIB, 32 * MIB);
        assert_int_equal(p.streams[0].ahead, MAX(2 * ahead, PREFETCH_RUN));
}

static void test_end(void **state) {
        struct prefetch p = {};
        struct prefetch_range r = prefetch_next(&p, 0, 4096, 10000, 32 * MIB);

        /* A small object comes whole. */
        assert_int_equal(r.from, 4096);
        assert_int_equal(r.to, 10000);
        r = prefetch_next(&p, 4096, 4096, 10000, 32 * MIB);
        assert_int_equal(r.to, r.from);
}

static void test_random(void **state) {
        struct prefetch p = {};

        for (uint64_t i = 1; i < 100; i++) {
                struct prefetch_range r = prefetch_next(&p, (i * 7919 % 1000) * 10 * MIB, 4096,
                                                        10000 * MIB, 32 * MIB);

                assert_int_equal(r.to, r.from);
                assert_true(r.is_lone);
        }
        assert_false(prefetch_next(&p, 0, 4096, 10000 * MIB, 32 * MIB).is_lone);
}

static void test_several_streams(void **state) {
        struct prefetch p = {};
        uint64_t sent[4] = {};

        for (uint64_t at = 0; at < 8 * MIB; at += 128 << 10)
                for (uint64_t k = 0; k < 4; k++) {
                        struct prefetch_range r = prefetch_next(&p, k * 1000 * MIB + at, 128 << 10,
                                                                5000 * MIB, 8 * MIB);

                        sent[k] += r.to - r.from;
                }
        for (size_t k = 0; k < 4; k++)
                assert_true(sent[k] >= 4 * MIB);
}

static void test_nothing_ahead(void **state) {
        struct prefetch p = {};

        for (uint64_t at = 0; at < 4 * MIB; at += 128 << 10) {
                struct prefetch_range r = prefetch_next(&p, at, 128 << 10, 100 * MIB, 0);

                assert_int_equal(r.to, r.from);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sequential),
                cmocka_unit_test(test_end),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_several_streams),
                cmocka_unit_test(test_nothing_ahead),
                cmocka_unit_test(test_others_wait),
                cmocka_unit_test(test_far),
                cmocka_unit_test(test_calm),
                cmocka_unit_test(test_needed),
                cmocka_unit_test(test_futile),
                cmocka_unit_test(test_short_of_processors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
