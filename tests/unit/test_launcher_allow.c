#include "tests/unit/base_test.h"

#include <sys/stat.h>

#include "daemons/launcher/launcher_allow.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* DIR/state with volumes/v, DIR/outside with a file, and links between them. */
struct place {
        char *dir, *state, *entry;
        char *mounts[4], *secrets[3], *devices[3];
        struct launcher_allow allow;
};

static char *at(const struct place *p, const char *rest) {
        char *path = str_printf("%s/%s", p->dir, rest);

        assert_non_null(path);
        return path;
}

static void put(const struct place *p, const char *rest, const char *text) {
        _cleanup_free_ char *path = at(p, rest);

        assert_int_equal(fileio_mkdir_parents(path, 0755), 0);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
}

static void lead(const struct place *p, const char *link, const char *to) {
        _cleanup_free_ char *path = at(p, link), *target = at(p, to);

        assert_int_equal(symlink(target, path), 0);
}

static int setup(void **state) {
        struct place *p = mem_new(struct place);

        base_test_dir_setup((void **) &p->dir);
        p->state = at(p, "state");
        put(p, "state/volumes/v/file", "x");
        put(p, "state/volumes/s.txt", "secret");
        put(p, "outside/shadow", "root's");
        put(p, "data/set/file", "x");
        lead(p, "state/volumes/link", "outside");
        lead(p, "state/volumes/v/deep", "outside");
        lead(p, "state/volumes/file-link", "outside/shadow");
        lead(p, "linked-data", "data"); /* the administrator's own link is followed */
        p->entry = str_printf("%s/linked-data:ro", p->dir);
        p->mounts[0] = "volumes";
        p->mounts[1] = p->entry;
        p->secrets[0] = "volumes";
        p->devices[0] = "/dev/nvidia[0-9]*";
        p->devices[1] = "/dev/fuse";
        p->allow = (struct launcher_allow){.mounts = p->mounts,
                                           .secrets = p->secrets,
                                           .devices = p->devices,
                                           .state_dir = p->state,
                                           .runtime_dir = "/run/onebox"};
        *state = p;
        return 0;
}

static int teardown(void **state) {
        struct place *p = *state;

        base_test_dir_teardown((void **) &p->dir);
        mem_free(p->state);
        mem_free(p->entry);
        mem_free(p);
        return 0;
}

static int bind(const struct place *p, const char *source, bool read_only,
                struct launcher_allow_found *found, struct errmsg *em) {
        _cleanup_free_ char *path = at(p, source);

        return launcher_allow_bind(&p->allow,
                                   &(struct launcher_carry_bind){"v", path, "/mnt/v", read_only},
                                   found, em);
}

static void below_a_listed_directory(void **state) {
        struct place *p = *state;
        _cleanup_free_ char *want = at(p, "state/volumes/v"), *data = at(p, "data/set");
        struct launcher_allow_found found;
        struct errmsg em;
        struct stat st;

        assert_int_equal(bind(p, "state/volumes/v", false, &found, &em), 0);
        assert_string_equal(found.path, want);
        assert_int_equal(stat(want, &st), 0);
        assert_int_equal(found.ino, st.st_ino);
        assert_int_equal(found.dev, st.st_dev);
        assert_int_equal(bind(p, "state/volumes", false, &found, &em), 0);
        assert_int_equal(bind(p, "linked-data/set", true, &found, &em), 0);
        assert_string_equal(found.path, data);
}

static void all_else_is_refused(void **state) {
        static const struct {
                const char *source, *says;
                int error;
        } rows[] = {
                {"outside", "mounts in [launcher]", -EPERM},
                {"state/volumes2", "mounts in [launcher]", -EPERM},
                {"state", "mounts in [launcher]", -EPERM},
                {"state/volumes/link", "symbolic link", -EPERM},
                {"state/volumes/link/x", "symbolic link", -EPERM},
                {"state/volumes/v/deep", "symbolic link", -EPERM},
                {"state/volumes/none", "create it", -ENOENT},
                {"linked-data/set", "read_only", -EPERM},
        };
        struct place *p = *state;
        struct launcher_allow_found found;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};

                if (bind(p, rows[i].source, false, &found, &em) != rows[i].error)
                        fail_msg("%s is not refused so: %s", rows[i].source, em.text);
                assert_says(em, rows[i].says);
        }
}

static void never_over_the_machines_own(void **state) {
        struct place *p = *state;
        _cleanup_free_ char *source = at(p, "state/volumes/v");
        struct launcher_allow_found found;
        struct errmsg em;

        assert_int_equal(
                launcher_allow_bind(&p->allow,
                                    &(struct launcher_carry_bind){"v", source, "/etc/ssl", true},
                                    &found, &em),
                -EPERM);
        assert_says(em, "/etc/ssl");
        assert_says(em, "/mnt/v");
}

static int secret(const struct place *p, const char *source, int *ret_fd, struct errmsg *em) {
        _cleanup_free_ char *path = at(p, source);

        return launcher_allow_secret(&p->allow, &(struct launcher_carry_secret){"s", path, NULL, 0},
                                     ret_fd, em);
}

static void secrets(void **state) {
        struct place *p = *state;
        _cleanup_free_ char *one = at(p, "outside/shadow"), *two = at(p, "state/volumes/hard");
        _cleanup_close_ int fd = -1;
        struct errmsg em;

        assert_int_equal(secret(p, "state/volumes/s.txt", &fd, &em), 0);
        assert_true(fd >= 0);
        assert_int_equal(secret(p, "outside/shadow", &fd, &em), -EPERM);
        assert_says(em, "secrets in [launcher]");
        assert_int_equal(secret(p, "state/volumes/file-link", &fd, &em), -EPERM);
        assert_says(em, "symbolic link");
        assert_int_equal(secret(p, "state/volumes/v", &fd, &em), -EPERM);
        assert_says(em, "plain file");
        assert_int_equal(link(one, two), 0);
        assert_int_equal(secret(p, "state/volumes/hard", &fd, &em), -EPERM);
        assert_says(em, "second link");
        assert_int_equal(secret(p, "state/volumes/none", &fd, &em), -ENOENT);
        /* where tasks are the launcher's own user, its files are theirs anyway */
        p->allow.own = true;
        fd = fileio_close(fd);
        assert_int_equal(secret(p, "outside/shadow", &fd, &em), 0);
}

static void what_is_in_place(void **state) {
        struct place *p = *state;
        _cleanup_free_ char *source = at(p, "outside"), *link = at(p, "state/volumes/link"),
                            *other = at(p, "data");
        struct errmsg em;

        assert_int_equal(
                launcher_allow_in_place(&(struct launcher_carry_bind){"v", source, link, 0}, &em),
                0);
        assert_int_equal(
                launcher_allow_in_place(&(struct launcher_carry_bind){"v", source, other, 0}, &em),
                -EPERM);
        assert_says(em, "ln -s");
        assert_int_equal(launcher_allow_in_place(
                                 &(struct launcher_carry_bind){"v", "/none/there", link, 0}, &em),
                         -ENOENT);
}

static void devices(void **state) {
        struct place *p = *state;
        struct errmsg em;

        assert_int_equal(launcher_allow_device(&p->allow, "/dev/nvidia0", &em), 0);
        assert_int_equal(launcher_allow_device(&p->allow, "/dev/fuse", &em), 0);
        assert_int_equal(launcher_allow_device(&p->allow, "/dev/sda", &em), -EPERM);
        assert_says(em, "/dev/sda");
        assert_says(em, "devices in [launcher]");
        assert_int_equal(launcher_allow_device(&p->allow, "/dev/nvidia0/x", &em), -EPERM);
}

#define place_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                place_test(below_a_listed_directory),
                place_test(all_else_is_refused),
                place_test(never_over_the_machines_own),
                place_test(secrets),
                place_test(what_is_in_place),
                place_test(devices),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
