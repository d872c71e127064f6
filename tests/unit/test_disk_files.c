#include "fuse-gcs/disk_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuse-gcs/block_cache.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/base_test.h"

#define SIZE (BLOCK_CACHE_SIZE * 2 + 100)

static struct disk_files_dirs dirs;

static void open_dirs(const char *root) {
        assert_int_equal(disk_files_dirs_open(&dirs, root, "bkt", NULL), 0);
}

static struct disk_files_key key(const char *path, uint64_t content) {
        return (struct disk_files_key){path, content, 7, SIZE};
}

static void put(const char *path, uint64_t content, char with) {
        const struct disk_files_key k = key(path, content);
        _cleanup_free_ char *data = mem_alloc(BLOCK_CACHE_SIZE);
        struct disk_files f;

        memset(data, with, BLOCK_CACHE_SIZE);
        assert_int_equal(disk_files_make(&dirs, &k, &f), 0);
        assert_int_equal(disk_files_store(&f, 1, data, BLOCK_CACHE_SIZE), 0);
        disk_files_close(&f);
}

/* What the second block is full of; 0: not there. */
static char get(const char *path, uint64_t content, bool *ret_is_odd) {
        const struct disk_files_key k = key(path, content);
        _cleanup_free_ char *data = mem_zalloc(BLOCK_CACHE_SIZE);
        struct disk_files f;
        char with = 0;

        if (disk_files_open(&dirs, &k, &f) < 0)
                return 0;
        assert_false(disk_files_has(&f, 0));
        assert_int_equal(disk_files_load(&f, 0, data, BLOCK_CACHE_SIZE), -ENOENT);
        if (disk_files_load(&f, 1, data, BLOCK_CACHE_SIZE) == 0)
                with = data[BLOCK_CACHE_SIZE - 1];
        if (ret_is_odd)
                *ret_is_odd = f.is_odd;
        disk_files_close(&f);
        return with;
}

/* Plain bytes at their places, as large as the object. */
static void test_is_the_object(void **state) {
        _cleanup_free_ char *path = str_printf("%s/bkt/d/e/f", (char *) *state);
        struct stat st;
        char two[2];
        int fd;

        open_dirs(*state);
        put("d/e/f", 1, 'x');
        fd = open(path, O_RDONLY);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, SIZE);
        assert_true((size_t) st.st_blocks * 512 < SIZE); /* what is not there is a hole */
        assert_int_equal(pread(fd, two, 2, BLOCK_CACHE_SIZE - 1), 2);
        assert_memory_equal(two, "\0x", 2);
        close(fd);
        assert_int_equal(get("d/e/f", 1, NULL), 'x');
        assert_int_equal(get("d/e/f", 2, NULL), 0);
        assert_int_equal(get("d/e", 1, NULL), 0);
        put("d/e/f", 2, 'y');
        assert_int_equal(get("d/e/f", 1, NULL), 0);
        assert_int_equal(get("d/e/f", 2, NULL), 'y');
        disk_files_remove(&dirs, "d/e/f", false);
        assert_int_equal(get("d/e/f", 2, NULL), 0);
        path[strlen(path) - STRLEN("/e/f")] = 0;
        assert_int_equal(access(path, F_OK), -1); /* the empty directories, too */
        disk_files_dirs_done(&dirs);
}

static void test_odd_names(void **state) {
        _cleanup_free_ char *part = mem_zalloc(257), *whole = mem_zalloc(1025);
        const char *const names[] = {".",         "..", "a//b", "/a",         "a/",
                                     "a/../../b", part, whole,  "file/below", "file/below/deep",
                                     "dir"};
        bool is_odd;

        memset(part, 'p', 256);
        memset(whole, 'w', 1024);
        open_dirs(*state);
        put("file", 1, 'f');
        put("dir/f", 2, 'd');
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                put(names[i], 10 + i, (char) ('0' + i));
                assert_int_equal(get(names[i], 10 + i, &is_odd), '0' + i);
                assert_true(is_odd);
        }
        assert_int_equal(get("file", 1, &is_odd), 'f');
        assert_false(is_odd);
        assert_int_equal(get("dir/f", 2, NULL), 'd');
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                disk_files_remove(&dirs, names[i], true);
                assert_int_equal(get(names[i], 10 + i, NULL), 0);
        }
        disk_files_dirs_done(&dirs);
}

struct seen {
        unsigned n, n_odd, n_pinned;
        uint64_t content;
};

static void on_found(void *ctx, const struct disk_files_found *f) {
        struct seen *s = ctx;

        s->n++;
        s->n_odd += f->is_odd;
        s->n_pinned += f->is_pinned;
        s->content += f->key.content;
        assert_int_equal(f->key.size, SIZE);
        assert_int_equal(f->key.generation, 7);
        assert_in_range(f->n_bytes, BLOCK_CACHE_SIZE, SIZE);
}

static void write_at(const char *root, const char *name, const char *text) {
        _cleanup_free_ char *path = str_printf("%s/%s", root, name);

        assert_int_equal(fileio_mkdir_parents(path, 0700), 0);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
}

static bool is_at(const char *root, const char *name) {
        _cleanup_free_ char *path = str_printf("%s/%s", root, name);

        return access(path, F_OK) == 0;
}

/* Halves, and what others left, go; what belongs together stays. */
static void test_what_is_there(void **state) {
        pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        const struct disk_files_key k = key("a/b", 1);
        atomic_bool stops = false;
        struct disk_files f;
        struct seen seen = {};

        open_dirs(*state);
        put("a/b", 1, 'a');
        put("a//b", 2, 'b');
        put("half", 4, 'c');
        assert_int_equal(disk_files_open(&dirs, &k, &f), 0);
        assert_int_equal(disk_files_set_pinned(&f, true), 0);
        disk_files_close(&f);
        write_at(*state, "bkt/half", "another one's");
        write_at(*state, "bkt/deep/down/alone", "whose?");
        write_at(*state, ".sums/bkt/0123456789abcdef", "short");
        write_at(*state, ".sums/bkt/0123456789abcdef.data", "alone");
        assert_int_equal(disk_files_scan(&dirs, on_found, &seen), 0);
        assert_int_equal(seen.n, 2);
        assert_int_equal(seen.n_odd, 1);
        assert_int_equal(seen.n_pinned, 1);
        assert_int_equal(seen.content, 3);
        disk_files_sweep(&dirs, &lock, &stops);
        assert_false(is_at(*state, "bkt/half"));
        assert_false(is_at(*state, "bkt/deep"));
        assert_false(is_at(*state, ".sums/bkt/0123456789abcdef"));
        assert_false(is_at(*state, ".sums/bkt/0123456789abcdef.data"));
        assert_int_equal(get("a/b", 1, NULL), 'a');
        assert_int_equal(get("a//b", 2, NULL), 'b');
        disk_files_dirs_done(&dirs);
}

static void test_gone(void **state) {
        _cleanup_free_ char *sums = str_printf("%s/.sums", (char *) *state);
        struct errmsg em;

        open_dirs(*state);
        assert_false(disk_files_dirs_gone(&dirs));
        assert_int_equal(fileio_rm_rf(sums), 0);
        assert_true(disk_files_dirs_gone(&dirs));
        disk_files_dirs_done(&dirs);
        assert_int_equal(disk_files_dirs_open(&dirs, "/dev/null/x", "bkt", &em), -ENOTDIR);
        assert_non_null(strstr(em.text, "/dev/null/x/bkt"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(test_is_the_object),
                dir_test(test_odd_names),
                dir_test(test_what_is_there),
                dir_test(test_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
