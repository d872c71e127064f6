/* What a name is: from what is known, by one listing, or asked for alone; and how many requests
 * that takes. */
#include "fuse-gcs/lookup.h"

#include <errno.h>

#include "fuse-gcs/inode.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/mount_test_bucket.h"

static int find(struct mount_test *t, const char *dir, const char *name, struct lookup_found *ret) {
        *ret = (struct lookup_found){};
        return lookup_name(&t->m, dir, name, ret);
}

static void assert_found(struct mount_test *t, const char *dir, const char *name,
                         const char *path) {
        _cleanup_found_ struct lookup_found f = {};

        assert_int_equal(find(t, dir, name, &f), 0);
        assert_string_equal(f.path, path);
        assert_int_equal(f.attrs == NULL, path[strlen(path) - 1] == '/');
}

static void assert_none(struct mount_test *t, const char *dir, const char *name) {
        _cleanup_found_ struct lookup_found f = {};

        assert_int_equal(find(t, dir, name, &f), -ENOENT);
}

static unsigned n_lists(const struct mount_test *t) {
        return t->bucket.n_calls[GCS_LIST];
}

static void test_one_listing_for_all(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "d/a", "x");
        mount_test_bucket_put(&t->bucket, "d/b", "xy");
        mount_test_bucket_put(&t->bucket, "d/sub/c", "x");
        assert_found(t, "d/", "a", "d/a");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        assert_found(t, "d/", "b", "d/b");
        assert_found(t, "d/", "sub", "d/sub/");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        /* What the list had not is asked for: somebody may have made it since. */
        assert_none(t, "d/", "new");
        mount_test_bucket_put(&t->bucket, "d/newer", "x");
        assert_found(t, "d/", "newer", "d/newer");
}

/* The name that a list was made for is not there for as long as if it had been asked for alone. */
static void test_the_list_says_no(void **state) {
        struct mount_test *t = *state;
        _cleanup_found_ struct lookup_found f = {};

        mount_test_bucket_put(&t->bucket, "d/a", "x");
        assert_none(t, "d/", "new");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        mount_test_bucket_put(&t->bucket, "d/new", "x");
        assert_int_equal(find(t, "d/", "new", &f), -ENOENT);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        assert_true(f.until_at > mnt_now());
}

static void test_both_of_a_name(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "a", "x");
        mount_test_bucket_put(&t->bucket, "a/b", "x");
        assert_found(t, "", "a", "a/");
        assert_found(t, "", "a\n", "a");
}

static void test_explicit_directories(void **state) {
        struct mount_test *t = *state;
        _cleanup_found_ struct lookup_found f = {}, g = {};

        mount_test_bucket_put(&t->bucket, "made/", "");
        mount_test_bucket_put(&t->bucket, "implied/x", "");
        assert_int_equal(find(t, "", "made", &f), 0);
        assert_true(f.is_explicit);
        assert_int_equal(find(t, "", "implied", &g), 0);
        assert_false(g.is_explicit);
}

/* A directory of more than a page is listed in vain once, not for each name. */
static void test_large_directories_are_asked_by_name(void **state) {
        struct mount_test *t = *state;
        char name[16], path[24];

        t->bucket.page_max = 3;
        for (unsigned k = 0; k < 12; k++) {
                snprintf(path, sizeof(path), "d/n%02u", k);
                mount_test_bucket_put(&t->bucket, path, "x");
        }
        assert_found(t, "d/", "n11", "d/n11");
        assert_true(t->bucket.n_calls[GCS_STAT] == 1 && n_lists(t) == 2);
        for (unsigned k = 3; k < 11; k++) {
                snprintf(name, sizeof(name), "n%02u", k);
                snprintf(path, sizeof(path), "d/%s", name);
                assert_found(t, "d/", name, path);
        }
        /* One for the object and one for its directory. */
        assert_int_equal(t->bucket.n_calls[GCS_STAT], 9);
        assert_int_equal(n_lists(t), 10);
        assert_found(t, "d/", "n01", "d/n01"); /* of the page that was heard */
        assert_int_equal(t->bucket.n_calls[GCS_STAT], 9);
}

/* A page that would drive out all that is known does not. */
static void test_a_page_larger_than_the_cache(void **state) {
        struct mount_test *t = *state;
        char path[24];

        mount_test_bucket_put(&t->bucket, "known", "x");
        for (unsigned k = 0; k < 200; k++) {
                snprintf(path, sizeof(path), "d/n%03u", k);
                mount_test_bucket_put(&t->bucket, path, "x");
        }
        stat_cache_limit(t->m.stats, 40000);
        assert_found(t, "", "known", "known");
        t->bucket.page_max = 150;
        mount_test_bucket_forget_calls(&t->bucket);
        assert_found(t, "d/", "n149", "d/n149");
        assert_int_equal(t->bucket.n_calls[GCS_STAT], 1);
        assert_found(t, "d/", "n001", "d/n001");
        assert_int_equal(t->bucket.n_calls[GCS_STAT], 2); /* nothing of the page was kept */
        assert_int_equal(n_lists(t), 3);                  /* the page, and each name's directory */
        mount_test_bucket_forget_calls(&t->bucket);
        assert_found(t, "", "known", "known");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
}

static void test_what_is_only_here(void **state) {
        struct mount_test *t = *state;
        _cleanup_found_ struct lookup_found f = {};
        struct attrs *a = attrs_new_local(7, mnt_time());
        struct inode *i;

        assert_int_equal(inode_get(&t->m, "d/new", a, USEC_INFINITY, &i), 0);
        inode_set_local(&t->m, i, true);
        assert_int_equal(find(t, "d/", "new", &f), 0);
        assert_int_equal(f.attrs->size, 7);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        attrs_unref(a);
        inode_set_local(&t->m, i, false);
        inode_forget(&t->m, i, 1);
}

static void test_errors_are_not_nothing(void **state) {
        struct mount_test *t = *state;
        _cleanup_found_ struct lookup_found f = {};

        mount_test_bucket_put(&t->bucket, "a", "x");
        t->bucket.fault = (struct mount_test_fault){.verb = GCS_LIST, .status = 403, .n = 1};
        assert_int_equal(find(t, "", "a", &f), -EACCES);
        assert_found(t, "", "a", "a");
        assert_none(t, "", ".fuse_gcs_open"); /* ours are shown to nobody */
}

static void test_children(void **state) {
        struct mount_test *t = *state;
        struct lookup_children c;

        assert_int_equal(lookup_children(&t->m, "d/", &c), 0);
        assert_false(c.has_placeholder || c.has_shown || c.has_unshown);
        mount_test_bucket_put(&t->bucket, "d/", "");
        assert_int_equal(lookup_children(&t->m, "d/", &c), 0);
        assert_true(c.has_placeholder && !c.has_shown && !c.has_unshown);
        mount_test_bucket_put(&t->bucket, "d/./x", "");
        mount_test_bucket_put(&t->bucket, "d//x", "");
        assert_int_equal(lookup_children(&t->m, "d/", &c), 0);
        assert_true(c.has_placeholder && !c.has_shown && c.has_unshown);
        /* However far back it stands. */
        mount_test_bucket_put(&t->bucket, "d/z", "");
        t->bucket.page_max = 1;
        assert_int_equal(lookup_children(&t->m, "d/", &c), 0);
        assert_true(c.has_shown);
        t->bucket.fault = (struct mount_test_fault){.verb = GCS_LIST, .status = 403, .n = 1};
        assert_int_equal(lookup_children(&t->m, "d/", &c), -EACCES);
}

static void test_nothing_kept(void **state) {
        struct mount_test *t = *state;

        stat_cache_free(t->m.stats);
        assert_int_equal(
                stat_cache_new(&(struct stat_cache_options){.n_bytes_max = 1 << 20}, &t->m.stats),
                0);
        t->m.o.ttl_for = t->m.o.negative_for = 0;
        mount_test_bucket_put(&t->bucket, "a", "x");
        for (unsigned n = 1; n <= 2; n++) {
                assert_found(t, "", "a", "a");
                assert_int_equal(t->bucket.n_calls[GCS_STAT], n);
        }
        mount_test_bucket_remove(&t->bucket, "a");
        assert_none(t, "", "a");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_one_listing_for_all),
                mount_test_case(test_the_list_says_no),
                mount_test_case(test_both_of_a_name),
                mount_test_case(test_explicit_directories),
                mount_test_case(test_large_directories_are_asked_by_name),
                mount_test_case(test_a_page_larger_than_the_cache),
                mount_test_case(test_what_is_only_here),
                mount_test_case(test_errors_are_not_nothing),
                mount_test_case(test_children),
                mount_test_case(test_nothing_kept),
        };

        return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
