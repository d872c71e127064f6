/* Roles by Unix groups, with /etc/passwd and /etc/group of the test's own (as root, in a mount
 * namespace of its own; else that part is skipped). */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "lib/auth/auth_unix.h"
#include "lib/base/str.h"

static void test_users_of_the_system(void **state) {
        struct auth_unix_user user = {}, again = {};

        assert_int_equal(auth_unix_by_uid(0, &user), 0);
        assert_string_equal(user.name, "root");
        assert_int_equal(auth_unix_by_name("root", &again), 0);
        assert_int_equal(again.uid, 0);
        assert_int_equal(auth_unix_by_name("no-such-user-here", &user), -ENOENT);
        assert_int_equal(auth_unix_by_uid(4294900000u, &user), -ENOENT);
        assert_string_equal(user.name, "root"); /* untouched */
}

static int cover(const struct test_dir *t, const char *name, const char *text) {
        char mine[128], etc[64];

        (void) snprintf(mine, sizeof(mine), "%s/%s", t->path, name);
        (void) snprintf(etc, sizeof(etc), "/etc/%s", name);
        if (fileio_write_atomic(mine, text, strlen(text), 0644) < 0)
                return -1;
        return mount(mine, etc, NULL, MS_BIND, NULL);
}

static bool role_is(const char *name, uid_t uid, enum auth_role role) {
        struct auth_unix_user user = {};

        return auth_unix_by_name(name, &user) == 0 && user.role == role && user.uid == uid &&
               str_eq(user.name, name) && auth_unix_by_uid(uid, &user) == 0 && user.role == role;
}

/* 0; the number of what is wrong; 99: no such thing may be done here. */
static int check_groups(const struct test_dir *t) {
        static const char passwd[] = "root:x:0:0::/:/bin/sh\n"
                                     "ann:x:7001:7001::/:/bin/sh\n"
                                     "bob:x:7002:8003::/:/bin/sh\n"
                                     "cid:x:7003:7003::/:/bin/sh\n"
                                     "dot:x:7004:7004::/:/bin/sh\n";
        static const char group[] = "root:x:0:\n"
                                    "onebox-admin:x:8001:dot\n"
                                    "onebox-op:x:8002:\n"
                                    "onebox-user:x:8003:dot\n" /* bob's own group */
                                    "onebox-viewer:x:8004:ann,dot\n";

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            cover(t, "passwd", passwd) < 0 || cover(t, "group", group) < 0)
                return 99;
        return !role_is("ann", 7001, AUTH_VIEWER)  ? 1
               : !role_is("bob", 7002, AUTH_USER)  ? 2
               : !role_is("cid", 7003, AUTH_NONE)  ? 3
               : !role_is("dot", 7004, AUTH_ADMIN) ? 4
                                                   : 0;
}

static void test_roles_by_groups(void **state) {
        int status = -1;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(check_groups(*state));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 99)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_users_of_the_system),
                IN_DIR(test_roles_by_groups),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
