#include "fuse-gcs/stat_cache.h"

#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

#define S USEC_PER_SEC

static struct stat_cache *make(size_t n_bytes) {
        const struct stat_cache_options o = {n_bytes, 60 * S, 5 * S};
        struct stat_cache *c;

        assert_int_equal(stat_cache_new(&o, &c), 0);
        return c;
}

static void put(struct stat_cache *c, const char *path, uint64_t as_of, usec_t now) {
        struct attrs *a = attrs_new_local(1, (struct timespec){});

        assert_int_equal(stat_cache_put_file(c, path, strlen(path), a, as_of, now), 0);
        assert_int_equal(stat_cache_put_dir(c, path, strlen(path), false, false, as_of, now), 0);
        attrs_unref(a);
}

static int get(struct stat_cache *c, const char *path, usec_t now) {
        struct stat_cache_found f;

        if (stat_cache_get(c, path, strlen(path), now, &f) == 0)
                return -1;
        return f.is_dir ? 2 : f.file ? 1 : 0;
}

static void test_ages(void **state) {
        struct stat_cache *c = make(SIZE_MAX);

        assert_int_equal(get(c, "a", 1), -1);
        put(c, "a", STAT_CACHE_OURS, 1);
        assert_int_equal(get(c, "a", 60 * S), 1);
        assert_int_equal(get(c, "a", 61 * S), -1);
        assert_int_equal(stat_cache_put_file(c, "n", 1, NULL, STAT_CACHE_OURS, 1), 0);
        assert_int_equal(get(c, "n", 2), -1); /* perhaps a directory */
        assert_int_equal(stat_cache_put_dir(c, "n", 1, false, false, STAT_CACHE_OURS, 1), 0);
        assert_int_equal(get(c, "n", 2), 0);
        assert_int_equal(get(c, "n", 6 * S), -1);
        assert_int_equal(stat_cache_put_dir(c, "n", 1, true, true, STAT_CACHE_OURS, 1), 0);
        assert_int_equal(get(c, "n", 2), 2);
        stat_cache_free(c);
}

static void test_listed(void **state) {
        struct stat_cache *c = make(SIZE_MAX);
        char *names = mem_memdup("a\0b\0c", 6), *end;

        assert_false(stat_cache_is_listed(c, "d/", 1));
        assert_int_equal(stat_cache_put_listed(c, "d/", names, 6, 1), 0);
        assert_true(stat_cache_is_listed(c, "d/", 5 * S));
        assert_false(stat_cache_is_listed(c, "d/", 6 * S)); /* as what is not there */
        assert_string_equal(stat_cache_names_after(c, "d/", "a", (const char **) &end), "b");
        assert_null(stat_cache_names_after(c, "d/", "x", (const char **) &end));
        /* An empty one, too. */
        assert_int_equal(stat_cache_put_listed(c, "", NULL, 0, 1), 0);
        assert_true(stat_cache_is_listed(c, "", 2));
        stat_cache_put_large(c, "", 3);
        assert_false(stat_cache_is_listed(c, "", 4));
        assert_true(stat_cache_is_large(c, "", 4));
        stat_cache_free(c);
}

/* A list does not speak for the first names that are looked for, only in a rush. */
static void test_denies(void **state) {
        struct stat_cache *c = make(SIZE_MAX);
        char dir[] = "a/";
        unsigned n;

        assert_false(stat_cache_denies(c, "a/", 1));
        for (n = 0; n < 40; n++, dir[0]++) {
                assert_int_equal(stat_cache_put_listed(c, dir, NULL, 0, 1), 0);
                assert_int_equal(stat_cache_denies(c, dir, 2 + n), n >= 32);
        }
        /* A pause ends the rush; a list that is too old says nothing. */
        assert_false(stat_cache_denies(c, "a/", 2 * S));
        assert_false(stat_cache_denies(c, "a/", 7 * S));
        /* Who finds what no list had believes none for a while. */
        assert_int_equal(stat_cache_put_listed(c, "a/", NULL, 0, 100 * S), 0);
        stat_cache_doubt(c, 100 * S);
        for (n = 0; n < 100; n++)
                assert_false(stat_cache_denies(c, "a/", 100 * S + n));
        assert_int_equal(stat_cache_put_listed(c, "a/", NULL, 0, 161 * S), 0);
        for (n = 0; n < 33; n++)
                assert_int_equal(stat_cache_denies(c, "a/", 161 * S + n), n >= 32);
        stat_cache_free(c);
}

/* In a directory we made few names are enough, until others make some, or it is as old as what is
 * not there. */
static void test_made(void **state) {
        struct stat_cache *c = make(SIZE_MAX);
        usec_t at = 100 * S;
        unsigned n;

        assert_int_equal(stat_cache_put_made(c, "d/", at), 0);
        assert_int_equal(stat_cache_listed_at(c, "d/", at + 1), at);
        stat_cache_put_asked(c, "d/");
        for (n = 0; n < 10; n++)
                assert_int_equal(stat_cache_denies(c, "d/", at + n), n >= 4);
        /* Our own names do not change that. */
        put(c, "d/a", STAT_CACHE_OURS, at + n);
        assert_true(stat_cache_denies(c, "d/", at + n));
        assert_true(stat_cache_denies(c, "d/", at + S));
        assert_true(stat_cache_denies(c, "d/", at + 2 * S));
        /* It was empty when nothing of its name was there, not when it was made. */
        assert_int_equal(stat_cache_put_made(c, "e/", at - 2 * S), 0);
        stat_cache_put_asked(c, "e/");
        assert_true(stat_cache_denies(c, "e/", at + 3 * S - 1));
        assert_false(stat_cache_denies(c, "e/", at + 3 * S));
        /* Another's name was in it: nothing is believed, whoever made it. */
        stat_cache_doubt(c, at + 3 * S);
        assert_int_equal(stat_cache_put_made(c, "d/", at + 3 * S), 0);
        for (n = 0; n < 10; n++)
                assert_false(stat_cache_denies(c, "d/", at + 3 * S + n));
        /* A list made meanwhile is as good as a question; later it is a directory like any other.
         */
        at += 100 * S;
        assert_int_equal(stat_cache_put_made(c, "d/", at), 0);
        assert_int_equal(stat_cache_put_listed(c, "d/", NULL, 0, at), 0);
        for (n = 0; n < 10; n++)
                assert_int_equal(stat_cache_denies(c, "d/", at + n), n >= 4);
        at += 100 * S;
        assert_int_equal(stat_cache_put_listed(c, "d/", NULL, 0, at), 0);
        for (n = 0; n < 40; n++)
                assert_int_equal(stat_cache_denies(c, "d/", at + n), n >= 32);
        stat_cache_free(c);
}

/* Whatever was looked for in vain elsewhere, each directory that was made is asked for once. */
static void test_made_is_asked_for(void **state) {
        struct stat_cache *c = make(SIZE_MAX);
        usec_t at = 100 * S;
        unsigned n;

        assert_int_equal(stat_cache_put_listed(c, "a/", NULL, 0, at), 0);
        assert_false(stat_cache_is_unasked(c, "a/"));
        for (n = 0; n < 40; n++)
                assert_int_equal(stat_cache_denies(c, "a/", at + n), n >= 32);
        for (unsigned again = 0; again < 2; again++) {
                assert_int_equal(stat_cache_put_made(c, "d/", at), 0);
                for (n = 0; n < 10; n++)
                        assert_false(stat_cache_denies(c, "d/", at + n));
                assert_true(stat_cache_is_unasked(c, "d/"));
                stat_cache_put_asked(c, "d/");
                assert_false(stat_cache_is_unasked(c, "d/"));
                assert_true(stat_cache_denies(c, "d/", at + n));
        }
        stat_cache_free(c);
}

/* What was asked before our own change says nothing about it. */
static void test_older_answers(void **state) {
        struct stat_cache *c = make(SIZE_MAX);
        uint64_t seq = stat_cache_seq(c);

        assert_int_equal(stat_cache_put_file(c, "a", 1, NULL, STAT_CACHE_OURS, 1), 0);
        assert_int_equal(stat_cache_put_dir(c, "a", 1, false, false, STAT_CACHE_OURS, 1), 0);
        put(c, "a", seq, 2);
        assert_int_equal(get(c, "a", 3), 0);
        put(c, "a", stat_cache_seq(c), 2);
        assert_int_equal(get(c, "a", 3), 1);
        stat_cache_free(c);
}

static void test_bounded(void **state) {
        struct stat_cache *c = make(100000);
        char path[32];

        assert_int_equal(stat_cache_put_listed(c, "d/", NULL, 0, 1), 0);
        for (int i = 0; i < 5000; i++) {
                snprintf(path, sizeof(path), "d/%d", i);
                put(c, path, STAT_CACHE_OURS, 1);
                assert_true(stat_cache_n_bytes(c) <= 100000);
        }
        assert_int_equal(get(c, "d/4999", 2), 1);
        assert_int_equal(get(c, "d/0", 2), -1);
        /* One of its names went: it is not known whole any more. */
        assert_false(stat_cache_is_listed(c, "d/", 2));
        stat_cache_forget_below(c, "d/");
        assert_int_equal(get(c, "d/4999", 2), -1);
        stat_cache_free(c);
}

/* Names the kernel keeps take from it, and give back. */
static void test_limit_and_room(void **state) {
        struct stat_cache *c = make(100000);
        size_t full;
        char path[16];

        assert_true(stat_cache_has_room(c, 190) && !stat_cache_has_room(c, 200));
        for (unsigned k = 0; k < 1000; k++) {
                snprintf(path, sizeof(path), "d/%u", k);
                put(c, path, 0, S);
        }
        full = stat_cache_n_bytes(c);
        assert_in_range(full, 90000, 100000);
        stat_cache_limit(c, 50000);
        assert_int_equal(stat_cache_n_bytes(c), full); /* with the next change */
        put(c, "d/x", 0, S);
        assert_in_range(stat_cache_n_bytes(c), 40000, 50000);
        assert_int_equal(get(c, "d/999", S), 1); /* the latest stay */
        assert_int_equal(get(c, "d/500", S), -1);
        assert_true(stat_cache_has_room(c, 90) && !stat_cache_has_room(c, 100));
        stat_cache_free(c);
}

/* That a directory is large is known as long as somebody asks. */
static void test_large_stays(void **state) {
        struct stat_cache *c = make(20000);
        char path[16];

        stat_cache_put_large(c, "d/", S);
        for (unsigned k = 0; k < 1000; k++) {
                snprintf(path, sizeof(path), "d/%u", k);
                put(c, path, 0, S);
                assert_true(stat_cache_is_large(c, "d/", S));
        }
        assert_false(stat_cache_is_large(c, "d/", 62 * S));
        for (unsigned k = 0; k < 1000; k++) {
                snprintf(path, sizeof(path), "e/%u", k);
                put(c, path, 0, S);
        }
        assert_false(stat_cache_is_large(c, "d/", S));
        stat_cache_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ages),
                cmocka_unit_test(test_listed),
                cmocka_unit_test(test_denies),
                cmocka_unit_test(test_older_answers),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_limit_and_room),
                cmocka_unit_test(test_large_stays),
                cmocka_unit_test(test_made),
                cmocka_unit_test(test_made_is_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
