#include "fuse-gcs/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/fault.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

#define PAGE ((size_t) 4096)
#define MOST ((size_t) HANDOVER_READ_MAX)

static char *memory; /* MOST and a page, in pages */

static int setup(void **state) {
        (void) signal(SIGPIPE, SIG_IGN);
        memory =
                mmap(NULL, MOST + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return -1;
        for (size_t i = 0; i < MOST + PAGE; i++)
                memory[i] = (char) (i * 7 + i / 4096);
        return 0;
}

static int teardown(void **state) {
        return munmap(memory, MOST + PAGE);
}

static void assert_came(int fd, const struct iovec *v, int n) {
        off_t at = 0;

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *came = mem_alloc(v[i].iov_len);

                assert_int_equal(pread(fd, came, v[i].iov_len, at), v[i].iov_len);
                assert_memory_equal(came, v[i].iov_base, v[i].iov_len);
                at += (off_t) v[i].iov_len;
        }
}

/* The longest answer there is, and one of unaligned pieces, again and again. */
static void test_all_of_it(void **state) {
        char head[16] = "what is before";
        struct iovec most[] = {
                {head, 16}, {memory, 128 << 10}, {memory + (128 << 10), MOST - (128 << 10)}};
        struct iovec odd[] = {
                {head, 16}, {memory + 100, 70000}, {memory + 300001, 5}, {memory + 4096, 90001}};
        int fd = memfd_create("device", MFD_CLOEXEC);
        struct handover *h;

        assert_true(fd >= 0);
        assert_int_equal(handover_new(&h), 0);
        for (int i = 0; i < 3 * HANDOVER_PIPES; i++) {
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                assert_int_equal(handover_give(h, fd, most, 3), 16 + MOST);
                assert_came(fd, most, 3);
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                assert_int_equal(handover_give(h, fd, odd, 4), 16 + 70000 + 5 + 90001);
                assert_came(fd, odd, 4);
        }
        assert_null(handover_free(h));
        close(fd);
}

static void test_what_does_not_fit(void **state) {
        struct iovec v[17] = {{memory, HANDOVER_LEAST - 1}};
        int fd = memfd_create("device", MFD_CLOEXEC);
        struct handover *h;

        assert_int_equal(handover_new(&h), 0);
        assert_int_equal(handover_give(h, fd, v, 1), 0);
        v[0].iov_len = HANDOVER_LEAST;
        assert_int_equal(handover_give(h, fd, v, 17), 0);
        assert_int_equal(handover_give(h, fd, v, 1), HANDOVER_LEAST);
        /* A page more than a pipe has places: of the two pieces, one is in two pages. */
        v[0] = (struct iovec){memory + 4090, 16};
        v[1] = (struct iovec){memory, MOST};
        assert_int_equal(handover_give(h, fd, v, 2), 0);
        v[0].iov_base = memory;
        assert_int_equal(handover_give(h, fd, v, 2), 16 + MOST);
        handover_free(h);
        handover_free(NULL);
        close(fd);
}

/* The device's refusal is told, and the next answer finds an empty pipe. */
static void test_refused(void **state) {
        struct iovec v = {memory, HANDOVER_LEAST}, w = {memory + PAGE, HANDOVER_LEAST};
        int fd = memfd_create("device", MFD_CLOEXEC), ends[2];
        struct handover *h;

        assert_int_equal(handover_new(&h), 0);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        close(ends[0]);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(handover_give(h, ends[1], &v, 1), -EPIPE);
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                assert_int_equal(handover_give(h, fd, &w, 1), HANDOVER_LEAST);
                assert_came(fd, &w, 1);
        }
        /* What cannot be spliced to is written to, from now on. */
        close(ends[1]);
        ends[1] = memfd_create("device", MFD_CLOEXEC);
        assert_int_equal(fcntl(ends[1], F_SETFL, O_APPEND), 0);
        assert_int_equal(handover_give(h, ends[1], &v, 1), 0);
        assert_int_equal(handover_give(h, fd, &v, 1), 0);
        handover_free(h);
        close(ends[1]);
        close(fd);
}

static struct handover *shared;

static void *give(void *ctx) {
        size_t from = (size_t) ctx * PAGE;
        struct iovec v = {memory + from, 2 * HANDOVER_LEAST};
        int fd = memfd_create("device", MFD_CLOEXEC);

        for (int i = 0; i < 200; i++) {
                ssize_t k;

                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                k = handover_give(shared, fd, &v, 1);
                /* All pipes may be in use. */
                assert_true(k == 0 || k == (ssize_t) v.iov_len);
                if (k > 0)
                        assert_came(fd, &v, 1);
        }
        close(fd);
        return NULL;
}

static void test_threads(void **state) {
        pthread_t threads[2 * HANDOVER_PIPES];

        assert_int_equal(handover_new(&shared), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, give, (void *) i), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                pthread_join(threads[i], NULL);
        handover_free(shared);
}

static void test_no_memory(void **state) {
        struct handover *h = NULL;

        fault_arm(FAULT_ALLOC, 1, 0, 1);
        assert_int_equal(handover_new(&h), -ENOMEM);
        fault_reset();
        assert_null(h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_what_does_not_fit),
                cmocka_unit_test(test_refused),   cmocka_unit_test(test_threads),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests_name("handover", tests, setup, teardown);
}
