#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "daemons/scheduler/mask_tell.h"
#include "daemons/task/task_secrets.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* The values as "a|b|". */
static void assert_values(struct buf *b, const char *want) {
        for (size_t i = 0; i < b->len; i++)
                if (!b->data[i])
                        b->data[i] = '|';
        assert_string_equal(buf_cstr(b), want);
        buf_reset(b);
}

static void what_is_secret(void **state) {
        struct connection c = {
                .login = "anna",
                .password = "pw-123",
                .extra = "{\"a\":1,\"api_key\":\"k-1\",\"x\":{\"secrets\":[\"s-1\"]}}"};
        _cleanup_buf_ struct buf b = {};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(mask_tell_connection(&c, &a, &b), 0);
        assert_values(&b, "pw-123|k-1|s-1|");
        c = (struct connection){.extra = "no json"};
        assert_int_equal(mask_tell_connection(&c, &a, &b), 0);
        assert_int_equal(b.len, 0);
        assert_int_equal(mask_tell_variable("region", "eu", &a, &b), 0);
        assert_int_equal(b.len, 0);
        assert_int_equal(mask_tell_variable("db_password", "hunter22", &a, &b), 0);
        assert_values(&b, "hunter22|");
        assert_int_equal(mask_tell_variable("settings", "{\"token\":\"t-1\"}", &a, &b), 0);
        assert_values(&b, "t-1|");
        arena_done(&a);
}

struct try {
        char *tasks_dir;
        int fd;
        struct task_secrets secrets;
};

static void try_open(struct try *t, const char *dir) {
        _cleanup_free_ char *path = str_printf("%s/01", dir);

        t->tasks_dir = (char *) dir;
        assert_int_equal(mkdir(path, 0770), 0);
        t->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        t->secrets = (struct task_secrets) TASK_SECRETS_NONE;
        assert_int_equal(task_secrets_init(&t->secrets, t->fd), 0);
}

static void try_close(struct try *t) {
        task_secrets_done(&t->secrets);
        close(t->fd);
}

static bool is_masked(const struct try *t, const char *text, size_t n) {
        _cleanup_free_ char *copy = mem_memdup(text, n);

        return task_mask_apply(&t->secrets.mask, copy, n) < n;
}

static void a_try_is_told(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct try t;

        try_open(&t, *state);
        assert_int_equal(buf_add(&b, "first-secret\0second-secret", 27), 0);
        assert_int_equal(mask_tell_try(*state, "01", &b), 0);
        assert_false(is_masked(&t, "second-secret", 13));
        task_secrets_drain(&t.secrets);
        assert_true(is_masked(&t, "second-secret", 13));
        assert_true(is_masked(&t, "first-secret", 12));
        try_close(&t);
        assert_int_equal(mask_tell_try(*state, "01", &b), 0); /* it has ended */
        assert_int_equal(mask_tell_try(*state, "02", &b), -ENOENT);
}

/* Larger than one datagram, with and without lines: each line is masked wherever it was cut. */
static void a_large_secret(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct try t;

        for (int i = 0; i < 12000; i++)
                assert_int_equal(buf_printf(&b, "line-%08d\n", i), 0);
        assert_int_equal(buf_add(&b, "", 1), 0);
        assert_true(b.len > TASK_SECRETS_DATAGRAM_MAX);
        try_open(&t, *state);
        assert_int_equal(mask_tell_try(*state, "01", &b), 0);
        task_secrets_drain(&t.secrets);
        assert_int_equal(t.secrets.error, 0);
        for (int i = 0; i < 12000; i += 7) {
                char line[32];

                snprintf(line, sizeof(line), "line-%08d", i);
                assert_true(is_masked(&t, line, strlen(line)));
        }
        try_close(&t);
}

/* Who does not read is not waited for, and the task then gets no secret. */
static void one_that_does_not_read(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct try t;
        int r = 0;

        assert_int_equal(buf_add(&b, "a-secret", 9), 0);
        try_open(&t, *state);
        for (int i = 0; i < 100000 && r == 0; i++)
                r = mask_tell_try(*state, "01", &b);
        assert_int_equal(r, -EAGAIN);
        task_secrets_drain(&t.secrets);
        assert_int_equal(mask_tell_try(*state, "01", &b), 0);
        try_close(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_secret),
                dir_test(a_try_is_told),
                dir_test(a_large_secret),
                dir_test(one_that_does_not_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
