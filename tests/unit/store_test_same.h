/* store_test_same.h: what every store over a bucket must do, whosever bucket it is. */
#pragma once

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store.h"
#include "tests/unit/net_test_cmocka.h"

static inline _unused_ void store_test_same_put(struct store *s, const char *name,
                                                const char *text) {
        struct errmsg em = {};

        if (store_put(s, name, text, strlen(text), &em) < 0)
                fail_msg("%s: %s", name, em.text);
}

static inline _unused_ void store_test_same_get(struct store *s, const char *name,
                                                const char *text) {
        struct errmsg em = {};
        struct store_info info;
        struct store_get *get;
        char data[256];

        if (store_get_open(s, name, &em, &info, &get) < 0)
                fail_msg("%s: %s", name, em.text);
        assert_int_equal(info.size, strlen(text));
        assert_true(*info.etag && info.modified_at > 0);
        assert_int_equal(store_get_read(s, get, 0, data, sizeof data), strlen(text));
        assert_memory_equal(data, text, strlen(text));
        assert_int_equal(store_get_read(s, get, strlen(text), data, sizeof data), 0);
        assert_int_equal(store_get_fd(s, get), -EOPNOTSUPP);
        store_get_close(s, get);
}

static int store_test_same_each(const struct store_entry *entry, void *userdata) {
        struct buf *out = userdata;

        buf_printf(out, "%s:%d ", entry->name, (int) entry->info.size);
        return 0;
}

static inline _unused_ void store_test_same_list(struct store *s, struct store_list list,
                                                 const char *text, bool more) {
        _cleanup_buf_ struct buf out = {};
        struct errmsg em = {};
        bool got = false;

        if (store_list(s, &list, store_test_same_each, &out, &em, &got) < 0)
                fail_msg("%s", em.text);
        assert_string_equal(buf_cstr(&out), text);
        assert_int_equal(got, more);
}

static inline _unused_ void store_test_same_lists(struct store *s) {
        store_test_same_list(s, (struct store_list){.prefix = "l/"},
                             "l/a:1 l/a.b:2 l/a/:0 l/b c&<d>:3 l/\xc3\xa9:4 ", false);
        store_test_same_list(s, (struct store_list){.prefix = "l/", .is_deep = true},
                             "l/a:1 l/a.b:2 l/a/x:1 l/a/y/z:1 l/b c&<d>:3 l/\xc3\xa9:4 ", false);
        store_test_same_list(s, (struct store_list){.prefix = "l/", .n_max = 2}, "l/a:1 l/a.b:2 ",
                             true);
        store_test_same_list(s, (struct store_list){.prefix = "l/", .after = "l/a.b", .n_max = 1},
                             "l/a/:0 ", true);
        store_test_same_list(s, (struct store_list){.prefix = "l/", .after = "l/a/"},
                             "l/b c&<d>:3 l/\xc3\xa9:4 ", false);
        store_test_same_list(s, (struct store_list){.prefix = "l/a"}, "l/a:1 l/a.b:2 l/a/:0 ",
                             false);
        store_test_same_list(s, (struct store_list){.prefix = "none/"}, "", false);
}

static inline _unused_ void store_test_same(struct store *s) {
        struct store_info info, again;
        struct errmsg em = {};
        uint64_t n = 0;

        store_test_same_put(s, "l/a", "1");
        store_test_same_put(s, "l/a.b", "22");
        store_test_same_put(s, "l/a/x", "x");
        store_test_same_put(s, "l/a/y/z", "z");
        store_test_same_put(s, "l/b c&<d>", "333");
        store_test_same_put(s, "l/\xc3\xa9", "4444");
        store_test_same_put(s, "empty", "");
        store_test_same_get(s, "l/a", "1");
        store_test_same_get(s, "l/b c&<d>", "333");
        store_test_same_get(s, "empty", "");
        store_test_same_lists(s);

        assert_int_equal(store_stat(s, "l/a.b", &em, &info), 0);
        assert_int_equal(info.size, 2);
        assert_int_equal(store_stat(s, "l", &em, &again), -ENOENT);
        store_test_same_put(s, "l/a.b", "other");
        assert_int_equal(store_stat(s, "l/a.b", &em, &again), 0);
        assert_string_not_equal(info.etag, again.etag);
        assert_int_equal(store_copy(s, "l/b c&<d>", "copy/of", &em), 0);
        store_test_same_get(s, "copy/of", "333");
        assert_int_equal(store_copy(s, "nothing", "copy/of", &em), -ENOENT);

        assert_int_equal(store_delete(s, "nothing", &em), -ENOENT);
        assert_int_equal(store_delete(s, "l/a", &em), 0);
        assert_int_equal(store_stat(s, "l/a", &em, &info), -ENOENT);
        store_test_same_get(s, "l/a/x", "x");
        assert_int_equal(store_delete_prefix(s, "l/a", &em, &n), 0);
        assert_int_equal(n, 2);
        store_test_same_get(s, "l/a.b", "other");
        assert_int_equal(store_delete_prefix(s, "l", &em, &n), 0);
        assert_int_equal(n, 3);
        store_test_same_list(s, (struct store_list){.is_deep = true}, "copy/of:3 empty:0 ", false);
}

/* 20 MiB and a bit: parts and windows of several sizes, and the object under it replaced. */
static inline _unused_ void store_test_large(struct store *s) {
        size_t size = ((size_t) 20 << 20) + 7, chunk = 300007, n_read = 0;
        _cleanup_free_ char *data = mem_alloc(size), *got = mem_zalloc(size);
        struct store_info info;
        struct store_put *put;
        struct store_get *get;
        struct errmsg em = {};

        assert_true(data && got);
        for (size_t i = 0; i < size; i++)
                data[i] = (char) (i * 2654435761u >> 13);
        assert_int_equal(store_put_begin(s, "large", &em, &put), 0);
        for (size_t at = 0; at < size; at += chunk)
                assert_int_equal(store_put_write(s, put, data + at, MIN(chunk, size - at)), 0);
        assert_int_equal(store_put_commit(s, put, &info, &em), 0);
        assert_int_equal(info.size, size);
        assert_int_equal(store_get_open(s, "large", &em, &info, &get), 0);
        while (n_read < size) {
                ssize_t n = store_get_read(s, get, n_read, got + n_read, chunk);

                assert_true(n > 0);
                n_read += (size_t) n;
        }
        assert_memory_equal(data, got, size);
        assert_int_equal(store_get_read(s, get, size - 5, got, 10), 5);
        assert_memory_equal(data + size - 5, got, 5);
        store_test_same_put(s, "large", "another");
        assert_int_equal(store_get_read(s, get, 0, got, 10), -ESTALE);
        store_get_close(s, get);
        assert_int_equal(store_delete(s, "large", &em), 0);
}
