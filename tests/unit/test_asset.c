/* The pages' files: types, names that stay inside, and that a changed file is read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemons/web/asset.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"

struct fixture {
        char dir[64];
        struct asset_dir *assets;
};

static int setup(void **state) {
        static struct fixture f;

        snprintf(f.dir, sizeof(f.dir), "/tmp/onebox-asset-XXXXXX");
        assert_non_null(mkdtemp(f.dir));
        assert_int_equal(asset_dir_new(f.dir, &f.assets), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        asset_dir_free(f->assets);
        return fileio_rm_rf(f->dir);
}

static void put(struct fixture *f, const char *name, const char *text) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", f->dir, name);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0644), 0);
}

static void reads(void **state) {
        struct fixture *f = *state;
        const struct asset *a;

        put(f, "a.js", "export const a = 1;");
        assert_int_equal(asset_get(f->assets, "a.js", &a), 0);
        assert_int_equal(a->size, 19);
        assert_memory_equal(a->data, "export const a = 1;", 19);
        assert_string_equal(a->type, "text/javascript; charset=utf-8");
        assert_null(a->packed);
        assert_int_equal(strlen(a->etag), 32);
}

static void packs(void **state) {
        struct fixture *f = *state;
        char text[4001];
        const struct asset *a;

        memset(text, 'x', 4000);
        text[4000] = 0;
        put(f, "a.css", text);
        assert_int_equal(asset_get(f->assets, "a.css", &a), 0);
        assert_non_null(a->packed);
        assert_true(a->packed_size < 200);
        assert_memory_equal(a->packed, "\x1f\x8b", 2);
}

static void changes(void **state) {
        struct fixture *f = *state;
        const struct asset *a;
        char etag[33];

        put(f, "a.txt", "one");
        assert_int_equal(asset_get(f->assets, "a.txt", &a), 0);
        memcpy(etag, a->etag, sizeof(etag));
        put(f, "a.txt", "two");
        assert_int_equal(asset_get(f->assets, "a.txt", &a), 0);
        assert_memory_equal(a->data, "two", 3);
        assert_string_not_equal(a->etag, etag);
        put(f, "a.txt", "one");
        assert_int_equal(asset_get(f->assets, "a.txt", &a), 0);
        assert_string_equal(a->etag, etag);
}

static void stays_inside(void **state) {
        static const char *const names[] = {"../etc/passwd", "/etc/passwd", "a/../../x", "",
                                            "absent.js",     "sub",         "."};
        struct fixture *f = *state;
        const struct asset *a = NULL;
        char path[128];

        snprintf(path, sizeof(path), "%s/sub", f->dir);
        assert_int_equal(mkdir(path, 0755), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_int_equal(asset_get(f->assets, names[i], &a), -ENOENT);
        assert_null(a);
}

/* More files than are kept: still every one is right. */
static void many(void **state) {
        struct fixture *f = *state;
        const struct asset *a;
        char name[32];

        for (int round = 0; round < 2; round++)
                for (int i = 0; i < ASSET_FILES + 10; i++) {
                        snprintf(name, sizeof(name), "f%d.txt", i);
                        if (round == 0)
                                put(f, name, name);
                        assert_int_equal(asset_get(f->assets, name, &a), 0);
                        assert_int_equal(a->size, strlen(name));
                        assert_memory_equal(a->data, name, a->size);
                }
}

/* A disk that fails and memory that runs out: an error each time, and the file when it is over. */
static void hurt(void **state) {
        struct fixture *f = *state;
        const struct asset *a = NULL;
        char text[2001];
        unsigned n = 0;
        int r = -ENOMEM;

        memset(text, 'x', 2000);
        text[2000] = 0;
        put(f, "a.css", text);
        fault_arm(FAULT_READ, 1, 0, 1);
        assert_int_equal(asset_get(f->assets, "a.css", &a), -EIO);
        while (r == -ENOMEM) {
                fault_arm(FAULT_ALLOC, ++n, 0, 1);
                r = asset_get(f->assets, "a.css", &a);
        }
        fault_reset();
        assert_int_equal(r, 0);
        assert_true(n > 3);
        assert_int_equal(a->size, 2000);
}

static void types(void **state) {
        assert_string_equal(asset_type("x.html"), "text/html; charset=utf-8");
        assert_string_equal(asset_type("x.svg"), "image/svg+xml");
        assert_string_equal(asset_type("x"), "application/octet-stream");
        assert_string_equal(asset_type("html"), "application/octet-stream");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(reads), TEST(packs), TEST(changes),          TEST(stays_inside),
                TEST(many),  TEST(hurt),  cmocka_unit_test(types)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
