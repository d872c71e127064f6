/* A root over many buckets: each is made once, when it is first named, and apart from the others.
 */
#include "fuse-gcs/buckets.h"

#include <errno.h>

#include "fuse-gcs/inode.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/mount_test_bucket.h"

struct many {
        struct mount_test_bucket one, two, gone;
        struct buckets *buckets;
        unsigned n_open, n_close, n_caches;
        int caches; /* what asking for them answers */
};

static struct remote *many_open(void *ctx, const char *bucket) {
        struct many *x = ctx;

        x->n_open++;
        return str_eq(bucket, "one")   ? &x->one.remote
               : str_eq(bucket, "two") ? &x->two.remote
                                       : &x->gone.remote;
}

static struct remote *many_close(void *ctx, struct remote *r) {
        ((struct many *) ctx)->n_close++;
        return NULL;
}

static int many_caches(void *ctx, const char *bucket, struct mnt_settings *o,
                       struct disk_cache **ret_disk, struct errmsg *em) {
        struct many *x = ctx;

        x->n_caches++;
        return x->caches < 0 ? errmsg_errno(em, x->caches, "a cache") : 0;
}

static void many_init(struct many *x, struct mount_test *t, const char *root) {
        struct buckets_options o = {
                .top = &t->m,
                .o = t->m.o,
                .open = many_open,
                .close = many_close,
                .caches = many_caches,
                .ctx = x,
        };

        *x = (struct many){};
        o.o.root = root;
        mount_test_bucket_init(&x->one);
        mount_test_bucket_init(&x->two);
        mount_test_bucket_init(&x->gone);
        x->gone.fault = (struct mount_test_fault){.verb = GCS_LIST, .status = 404, .n = 100};
        assert_int_equal(buckets_new(&o, &x->buckets), 0);
        t->m.buckets = x->buckets;
}

static void many_done(struct many *x, struct mount_test *t) {
        t->m.buckets = buckets_free(x->buckets);
        assert_int_equal(x->n_open, x->n_close);
        mount_test_bucket_done(&x->one);
        mount_test_bucket_done(&x->two);
        mount_test_bucket_done(&x->gone);
}

static void test_each_is_made_once(void **state) {
        struct mount_test *t = *state;
        struct many x;
        struct mnt *one, *two, *again;

        many_init(&x, t, "");
        assert_int_equal(buckets_get(x.buckets, "one", &one), 0);
        assert_int_equal(buckets_get(x.buckets, "two", &two), 0);
        assert_int_equal(buckets_get(x.buckets, "one", &again), 0);
        assert_ptr_equal(one, again);
        assert_ptr_not_equal(one, two);
        assert_int_equal(x.n_open, 2);
        assert_int_equal(x.n_caches, 2);
        assert_int_equal(x.one.n_calls[GCS_LIST], 1);
        assert_ptr_equal(one->o.over, &t->m);
        many_done(&x, t);
}

static void test_equal_names_are_different_files(void **state) {
        struct mount_test *t = *state;
        _cleanup_found_ struct lookup_found f = {}, g = {};
        struct many x;
        struct mnt *one, *two;

        many_init(&x, t, "");
        mount_test_bucket_put(&x.one, "a/f", "in one");
        mount_test_bucket_put(&x.two, "b", "");
        assert_int_equal(buckets_get(x.buckets, "one", &one), 0);
        assert_int_equal(buckets_get(x.buckets, "two", &two), 0);
        assert_int_equal(lookup_name(one, "a/", "f", &f), 0);
        assert_int_equal(lookup_name(two, "a/", "f", &g), -ENOENT);
        assert_true(mnt_ino(one, "a/f") != mnt_ino(two, "a/f"));
        assert_true(mnt_ino(one, "a/f") != mnt_ino(&t->m, "a/f"));
        assert_true(one->root->st_ino != two->root->st_ino);
        assert_int_equal(t->m.root->st_ino, 1);
        many_done(&x, t);
}

static void test_what_is_none(void **state) {
        static const char *const never[] = {"", "A", "no bucket", "x", ".hidden", "a/b"};
        struct mount_test *t = *state;
        struct many x;
        struct mnt *m = NULL;

        many_init(&x, t, "");
        for (size_t k = 0; k < ARRAY_SIZE(never); k++)
                assert_int_equal(buckets_get(x.buckets, never[k], &m), -ENOENT);
        /* Nobody was asked for what no bucket can be called. */
        assert_int_equal(x.n_open, 0);
        assert_int_equal(buckets_get(x.buckets, "gone", &m), -ENOENT);
        x.gone.fault = (struct mount_test_fault){.verb = GCS_LIST, .status = 403, .n = 1};
        assert_int_equal(buckets_get(x.buckets, "gone", &m), -EACCES);
        x.caches = -ENOSPC;
        assert_int_equal(buckets_get(x.buckets, "one", &m), -ENOSPC);
        assert_null(m);
        /* What failed is tried again. */
        x.caches = 0;
        assert_int_equal(buckets_get(x.buckets, "one", &m), 0);
        assert_int_equal(buckets_get(x.buckets, "gone", &m), 0);
        many_done(&x, t);
}

static void count(struct mnt *m, void *ctx) {
        ++*(unsigned *) ctx;
}

static void test_each(void **state) {
        struct mount_test *t = *state;
        unsigned n = 0;
        struct many x;
        struct mnt *m;

        buckets_each(&t->m, count, &n);
        assert_int_equal(n, 1); /* a mount of one bucket is itself */
        many_init(&x, t, "only/this/");
        n = 0;
        buckets_each(&t->m, count, &n);
        assert_int_equal(n, 0);
        assert_int_equal(buckets_get(x.buckets, "one", &m), 0);
        assert_int_equal(buckets_get(x.buckets, "two", &m), 0);
        buckets_each(&t->m, count, &n);
        assert_int_equal(n, 2);
        assert_string_equal(m->root->path, "only/this/");
        many_done(&x, t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_each_is_made_once),
                mount_test_case(test_equal_names_are_different_files),
                mount_test_case(test_what_is_none),
                mount_test_case(test_each),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
