#include "fuse-gcs/disk_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse-gcs/block_cache.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/base_test.h"

#define SIZE (BLOCK_CACHE_SIZE * 3 + 100)

static struct disk_cache *open_cache(const char *dir, uint64_t most) {
        const struct disk_cache_options o = {.root = dir, .bucket = "bkt", .n_bytes_max = most};
        struct errmsg em;
        struct disk_cache *c;

        assert_int_equal(disk_cache_new(&o, &c, &em), 0);
        return c;
}

/* Each content is another object's here. */
static const struct disk_files_key *key(uint64_t content) {
        static _Thread_local struct disk_files_key k;
        static _Thread_local char path[32];

        snprintf(path, sizeof(path), "dir/%" PRIu64, content);
        k = (struct disk_files_key){path, content, 1, SIZE};
        return &k;
}

static bool has(struct disk_cache *c, uint64_t content, uint64_t index) {
        return disk_cache_has(c, key(content), index);
}

static void store_of(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                     char with) {
        char *data = mem_alloc(BLOCK_CACHE_SIZE);

        memset(data, with, BLOCK_CACHE_SIZE);
        disk_cache_store(c, k, index, data, BLOCK_CACHE_SIZE);
        disk_cache_sync(c);
        mem_free(data);
}

static void store(struct disk_cache *c, uint64_t content, uint64_t index, char with) {
        store_of(c, key(content), index, with);
}

static bool loads(struct disk_cache *c, uint64_t content, uint64_t index, char want) {
        char *data = mem_zalloc(BLOCK_CACHE_SIZE);
        bool good = disk_cache_load(c, key(content), index, data, BLOCK_CACHE_SIZE) == 0;

        if (good)
                assert_int_equal(data[BLOCK_CACHE_SIZE - 1], want);
        mem_free(data);
        return good;
}

static void test_outlives_the_mount(void **state) {
        struct disk_cache *c = open_cache(*state, UINT64_MAX);

        assert_false(has(c, 1, 0));
        store(c, 1, 0, 'a');
        store(c, 1, 2, 'c');
        assert_true(loads(c, 1, 0, 'a'));
        disk_cache_free(c);
        c = open_cache(*state, UINT64_MAX);
        assert_true(has(c, 1, 2));
        assert_true(loads(c, 1, 2, 'c'));
        assert_false(loads(c, 1, 1, 0));
        assert_false(loads(c, 2, 0, 0)); /* another content */
        disk_cache_drop(c, key(1)->path);
        assert_false(has(c, 1, 0));
        disk_cache_free(c);
}

/* As after a power cut: bytes that are not what was stored. */
static void test_damage_is_noticed(void **state) {
        struct disk_cache *c = open_cache(*state, UINT64_MAX);
        struct disk_cache_stats stats;
        _cleanup_free_ char *path = NULL;
        int fd;

        store(c, 1, 0, 'a');
        store(c, 1, 1, 'b');
        disk_cache_free(c);
        path = str_printf("%s/bkt/dir/1", (char *) *state);
        fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        /* One byte of the first block, and all of the second one's place. */
        assert_int_equal(pwrite(fd, "X", 1, 1000), 1);
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
        const struct disk_files_key two = {"two", 2, 1, 2 * BLOCK_CACHE_SIZE};
        struct disk_cache *c = open_cache(*state, 4 * BLOCK_CACHE_SIZE);
        struct disk_cache_stats stats;

        for (uint64_t k = 1; k <= 10; k++)
                store(c, k, 0, 'a');
        disk_cache_stats_get(c, &stats);
        assert_true(stats.n_bytes <= 4 * BLOCK_CACHE_SIZE);
        assert_false(has(c, 1, 0));
        assert_true(loads(c, 10, 0, 'a'));
        disk_cache_free(c);
        /* It may be full of one: what comes twice, or is too much, does not drive that out. */
        c = open_cache(*state, 2 * BLOCK_CACHE_SIZE);
        for (int again = 0; again < 3; again++)
                for (uint64_t i = 0; i < 2; i++)
                        store_of(c, &two, i, 'b');
        assert_true(disk_cache_has(c, &two, 0) && disk_cache_has(c, &two, 1));
        disk_cache_free(c);
        /* A smaller limit holds from the start. */
        c = open_cache(*state, BLOCK_CACHE_SIZE * 2);
        disk_cache_stats_get(c, &stats);
        assert_true(stats.n_bytes <= 2 * BLOCK_CACHE_SIZE);
        disk_cache_free(c);
}

/* What is pinned stays while all else comes and goes, and over restarts. */
static void test_pinned(void **state) {
        struct disk_cache *c = open_cache(*state, 2 * SIZE);
        struct disk_cache_stats stats;

        assert_int_equal(disk_cache_pin(c, key(1), false), -ENOENT);
        assert_int_equal(disk_cache_pin(c, key(1), true), 0);
        assert_int_equal(disk_cache_pin(c, key(1), true), 0);
        store(c, 1, 0, 'a');
        for (uint64_t k = 2; k <= 20; k++)
                store(c, k, 0, 'x');
        assert_true(loads(c, 1, 0, 'a'));
        disk_cache_free(c);
        c = open_cache(*state, 2 * SIZE);
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_pinned, 1);
        for (uint64_t k = 2; k <= 20; k++)
                store(c, k, 0, 'y');
        assert_true(loads(c, 1, 0, 'a'));
        /* More than the cache may hold is not promised. */
        assert_int_equal(disk_cache_pin(c, key(2), true), 0);
        assert_int_equal(disk_cache_pin(c, key(3), true), -ENOSPC);
        assert_int_equal(disk_cache_pin(c, key(2), false), 0);
        assert_int_equal(disk_cache_pin(c, key(1), false), 0);
        for (uint64_t k = 20; k <= 40; k++)
                store(c, k, 0, 'z');
        assert_false(has(c, 1, 0));
        assert_int_equal(disk_cache_pin(c, key(4), true), 0);
        disk_cache_drop(c, key(4)->path);
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_pinned, 0);
        disk_cache_free(c);
}

/* --- one place an object -----------------------------------------------------------------------
 */

static void test_generations(void **state) {
        struct disk_cache *c = open_cache(*state, UINT64_MAX);
        const struct disk_files_key older = {"a/b", 11, 1, SIZE}, newer = {"a/b", 12, 2, SIZE};
        struct disk_cache_stats stats;

        store_of(c, &older, 0, 'o');
        assert_int_equal(disk_cache_pin(c, &older, true), 0);
        store_of(c, &newer, 1, 'n');
        assert_false(disk_cache_has(c, &older, 0));
        assert_true(disk_cache_has(c, &newer, 1));
        assert_false(disk_cache_has(c, &newer, 0));
        /* Who still reads the older one does not take it away. */
        store_of(c, &older, 0, 'o');
        assert_false(disk_cache_has(c, &older, 0));
        assert_true(disk_cache_has(c, &newer, 1));
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_files, 1);
        assert_int_equal(stats.n_pinned, 1);
        assert_int_equal(stats.n_bytes, BLOCK_CACHE_SIZE);
        disk_cache_free(c);
}

/* More than the cache holds: nothing of it, or parts on demand. */
static void test_too_large(void **state) {
        struct disk_cache_options o = {
                .root = *state, .bucket = "bkt", .n_bytes_max = 2 * BLOCK_CACHE_SIZE};
        struct disk_cache_stats stats;
        struct disk_cache *c;

        for (int parts = 0; parts < 2; parts++) {
                o.keeps_parts = parts;
                assert_int_equal(disk_cache_new(&o, &c, NULL), 0);
                store(c, 1, 2, 'a');
                assert_int_equal(has(c, 1, 2), parts);
                disk_cache_stats_get(c, &stats);
                assert_int_equal(stats.n_files, parts);
                disk_cache_free(c);
        }
}

/* Whole objects, as they are claimed: one that has its room keeps it until another one claims it.
 */
/* A block is taken from the moment it is given, unless it has no room there. */
static void test_takes(void **state) {
        struct disk_cache *c = open_cache(*state, SIZE);
        struct disk_files_key large = *key(9);
        char *data = mem_zalloc(BLOCK_CACHE_SIZE);

        large.size = SIZE + 1;
        assert_false(disk_cache_takes(c, key(1), 0));
        disk_cache_store(c, key(1), 0, data, BLOCK_CACHE_SIZE);
        assert_true(disk_cache_takes(c, key(1), 0));
        disk_cache_store(c, &large, 0, data, BLOCK_CACHE_SIZE);
        assert_false(disk_cache_takes(c, &large, 0));
        disk_cache_sync(c);
        assert_true(disk_cache_takes(c, key(1), 0));
        disk_cache_drop(c, key(1)->path);
        assert_false(disk_cache_takes(c, key(1), 0));
        disk_cache_free(c);
        mem_free(data);
}

static void test_claimed(void **state) {
        const struct disk_cache_options o = {
                .root = *state,
                .bucket = "bkt",
                .n_bytes_max = SIZE + BLOCK_CACHE_SIZE,
                .wants_claims = true,
        };
        struct disk_files_key large = *key(9);
        struct disk_cache_stats stats;
        struct disk_cache *c;

        assert_int_equal(disk_cache_new(&o, &c, NULL), 0);
        store(c, 1, 0, 'a');
        assert_false(has(c, 1, 0));
        assert_true(disk_cache_is_refused(c, key(1)));
        assert_int_equal(disk_cache_claim(c, key(1)), 0);
        assert_int_equal(disk_cache_claim(c, key(1)), 0);
        assert_false(disk_cache_is_refused(c, key(1)));
        store(c, 1, 1, 'b');
        assert_true(loads(c, 1, 1, 'b'));
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_bytes, SIZE);
        /* The other's room is all it can have, whatever is used of it. */
        assert_int_equal(disk_cache_claim(c, key(2)), 0);
        assert_true(disk_cache_is_refused(c, key(1)));
        store(c, 1, 2, 'c');
        assert_false(has(c, 1, 2));
        for (uint64_t i = 0; i < 3; i++)
                store(c, 2, i, 'd');
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_files, 1);
        assert_int_equal(stats.n_bytes, SIZE);
        large.size = o.n_bytes_max + 1;
        assert_int_equal(disk_cache_claim(c, &large), -ENOSPC);
        /* What is pinned gives no room, and needs no claim. */
        assert_int_equal(disk_cache_pin(c, key(2), true), 0);
        assert_int_equal(disk_cache_claim(c, key(3)), -ENOSPC);
        assert_true(disk_cache_is_refused(c, key(3)));
        disk_cache_free(c);
        /* After a restart it counts for what is there of it, and a claim for the rest. */
        assert_int_equal(disk_cache_new(&o, &c, NULL), 0);
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_bytes, 3 * BLOCK_CACHE_SIZE);
        assert_true(loads(c, 2, 2, 'd'));
        assert_int_equal(disk_cache_claim(c, key(2)), 0);
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_bytes, SIZE);
        disk_cache_free(c);
}

/* Somebody takes all of it away, in part or whole, while it is used. */
static void test_taken_away(void **state) {
        struct disk_cache *c = open_cache(*state, UINT64_MAX);
        _cleanup_free_ char *below = str_printf("%s/bkt", (char *) *state);
        struct disk_cache_stats stats;

        for (uint64_t i = 1; i <= 200; i++)
                store(c, i, 0, 'a');
        assert_int_equal(fileio_rm_rf(*state), 0);
        assert_false(has(c, 1, 0)); /* it was closed meanwhile */
        store(c, 300, 0, 'b');
        assert_true(loads(c, 300, 0, 'b'));
        disk_cache_stats_get(c, &stats);
        assert_int_equal(stats.n_files, 1);
        assert_int_equal(stats.n_bytes, BLOCK_CACHE_SIZE);
        assert_int_equal(fileio_rm_rf(below), 0);
        store(c, 301, 0, 'c');
        disk_cache_free(c);
        c = open_cache(*state, UINT64_MAX);
        assert_false(has(c, 300, 0));
        assert_true(loads(c, 301, 0, 'c'));
        disk_cache_free(c);
}

static void test_old_form(void **state) {
        _cleanup_free_ char *old = str_printf("%s/old", (char *) *state);
        _cleanup_free_ char *block = str_printf("%s/0123456789abcdef-100", old);
        const struct disk_cache_options o = {
                .root = *state, .bucket = "bkt", .old_dir = old, .n_bytes_max = UINT64_MAX};
        struct disk_cache *c;

        assert_int_equal(fileio_mkdir_p(old, 0700), 0);
        assert_int_equal(fileio_write_atomic(block, "x", 1, 0600), 0);
        for (int again = 0; again < 2; again++) {
                assert_int_equal(disk_cache_new(&o, &c, NULL), 0);
                disk_cache_sync(c);
                assert_int_equal(access(old, F_OK), -1);
                disk_cache_free(c);
        }
}

/* Two of one place do not disturb each other, whatever each does. */
static void test_two_mounts(void **state) {
        struct disk_cache *a = open_cache(*state, UINT64_MAX), *b;
        const struct disk_files_key newer = {"dir/1", 99, 2, SIZE};

        store(a, 1, 0, 'a');
        b = open_cache(*state, UINT64_MAX);
        assert_true(loads(b, 1, 0, 'a'));
        store_of(b, &newer, 0, 'b');
        store(a, 1, 1, 'c');
        assert_true(loads(a, 1, 0, 'a'));
        assert_true(disk_cache_has(b, &newer, 0));
        assert_false(disk_cache_has(b, &newer, 1));
        disk_cache_free(a);
        a = open_cache(*state, UINT64_MAX);
        assert_true(disk_cache_has(a, &newer, 0));
        disk_cache_drop(a, newer.path);
        assert_true(disk_cache_has(b, &newer, 0)); /* it has it open */
        disk_cache_free(b);
        disk_cache_free(a);
}

/* --- many at once ----------------------------------------------------------------------------- */

#define BUSY_CONTENTS 12
#define BUSY_ROUNDS 150

struct busy {
        struct disk_cache *c;
        unsigned seed;
        atomic_uint *n_good, *n_wrong;
};

static char busy_byte(uint64_t content, uint64_t index) {
        return (char) (content * 7 + index + 1);
}

static void busy_load(struct busy *b, uint64_t content, uint64_t index, char *data) {
        if (disk_cache_load(b->c, key(content), index, data, BLOCK_CACHE_SIZE) < 0)
                return;
        ++*b->n_good;
        for (size_t i = 0; i < BLOCK_CACHE_SIZE; i += 509)
                *b->n_wrong += data[i] != busy_byte(content, index);
}

static void *busy_main(void *ctx) {
        char *data = mem_alloc(BLOCK_CACHE_SIZE);
        struct busy *b = ctx;

        for (int round = 0; round < BUSY_ROUNDS; round++) {
                uint64_t content = (uint64_t) rand_r(&b->seed) % BUSY_CONTENTS + 1;
                uint64_t index = (uint64_t) rand_r(&b->seed) % 3;

                switch (rand_r(&b->seed) % 8) {
                case 0:
                        disk_cache_drop(b->c, key(content)->path);
                        break;
                case 1:
                        (void) disk_cache_pin(b->c, key(content), round % 2);
                        break;
                case 2:
                case 3:
                case 4:
                        memset(data, busy_byte(content, index), BLOCK_CACHE_SIZE);
                        disk_cache_store(b->c, key(content), index, data, BLOCK_CACHE_SIZE);
                        break;
                default:
                        busy_load(b, content, index, data);
                }
        }
        mem_free(data);
        return NULL;
}

/* As a power cut leaves them: pages that never came to the disk are zero, files are short. */
static void cut_power_in(const char *dir, unsigned *seed) {
        DIR *d = opendir(dir);
        struct dirent *e;

        while ((e = readdir(d))) {
                int fd = *e->d_name == '.' ? -1 : openat(dirfd(d), e->d_name, O_RDWR | O_CLOEXEC);
                static const char zeros[4096];
                struct stat st;

                if (fd < 0)
                        continue;
                assert_int_equal(fstat(fd, &st), 0);
                for (int i = 0; i < 6 && st.st_size > 0; i++) {
                        off_t page = (off_t) rand_r(seed) % (st.st_size / 4096 + 1) * 4096;

                        if (page < st.st_size)
                                assert_true(pwrite(fd, zeros, sizeof(zeros), page) > 0);
                }
                if (rand_r(seed) % 3 == 0)
                        assert_int_equal(ftruncate(fd, (off_t) rand_r(seed) % (st.st_size + 1)), 0);
                close(fd);
        }
        closedir(d);
}

static void cut_power(const char *dir, unsigned *seed) {
        static const char *const below[] = {"bkt/dir", ".sums/bkt"};

        for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, below[i]);

                cut_power_in(path, seed);
        }
}

/* Stores, loads, drops, pins and evictions side by side, with power cuts between: a block that is
 * there is right. */
static void test_busy(void **state) {
        atomic_uint n_good = 0, n_wrong = 0;
        struct disk_cache_stats stats;
        unsigned seed = 1;

        for (int night = 0; night < 4; night++) {
                struct disk_cache *c = open_cache(*state, 8 * BLOCK_CACHE_SIZE);
                struct busy b[4];
                pthread_t threads[4];

                for (unsigned i = 0; i < 4; i++) {
                        b[i] = (struct busy){c, (unsigned) night * 10 + i, &n_good, &n_wrong};
                        assert_int_equal(pthread_create(&threads[i], NULL, busy_main, &b[i]), 0);
                }
                for (unsigned i = 0; i < 4; i++)
                        pthread_join(threads[i], NULL);
                disk_cache_sync(c);
                disk_cache_stats_get(c, &stats);
                assert_true(stats.n_bytes <= 9 * BLOCK_CACHE_SIZE);
                disk_cache_free(c);
                cut_power(*state, &seed);
        }
        assert_true(n_good > 0);
        assert_int_equal(n_wrong, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(test_outlives_the_mount),
                dir_test(test_damage_is_noticed),
                dir_test(test_bounded),
                dir_test(test_pinned),
                dir_test(test_generations),
                dir_test(test_too_large),
                dir_test(test_takes),
                dir_test(test_claimed),
                dir_test(test_taken_away),
                dir_test(test_old_form),
                dir_test(test_two_mounts),
                dir_test(test_busy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
