#include "fuse-gcs/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>

#include "fuse-gcs/block_cache.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/base_test.h"

#define SIZE (BLOCK_CACHE_SIZE * 3 + 100)

static struct disk_cache *open_cache(const char *dir, uint64_t most) {
        struct errmsg em;
        struct disk_cache *c;

        assert_int_equal(disk_cache_new(dir, most, &c, &em), 0);
        return c;
}

static void store(struct disk_cache *c, uint64_t content, uint64_t index, char with) {
        char *data = mem_alloc(BLOCK_CACHE_SIZE);

        memset(data, with, BLOCK_CACHE_SIZE);
        disk_cache_store(c, content, SIZE, index, data, BLOCK_CACHE_SIZE);
        disk_cache_sync(c);
        mem_free(data);
}

static bool loads(struct disk_cache *c, uint64_t content, uint64_t index, char want) {
        char *data = mem_zalloc(BLOCK_CACHE_SIZE);
        bool good = disk_cache_load(c, content, SIZE, index, data, BLOCK_CACHE_SIZE) == 0;

        if (good)
                assert_int_equal(data[BLOCK_CACHE_SIZE - 1], want);
        mem_free(data);
        return good;
}

static void test_outlives_the_mount(void **state) {
        struct disk_cache *c = open_cache(*state, UINT64_MAX);

        assert_false(disk_cache_has(c, 1, SIZE, 0));
        store(c, 1, 0, 'a');
        store(c, 1, 2, 'c');
        assert_true(loads(c, 1, 0, 'a'));
        disk_cache_free(c);
        c = open_cache(*state, UINT64_MAX);
        assert_true(disk_cache_has(c, 1, SIZE, 2));
        assert_true(loads(c, 1, 2, 'c'));
        assert_false(loads(c, 1, 1, 0));
        assert_false(loads(c, 2, 0, 0)); /* another content */
        disk_cache_drop(c, 1);
        assert_false(disk_cache_has(c, 1, SIZE, 0));
        disk_cache_free(c);
}

/* As after a power cut: bytes that are not what was stored. */
static void test_damage_is_noticed(void **state) {
        struct disk_cache *c = open_cache(*state, UINT64_MAX);
        struct disk_cache_stats stats;
        _cleanup_free_ char *path = NULL;
        struct dirent *e;
        DIR *d;
        int fd;

        store(c, 1, 0, 'a');
        store(c, 1, 1, 'b');
        disk_cache_free(c);
        d = opendir(*state);
        while ((e = readdir(d)))
                if (e->d_name[0] != '.')
                        path = str_printf("%s/%s", (char *) *state, e->d_name);
        closedir(d);
        fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        /* One byte of the first block, and all of the second one's place. */
        assert_int_equal(pwrite(fd, "X", 1, 8192 + 1000), 1);
        close(fd);
        c = open_cache(*state, UINT64_MAX);
        assert_false(loads(c, 1, 0, 'a'));
        assert_true(loads(c, 1, 1, 'b'));
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_bad, 1);
        store(c, 1, 0, 'n');
        assert_true(loads(c, 1, 0, 'n'));
        disk_cache_free(c);
        assert_int_equal(truncate(path, 10), 0);
        c = open_cache(*state, UINT64_MAX);
        assert_false(loads(c, 1, 1, 'b'));
        disk_cache_free(c);
}

static void test_bounded(void **state) {
        struct disk_cache *c = open_cache(*state, 4 * BLOCK_CACHE_SIZE);
        struct disk_cache_stats stats;

        for (uint64_t k = 1; k <= 10; k++)
                store(c, k, 0, 'a');
        disk_cache_stats_get(c, &stats);
        assert_true(stats.n_bytes <= 4 * BLOCK_CACHE_SIZE);
        assert_false(disk_cache_has(c, 1, SIZE, 0));
        assert_true(loads(c, 10, 0, 'a'));
        disk_cache_free(c);
        /* A smaller limit holds from the start. */
        c = open_cache(*state, BLOCK_CACHE_SIZE * 2);
        disk_cache_stats_get(c, &stats);
        assert_true(stats.n_bytes <= 2 * BLOCK_CACHE_SIZE);
        disk_cache_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(test_outlives_the_mount),
                dir_test(test_damage_is_noticed),
                dir_test(test_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
