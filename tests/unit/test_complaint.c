/* What is said of a service that refuses or is away, and how often. */
#include "fuse-gcs/complaint.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

#define START ((usec_t) 1000 * USEC_PER_SEC)

static void test_so_many_in_so_long(void **state) {
        struct complaint_limit l = {};
        unsigned n_kept = 99;

        for (unsigned i = 0; i < 10; i++) {
                assert_true(complaint_limit_take(&l, START + i, &n_kept));
                assert_int_equal(n_kept, 0);
        }
        for (unsigned i = 0; i < 7; i++)
                assert_false(complaint_limit_take(&l, START + 9 * USEC_PER_SEC, &n_kept));
        assert_true(complaint_limit_take(&l, START + 10 * USEC_PER_SEC, &n_kept));
        assert_int_equal(n_kept, 7);
        assert_true(complaint_limit_take(&l, START + 10 * USEC_PER_SEC, &n_kept));
        assert_int_equal(n_kept, 0);
}

static void test_away_and_back(void **state) {
        struct complaint_silence s = {};
        usec_t took_for = 0;

        assert_int_equal(complaint_silence_heard(&s, true, START, &took_for), COMPLAINT_NOTHING);
        /* What goes by soon is nothing. */
        assert_int_equal(complaint_silence_heard(&s, false, START, &took_for), COMPLAINT_NOTHING);
        assert_int_equal(complaint_silence_heard(&s, false, START + 4 * USEC_PER_SEC, &took_for),
                         COMPLAINT_NOTHING);
        assert_int_equal(complaint_silence_heard(&s, true, START + 6 * USEC_PER_SEC, &took_for),
                         COMPLAINT_NOTHING);
        /* Once, however often it is tried; and the end. */
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(
                        complaint_silence_heard(&s, false, START + i * USEC_PER_SEC, &took_for),
                        i == 5 ? COMPLAINT_AWAY : COMPLAINT_NOTHING);
        assert_int_equal(complaint_silence_heard(&s, true, START + 20 * USEC_PER_SEC, &took_for),
                         COMPLAINT_BACK);
        assert_int_equal(took_for, 20 * USEC_PER_SEC);
        assert_int_equal(complaint_silence_heard(&s, true, START + 21 * USEC_PER_SEC, &took_for),
                         COMPLAINT_NOTHING);
}

/* One failure in the evening and one in the morning are no night without the service. */
static void test_nobody_tried_meanwhile(void **state) {
        struct complaint_silence s = {};
        usec_t took_for = 0;

        assert_int_equal(complaint_silence_heard(&s, false, START, &took_for), COMPLAINT_NOTHING);
        assert_int_equal(complaint_silence_heard(&s, false, START + USEC_PER_HOUR, &took_for),
                         COMPLAINT_NOTHING);
        assert_int_equal(complaint_silence_heard(
                                 &s, false, START + USEC_PER_HOUR + 5 * USEC_PER_SEC, &took_for),
                         COMPLAINT_AWAY);
        assert_int_equal(took_for, 5 * USEC_PER_SEC);
}

/* What the log has of these; NULL: nothing. */
static char *said(const struct gcs_request *q, const struct gcs_answer *a) {
        char name[] = "/tmp/onebox-complaint-XXXXXX", *text = NULL;
        int fd = mkstemp(name), stderr_fd = fcntl(2, F_DUPFD_CLOEXEC, 10);
        size_t n = 0;

        assert_true(fd >= 0 && stderr_fd >= 0);
        unlink(name);
        unsetenv("JOURNAL_STREAM");
        log_init("test");
        dup2(fd, 2);
        complaint_ended(q, a);
        dup2(stderr_fd, 2);
        close(stderr_fd);
        assert_true(lseek(fd, 0, SEEK_SET) == 0);
        assert_int_equal(fileio_read_fd(fd, 1 << 20, &text, &n), 0);
        close(fd);
        return n > 0 ? text : mem_free(text);
}

static void test_in_its_own_words(void **state) {
        struct gcs_request insert, list;
        const struct gcs_answer refused = {-EACCES, 403, .text = "HTTP 403: no right",
                                           .n_tries = 1};
        const struct gcs_answer late = {-EIO, 503, .text = "HTTP 503: busy", .n_tries = 4};
        const struct gcs_answer dead = {-ECONNREFUSED, .n_tries = 2};
        static const int answers[] = {0,      -ENOENT, -EEXIST,    -ESTALE, -ERANGE,
                                      -ENXIO, -ENOSYS, -ECANCELED, -EINTR};
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;

        gcs_request_init(&insert, GCS_INSERT, "d/f");
        gcs_request_init(&list, GCS_LIST, NULL);
        list.prefix = "d/";
        a = said(&insert, &refused);
        assert_non_null(a);
        assert_non_null(strstr(a, "warning test: CreateObject d/f: HTTP 403: no right\n"));
        b = said(&list, &late);
        assert_non_null(b);
        assert_non_null(strstr(b, "ListObjects d/: HTTP 503: busy, tried 4 times\n"));
        c = said(&insert, &dead);
        assert_non_null(c);
        assert_non_null(strstr(c, "CreateObject d/f: Connection refused, tried 2 times\n"));
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                const struct gcs_answer answer = {.error = answers[i], .text = "x"};

                assert_null(said(&insert, &answer));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_so_many_in_so_long),
                cmocka_unit_test(test_away_and_back),
                cmocka_unit_test(test_nobody_tried_meanwhile),
                cmocka_unit_test(test_in_its_own_words),
        };

        return cmocka_run_group_tests_name("complaint", tests, NULL, NULL);
}
