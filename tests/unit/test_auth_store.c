/* auth.db: users, passwords, personal tokens, a file that comes later. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/auth/auth_password.h"
#include "lib/auth/auth_store.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

#define T0 (1800000000 * USEC_PER_SEC)

enum { NOBODY = 65534 };

struct box {
        struct test_dir *dir;
        struct clock_fake clock;
        struct entropy_fake entropy;
        struct arena arena;
        struct auth_store *store;
};

static int box_setup(void **state) {
        struct box *b = calloc(1, sizeof(*b));
        struct errmsg em = {};

        assert_non_null(b);
        test_dir_setup((void **) &b->dir);
        clock_fake_init(&b->clock, T0);
        entropy_fake_init(&b->entropy, 1);
        arena_init(&b->arena, 0);
        assert_ok(em, auth_store_open(b->dir->file, AUTH_STORE_CREATE, &b->clock.clock,
                                      &b->entropy.entropy, &em, &b->store));
        *state = b;
        return 0;
}

static int box_teardown(void **state) {
        struct box *b = *state;

        auth_store_free(b->store);
        arena_done(&b->arena);
        test_dir_teardown((void **) &b->dir);
        free(b);
        return 0;
}

#define BOXED(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

static void insert(struct box *b, const char *name, const char *password, enum auth_role role) {
        struct errmsg em = {};

        assert_ok(em, auth_store_user_insert(b->store, name, password, role, &em));
}

static void test_users(void **state) {
        struct box *b = *state;
        struct auth_store_user u = {}, *all;
        struct errmsg em = {};
        size_t n = 0;

        insert(b, "bob", "correct horse", AUTH_USER);
        insert(b, "alice", NULL, AUTH_ADMIN);
        assert_int_equal(auth_store_user_insert(b->store, "bob", NULL, AUTH_OP, &em),
                         AUTH_STORE_EXISTS);
        assert_int_equal(auth_store_user_get(b->store, "bob", &b->arena, &u), 0);
        assert_string_equal(u.name, "bob");
        assert_int_equal(u.role, AUTH_USER);
        assert_int_equal(u.created_at, T0);
        assert_true(str_starts(u.hash, "$y$"));
        assert_null(strstr(u.hash, "correct"));
        assert_int_equal(auth_store_user_get(b->store, "none", &b->arena, &u), AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_user_set_role(b->store, "bob", AUTH_OP), 0);
        assert_int_equal(auth_store_user_set_role(b->store, "none", AUTH_OP), AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_user_list(b->store, &b->arena, &all, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(all[0].name, "alice");
        assert_null(all[0].hash);
        assert_int_equal(all[1].role, AUTH_OP);
        assert_int_equal(auth_store_user_delete(b->store, "bob"), 0);
        assert_int_equal(auth_store_user_delete(b->store, "bob"), AUTH_STORE_ABSENT);
}

static void test_many_users(void **state) {
        struct box *b = *state;
        struct auth_store_user *all;
        size_t n = 0;

        for (int i = 0; i < 100; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "u%03d", i);
                insert(b, name, NULL, AUTH_VIEWER);
        }
        assert_int_equal(auth_store_user_list(b->store, &b->arena, &all, &n), 0);
        assert_int_equal(n, 100);
        assert_string_equal(all[0].name, "u000");
        assert_string_equal(all[99].name, "u099");
}

static void test_what_names_and_passwords_are_not(void **state) {
        static const char *const bad_names[] = {
                "",
                "-x",
                "a b",
                "a/b",
                "ü",
                "a:b",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        struct box *b = *state;
        struct errmsg em = {};

        for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++)
                assert_int_equal(
                        auth_store_user_insert(b->store, bad_names[i], NULL, AUTH_USER, &em),
                        -EINVAL);
        assert_int_equal(auth_store_user_insert(b->store, "a", "short", AUTH_USER, &em), -EINVAL);
        assert_non_null(strstr(em.text, "8 to 256"));
        assert_int_equal(
                auth_store_user_insert(b->store, "a", "bad\xff\xff\xff\xff\xff", AUTH_USER, &em),
                -EINVAL);
}

static void test_passwords(void **state) {
        struct box *b = *state;
        struct auth_store_user u = {};
        struct errmsg em = {};

        insert(b, "bob", "correct horse", AUTH_USER);
        insert(b, "tokens-only", NULL, AUTH_USER);
        assert_int_equal(auth_store_user_check(b->store, "bob", "correct horse", &b->arena, &u), 0);
        assert_string_equal(u.name, "bob");
        assert_int_equal(auth_store_user_check(b->store, "bob", "correct hors", &b->arena, &u),
                         AUTH_STORE_WRONG);
        assert_int_equal(auth_store_user_check(b->store, "none", "correct horse", &b->arena, &u),
                         AUTH_STORE_WRONG);
        assert_int_equal(auth_store_user_check(b->store, "tokens-only", "", &b->arena, &u),
                         AUTH_STORE_WRONG);
        clock_fake_advance(&b->clock, USEC_PER_HOUR);
        assert_ok(em, auth_store_user_set_password(b->store, "bob", "another horse", &em));
        assert_int_equal(auth_store_user_check(b->store, "bob", "correct horse", &b->arena, &u),
                         AUTH_STORE_WRONG);
        assert_int_equal(auth_store_user_check(b->store, "bob", "another horse", &b->arena, &u), 0);
        assert_int_equal(u.sessions_from_at, T0 + USEC_PER_HOUR);
}

static void test_tokens(void **state) {
        struct box *b = *state;
        char text[AUTH_STORE_TOKEN_SIZE], second[AUTH_STORE_TOKEN_SIZE];
        struct auth_store_token token = {}, *all;
        struct auth_store_user u = {};
        size_t n = 0;

        insert(b, "bob", NULL, AUTH_USER);
        insert(b, "eve", NULL, AUTH_USER);
        assert_int_equal(auth_store_token_insert(b->store, "bob", "laptop", AUTH_VIEWER,
                                                 T0 + USEC_PER_DAY, text),
                         0);
        assert_int_equal(auth_store_token_insert(b->store, "none", "x", AUTH_USER, 0, second),
                         AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_token_insert(b->store, "eve", "ci", AUTH_USER, 0, second), 0);
        assert_true(auth_store_token_is(text));
        assert_string_not_equal(text, second);
        assert_int_equal(auth_store_token_check(b->store, text, &b->arena, &token, &u), 0);
        assert_string_equal(token.user, "bob");
        assert_string_equal(token.label, "laptop");
        assert_int_equal(token.role, AUTH_VIEWER);
        assert_string_equal(u.name, "bob");
        assert_int_equal(auth_store_token_list(b->store, "bob", &b->arena, &all, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(all[0].used_at, T0);
        assert_int_equal(auth_store_token_list(b->store, NULL, &b->arena, &all, &n), 0);
        assert_int_equal(n, 2);

        text[10] = text[10] == 'A' ? 'B' : 'A';
        assert_int_equal(auth_store_token_check(b->store, text, &b->arena, &token, &u),
                         AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_token_check(b->store, "onebox_x", &b->arena, &token, &u),
                         AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_token_delete(b->store, all[1].id, "bob"), AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_token_delete(b->store, all[1].id, "eve"), 0);
        assert_int_equal(auth_store_token_check(b->store, second, &b->arena, &token, &u),
                         AUTH_STORE_ABSENT);
}

static void test_tokens_end(void **state) {
        struct box *b = *state;
        char text[AUTH_STORE_TOKEN_SIZE], other[AUTH_STORE_TOKEN_SIZE];
        struct auth_store_token token;
        struct auth_store_user u;

        insert(b, "bob", NULL, AUTH_USER);
        assert_int_equal(auth_store_token_insert(b->store, "bob", "a", AUTH_USER, T0 + 10, text),
                         0);
        assert_int_equal(auth_store_token_insert(b->store, "bob", "b", AUTH_USER, 0, other), 0);
        clock_fake_advance(&b->clock, 10);
        assert_int_equal(auth_store_token_check(b->store, text, &b->arena, &token, &u),
                         AUTH_STORE_WRONG);
        assert_int_equal(auth_store_token_check(b->store, other, &b->arena, &token, &u), 0);
        assert_int_equal(auth_store_user_delete(b->store, "bob"), 0);
        assert_int_equal(auth_store_token_check(b->store, other, &b->arena, &token, &u),
                         AUTH_STORE_ABSENT);
}

static void test_read_only_and_late(void **state) {
        struct box *b = *state;
        struct auth_store *reader = NULL;
        struct auth_store_user u = {};
        struct errmsg em = {};
        char later[192];
        struct stat st;

        /* not there yet: nobody is known, and a later file is found */
        (void) snprintf(later, sizeof(later), "%s/later.db", b->dir->path);
        assert_ok(em,
                  auth_store_open(later, 0, &b->clock.clock, &b->entropy.entropy, &em, &reader));
        assert_int_equal(auth_store_user_get(reader, "bob", &b->arena, &u), AUTH_STORE_ABSENT);
        assert_int_equal(auth_store_user_delete(reader, "bob"), -EROFS);
        auth_store_free(b->store);
        b->store = NULL;
        assert_ok(em, auth_store_open(later, AUTH_STORE_CREATE, &b->clock.clock,
                                      &b->entropy.entropy, &em, &b->store));
        insert(b, "bob", NULL, AUTH_USER);
        assert_int_equal(auth_store_user_get(reader, "bob", &b->arena, &u), AUTH_STORE_ABSENT);
        clock_fake_advance(&b->clock, 2 * USEC_PER_SEC);
        assert_int_equal(auth_store_user_get(reader, "bob", &b->arena, &u), 0);
        assert_int_equal(auth_store_user_delete(reader, "bob"), -EROFS);
        assert_int_equal(auth_store_user_get(reader, "bob", &b->arena, &u), 0);
        assert_int_equal(stat(later, &st), 0);
        assert_int_equal(st.st_mode & 07, 0);
        auth_store_free(reader);
}

/* Runs as another user whose group is the directory's; gives what it says. */
static int as_nobody(struct box *b, int (*call)(struct box *b)) {
        pid_t pid = fork();
        int status = -1;

        assert_true(pid >= 0);
        if (pid == 0) {
                if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
                        _exit(99);
                _exit(call(b));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int open_as_daemon(struct box *b, struct auth_store **ret) {
        return auth_store_open(b->dir->file, AUTH_STORE_CREATE, &b->clock.clock,
                               &b->entropy.entropy, NULL, ret);
}

static int write_and_read(struct box *b) {
        struct auth_store_user u = {};
        struct auth_store *s = NULL;

        if (open_as_daemon(b, &s) < 0)
                return 1;
        if (auth_store_user_get(s, "bob", &b->arena, &u) != 0)
                return 2;
        return auth_store_user_insert(s, "carol", NULL, AUTH_USER, NULL) == 0 ? 0 : 3;
}

static int read_only(struct box *b) {
        struct auth_store_user u = {};
        struct auth_store *s = NULL;

        if (open_as_daemon(b, &s) < 0)
                return 1;
        if (auth_store_user_get(s, "bob", &b->arena, &u) != 0)
                return 2;
        return auth_store_user_insert(s, "dave", NULL, AUTH_USER, NULL) == -EROFS ? 0 : 3;
}

/* As tmpfiles makes auth/: the daemons' users share it by its group. */
static void test_several_users_share_it(void **state) {
        struct box *b = *state;
        struct auth_store_user u = {};

        if (geteuid() != 0)
                skip();
        auth_store_free(b->store);
        b->store = NULL;
        assert_int_equal(fileio_unlink(b->dir->file), 0);
        assert_int_equal(chown(b->dir->path, 0, NOBODY), 0);
        assert_int_equal(chmod(b->dir->path, 02770), 0);
        assert_int_equal(open_as_daemon(b, &b->store), 0);
        insert(b, "bob", NULL, AUTH_USER);
        assert_int_equal(as_nobody(b, write_and_read), 0);
        assert_int_equal(auth_store_user_get(b->store, "carol", &b->arena, &u), 0);
        assert_int_equal(chmod(b->dir->path, 02750), 0);
        assert_int_equal(chmod(b->dir->file, 0640), 0);
        assert_int_equal(as_nobody(b, read_only), 0);
}

/* All daemons start at once on a new machine. */
static void test_many_make_it_at_once(void **state) {
        enum { N = 12 };
        struct box *b = *state;
        struct auth_store_user *all;
        pid_t pids[N];
        size_t n = 0;

        auth_store_free(b->store);
        b->store = NULL;
        assert_int_equal(fileio_unlink(b->dir->file), 0);
        for (int i = 0; i < N; i++) {
                pids[i] = fork();
                assert_true(pids[i] >= 0);
                if (pids[i] == 0) {
                        struct auth_store *s = NULL;
                        char name[32];

                        (void) snprintf(name, sizeof(name), "user-%d", i);
                        if (open_as_daemon(b, &s) < 0)
                                _exit(1);
                        _exit(auth_store_user_insert(s, name, NULL, AUTH_USER, NULL) == 0 ? 0 : 2);
                }
        }
        for (int i = 0; i < N; i++) {
                int status = -1;

                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), 0);
        }
        assert_int_equal(open_as_daemon(b, &b->store), 0);
        assert_int_equal(auth_store_user_list(b->store, &b->arena, &all, &n), 0);
        assert_int_equal(n, N);
}

static void test_password_hashes(void **state) {
        char one[AUTH_PASSWORD_HASH_SIZE], two[AUTH_PASSWORD_HASH_SIZE];

        assert_int_equal(auth_password_hash("secret word", entropy_system(), one), 0);
        assert_int_equal(auth_password_hash("secret word", entropy_system(), two), 0);
        assert_string_not_equal(one, two);
        assert_int_equal(auth_password_check("secret word", one), 1);
        assert_int_equal(auth_password_check("secret worD", one), 0);
        assert_int_equal(auth_password_check("secret word", NULL), 0);
        assert_true(auth_password_check("secret word", "not a hash") <= 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                BOXED(test_users),
                BOXED(test_many_users),
                BOXED(test_what_names_and_passwords_are_not),
                BOXED(test_passwords),
                BOXED(test_tokens),
                BOXED(test_tokens_end),
                BOXED(test_read_only_and_late),
                BOXED(test_several_users_share_it),
                BOXED(test_many_make_it_at_once),
                cmocka_unit_test(test_password_hashes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
