/* The kernel's inodes: found by path, renamed with all that is below, and which answer is newer. */
#include "fuse-gcs/inode.h"

#include <errno.h>

#include "fuse-gcs/dir.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/mount_test_bucket.h"

static struct attrs *of(int64_t generation) {
        struct attrs *a = attrs_new_local(1, mnt_time());

        assert_non_null(a);
        a->generation = generation;
        return a;
}

static bool set(struct inode *i, int64_t generation, usec_t until_at) {
        struct attrs *a = of(generation);
        bool differs = inode_set_attrs(i, a, until_at);

        attrs_unref(a);
        return differs;
}

static struct inode *get(struct mount_test *t, const char *path) {
        struct inode *i;

        assert_int_equal(inode_get(&t->m, path, NULL, 0, &i), 0);
        return i;
}

static void test_a_late_answer_is_older(void **state) {
        struct mount_test *t = *state;
        struct inode *i = get(t, "a");

        assert_false(set(i, 5, 100));
        assert_true(set(i, 9, 200)); /* our own commit */
        /* A list that was asked for before it came back after it. */
        assert_false(set(i, 5, 150));
        assert_int_equal(i->attrs->generation, 9);
        assert_int_equal(i->until_at, 200);
        /* With a TTL that never ends the number alone tells. */
        assert_false(set(i, 9, USEC_INFINITY));
        assert_false(set(i, 5, USEC_INFINITY));
        assert_int_equal(i->attrs->generation, 9);
        assert_true(set(i, 10, USEC_INFINITY));
        /* Told to ask again: what is answered then counts, whatever the service numbers are. */
        i->until_at = 0;
        assert_true(set(i, 7, 300));
        assert_int_equal(i->attrs->generation, 7);
        i->is_dirty = true;
        assert_false(set(i, 20, 400));
        assert_int_equal(i->attrs->generation, 7);
        i->is_dirty = false;
        inode_forget(&t->m, i, 1);
}

static void test_a_directory_moves_with_what_is_below(void **state) {
        struct mount_test *t = *state;
        struct inode *dir = get(t, "d/"), *below = get(t, "d/x/f"), *beside = get(t, "d2");
        uint64_t st_ino = below->st_ino;

        below->until_at = 1000;
        assert_int_equal(inode_rename(&t->m, dir, "new/"), 0);
        assert_ptr_equal(inode_find(&t->m, "new/"), dir);
        assert_ptr_equal(inode_find(&t->m, "new/x/f"), below);
        assert_null(inode_find(&t->m, "d/x/f"));
        assert_ptr_equal(inode_find(&t->m, "d2"), beside);
        assert_int_equal(below->until_at, 0);
        assert_int_equal(below->st_ino, st_ino);
        inode_forget(&t->m, dir, 1);
        inode_forget(&t->m, below, 1);
        inode_forget(&t->m, beside, 1);
        assert_int_equal(t->m.n_inodes, 1); /* the root stays */
}

static void test_forgotten_when_nobody_has_it(void **state) {
        struct mount_test *t = *state;
        struct inode *i = get(t, "a"), *again = get(t, "a");

        assert_ptr_equal(i, again);
        i->n_open++;
        inode_forget(&t->m, i, 2);
        assert_ptr_equal(inode_find(&t->m, "a"), i);
        i->n_open--;
        inode_forget(&t->m, i, 0);
        assert_null(inode_find(&t->m, "a"));
        inode_forget(&t->m, t->m.root, 1);
        assert_non_null(inode_find(&t->m, ""));
}

static void test_many(void **state) {
        struct mount_test *t = *state;
        char path[32];

        for (int k = 0; k < 5000; k++) {
                snprintf(path, sizeof(path), "f%d", k);
                (void) get(t, path);
        }
        assert_true(t->m.n_inode_slots > 1024);
        for (int k = 0; k < 5000; k++) {
                struct inode *i;

                snprintf(path, sizeof(path), "f%d", k);
                i = inode_find(&t->m, path);
                assert_non_null(i);
                inode_forget(&t->m, i, 1);
        }
        assert_int_equal(t->m.n_inodes, 1);
}

static void test_unlinked(void **state) {
        struct mount_test *t = *state;
        struct inode *i = get(t, "a"), *other;
        struct stat st;

        inode_set_local(&t->m, i, true);
        assert_ptr_equal(t->m.locals, i);
        inode_unlink(&t->m, i, NULL);
        assert_null(inode_find(&t->m, "a"));
        assert_null(t->m.locals);
        inode_stat(&t->m, i, &st);
        assert_int_equal(st.st_nlink, 0);
        /* The name is free for another one. */
        other = get(t, "a");
        assert_ptr_not_equal(other, i);
        inode_forget(&t->m, i, 1);
        assert_ptr_equal(inode_find(&t->m, "a"), other);
        inode_forget(&t->m, other, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_a_late_answer_is_older),
                mount_test_case(test_a_directory_moves_with_what_is_below),
                mount_test_case(test_forgotten_when_nobody_has_it),
                mount_test_case(test_many),
                mount_test_case(test_unlinked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
