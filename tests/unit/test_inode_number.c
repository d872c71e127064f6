/* The numbers of files: their path's, and never two files of one number. */
#include "fuse-gcs/inode_number.h"

#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

static struct inode *get(struct mount_test *t, const char *path) {
        struct inode *i;

        assert_int_equal(inode_get(&t->m, path, NULL, 0, &i), 0);
        return i;
}

static void test_the_paths_own(void **state) {
        struct mount_test *t = *state;
        struct inode *i = get(t, "a");

        assert_int_equal(i->st_ino, mnt_ino(&t->m, "a"));
        assert_int_equal(inode_number_of(&t->m, "a"), i->st_ino);
        assert_int_equal(inode_number_of(&t->m, "b"), mnt_ino(&t->m, "b"));
        inode_forget(&t->m, i, 1);
        assert_int_equal(t->m.n_strangers, 0);
}

static void test_renamed_and_made_anew(void **state) {
        struct mount_test *t = *state;
        struct inode *old = get(t, "a"), *other;
        uint64_t number = old->st_ino;

        assert_int_equal(inode_rename(&t->m, old, "b"), 0);
        assert_int_equal(old->st_ino, number);
        other = get(t, "a");
        assert_int_not_equal(other->st_ino, number);
        assert_int_equal(inode_number_of(&t->m, "b"), number);
        assert_int_equal(inode_number_of(&t->m, "a"), other->st_ino);
        assert_int_equal(t->m.n_strangers, 2);
        inode_forget(&t->m, old, 1);
        inode_forget(&t->m, other, 1);
        assert_int_equal(t->m.n_strangers, 0);
        other = get(t, "a");
        assert_int_equal(other->st_ino, number);
        inode_forget(&t->m, other, 1);
}

static void test_back_again(void **state) {
        struct mount_test *t = *state;
        struct inode *i = get(t, "a");

        assert_int_equal(inode_rename(&t->m, i, "b"), 0);
        assert_int_equal(inode_rename(&t->m, i, "c"), 0);
        assert_int_equal(t->m.n_strangers, 1);
        assert_int_equal(inode_rename(&t->m, i, "a"), 0);
        assert_int_equal(t->m.n_strangers, 0);
        inode_forget(&t->m, i, 1);
}

static void test_unlinked_and_made_anew(void **state) {
        struct mount_test *t = *state;
        struct inode *i[4];

        for (int k = 0; k < 4; k++) {
                i[k] = get(t, "a");
                inode_unlink(&t->m, i[k], k % 2 ? mem_strdup("aside") : NULL);
                for (int n = 0; n < k; n++)
                        assert_int_not_equal(i[k]->st_ino, i[n]->st_ino);
        }
        for (int k = 0; k < 4; k++)
                inode_forget(&t->m, i[k], 1);
        assert_int_equal(t->m.n_strangers, 0);
}

static void test_many_of_a_renamed_directory(void **state) {
        struct mount_test *t = *state;
        struct inode *dir = get(t, "d/"), *i[2000], *anew;
        char path[32];

        for (int k = 0; k < 2000; k++) {
                snprintf(path, sizeof(path), "d/f%d", k);
                i[k] = get(t, path);
        }
        assert_int_equal(inode_rename(&t->m, dir, "e/"), 0);
        assert_int_equal(t->m.n_strangers, 2001);
        assert_true(t->m.n_stranger_slots >= 1024);
        for (int k = 0; k < 2000; k++) {
                snprintf(path, sizeof(path), "d/f%d", k);
                anew = get(t, path);
                assert_int_not_equal(anew->st_ino, i[k]->st_ino);
                inode_forget(&t->m, anew, 1);
                inode_forget(&t->m, i[k], 1);
        }
        inode_forget(&t->m, dir, 1);
        assert_int_equal(t->m.n_strangers, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_the_paths_own),
                mount_test_case(test_renamed_and_made_anew),
                mount_test_case(test_back_again),
                mount_test_case(test_unlinked_and_made_anew),
                mount_test_case(test_many_of_a_renamed_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
