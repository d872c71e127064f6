/* Reads, counted by whether they went on and whether the bucket was waited for. */
#include "fuse-gcs/read_meter.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "tests/unit/base_test.h"

static void assert_prints(const char *line) {
        _cleanup_buf_ struct buf b = {};

        read_meter_print(&b);
        assert_int_equal(buf_error(&b), 0);
        if (!strstr(b.data, line))
                fail_msg("%s is not in:\n%s", line, b.data);
}

static void test_nobody_asks(void **state) {
        read_meter_set(false, false, false, 3);
        assert_int_equal(read_meter_begin(), 0);
        assert_prints("file_cache_read_count{cache_hit=\"true\",read_type=\"Random\"} 0\n");
        assert_prints("file_cache_read_latencies_count{cache_hit=\"true\"} 0\n");
}

static void test_counts(void **state) {
        read_meter_set(true, false, false, 3);
        assert_true(read_meter_begin() > 0);
        read_meter_end(read_meter_begin(), true, false, 1000);
        read_meter_end(read_meter_begin(), true, true, 24);
        read_meter_end(read_meter_begin(), false, true, 7);
        assert_prints("file_cache_read_bytes_count{read_type=\"Sequential\"} 1024\n");
        assert_prints("file_cache_read_bytes_count{read_type=\"Random\"} 7\n");
        assert_prints("file_cache_read_count{cache_hit=\"false\",read_type=\"Sequential\"} 1\n");
        assert_prints("file_cache_read_count{cache_hit=\"true\",read_type=\"Sequential\"} 1\n");
        assert_prints("file_cache_read_count{cache_hit=\"true\",read_type=\"Random\"} 1\n");
        assert_prints("file_cache_read_count{cache_hit=\"false\",read_type=\"Random\"} 0\n");
        assert_prints("file_cache_read_latencies_count{cache_hit=\"false\"} 1\n");
        assert_prints("file_cache_read_latencies_count{cache_hit=\"true\"} 2\n");
}

/* The log of reads at these places; a negative one goes on with nothing. */
static void follow(int fd, const int64_t *at, size_t n) {
        struct read_meter_pattern p = {};

        log_to_text(fd);
        log_set_level(LOG_DEBUG);
        for (size_t k = 0; k < n; k++) {
                struct read_meter_line l = {
                        .object = "o",
                        .handle = 7,
                        .offset = (uint64_t) (at[k] < 0 ? -at[k] : at[k]) << 20,
                        .goes_on = at[k] >= 0,
                };

                read_meter_follow(&p, &l);
        }
        log_set_level(LOG_INFO);
        log_to_text(STDERR_FILENO);
}

static void assert_follow(const int64_t *at, size_t n, const char *first, const char *second) {
        char text[4096] = "", *next;
        int fd = memfd_create("log", MFD_CLOEXEC);

        assert_true(fd >= 0);
        follow(fd, at, n);
        assert_true(pread(fd, text, sizeof(text) - 1, 0) >= 0);
        close(fd);
        next = strstr(text, first ?: "");
        assert_non_null(next);
        if (second)
                assert_non_null(strstr(next, second));
        if (!first)
                assert_string_equal(text, "");
        else if (!second)
                assert_null(strstr(text, "Restarting"));
}

static void test_here_and_there(void **state) {
        static const char fallback[] =
                "Fallback to another reader for object \"o\", handle 7. Random "
                "seek count 4 exceeded threshold 3 ";

        read_meter_set(false, true, false, 3);
        assert_follow((int64_t[]){0, 1, 2, -90, -50}, 5, NULL, NULL);
        assert_follow((int64_t[]){-90, -50, -70, -30, -60}, 5, fallback, NULL);
        /* The start, from far behind it, is one of the places. */
        assert_follow((int64_t[]){-24, -16, -8, 0}, 4, fallback, NULL);
        assert_follow((int64_t[]){-24, -16, -4, 0, 0}, 5, NULL, NULL);
        assert_follow((int64_t[]){-24, -16, -80, -50, 51}, 5, fallback,
                      "Restarting buffered reader due to sequential read pattern detected for "
                      "object \"o\", handle 7");
        /* Nothing is fetched ahead: said once of each. */
        read_meter_set(false, true, true, 3);
        assert_follow((int64_t[]){0, -90, -50, -70, -30, -60}, 6,
                      "Failed to create bufferedReader: ", "disabled for handle 7.\n");
        read_meter_set(false, false, false, 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nobody_asks),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_here_and_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
