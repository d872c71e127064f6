/* The local store: whole objects or none, nothing outside the root, order, paging, leftovers. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/buf.h"
#include "lib/base/fault.h"
#include "lib/base/str.h"
#include "lib/store/store_local.h"

static struct store *open_store(const struct test_dir *t) {
        struct store *s = NULL;
        struct errmsg em = {};

        assert_ok(em, store_local_open(t->path, &em, &s));
        return s;
}

static void put(struct store *s, const char *name, const char *text) {
        struct errmsg em = {};

        assert_ok(em, store_put(s, name, text, strlen(text), &em));
}

/* The object's text, or "-errno". */
static const char *get(struct store *s, const char *name) {
        static char text[4096];
        struct errmsg em = {};
        struct store_info info;
        struct store_get *g;
        ssize_t n;
        int r;

        r = store_get_open(s, name, &em, &info, &g);
        if (r < 0) {
                (void) snprintf(text, sizeof(text), "%d", r);
                assert_true(strlen(em.text) > 0);
                return text;
        }
        n = store_get_read(s, g, 0, text, sizeof(text) - 1);
        assert_int_equal(n, info.size);
        text[n] = '\0';
        store_get_close(s, g);
        return text;
}

static const char *error(int r) {
        static char text[16];

        (void) snprintf(text, sizeof(text), "%d", r);
        return text;
}

static int add_name(const struct store_entry *entry, void *userdata) {
        struct buf *b = userdata;

        return buf_printf(b, "%s%s", b->len > 0 ? " " : "", entry->name);
}

/* Names with blanks between, "+" at the end when there are more. */
static void assert_list(struct store *s, const struct store_list *list, const char *expected) {
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        bool more = false;

        assert_ok(em, store_list(s, list, add_name, &b, &em, &more));
        if (more)
                (void) buf_add_str(&b, " +");
        assert_string_equal(buf_cstr(&b), expected);
}

static size_t n_staged(const struct test_dir *t) {
        _cleanup_(str_free_listp) char **names = NULL;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/.onebox-tmp", t->path);
        assert_int_equal(fileio_list(path, NULL, &names), 0);
        return str_count(names);
}

static void test_put_and_get(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct store_info info = {}, again = {};
        struct errmsg em = {};
        struct store_get *g;
        char part[4] = {};
        int fd;

        put(s, "a/b/c.txt", "one");
        assert_string_equal(get(s, "a/b/c.txt"), "one");
        assert_ok(em, store_stat(s, "a/b/c.txt", &em, &info));
        assert_int_equal(info.size, 3);
        assert_true(info.modified_at > 1600000000 * USEC_PER_SEC);
        assert_ok(em, store_get_open(s, "a/b/c.txt", &em, &again, &g));
        assert_string_equal(info.etag, again.etag);
        put(s, "a/b/c.txt", "two!"); /* the open one stays as it was */
        assert_int_equal(store_get_read(s, g, 1, part, 3), 2);
        assert_string_equal(part, "ne");
        assert_int_equal(store_get_read(s, g, 3, part, 3), 0);
        fd = store_get_fd(s, g);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, part, 3, 0), 3);
        assert_memory_equal(part, "one", 3);
        (void) close(fd);
        store_get_close(s, g);
        assert_string_equal(get(s, "a/b/c.txt"), "two!");
        assert_ok(em, store_stat(s, "a/b/c.txt", &em, &again));
        assert_string_not_equal(info.etag, again.etag);
        put(s, "empty", "");
        assert_string_equal(get(s, "empty"), "");
}

static void test_a_put_is_seen_at_its_commit(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct store_put *p = NULL;
        struct store_info info;
        struct errmsg em = {};

        assert_ok(em, store_put_begin(s, "x/y", &em, &p));
        assert_int_equal(store_put_write(s, p, "abc", 3), 0);
        assert_string_equal(get(s, "x/y"), error(-ENOENT));
        assert_list(s, &(struct store_list){}, "");
        assert_int_equal(n_staged(t), 1);
        assert_int_equal(store_put_write(s, p, "def", 3), 0);
        assert_ok(em, store_put_commit(s, p, &info, &em));
        assert_int_equal(info.size, 6);
        assert_string_equal(get(s, "x/y"), "abcdef");
        assert_ok(em, store_put_begin(s, "x/z", &em, &p));
        assert_int_equal(store_put_write(s, p, "abc", 3), 0);
        store_put_abort(s, p);
        assert_string_equal(get(s, "x/z"), error(-ENOENT));
        assert_int_equal(n_staged(t), 0);
}

static void test_failures_leave_nothing(void **state) {
        static const struct {
                enum fault_point point;
                int error;
        } faults[] = {{FAULT_OPEN, EMFILE},
                      {FAULT_WRITE, ENOSPC},
                      {FAULT_FSYNC, EIO},
                      {FAULT_RENAME, EIO}};
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};

        put(s, "keep", "old");
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                fault_arm(faults[i].point, 1, faults[i].error, 1);
                assert_int_equal(store_put(s, "keep", "new", 3, &em), -faults[i].error);
                fault_reset();
                assert_string_equal(get(s, "keep"), "old");
                assert_int_equal(n_staged(t), 0);
                assert_non_null(strstr(em.text, "keep"));
        }
        fault_arm(FAULT_READ, 1, EIO, 1);
        {
                struct store_info info;
                struct store_get *g;
                char c;

                assert_ok(em, store_get_open(s, "keep", &em, &info, &g));
                assert_int_equal(store_get_read(s, g, 0, &c, 1), -EIO);
                store_get_close(s, g);
        }
        fault_reset();
}

static void test_names_in_each_others_way(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};

        put(s, "a/b", "x");
        assert_int_equal(store_put(s, "a", "x", 1, &em), -EISDIR);
        assert_int_equal(store_put(s, "a/b/c", "x", 1, &em), -ENOTDIR);
        assert_string_equal(get(s, "a"), error(-EISDIR));
        assert_string_equal(get(s, "a/b/c"), error(-ENOENT));
        assert_int_equal(store_delete(s, "a/b/c", &em), -ENOENT);
        assert_int_equal(store_put(s, ".onebox-tmp/x", "x", 1, &em), -EINVAL);
        assert_int_equal(store_delete_prefix(s, ".onebox-tmp", &em, NULL), -EINVAL);
        assert_int_equal(store_put(s, "../x", "x", 1, &em), -EINVAL);
        assert_string_equal(get(s, "a/b"), "x");
}

static void test_links_are_not_followed(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};
        char outside[96], link_path[128], inside[128];
        struct stat st;

        (void) snprintf(outside, sizeof(outside), "%s-outside", t->path);
        assert_int_equal(mkdir(outside, 0700), 0);
        (void) snprintf(inside, sizeof(inside), "%s/secret", outside);
        assert_int_equal(fileio_write_atomic(inside, "secret", 6, 0600), 0);
        (void) snprintf(link_path, sizeof(link_path), "%s/dir", t->path);
        assert_int_equal(symlink(outside, link_path), 0);
        (void) snprintf(link_path, sizeof(link_path), "%s/file", t->path);
        assert_int_equal(symlink(inside, link_path), 0);

        assert_string_equal(get(s, "dir/secret"), error(-EACCES));
        assert_non_null(strstr(get(s, "file"), "-"));
        assert_int_equal(store_put(s, "dir/new", "x", 1, &em), -EACCES);
        assert_non_null(strstr(em.text, "symbolic link"));
        assert_int_equal(store_delete(s, "dir/secret", &em), -EACCES);
        assert_list(s, &(struct store_list){.is_deep = true}, "");
        put(s, "file", "mine"); /* takes the link's place */
        assert_string_equal(get(s, "file"), "mine");
        assert_int_equal(stat(inside, &st), 0);
        assert_int_equal(st.st_size, 6);
        assert_int_equal(fileio_rm_rf(outside), 0);
}

static void test_list(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);

        put(s, "a/b", "");
        put(s, "a.b", "");
        put(s, "a0", "");
        put(s, "a/c/d", "");
        put(s, "a/c/e", "");
        put(s, "z", "");
        /* "." < "/" < "0" */
        assert_list(s, &(struct store_list){}, "a.b a/ a0 z");
        assert_list(s, &(struct store_list){.is_deep = true}, "a.b a/b a/c/d a/c/e a0 z");
        assert_list(s, &(struct store_list){.prefix = "a/"}, "a/b a/c/");
        assert_list(s, &(struct store_list){.prefix = "a/c/"}, "a/c/d a/c/e");
        assert_list(s, &(struct store_list){.prefix = "a"}, "a.b a/ a0");
        assert_list(s, &(struct store_list){.prefix = "a/c"}, "a/c/");
        assert_list(s, &(struct store_list){.prefix = "a/c", .is_deep = true}, "a/c/d a/c/e");
        assert_list(s, &(struct store_list){.prefix = "none/"}, "");
        assert_list(s, &(struct store_list){.prefix = "z/"}, "");
        assert_list(s, &(struct store_list){.prefix = "z"}, "z");
        assert_list(s, &(struct store_list){.prefix = ".onebox-tmp/"}, "");
}

static void test_pages(void **state) {
        static const char *const names[] = {"a.b", "a/b", "a/c/d", "a/c/e", "a0", "z"};
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                put(s, names[i], "x");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const struct store_list one = {
                        .is_deep = true, .n_max = 1, .after = i > 0 ? names[i - 1] : NULL};
                char expected[32];

                (void) snprintf(expected, sizeof(expected), "%s%s", names[i],
                                i + 1 < ARRAY_SIZE(names) ? " +" : "");
                assert_list(s, &one, expected);
        }
        assert_list(s, &(struct store_list){.n_max = 2}, "a.b a/ +");
        assert_list(s, &(struct store_list){.n_max = 2, .after = "a/"}, "a0 z");
        assert_list(s, &(struct store_list){.prefix = "a/", .after = "a/b"}, "a/c/");
        assert_list(s, &(struct store_list){.is_deep = true, .after = "a/c/dd"}, "a/c/e a0 z");
}

static int stop_at_two(const struct store_entry *entry, void *userdata) {
        (void) entry;
        return ++*(int *) userdata == 2 ? 77 : 0;
}

static void test_a_listing_can_be_ended(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};
        int n = 0;

        put(s, "a", "");
        put(s, "b", "");
        put(s, "c", "");
        assert_int_equal(store_list(s, &(struct store_list){}, stop_at_two, &n, &em, NULL), 77);
        assert_int_equal(n, 2);
}

static void test_delete_prunes(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};
        char path[128];

        put(s, "a/b/c", "x");
        put(s, "a/d", "x");
        assert_ok(em, store_delete(s, "a/b/c", &em));
        (void) snprintf(path, sizeof(path), "%s/a/b", t->path);
        assert_int_equal(access(path, F_OK), -1);
        assert_string_equal(get(s, "a/d"), "x");
        assert_int_equal(store_delete(s, "a/b/c", &em), -ENOENT);
        assert_ok(em, store_delete(s, "a/d", &em));
        assert_list(s, &(struct store_list){}, "");
        assert_int_equal(access(t->path, F_OK), 0);
}

static void test_delete_prefix(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};
        uint64_t n = 0;

        put(s, "a/b/c", "x");
        put(s, "a/b/d/e", "x");
        put(s, "a/b/d/f", "x");
        put(s, "a/bb", "x");
        put(s, "single", "x");
        assert_ok(em, store_delete_prefix(s, "a/b", &em, &n));
        assert_int_equal(n, 3);
        assert_list(s, &(struct store_list){.is_deep = true}, "a/bb single");
        assert_ok(em, store_delete_prefix(s, "single", &em, &n));
        assert_int_equal(n, 1);
        assert_ok(em, store_delete_prefix(s, "nothing/here", &em, &n));
        assert_int_equal(n, 0);
        assert_int_equal(n_staged(t), 0);
        assert_list(s, &(struct store_list){.is_deep = true}, "a/bb");
}

static void test_delete_prefix_prunes(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};

        put(s, "p/q/r/one", "x");
        assert_ok(em, store_delete_prefix(s, "p/q/r", &em, NULL));
        assert_list(s, &(struct store_list){}, "");
}

/* How often `op` syncs. */
#define N_SYNCS(op)                                           \
        ({                                                    \
                fault_arm(FAULT_FSYNC, 1000, EIO, 1);         \
                assert_ok(em, op);                            \
                unsigned n_syncs_ = fault_count(FAULT_FSYNC); \
                fault_reset();                                \
                n_syncs_;                                     \
        })

static void test_what_is_synced(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};

        /* the root and a for the new directories in them, the file, its directory */
        assert_int_equal(N_SYNCS(store_put(s, "a/b/c", "x", 1, &em)), 4);
        assert_int_equal(N_SYNCS(store_put(s, "a/b/d", "x", 1, &em)), 2);
        assert_int_equal(N_SYNCS(store_copy(s, "a/b/c", "a/b/e", &em)), 2);
        assert_int_equal(N_SYNCS(store_delete(s, "a/b/e", &em)), 1);
        assert_int_equal(N_SYNCS(store_delete_prefix(s, "a/b", &em, NULL)), 1);
}

static size_t n_descriptors(void) {
        _cleanup_(str_free_listp) char **names = NULL;

        assert_int_equal(fileio_list("/proc/self/fd", NULL, &names), 0);
        return str_count(names);
}

static void test_no_descriptor_is_lost(void **state) {
        struct test_dir *t = *state;
        size_t before = n_descriptors();
        struct store *s = open_store(t);
        struct store_put *p = NULL;
        struct errmsg em = {};

        put(s, "a/b/c", "one");
        assert_string_equal(get(s, "a/b/c"), "one");
        assert_string_equal(get(s, "a/none"), error(-ENOENT));
        assert_ok(em, store_put_begin(s, "a/x", &em, &p));
        store_put_abort(s, p);
        fault_arm(FAULT_RENAME, 1, EIO, 1);
        assert_int_equal(store_put(s, "a/y", "x", 1, &em), -EIO);
        fault_reset();
        assert_int_equal(store_put(s, "a/b", "x", 1, &em), -EISDIR);
        assert_list(s, &(struct store_list){.is_deep = true}, "a/b/c");
        assert_ok(em, store_copy(s, "a/b/c", "d", &em));
        assert_ok(em, store_delete(s, "d", &em));
        assert_ok(em, store_delete_prefix(s, "a", &em, NULL));
        store_free(s);
        assert_int_equal(n_descriptors(), before);
}

static void test_a_large_copy(void **state) {
        enum { BYTES = 3 * 1024 * 1024 + 7 };
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        char *data = malloc(BYTES), *again = malloc(BYTES);
        struct errmsg em = {};
        struct store_info info;
        struct store_get *g;

        assert_true(data && again);
        for (size_t i = 0; i < BYTES; i++)
                data[i] = (char) (i * 2654435761u >> 13);
        assert_ok(em, store_put(s, "large", data, BYTES, &em));
        assert_ok(em, store_copy(s, "large", "copy", &em));
        assert_ok(em, store_get_open(s, "copy", &em, &info, &g));
        assert_int_equal(info.size, BYTES);
        assert_int_equal(store_get_read(s, g, 0, again, BYTES), BYTES);
        assert_memory_equal(data, again, BYTES);
        store_get_close(s, g);
        free(data);
        free(again);
}

static void test_copy(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct errmsg em = {};

        put(s, "a", "text");
        assert_ok(em, store_copy(s, "a", "b/c", &em));
        assert_string_equal(get(s, "b/c"), "text");
        assert_ok(em, store_copy(s, "b/c", "a", &em));
        assert_int_equal(store_copy(s, "none", "x", &em), -ENOENT);
        assert_int_equal(store_copy(s, "a", "a/b", &em), -ENOTDIR);
}

struct racer {
        struct store *s;
        pthread_t thread;
        int n_bad;
};

static void *put_and_delete(void *userdata) {
        struct racer *r = userdata;
        struct errmsg em = {};

        for (int i = 0; i < 200; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "d/e/%p", (void *) r);
                if (store_put(r->s, name, "x", 1, &em) != 0 || store_delete(r->s, name, &em) != 0)
                        r->n_bad++;
        }
        return NULL;
}

static void test_pruning_races_with_puts(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t);
        struct racer racers[3];

        for (int i = 0; i < 3; i++) {
                racers[i] = (struct racer){.s = s};
                assert_int_equal(
                        pthread_create(&racers[i].thread, NULL, put_and_delete, &racers[i]), 0);
        }
        for (int i = 0; i < 3; i++) {
                assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
                assert_int_equal(racers[i].n_bad, 0);
        }
        assert_list(s, &(struct store_list){.is_deep = true}, "");
}

static void test_leftovers_are_swept_held_ones_stay(void **state) {
        struct test_dir *t = *state;
        _cleanup_(store_freep) struct store *s = open_store(t), *other = NULL;
        struct store_put *held = NULL;
        struct errmsg em = {};
        pid_t pid;
        int status;

        assert_ok(em, store_put_begin(s, "held", &em, &held));
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct store_put *lost;
                struct store *mine = open_store(t);

                if (store_put_begin(mine, "lost", NULL, &lost) < 0)
                        _exit(1);
                (void) raise(SIGKILL);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(n_staged(t), 2);
        other = open_store(t);
        assert_int_equal(n_staged(t), 1);
        assert_int_equal(store_put_write(s, held, "x", 1), 0);
        assert_ok(em, store_put_commit(s, held, NULL, &em));
        assert_string_equal(get(other, "held"), "x");
}

static void test_open_refuses(void **state) {
        struct test_dir *t = *state;
        struct store *s = NULL;
        struct errmsg em = {};

        assert_int_equal(fileio_write_atomic(t->file, "x", 1, 0600), 0);
        assert_true(store_local_open(t->file, &em, &s) < 0);
        assert_non_null(strstr(em.text, t->file));
        assert_null(s);
        assert_null(store_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_put_and_get),
                IN_DIR(test_a_put_is_seen_at_its_commit),
                IN_DIR(test_failures_leave_nothing),
                IN_DIR(test_names_in_each_others_way),
                IN_DIR(test_links_are_not_followed),
                IN_DIR(test_list),
                IN_DIR(test_pages),
                IN_DIR(test_a_listing_can_be_ended),
                IN_DIR(test_delete_prunes),
                IN_DIR(test_delete_prefix),
                IN_DIR(test_delete_prefix_prunes),
                IN_DIR(test_what_is_synced),
                IN_DIR(test_no_descriptor_is_lost),
                IN_DIR(test_a_large_copy),
                IN_DIR(test_copy),
                IN_DIR(test_pruning_races_with_puts),
                IN_DIR(test_leftovers_are_swept_held_ones_stay),
                IN_DIR(test_open_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
