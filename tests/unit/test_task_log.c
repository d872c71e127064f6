#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "daemons/task/task_log.h"
#include "daemons/task/task_mask.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define T0 (UINT64_C(1767323045) * USEC_PER_SEC + 678901) /* 2026-01-02T03:04:05.678901Z */
#define STAMP "2026-01-02T03:04:05.678901Z"

static struct task_log task_log; /* too large for a stack */

struct fixture {
        char *dir;
        int dir_fd;
};

static int setup(void **state) {
        struct fixture *f = mem_new(struct fixture);

        base_test_dir_setup((void **) &f->dir);
        f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = f;
        return f->dir_fd < 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        task_log_done(&task_log);
        close(f->dir_fd);
        base_test_dir_teardown((void **) &f->dir);
        mem_free(f);
        return 0;
}

static void feed(size_t stream, const char *text, usec_t now) {
        size_t n = strlen(text);

        while (n > 0) {
                size_t room, k;
                char *to = task_log_room(&task_log, stream, &room);

                assert_true(room > 0);
                k = MIN(n, room);
                memcpy(to, text, k);
                task_log_feed(&task_log, stream, k, now);
                text += k;
                n -= k;
        }
}

static char *text_of(const struct fixture *f) {
        char *text;

        assert_int_equal(fileio_read_at(f->dir_fd, "log", 1 << 22, &text, NULL), 0);
        return text;
}

static void assert_log(const struct fixture *f, const char *want) {
        _cleanup_free_ char *text = text_of(f);

        assert_string_equal(text, want);
}

static void lines_of_both_streams(void **state) {
        assert_int_equal(task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0), 0);
        feed(0, "one\ntwo\n", T0);
        feed(1, "three\n", T0);
        feed(0, "\n", T0);
        assert_log(*state, STAMP " o one\n" STAMP " o two\n" STAMP " e three\n" STAMP " o \n");
        assert_int_equal(task_log_next(&task_log), USEC_INFINITY);
}

static void a_piece_is_held_then_shown_then_goes_on(void **state) {
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        feed(0, "par", T0);
        assert_log(*state, "");
        assert_int_equal(task_log_next(&task_log), T0 + TASK_LOG_HOLD_FOR);
        task_log_flush(&task_log, T0 + TASK_LOG_HOLD_FOR - 1, false);
        assert_log(*state, "");
        task_log_flush(&task_log, T0 + TASK_LOG_HOLD_FOR, false);
        assert_log(*state, STAMP " o par");
        feed(0, "tial\nx\n", T0);
        assert_log(*state, STAMP " o partial\n" STAMP " o x\n");
}

static void the_wall_clock_may_jump_back(void **state) {
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        feed(0, "par", T0);
        task_log_flush(&task_log, T0 - USEC_PER_DAY, false);
        assert_log(*state, STAMP " o par");
}

static void pieces_of_two_streams_never_share_a_line(void **state) {
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        feed(0, "a", T0);
        task_log_flush(&task_log, T0, true);
        feed(1, "X", T0);
        task_log_flush(&task_log, T0, true);
        feed(0, "b\n", T0);
        feed(1, "Y\n", T0);
        assert_log(*state, STAMP " o a\n" STAMP " e X\n" STAMP " o b\n" STAMP " e Y\n");
}

static void what_the_shim_says_closes_open_lines(void **state) {
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        feed(0, "a", T0);
        task_log_flush(&task_log, T0, true);
        task_log_say(&task_log, T0, "%d left", 2);
        assert_log(*state, STAMP " o a\n" STAMP " s 2 left\n");
}

static void long_lines_are_split(void **state) {
        enum { N = 3 * TASK_LOG_LINE_MAX + 10 };
        _cleanup_free_ char *big = mem_alloc(N + 2), *text = NULL;
        size_t n_lines = 0, n_x = 0;

        memset(big, 'x', N);
        big[N] = '\n';
        big[N + 1] = 0;
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        feed(0, big, T0);
        text = text_of(*state);
        for (const char *p = text; *p; p++) {
                n_lines += *p == '\n';
                n_x += *p == 'x';
        }
        assert_int_equal(n_lines, 4);
        assert_int_equal(n_x, N);
}

static void a_line_shown_in_pieces_is_split_as_well(void **state) {
        _cleanup_free_ char *text = NULL;
        char piece[1001];
        size_t longest = 0, n = 0;

        memset(piece, 'y', 1000);
        piece[1000] = 0;
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        for (int i = 0; i < 200; i++) {
                feed(0, piece, T0);
                task_log_flush(&task_log, T0, true);
        }
        text = text_of(*state);
        for (const char *p = text; *p; p++) {
                n = *p == '\n' ? 0 : n + 1;
                longest = MAX(longest, n);
        }
        assert_in_range(longest, TASK_LOG_LINE_MAX / 2, TASK_LOG_LINE_MAX + 40);
}

static void the_limit_is_said_once_and_counted(void **state) {
        _cleanup_free_ char *text = NULL;

        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 100);
        for (int i = 0; i < 50; i++)
                feed(0, "0123456789\n", T0);
        task_log_end(&task_log, T0);
        text = text_of(*state);
        assert_non_null(strstr(text, " s the log's limit of 100 bytes is reached"));
        assert_null(strstr(strstr(text, "is reached") + 1, "is reached"));
        assert_non_null(strstr(text, "bytes past the log's limit were not kept"));
        assert_true(task_log.n_cut >= 46 * 11);
}

static void nothing_is_shown_of_what_never_came(void **state) {
        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        task_log_end(&task_log, T0);
        assert_log(*state, "");
}

/* A file that cannot be opened: everything is counted, and said as soon as it can. */
static void the_disk_refuses_then_takes_again(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *path = str_printf("%s/log", f->dir), *text = NULL;

        assert_int_equal(symlink("/nonexistent/x", path), 0);
        assert_true(task_log_init(&task_log, f->dir_fd, 0) < 0);
        feed(0, "lost\npiece", T0);
        task_log_flush(&task_log, T0, true);
        assert_true(task_log.n_lost > 0);
        assert_int_equal(unlink(path), 0);
        feed(0, "end\nkept\n", T0);
        task_log_end(&task_log, T0);
        text = text_of(f);
        assert_null(strstr(text, "o lost"));
        assert_non_null(strstr(text, " bytes of output were lost: "));
        assert_non_null(strstr(text, STAMP " o end\n" STAMP " o kept\n"));
        assert_int_equal(task_log.n_lost, 0);
        assert_true(task_log.n_lost_total > 0);
}

/* Every line of the file has its form, however the disk comes and goes. */
static void no_torn_lines_on_a_disk_that_fills(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *text = NULL;
        char line[64];

        task_log_init(&task_log, f->dir_fd, 0);
        for (int i = 0; i < 3000; i++) {
                int fd = task_log.fd;

                snprintf(line, sizeof(line), "line %d of many, some with a tail", i);
                if (i % 7 == 3)
                        task_log.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
                feed((size_t) i % 2, line, T0);
                if (i % 3 == 0)
                        task_log_flush(&task_log, T0, true);
                feed((size_t) i % 2, "\n", T0);
                if (i % 7 == 3) {
                        close(task_log.fd);
                        task_log.fd = fd;
                }
        }
        task_log_end(&task_log, T0);
        text = text_of(f);
        for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
                assert_int_equal(strncmp(p, STAMP " ", strlen(STAMP) + 1), 0);
                assert_non_null(memchr("oes", p[strlen(STAMP) + 1], 3));
                assert_non_null(strchr(p, '\n'));
        }
        assert_true(task_log.n_lost_total > 0);
}

#define log_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- what must not be shown ------------------------------------------------------------------- */

static void mask_with(struct task_mask *m, const char *secret) {
        assert_int_equal(task_mask_add(m, secret, strlen(secret)), 0);
        task_log.mask = m;
}

static void a_secret_is_masked_wherever_it_is_cut(void **state) {
        static const char secret[] = "tr0ub4dor&3";
        struct task_mask m = {};

        for (size_t cut = 1; cut < sizeof(secret) - 1; cut++) {
                char one[64], two[64];

                unlinkat(((struct fixture *) *state)->dir_fd, "log", 0);
                task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
                mask_with(&m, secret);
                snprintf(one, sizeof(one), "pw %.*s", (int) cut, secret);
                snprintf(two, sizeof(two), "%s end\n", secret + cut);
                feed(0, one, T0);
                task_log_flush(&task_log, T0 + TASK_LOG_HOLD_FOR, false);
                assert_log(*state, STAMP " o pw ");
                /* what may be the begin of a secret makes nobody wake up */
                assert_int_equal(task_log_next(&task_log), USEC_INFINITY);
                feed(0, two, T0 + TASK_LOG_HOLD_FOR);
                assert_log(*state, STAMP " o pw *** end\n");
                task_log_done(&task_log);
        }
        task_mask_done(&m);
}

static void what_was_none_is_shown(void **state) {
        struct task_mask m = {};

        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        mask_with(&m, "tr0ub4dor&3");
        feed(0, "tr0u", T0);
        task_log_flush(&task_log, T0 + TASK_LOG_HOLD_FOR, false);
        assert_log(*state, "");
        feed(0, "ble", T0);
        task_log_flush(&task_log, T0 + 2 * TASK_LOG_HOLD_FOR, false);
        assert_log(*state, STAMP " o tr0uble");
        feed(1, "tr0ub4dor&", T0);
        task_log_end(&task_log, T0);
        assert_log(*state, STAMP " o tr0uble\n" STAMP " e tr0ub4dor&\n");
        task_mask_done(&m);
}

/* Lines longer than one may be: the cut never goes through a secret. */
static void a_secret_at_the_cut_of_a_long_line(void **state) {
        struct task_mask m = {};
        char *text;

        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        mask_with(&m, "tr0ub4dor&3");
        for (int i = 0; i < TASK_LOG_LINE_MAX / 8 * 3; i++)
                feed(0, "x", T0);
        task_log_flush(&task_log, T0 + TASK_LOG_HOLD_FOR, false);
        for (int i = 0; i < 3 * TASK_LOG_LINE_MAX / 11; i++)
                feed(0, "tr0ub4dor&3", T0 + TASK_LOG_HOLD_FOR);
        feed(0, "\n", T0);
        task_log_end(&task_log, T0);
        text = text_of(*state);
        assert_null(strstr(text, "tr0u"));
        assert_null(strstr(text, "or&3"));
        mem_free(text);
        task_mask_done(&m);
}

static void others_get_the_last_line_as_it_was(void **state) {
        struct task_mask m = {};

        task_log_init(&task_log, ((struct fixture *) *state)->dir_fd, 0);
        mask_with(&m, "tr0ub4dor&3");
        task_log.last.wanted = true;
        feed(0, "a tr0ub4", T0);
        task_log_flush(&task_log, T0 + TASK_LOG_HOLD_FOR, false);
        feed(0, "dor&3 b\n", T0);
        assert_int_equal(task_log.last.len, strlen("a tr0ub4dor&3 b"));
        assert_memory_equal(task_log.last.text, "a tr0ub4dor&3 b", task_log.last.len);
        task_log.last.wanted = false;
        task_log_say(&task_log, T0, "no program tr0ub4dor&3");
        assert_log(*state, STAMP " o a *** b\n" STAMP " s no program ***\n");
        task_mask_done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                log_test(lines_of_both_streams),
                log_test(a_piece_is_held_then_shown_then_goes_on),
                log_test(the_wall_clock_may_jump_back),
                log_test(pieces_of_two_streams_never_share_a_line),
                log_test(what_the_shim_says_closes_open_lines),
                log_test(long_lines_are_split),
                log_test(a_line_shown_in_pieces_is_split_as_well),
                log_test(the_limit_is_said_once_and_counted),
                log_test(nothing_is_shown_of_what_never_came),
                log_test(the_disk_refuses_then_takes_again),
                log_test(no_torn_lines_on_a_disk_that_fills),
                log_test(a_secret_is_masked_wherever_it_is_cut),
                log_test(what_was_none_is_shown),
                log_test(a_secret_at_the_cut_of_a_long_line),
                log_test(others_get_the_last_line_as_it_was),
        };

        return cmocka_run_group_tests_name("task_log", tests, NULL, NULL);
}
