/* A directory whose FUSE process is gone is made usable again; what is served or no mount is left
 * alone. */
#include "fuse-gcs/stale_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/base_test.h"

static char dir[64];

/* A mount without a server; the descriptor that keeps it alive, or -1 when this user may not. */
static int mount_on(const char *path) {
        char options[128];
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -1;
        snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
        if (mount("bkt", path, "fuse.gcs", MS_NOSUID | MS_NODEV, options) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

static int setup(void **state) {
        strcpy(dir, "/tmp/onebox-stale-XXXXXX");
        assert_non_null(mkdtemp(dir));
        return 0;
}

static int teardown(void **state) {
        (void) umount2(dir, MNT_DETACH);
        return rmdir(dir);
}

/* In a namespace of its own: a test that dies leaves no mount behind. */
static bool may_mount(void) {
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void test_no_mount(void **state) {
        struct errmsg em = {};

        assert_int_equal(stale_mount_clear(dir, &em), 0);
        assert_int_equal(stale_mount_clear("/tmp/onebox-is-not-there", &em), 0);
}

static void test_dead(void **state) {
        struct errmsg em = {};
        struct stat st;
        char slash[80];
        int a, b;

        if (!may_mount() || (a = mount_on(dir)) < 0)
                skip();
        close(a);
        assert_int_equal(stale_mount_clear(dir, &em), 0);
        assert_int_equal(stat(dir, &st), 0);
        /* The name as people write it. */
        b = mount_on(dir);
        close(b);
        snprintf(slash, sizeof(slash), "%s/", dir);
        assert_int_equal(stale_mount_clear(slash, &em), 0);
        assert_int_equal(stat(dir, &st), 0);
        b = mount_on(dir);
        close(b);
        assert_int_equal(chdir("/tmp"), 0);
        assert_int_equal(stale_mount_clear(dir + strlen("/tmp/"), &em), 0);
        assert_int_equal(stat(dir, &st), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_no_mount, setup, teardown),
                cmocka_unit_test_setup_teardown(test_dead, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
