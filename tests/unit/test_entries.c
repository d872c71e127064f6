/* Names made, found, listed, moved and removed: entries.c, lookup.c, dir.c, rename.c, inode.c. */
#include "fuse-gcs/entries.h"

#include "fuse-gcs/commit.h"
#include "fuse-gcs/dir.h"
#include "fuse-gcs/handle.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/reader.h"
#include "fuse-gcs/rename.h"
#include "fuse-gcs/settle.h"
#include "fuse-gcs/writer.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/mount_test_bucket.h"

static int look(struct mount_test *t, const char *dir, const char *name, const char **ret_kind) {
        _cleanup_found_ struct lookup_found f = {};
        int r = lookup_name(&t->m, dir, name, &f);

        if (r >= 0)
                *ret_kind = f.attrs ? "file" : "dir";
        return r;
}

static void assert_is(struct mount_test *t, const char *dir, const char *name, const char *want) {
        const char *kind = "nothing";
        int r = look(t, dir, name, &kind);

        assert_true(r == 0 || r == -ENOENT);
        assert_string_equal(kind, want);
}

static void assert_listed(struct mount_test *t, const char *dir, const char *want) {
        _cleanup_buf_ struct buf got = {};
        const struct dir_entry *e;
        struct inode *i;
        struct dir *d;
        uint64_t k = 0;

        pthread_mutex_lock(&t->m.tree);
        assert_int_equal(inode_get(&t->m, dir, NULL, USEC_INFINITY, &i), 0);
        pthread_mutex_unlock(&t->m.tree);
        assert_int_equal(dir_open(&t->m, i, &d), 0);
        while (dir_entry(d, k++, &e) > 0)
                buf_printf(&got, "%s%s ", e->name, e->attrs ? "" : "/");
        dir_free(d);
        assert_string_equal(buf_cstr(&got), want);
}

static void test_lookups_cost_one_listing(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "d/a", "1");
        mount_test_bucket_put(&t->bucket, "d/b/c", "2");
        assert_is(t, "d/", "a", "file");
        assert_is(t, "d/", "b", "dir");
        assert_int_equal(t->bucket.n_calls[GCS_LIST], 1);
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 1);
        /* What others make after it is seen; in a rush of new names the list is believed. */
        mount_test_bucket_put(&t->bucket, "d/made", "elsewhere");
        assert_is(t, "d/", "made", "file");
        mount_test_bucket_forget_calls(&t->bucket);
        for (char c = 0; c < 40; c++)
                assert_is(t, "d/", (char[]){'0' + c, 0}, "nothing");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 80);
        stat_cache_forget_below(t->m.stats, "");
        stat_cache_doubt(t->m.stats, mnt_now() - 61 * USEC_PER_SEC);
        assert_is(t, "d/", "a", "file");
        for (char c = 0; c < 32; c++)
                assert_is(t, "d/", (char[]){'A' + c, 0}, "nothing");
        mount_test_bucket_forget_calls(&t->bucket);
        for (char c = 'f'; c < 'z'; c++)
                assert_is(t, "d/", (char[]){c, 0}, "nothing");
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
}

static void test_large_directories_are_asked_by_name(void **state) {
        struct mount_test *t = *state;

        t->bucket.page_max = 2;
        for (char c = 'a'; c < 'h'; c++)
                mount_test_bucket_put(&t->bucket, (char[]){'d', '/', c, 0}, "x");
        assert_is(t, "d/", "g", "file");
        assert_is(t, "d/", "none", "nothing");
        assert_listed(t, "d/", "a b c d e f g ");
}

static void test_conflicts(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "a", "file");
        mount_test_bucket_put(&t->bucket, "a-b", "x");
        mount_test_bucket_put(&t->bucket, "a/x", "below");
        assert_listed(t, "", "a\n a-b a/ ");
        assert_is(t, "", "a", "dir");
        assert_is(t, "", "a\n", "file");
        assert_is(t, "", "a-b\n", "file"); /* as gcsfuse has it */
        assert_is(t, "", "a-c\n", "nothing");
        /* The directory is on another page. */
        t->bucket.page_max = 2;
        assert_listed(t, "", "a\n a-b a/ ");
}

static void test_odd_names(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "d//x", "1");
        mount_test_bucket_put(&t->bucket, "d/./x", "1");
        mount_test_bucket_put(&t->bucket, "d/../x", "1");
        mount_test_bucket_put(&t->bucket, "d/ok", "1");
        mount_test_bucket_put(&t->bucket, NAMES_TMP "1234", "1");
        assert_listed(t, "d/", "ok ");
        assert_listed(t, "", "d/ ");
}

static void test_mkdir_and_rmdir(void **state) {
        struct mount_test *t = *state;
        char *path;

        assert_int_equal(entries_mkdir(&t->m, "", "d", &path), 0);
        mem_free(path);
        assert_non_null(mount_test_bucket_get(&t->bucket, "d/"));
        assert_int_equal(entries_mkdir(&t->m, "", "d", &path), -EEXIST);
        mount_test_bucket_forget_calls(&t->bucket);
        for (char c = 0; c < 32; c++)
                assert_is(t, "d/", (char[]){'A' + c, 0}, "nothing");
        mount_test_bucket_forget_calls(&t->bucket);
        assert_is(t, "d/", "newest", "nothing"); /* known without asking */
        assert_int_equal(mount_test_bucket_n_calls(&t->bucket), 0);
        mount_test_bucket_put(&t->bucket, "d/x", "1");
        assert_int_equal(entries_rmdir(&t->m, "", "d"), -ENOTEMPTY);
        mount_test_bucket_remove(&t->bucket, "d/x");
        assert_int_equal(entries_rmdir(&t->m, "", "d"), 0);
        assert_null(mount_test_bucket_get(&t->bucket, "d/"));
        assert_is(t, "", "d", "nothing");
}

/* A small tree: but for the first few names, making one is one request. */
static void test_made_here(void **state) {
        struct mount_test *t = *state;
        usec_t now = mnt_now();
        char *path;

        stat_cache_free(t->m.stats);
        assert_int_equal(stat_cache_new(&(struct stat_cache_options){1 << 20, 7200 * USEC_PER_SEC,
                                                                     3600 * USEC_PER_SEC},
                                        &t->m.stats),
                         0);
        assert_int_equal(entries_mkdir(&t->m, "", "d", &path), 0);
        mem_free(path);
        mount_test_bucket_forget_calls(&t->bucket);
        for (char c = 'a'; c < 'a' + 20; c++) {
                assert_int_equal(entries_mkdir(&t->m, "d/", (char[]){c, 0}, &path), 0);
                mem_free(path);
                assert_is(t, (char[]){'d', '/', c, '/', 0}, "x", "nothing");
        }
        /* One list a directory, and a few names. */
        assert_true(t->bucket.n_calls[GCS_STAT] <= 4 && t->bucket.n_calls[GCS_LIST] <= 20 + 4);
        /* Another's objects: a create in its place is refused, a listing has them, and with it all
         * others are asked for again. */
        mount_test_bucket_put(&t->bucket, "d/made", "elsewhere");
        assert_is(t, "d/", "made", "nothing");
        assert_int_equal(entries_mkdir(&t->m, "d/", "made", &path),
                         0); /* its own object: "d/made/" */
        mem_free(path);
        mount_test_bucket_put(&t->bucket, "d/other/", "");
        assert_int_equal(entries_mkdir(&t->m, "d/", "other", &path), -EEXIST);
        assert_listed(
                t, "d/",
                "a/ b/ c/ d/ e/ f/ g/ h/ i/ j/ k/ l/ m/ made\n made/ n/ o/ other/ p/ q/ r/ s/ t/ ");
        assert_is(t, "d/", "made", "dir");
        /* A directory made where an old list said there is none is known no longer than that list.
         */
        assert_int_equal(stat_cache_put_listed(t->m.stats, "", NULL, 0, now - 1000 * USEC_PER_SEC),
                         0);
        for (char c = 'A'; c < 'A' + 32; c++)
                assert_is(t, "", (char[]){c, 0}, "nothing");
        assert_int_equal(entries_mkdir(&t->m, "", "old", &path), 0);
        mem_free(path);
        assert_true(stat_cache_is_listed(t->m.stats, "old/", now + 2000 * USEC_PER_SEC));
        assert_false(stat_cache_is_listed(t->m.stats, "old/", now + 2700 * USEC_PER_SEC));
}

static struct handle *open_file(struct mount_test *t, const char *path) {
        struct attrs *a = NULL;
        struct handle *h;
        struct inode *i;

        assert_int_equal(lookup_object(&t->m, path, &a), 0);
        pthread_mutex_lock(&t->m.tree);
        assert_int_equal(inode_get(&t->m, path, a, USEC_INFINITY, &i), 0);
        h = handle_new(&t->m, i, true, false);
        pthread_mutex_unlock(&t->m.tree);
        attrs_unref(a);
        return h;
}

static void close_file(struct mount_test *t, struct handle *h) {
        pthread_mutex_lock(&t->m.tree);
        handle_free(&t->m, h);
        pthread_mutex_unlock(&t->m.tree);
}

static void assert_reads(struct mount_test *t, struct handle *h, const char *want) {
        _cleanup_reply_ struct reader_reply reply = {.m = &t->m};

        assert_int_equal(reader_read(&t->m, h, 0, 1000, &reply), 0);
        assert_int_equal(reply.n, 1);
        assert_int_equal(reply.iov[0].iov_len, strlen(want));
        assert_memory_equal(reply.iov[0].iov_base, want, strlen(want));
}

/* What another puts into a new directory is there at once, in a rush of names, too. */
static void test_made_here_filled_elsewhere(void **state) {
        struct mount_test *t = *state;
        char *path;

        assert_int_equal(entries_mkdir(&t->m, "", "d", &path), 0);
        mem_free(path);
        for (char c = 'a'; c < 'a' + 20; c++)
                assert_is(t, "d/", (char[]){c, 0}, "nothing");
        for (char c = 'a'; c < 'a' + 3; c++) {
                char below[] = {'d', '/', c, '/', 'x', '/', 'f', 0}, dir[] = {'d', '/', c, '/', 0};

                assert_int_equal(entries_mkdir(&t->m, "d/", (char[]){c, 0}, &path), 0);
                mem_free(path);
                mount_test_bucket_put(&t->bucket, below, "elsewhere");
                assert_is(t, dir, "x", "dir");
        }
}

static void test_unlinked_but_open(void **state) {
        struct mount_test *t = *state;
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "f", "content");
        h = open_file(t, "f");
        assert_int_equal(entries_unlink(&t->m, "", "f"), 0);
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        assert_is(t, "", "f", "nothing");
        assert_reads(t, h, "content");
        assert_listed(t, "", "");
        entries_unpark(&t->m, h->inode);
        assert_int_equal(t->bucket.objects.n, 0);
        close_file(t, h);
}

/* The mount ends before the last close, or the kernel does not tell of it any more. */
static void test_open_at_the_end(void **state) {
        struct mount_test *t = *state;
        struct handle *gone, *written;

        mount_test_bucket_put(&t->bucket, "gone", "content");
        mount_test_bucket_put(&t->bucket, "written", "old");
        gone = open_file(t, "gone");
        written = open_file(t, "written");
        assert_int_equal(entries_unlink(&t->m, "", "gone"), 0);
        assert_int_equal(writer_write(&t->m, written->inode, 3, "er", 2), 0);
        assert_int_equal(t->bucket.objects.n, 2);
        settle(&t->m, mnt_now() + USEC_PER_MINUTE);
        mount_test_bucket_assert(&t->bucket, "written", "older");
        assert_int_equal(t->bucket.objects.n, 1);
        close_file(t, gone);
        close_file(t, written);
}

static void test_rename_of_open_and_dirty(void **state) {
        struct mount_test *t = *state;
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "f", "old");
        h = open_file(t, "f");
        assert_int_equal(writer_write(&t->m, h->inode, 3, "er", 2), 0);
        assert_int_equal(rename_entry(&t->m, "", "f", "", "g", 0), 0);
        mount_test_bucket_assert(&t->bucket, "g", "older");
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        assert_int_equal(writer_write(&t->m, h->inode, 0, "b", 1), 0);
        assert_int_equal(commit_inode(&t->m, h->inode), 0);
        mount_test_bucket_assert(&t->bucket, "g", "blder");
        close_file(t, h);
}

static void test_rename_over_open(void **state) {
        struct mount_test *t = *state;
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "new", "new");
        mount_test_bucket_put(&t->bucket, "old", "old");
        h = open_file(t, "old");
        assert_int_equal(rename_entry(&t->m, "", "new", "", "old", 1), -EEXIST);
        assert_int_equal(rename_entry(&t->m, "", "new", "", "old", 0), 0);
        mount_test_bucket_assert(&t->bucket, "old", "new");
        assert_reads(t, h, "old");
        entries_unpark(&t->m, h->inode);
        close_file(t, h);
}

static void test_lost_answer_of_a_move(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "f", "x");
        t->bucket.fault = (struct mount_test_fault){GCS_MOVE, 404, true, 1};
        assert_int_equal(rename_entry(&t->m, "", "f", "", "g", 0), 0);
        mount_test_bucket_assert(&t->bucket, "g", "x");
}

static void test_lost_answers_of_making(void **state) {
        struct mount_test *t = *state;
        struct attrs *a = NULL;
        char *path;

        t->bucket.fault = (struct mount_test_fault){GCS_INSERT, 412, true, 1};
        assert_int_equal(entries_mkdir(&t->m, "", "d", &path), 0);
        mem_free(path);
        t->bucket.fault.n = 1;
        assert_int_equal(entries_symlink(&t->m, "", "l", "to", &path, &a), 0);
        mem_free(path);
        attrs_unref(a);
        /* Removed already, by the try before. */
        t->bucket.fault = (struct mount_test_fault){GCS_DELETE, 404, true, 1};
        assert_int_equal(entries_unlink(&t->m, "", "l"), 0);
        t->bucket.fault.n = 1;
        assert_int_equal(entries_rmdir(&t->m, "", "d"), 0);
        assert_int_equal(t->bucket.objects.n, 0);
}

static void test_a_service_without_moves(void **state) {
        struct mount_test *t = *state;

        t->bucket.knows_no_move = true;
        mount_test_bucket_put(&t->bucket, "f", "x");
        assert_int_equal(rename_entry(&t->m, "", "f", "", "g", 0), 0);
        mount_test_bucket_assert(&t->bucket, "g", "x");
        assert_null(mount_test_bucket_get(&t->bucket, "f"));
        assert_true(t->m.no_move);
}

static void test_rename_of_a_directory(void **state) {
        struct mount_test *t = *state;

        mount_test_bucket_put(&t->bucket, "d/a", "1");
        mount_test_bucket_put(&t->bucket, "d/sub/b", "2");
        mount_test_bucket_put(&t->bucket, "other/x", "3");
        assert_int_equal(rename_entry(&t->m, "", "d", "d/", "sub2", 0), -EINVAL);
        assert_int_equal(rename_entry(&t->m, "", "d", "", "other", 0), -ENOTEMPTY);
        assert_int_equal(rename_entry(&t->m, "", "d", "", "e", 0), 0);
        mount_test_bucket_assert(&t->bucket, "e/a", "1");
        mount_test_bucket_assert(&t->bucket, "e/sub/b", "2");
        assert_is(t, "", "d", "nothing");
        assert_listed(t, "", "e/ other/ ");
}

/* Its generation is another one now: what is written to it later is guarded by that. */
static void test_open_in_a_renamed_directory(void **state) {
        struct mount_test *t = *state;
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "d/", "");
        mount_test_bucket_put(&t->bucket, "d/sub/", "");
        mount_test_bucket_put(&t->bucket, "d/sub/f", "old");
        assert_is(t, "", "d", "dir");
        h = open_file(t, "d/sub/f");
        pthread_mutex_lock(&t->m.tree);
        assert_int_equal(inode_get(&t->m, "d/sub/", NULL, USEC_INFINITY, &(struct inode *){NULL}),
                         0);
        pthread_mutex_unlock(&t->m.tree);
        assert_int_equal(rename_entry(&t->m, "", "d", "", "e", 0), 0);
        assert_reads(t, h, "old");
        assert_int_equal(writer_write(&t->m, h->inode, 3, "er", 2), 0);
        assert_int_equal(commit_inode(&t->m, h->inode), 0);
        mount_test_bucket_assert(&t->bucket, "e/sub/f", "older");
        close_file(t, h);
}

static void test_a_rename_that_broke_off_goes_on(void **state) {
        struct mount_test *t = *state;

        for (char c = 'a'; c < 'f'; c++)
                mount_test_bucket_put(&t->bucket, (char[]){'d', '/', c, 0}, "x");
        t->bucket.fault = (struct mount_test_fault){GCS_MOVE, 403, false, 100};
        assert_int_equal(rename_entry(&t->m, "", "d", "", "e", 0), -EACCES);
        t->bucket.fault.n = 0;
        assert_int_equal(rename_entry(&t->m, "", "d", "", "e", 0), 0);
        for (char c = 'a'; c < 'f'; c++)
                mount_test_bucket_assert(&t->bucket, (char[]){'e', '/', c, 0}, "x");
        assert_is(t, "", "d", "nothing");
}

static void test_rename_limit(void **state) {
        struct mount_test *t = *state;

        t->m.o.rename_limit = 2;
        for (char c = 'a'; c < 'f'; c++)
                mount_test_bucket_put(&t->bucket, (char[]){'d', '/', c, 0}, "x");
        assert_int_equal(rename_entry(&t->m, "", "d", "", "e", 0), -EMFILE);
        assert_int_equal(t->bucket.n_calls[GCS_MOVE], 0);
}

static void test_symlinks(void **state) {
        struct mount_test *t = *state;
        _cleanup_free_ char *path = NULL, *target = NULL;
        struct attrs *a = NULL;
        struct inode *i;

        assert_int_equal(entries_symlink(&t->m, "", "l", "to/there", &path, &a), 0);
        mount_test_bucket_assert(&t->bucket, "l", "to/there");
        assert_true(a->is_symlink);
        pthread_mutex_lock(&t->m.tree);
        assert_int_equal(inode_get(&t->m, path, a, USEC_INFINITY, &i), 0);
        pthread_mutex_unlock(&t->m.tree);
        assert_int_equal(entries_readlink(&t->m, i, &target), 0);
        assert_string_equal(target, "to/there");
        attrs_unref(a);
}

static void test_written_over_while_open(void **state) {
        struct mount_test *t = *state;
        struct handle *h;

        mount_test_bucket_put(&t->bucket, "f", "first");
        h = open_file(t, "f");
        mount_test_bucket_put(&t->bucket, "f", "second one");
        assert_reads(t, h, "second one");
        mount_test_bucket_remove(&t->bucket, "f");
        assert_reads(t, h, "second one"); /* it is in memory */
        close_file(t, h);
}

static void test_local_files_are_listed(void **state) {
        struct mount_test *t = *state;
        struct inode *i;

        mount_test_bucket_put(&t->bucket, "a", "1");
        assert_int_equal(entries_create(&t->m, "", "b", &i), 0);
        assert_listed(t, "", "a b ");
        assert_is(t, "", "b", "file");
        assert_int_equal(entries_rmdir(&t->m, "", "b"), -ENOTDIR);
        assert_int_equal(entries_unlink(&t->m, "", "b"), 0);
        assert_listed(t, "", "a ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                mount_test_case(test_lookups_cost_one_listing),
                mount_test_case(test_large_directories_are_asked_by_name),
                mount_test_case(test_conflicts),
                mount_test_case(test_odd_names),
                mount_test_case(test_mkdir_and_rmdir),
                mount_test_case(test_made_here),
                mount_test_case(test_made_here_filled_elsewhere),
                mount_test_case(test_unlinked_but_open),
                mount_test_case(test_open_at_the_end),
                mount_test_case(test_rename_of_open_and_dirty),
                mount_test_case(test_rename_over_open),
                mount_test_case(test_lost_answer_of_a_move),
                mount_test_case(test_lost_answers_of_making),
                mount_test_case(test_a_service_without_moves),
                mount_test_case(test_rename_of_a_directory),
                mount_test_case(test_open_in_a_renamed_directory),
                mount_test_case(test_a_rename_that_broke_off_goes_on),
                mount_test_case(test_rename_limit),
                mount_test_case(test_symlinks),
                mount_test_case(test_written_over_while_open),
                mount_test_case(test_local_files_are_listed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
