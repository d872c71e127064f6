/* The forgetter beside a kernel of the test's own: what it asks for, in which order, and that the
 * number of names stays bounded whatever that kernel can do. */
#include "fuse-gcs/forgetter.h"

#include <errno.h>

#include "fuse-gcs/inode.h"
#include "lib/base/mem.h"
#include "tests/unit/mount_test_bucket.h"

struct kernel {
        struct forgetter_kernel ask;
        struct mnt *m;
        bool is_old, may_shrink;
        unsigned n_pruned, n_dropped, n_shrunk;
        pthread_cond_t forgot; /* with the tree */
};

static bool is_in_use(const struct mnt *m, const struct inode *i) {
        return i == m->root || i->n_open > 0 || i->is_dir;
}

/* Under `tree`. */
static void let_go(struct kernel *k, struct inode *i) {
        if (!is_in_use(k->m, i))
                inode_forget(k->m, i, i->n_lookup);
        pthread_cond_signal(&k->forgot);
}

static int on_prune(void *ctx, const uint64_t *inos, size_t n) {
        struct kernel *k = ctx;

        if (k->is_old)
                return -EINVAL;
        pthread_mutex_lock(&k->m->tree);
        for (size_t i = 0; i < n; i++, k->n_pruned++)
                let_go(k, (struct inode *) (uintptr_t) inos[i]);
        pthread_mutex_unlock(&k->m->tree);
        return 0;
}

static int on_drop(void *ctx, uint64_t parent, const char *name) {
        struct kernel *k = ctx;
        struct inode *dir = parent == 1 ? k->m->root : (struct inode *) (uintptr_t) parent, *i;
        char path[64];

        pthread_mutex_lock(&k->m->tree);
        snprintf(path, sizeof(path), "%s%s", dir->path, name);
        i = inode_find(k->m, path);
        assert_non_null(i);
        let_go(k, i);
        k->n_dropped++;
        pthread_mutex_unlock(&k->m->tree);
        return 0;
}

static int on_shrink(void *ctx) {
        struct kernel *k = ctx;

        k->n_shrunk++;
        if (!k->may_shrink)
                return -EPERM;
        pthread_mutex_lock(&k->m->tree);
        for (size_t s = 0; s < k->m->n_inode_slots; s++)
                for (struct inode *i = k->m->inodes[s], *next; i; i = next) {
                        next = i->next_in_slot;
                        let_go(k, i);
                }
        pthread_mutex_unlock(&k->m->tree);
        return 0;
}

static void kernel_init(struct kernel *k, struct mount_test *t) {
        *k = (struct kernel){
                .ask = {.prune = on_prune, .drop = on_drop, .shrink = on_shrink, .ctx = k},
                .m = &t->m,
        };
        pthread_cond_init(&k->forgot, NULL);
}

static struct inode *look_up(struct mnt *m, const char *path) {
        struct inode *i;

        pthread_mutex_lock(&m->tree);
        assert_int_equal(inode_get(m, path, NULL, 0, &i), 0);
        pthread_mutex_unlock(&m->tree);
        return i;
}

/* d/, and so many files in it. */
static void fill(struct mnt *m, size_t n) {
        char path[64];

        (void) look_up(m, "d/");
        for (size_t k = 0; k < n; k++) {
                snprintf(path, sizeof(path), "d/f%zu", k);
                (void) look_up(m, path);
        }
}

static void test_limit(void **state) {
        struct mount_test *t = *state;

        assert_int_equal(forgetter_limit(&t->m), 8192);
        t->m.o.stat_bytes_max = (size_t) 100 << 20;
        assert_int_equal(forgetter_limit(&t->m), 102400);
}

/* Names and what is known of them are one budget. */
static void test_the_stat_cache_makes_room(void **state) {
        struct mount_test *t = *state;
        size_t max = t->m.o.stat_bytes_max, full;
        struct attrs *a = attrs_new_local(1, mnt_time());
        struct kernel k;
        char path[64];

        kernel_init(&k, t);
        assert_non_null(a);
        for (unsigned turn = 0; turn < 2; turn++) {
                for (unsigned n = 0; n < 10000; n++) {
                        snprintf(path, sizeof(path), "x%u", n);
                        (void) stat_cache_put_file(t->m.stats, path, strlen(path), a,
                                                   STAT_CACHE_OURS, mnt_now());
                }
                full = stat_cache_n_bytes(t->m.stats);
                if (turn == 0) {
                        assert_in_range(full, max / 10 * 9, max);
                        fill(&t->m, 1000);
                }
        }
        assert_in_range(full, max / 10 * 5, max - 1000 * 400);
        attrs_unref(a);
        fill(&t->m, forgetter_limit(&t->m));
        assert_int_equal(on_shrink(&k), -EPERM);
        k.may_shrink = true;
        assert_int_equal(on_shrink(&k), 0);
        for (unsigned n = 0; n < 10000; n++) {
                snprintf(path, sizeof(path), "y%u", n);
                (void) stat_cache_put_file(t->m.stats, path, strlen(path), NULL, STAT_CACHE_OURS,
                                           mnt_now());
        }
        assert_in_range(stat_cache_n_bytes(t->m.stats), max / 10 * 9, max);
}

static void test_down_to_three_quarters(void **state) {
        struct mount_test *t = *state;
        size_t limit = forgetter_limit(&t->m);
        struct inode *open = look_up(&t->m, "open"), *dirty = look_up(&t->m, "dirty"),
                     *pages = look_up(&t->m, "pages"), *local = look_up(&t->m, "local");
        struct kernel k;

        kernel_init(&k, t);
        open->n_open = 1;
        dirty->is_dirty = true;
        pages->kernel_has = 7;
        inode_set_local(&t->m, local, true);
        fill(&t->m, limit);
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(t->m.n_inodes, limit / 4 * 3);
        assert_int_equal(k.n_dropped + k.n_shrunk, 0);
        assert_ptr_equal(inode_find(&t->m, "open"), open);
        assert_ptr_equal(inode_find(&t->m, "dirty"), dirty);
        assert_ptr_equal(inode_find(&t->m, "pages"), pages);
        assert_ptr_equal(inode_find(&t->m, "local"), local);
        assert_non_null(inode_find(&t->m, "d/"));
        /* There is nothing to be asked for now. */
        k.n_pruned = 0;
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(k.n_pruned, 0);
        open->n_open = 0;
        dirty->is_dirty = false;
}

static void have_pages(struct mnt *m) {
        for (size_t s = 0; s < m->n_inode_slots; s++)
                for (struct inode *i = m->inodes[s]; i; i = i->next_in_slot)
                        i->kernel_has = 1;
}

static void test_pages_go_last(void **state) {
        struct mount_test *t = *state;
        size_t limit = forgetter_limit(&t->m);
        struct kernel k;

        kernel_init(&k, t);
        fill(&t->m, limit + 10);
        have_pages(&t->m);
        /* A few too many: what is read of them is worth more. */
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(k.n_pruned, 0);
        assert_true(t->m.forget_at > limit + 10 && t->m.forget_at < limit / 4 * 5);
        fill(&t->m, limit / 2 * 3);
        have_pages(&t->m);
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(t->m.n_inodes, limit / 4 * 3);
        assert_int_equal(t->m.forget_at, 0);
}

static void test_what_is_in_use_is_not_asked_for_again_at_once(void **state) {
        struct mount_test *t = *state;
        size_t limit = forgetter_limit(&t->m);
        struct kernel k;

        kernel_init(&k, t);
        fill(&t->m, limit + 100);
        for (size_t s = 0; s < t->m.n_inode_slots; s++)
                for (struct inode *i = t->m.inodes[s]; i; i = i->next_in_slot)
                        i->n_open = 1;
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(k.n_pruned, 0);
        assert_int_equal(t->m.n_inodes, limit + 102);
        assert_int_equal(t->m.forget_at, limit + 102 + limit / 8);
        for (size_t s = 0; s < t->m.n_inode_slots; s++)
                for (struct inode *i = t->m.inodes[s]; i; i = i->next_in_slot)
                        i->n_open = 0;
}

static void test_an_old_kernel_is_asked_by_name(void **state) {
        struct mount_test *t = *state;
        size_t limit = forgetter_limit(&t->m);
        struct kernel k;

        kernel_init(&k, t);
        k.is_old = true;
        (void) look_up(&t->m, "in the root");
        fill(&t->m, limit);
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(t->m.n_inodes, limit / 4 * 3);
        assert_true(k.n_dropped > limit / 4);
        assert_int_equal(k.n_pruned + k.n_shrunk, 0);
        assert_true(k.ask.no_prune);
}

static void test_an_old_kernel_that_is_too_slow_drops_all(void **state) {
        struct mount_test *t = *state;
        size_t limit = forgetter_limit(&t->m);
        struct inode *open = look_up(&t->m, "open");
        struct kernel k;

        kernel_init(&k, t);
        k.is_old = k.may_shrink = true;
        open->n_open = 1;
        fill(&t->m, limit * 2);
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(k.n_shrunk, 1);
        assert_int_equal(k.n_dropped, 0);
        assert_int_equal(t->m.n_inodes, 3); /* the root, d/ and what is open */
        open->n_open = 0;
        /* Where that is not allowed, it is asked for once, and then by name. */
        k.may_shrink = false;
        fill(&t->m, limit * 2);
        forgetter_sweep(&t->m, &k.ask);
        forgetter_sweep(&t->m, &k.ask);
        assert_int_equal(k.n_shrunk, 2);
        assert_true(k.ask.no_shrink);
        assert_int_equal(t->m.n_inodes, limit / 4 * 3);
}

/* The thread is woken by the one that is too many, as often as that happens. */
static void test_thread(void **state) {
        struct mount_test *t = *state;
        size_t limit = forgetter_limit(&t->m);
        struct kernel k;
        char path[64];

        kernel_init(&k, t);
        forgetter_start(&t->m, &k.ask);
        for (size_t n = 0; n < limit * 3; n++) {
                struct inode *i;

                snprintf(path, sizeof(path), "d/f%zu", n);
                pthread_mutex_lock(&t->m.tree);
                assert_int_equal(inode_get(&t->m, path, NULL, 0, &i), 0);
                /* As a caller who has to wait for a reply gives others the time. */
                while (t->m.n_inodes > limit + 1)
                        pthread_cond_wait(&k.forgot, &t->m.tree);
                pthread_mutex_unlock(&t->m.tree);
        }
        forgetter_stop();
        assert_true(k.n_pruned >= limit * 2 - 2);
        assert_true(t->m.n_inodes <= limit + 1);
        forgetter_stop(); /* may be told twice */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_limit),
                mount_test_case(test_the_stat_cache_makes_room),
                mount_test_case(test_down_to_three_quarters),
                mount_test_case(test_pages_go_last),
                mount_test_case(test_what_is_in_use_is_not_asked_for_again_at_once),
                mount_test_case(test_an_old_kernel_is_asked_by_name),
                mount_test_case(test_an_old_kernel_that_is_too_slow_drops_all),
                mount_test_case(test_thread),
        };

        return cmocka_run_group_tests_name("forgetter", tests, NULL, NULL);
}
