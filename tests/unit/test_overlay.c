#include "fuse-gcs/overlay.h"

#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

struct limits {
        atomic_size_t n_memory;
        atomic_uint_least64_t n_temp;
        struct overlay_limits limits;
};

static void set_limits(struct limits *l, size_t memory, uint64_t temp) {
        *l = (struct limits){};
        l->limits = (struct overlay_limits){&l->n_memory, memory, &l->n_temp, temp, "/tmp"};
}

static void test_kinds(void **state) {
        struct limits l;
        struct overlay o;
        uint64_t to;

        set_limits(&l, 1 << 20, 0);
        overlay_init(&o, &l.limits, 100);
        assert_int_equal(overlay_at(&o, 0, 100, &to), OVERLAY_BASE);
        assert_int_equal(to, 100);
        assert_int_equal(overlay_write(&o, 10, "xx", 2), 0);
        assert_int_equal(overlay_at(&o, 0, 100, &to), OVERLAY_BASE);
        assert_int_equal(to, 10);
        assert_int_equal(overlay_at(&o, 10, 100, &to), OVERLAY_LOCAL);
        assert_int_equal(to, 12);
        overlay_truncate(&o, 50);
        overlay_truncate(&o, 200);
        assert_int_equal(overlay_at(&o, 50, 200, &to), OVERLAY_ZERO);
        assert_int_equal(overlay_n_local(&o), 2);
        overlay_truncate(&o, 11);
        assert_int_equal(overlay_n_local(&o), 1);
        overlay_done(&o);
        assert_int_equal(l.n_memory, 0);
}

/* Writes and cuts at random against plain bytes, in memory and in a file. */
static void against_model(size_t memory) {
        static char model[300000], data[50000];
        struct entropy_fake e;
        struct limits l;
        struct overlay o;
        size_t size = 0;

        memset(model, 0, sizeof(model));
        entropy_fake_init(&e, memory);
        set_limits(&l, memory, UINT64_MAX / 2);
        overlay_init(&o, &l.limits, 0);
        for (int i = 0; i < 300; i++) {
                uint64_t at, n, cut;

                (void) entropy_below(&e.entropy, sizeof(model) - sizeof(data), &at);
                (void) entropy_below(&e.entropy, sizeof(data), &n);
                (void) entropy_below(&e.entropy, 10, &cut);
                if (cut == 0) {
                        overlay_truncate(&o, at);
                        if (at < size)
                                memset(model + at, 0, size - at);
                        size = at;
                } else {
                        (void) entropy_fill(&e.entropy, data, n);
                        assert_int_equal(overlay_write(&o, at, data, n), 0);
                        memcpy(model + at, data, n);
                        size = n > 0 ? MAX(size, at + n) : size;
                }
                assert_int_equal(o.size, size);
        }
        for (uint64_t at = 0, to; at < size; at = to) {
                enum overlay_kind kind = overlay_at(&o, at, size, &to);
                _cleanup_free_ char *got = mem_zalloc(to - at);

                if (kind == OVERLAY_LOCAL)
                        assert_int_equal(overlay_get(&o, at, got, to - at), 0);
                assert_memory_equal(got, model + at, to - at);
        }
        overlay_done(&o);
        assert_int_equal(l.n_memory, 0);
        assert_int_equal(l.n_temp, 0);
}

static void test_model(void **state) {
        against_model(8 << 20);
        against_model(128 << 10); /* spills */
}

static void test_take(void **state) {
        struct limits l;
        struct overlay o;
        struct iovec *iov;
        void **data;
        size_t n, at = 0;
        char *text = mem_alloc(200000);

        for (size_t i = 0; i < 200000; i++)
                text[i] = (char) (i / 7);
        set_limits(&l, 1 << 20, 0);
        overlay_init(&o, &l.limits, 1000);
        assert_int_equal(overlay_write(&o, 1000, text, 200000), 0);
        assert_int_equal(overlay_take(&o, 1000, 101000, &iov, &data, &n), 0);
        for (size_t i = 0; i < n; i++) {
                assert_memory_equal(iov[i].iov_base, text + at, iov[i].iov_len);
                at += iov[i].iov_len;
                mem_free(data[i]);
        }
        assert_int_equal(at, 100000);
        l.n_memory -= n * OVERLAY_PAGE;
        mem_free(iov);
        mem_free(data);
        /* The rest is as it was. */
        assert_int_equal(o.n_extents, 1);
        assert_int_equal(o.extents[0].from, 101000);
        memset(text, 0, 100000);
        assert_int_equal(overlay_get(&o, 101000, text, 100000), 0);
        assert_memory_equal(text, text + 100000, 100000);
        assert_int_equal(overlay_take(&o, 0, 10, &iov, &data, &n), -EINVAL);
        overlay_done(&o);
        assert_int_equal(l.n_memory, 0);
        mem_free(text);
}

static void test_full(void **state) {
        static char data[100000];
        struct limits l;
        struct overlay o;

        set_limits(&l, OVERLAY_PAGE, 150000);
        overlay_init(&o, &l.limits, 0);
        assert_int_equal(overlay_write(&o, 0, data, 100000), 0);
        assert_true(o.fd >= 0);
        assert_int_equal(overlay_write(&o, 100000, data, 100000), -ENOSPC);
        assert_int_equal(o.size, 100000);
        fault_arm(FAULT_WRITE, 1, ENOSPC, 1);
        assert_int_equal(overlay_write(&o, 100000, data, 1000), -ENOSPC);
        assert_int_equal(overlay_write(&o, 100000, data, 1000), 0);
        overlay_done(&o);
        assert_int_equal(l.n_temp, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_model),
                cmocka_unit_test(test_take),
                cmocka_unit_test_teardown(test_full, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
