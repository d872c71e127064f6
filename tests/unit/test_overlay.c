#include "fuse-gcs/overlay.h"

#include "lib/base/crc32c.h"
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

/* What was taken is whole; it goes. */
static void free_taken(struct limits *l, struct overlay_taken *t) {
        uint32_t crc32c = 0;

        for (size_t i = 0; i < t->n; i++)
                crc32c = crc32c_add(crc32c, t->iov[i].iov_base, t->iov[i].iov_len);
        assert_int_equal(t->crc32c, crc32c);
        for (size_t i = 0; i < t->n; i++)
                lent_page_done(&t->memory[i]);
        l->n_memory -= t->n_bytes;
        mem_free(t->iov);
        mem_free(t->memory);
}

static void test_take(void **state) {
        struct limits l;
        struct overlay o;
        struct overlay_taken t;
        size_t at = 0;
        char *text = mem_alloc(200000);

        for (size_t i = 0; i < 200000; i++)
                text[i] = (char) (i / 7);
        set_limits(&l, 1 << 20, 0);
        overlay_init(&o, &l.limits, 1000);
        assert_int_equal(overlay_write(&o, 1000, text, 200000), 0);
        assert_int_equal(overlay_take(&o, 1000, 101000, &t), 0);
        for (size_t i = 0; i < t.n; i++) {
                assert_memory_equal(t.iov[i].iov_base, text + at, t.iov[i].iov_len);
                at += t.iov[i].iov_len;
        }
        assert_int_equal(at, 100000);
        assert_int_equal(t.n_bytes, t.n * OVERLAY_PAGE);
        free_taken(&l, &t);
        /* The rest is as it was. */
        assert_int_equal(o.n_extents, 1);
        assert_int_equal(o.extents[0].from, 101000);
        memset(text, 0, 100000);
        assert_int_equal(overlay_get(&o, 101000, text, 100000), 0);
        assert_memory_equal(text, text + 100000, 100000);
        assert_int_equal(overlay_take(&o, 0, 10, &t), -EINVAL);
        overlay_done(&o);
        assert_int_equal(l.n_memory, 0);
        mem_free(text);
}

#define LENT ((size_t) 1 << 20)

/* Writes n bytes of what is behind a head of its own, as a request of the kernel has it. True: the
 * memory was kept. */
static bool write_lent(struct overlay *o, uint64_t at, char fill, size_t n, char *model) {
        struct lent_offer offer = {mem_alloc(LENT + 4096)};
        char *data = (char *) offer.mem + 80;
        bool was_kept;

        for (size_t i = 0; i < n; i++)
                data[i] = (char) (fill + i / 1000);
        memcpy(model + at, data, n);
        assert_int_equal(overlay_write_lent(o, at, data, n, &offer), 0);
        was_kept = !offer.mem;
        /* Who keeps a byte of it without keeping all of it reads this. */
        if (offer.mem)
                memset(offer.mem, 'x', LENT + 4096);
        mem_free(offer.mem);
        return was_kept;
}

static void assert_content(const struct overlay *o, const char *model, size_t n) {
        char *got = mem_alloc(n);

        assert_int_equal(overlay_get(o, 0, got, n), 0);
        assert_memory_equal(got, model, n);
        mem_free(got);
}

/* A whole request is kept, page by page; what is little, or lies askew, is copied. */
static void test_lent(void **state) {
        char *model = mem_zalloc(4 * LENT);
        struct overlay_taken t;
        struct limits l;
        struct overlay o;

        set_limits(&l, 64 << 20, 0);
        overlay_init(&o, &l.limits, 0);
        assert_true(write_lent(&o, 0, 'a', LENT, model));
        assert_int_equal(l.n_memory, LENT);
        assert_false(write_lent(&o, LENT, 'b', LENT / 2, model));
        assert_int_equal(l.n_memory, LENT + LENT / 2);
        /* Its second half finds no page, its first is written over those that are there. */
        assert_true(write_lent(&o, LENT, 'c', LENT, model));
        assert_false(write_lent(&o, 2 * LENT - 1000, 'd', LENT, model));
        assert_content(&o, model, 3 * LENT - 1000);
        /* Written over where it lies; cut in its midst. */
        memcpy(model + 70000, "here", 4);
        assert_int_equal(overlay_write(&o, 70000, "here", 4), 0);
        assert_content(&o, model, 3 * LENT - 1000);
        assert_int_equal(overlay_take(&o, 0, 100000, &t), 0);
        assert_int_equal(t.n, 2);
        assert_int_equal(t.n_bytes, OVERLAY_PAGE); /* the copy; the first one is lent */
        assert_memory_equal(t.iov[0].iov_base, model, OVERLAY_PAGE);
        assert_memory_equal(t.iov[1].iov_base, model + OVERLAY_PAGE, 100000 - OVERLAY_PAGE);
        overlay_truncate(&o, LENT + 5);
        overlay_done(&o);
        assert_true(l.n_memory >= LENT); /* for one page of it is needed still */
        free_taken(&l, &t);
        assert_int_equal(l.n_memory, 0);
        lent_spare_trim();
        mem_free(model);
}

/* Nothing more is kept than there is room for, and what is on the disk is not in memory. */
static void test_lent_spills(void **state) {
        char *model = mem_zalloc(4 * LENT);
        struct limits l;
        struct overlay o;

        set_limits(&l, LENT + LENT / 2, 16 << 20);
        overlay_init(&o, &l.limits, 0);
        assert_true(write_lent(&o, 0, 'a', LENT, model));
        assert_false(write_lent(&o, LENT, 'b', LENT, model));
        assert_true(o.fd >= 0);
        assert_int_equal(l.n_memory, 0);
        assert_false(write_lent(&o, LENT / 2, 'c', LENT, model));
        assert_content(&o, model, 2 * LENT);
        overlay_done(&o);
        assert_int_equal(l.n_temp, 0);
        /* No room for another one: it is written over the pages that are there. */
        set_limits(&l, LENT, 16 << 20);
        overlay_init(&o, &l.limits, 0);
        assert_true(write_lent(&o, 0, 'd', LENT - OVERLAY_PAGE + 100, model));
        assert_content(&o, model, LENT - OVERLAY_PAGE + 100);
        assert_false(write_lent(&o, 0, 'e', LENT - OVERLAY_PAGE, model));
        assert_true(o.fd < 0);
        assert_content(&o, model, LENT - OVERLAY_PAGE + 100);
        overlay_done(&o);
        assert_int_equal(l.n_memory, 0);
        assert_int_equal(l.n_temp, 0);
        lent_spare_trim();
        mem_free(model);
}

/* What cannot be kept for want of memory is copied, or fails and leaves all as it was. */
static void test_lent_no_memory(void **state) {
        char *model = mem_zalloc(2 * LENT);
        struct limits l;

        set_limits(&l, 64 << 20, 0);
        for (unsigned nth = 1; nth < 8; nth++) {
                struct lent_offer offer = {malloc(LENT + 4096)};
                struct overlay o;
                int r;

                memset(offer.mem, (int) nth, LENT + 4096);
                overlay_init(&o, &l.limits, 0);
                fault_arm(FAULT_ALLOC, nth, 0, 1);
                r = overlay_write_lent(&o, 0, (char *) offer.mem + 80, LENT, &offer);
                fault_reset();
                if (r >= 0) {
                        memset(model, (int) nth, LENT);
                        assert_content(&o, model, LENT);
                } else {
                        assert_int_equal(o.size, 0);
                }
                overlay_done(&o);
                free(offer.mem);
                assert_int_equal(l.n_memory, 0);
        }
        lent_spare_trim();
        mem_free(model);
}

/* The sum is of what is there, however it came: in order, over and over, with what is cut. */
static void test_sums(void **state) {
        static char model[400000], data[70000];
        struct entropy_fake e;
        struct limits l;
        struct overlay o;

        entropy_fake_init(&e, 7);
        set_limits(&l, 8 << 20, 0);
        for (int round = 0; round < 100; round++) {
                struct overlay_taken t;
                uint64_t n_writes, at, n, from = 0, to;
                size_t size = 0;

                overlay_init(&o, &l.limits, 0);
                (void) entropy_below(&e.entropy, 12, &n_writes);
                while (size < sizeof(model) - sizeof(data)) {
                        (void) entropy_below(&e.entropy, sizeof(data), &n);
                        (void) entropy_fill(&e.entropy, data, n);
                        memcpy(model + size, data, n);
                        assert_int_equal(overlay_write(&o, size, data, n), 0);
                        size += n;
                }
                for (uint64_t i = 0; i < n_writes; i++) {
                        (void) entropy_below(&e.entropy, size - 1000, &at);
                        (void) entropy_below(&e.entropy, 1000, &n);
                        (void) entropy_fill(&e.entropy, data, n);
                        memcpy(model + at, data, n);
                        assert_int_equal(overlay_write(&o, at, data, n), 0);
                }
                while (from < size) {
                        (void) entropy_below(&e.entropy, size - from, &n);
                        to = MIN(from + n / 2 + 1, size);
                        assert_int_equal(overlay_take(&o, from, to, &t), 0);
                        assert_int_equal(t.crc32c, crc32c_add(0, model + from, to - from));
                        free_taken(&l, &t);
                        from = to;
                }
                overlay_done(&o);
                assert_int_equal(l.n_memory, 0);
        }
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
                cmocka_unit_test(test_sums),
                cmocka_unit_test(test_lent),
                cmocka_unit_test(test_lent_spills),
                cmocka_unit_test(test_lent_no_memory),
                cmocka_unit_test_teardown(test_full, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
