/* Which directories are on a mount that tells nothing: read from the kernel's table alone. */
#include "tests/unit/base_test.h"

#include "daemons/scheduler/sources_mount.h"

static const char table[] =
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "23 22 0:21 / /proc rw shared:2 - proc proc rw\n"
        "40 22 0:50 / /mnt/bucket rw,nosuid,nodev shared:9 master:3 - fuse.gcs dags rw,user_id=0\n"
        "41 40 8:2 / /mnt/bucket/local rw - ext4 /dev/sdb1 rw\n"
        "42 22 0:51 / /srv/old rw - fuse.gcs dags rw\n"
        "43 42 8:3 / /srv/old rw - xfs /dev/sdc1 rw\n"
        "44 22 0:52 / /fuse-like rw - tmpfs fuse rw\n"
        "broken line\n";

static void test_by_the_innermost_mount(void **state) {
        assert_true(sources_mount_is_silent(table, "/mnt/bucket"));
        assert_true(sources_mount_is_silent(table, "/mnt/bucket/team/dags"));
        assert_false(sources_mount_is_silent(table, "/mnt/bucket/local/dags"));
        assert_false(sources_mount_is_silent(table, "/mnt/bucketful"));
        assert_false(sources_mount_is_silent(table, "/mnt"));
        assert_false(sources_mount_is_silent(table, "/var/lib/onebox/pipelines"));
        /* two on one place: the later one is seen */
        assert_false(sources_mount_is_silent(table, "/srv/old/dags"));
        /* a device's name is no type */
        assert_false(sources_mount_is_silent(table, "/fuse-like"));
        assert_false(sources_mount_is_silent("", "/"));
        assert_true(sources_mount_is_silent("1 0 0:1 / / rw - fuse x rw", "/anything"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_by_the_innermost_mount),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
