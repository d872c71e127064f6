#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "daemons/task/task_secrets.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void assert_masked(struct task_secrets *s, const char *text, const char *want) {
        char out[256];
        size_t n = strlen(text);

        memcpy(out, text, n);
        n = task_mask_apply(&s->mask, out, n);
        out[n] = 0;
        assert_string_equal(out, want);
}

static void files_are_secrets(void **state) {
        _cleanup_free_ char *dir = str_printf("%s/credentials", (char *) *state),
                            *file = str_printf("%s/aws-key", dir),
                            *want = str_printf("ONEBOX_SECRET_AWS_KEY=%s", file);
        struct task_secrets s = TASK_SECRETS_NONE;
        char *const *env = NULL;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(mkdir(dir, 0700), 0);
        assert_int_equal(fileio_write_atomic(file, "hunter22\n", 9, 0400), 0);
        assert_int_equal(task_secrets_load(&s, dir, &a, &env, &em), 0);
        assert_non_null(strstr(env[0], "CREDENTIALS_DIRECTORY="));
        assert_string_equal(env[1], want);
        assert_null(env[2]);
        assert_masked(&s, "<hunter22>", "<***>");
        assert_int_equal(task_secrets_load(&s, NULL, &a, &env, &em), 0);
        assert_null(env[0]);
        assert_int_equal(task_secrets_load(&s, "/none/there", &a, &env, &em), -ENOENT);
        assert_says(em, "/none/there");
        task_secrets_done(&s);
        arena_done(&a);
}

/* What the scheduler's side sends is tested with it, in test_mask_tell.c. */
static void the_socket_goes_with_the_try(void **state) {
        _cleanup_close_ int dir_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct task_secrets s = TASK_SECRETS_NONE;

        assert_int_equal(task_secrets_init(&s, dir_fd), 0);
        task_secrets_done(&s);
        s = (struct task_secrets) TASK_SECRETS_NONE;
        /* one that was killed left its socket */
        assert_int_equal(mknodat(dir_fd, "mask.sock", S_IFSOCK | 0600, 0), 0);
        assert_int_equal(task_secrets_init(&s, dir_fd), 0);
        task_secrets_drain(&s);
        assert_int_equal(s.mask.n, 0);
        task_secrets_done(&s);
        assert_int_equal(faccessat(dir_fd, "mask.sock", F_OK, 0), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {dir_test(files_are_secrets),
                                           dir_test(the_socket_goes_with_the_try)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
