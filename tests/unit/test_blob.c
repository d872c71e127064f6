#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <pthread.h>

#include "daemons/bucketd/blob.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* What the store said it has forgotten. */
struct forgotten {
        pthread_mutex_t lock;
        pthread_cond_t more;
        uint64_t ids[16];
        size_t n;
};

static void forget(void *ctx, const uint64_t *ids, size_t n) {
        struct forgotten *f = ctx;

        pthread_mutex_lock(&f->lock);
        for (size_t i = 0; i < n; i++)
                f->ids[f->n++] = ids[i];
        pthread_cond_broadcast(&f->more);
        pthread_mutex_unlock(&f->lock);
}

static void wait_for(struct forgotten *f, size_t n) {
        pthread_mutex_lock(&f->lock);
        while (f->n < n)
                pthread_cond_wait(&f->more, &f->lock);
        pthread_mutex_unlock(&f->lock);
}

static struct blob_store *open_store(const char *dir, uint64_t first, struct forgotten *f) {
        const struct blob_options o = {.dir = dir, .forget = forget, .ctx = f};
        struct blob_store *s = NULL;

        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->more, NULL);
        assert_int_equal(blob_store_open(&o, first, NULL, &s), 0);
        return s;
}

static uint64_t put(struct blob_store *s, const char *text) {
        struct blob_put *p;
        uint64_t id;

        assert_int_equal(blob_put_begin(s, &p), 0);
        id = blob_put_id(p);
        assert_int_equal(blob_put_write(p, text, strlen(text)), 0);
        assert_int_equal(blob_put_sync(p), 0);
        assert_null(blob_put_close(p));
        return id;
}

static void expect(struct blob_store *s, uint64_t id, const char *text) {
        char data[64] = {};
        int fd = blob_open(s, id);

        assert_true(fd >= 0);
        assert_int_equal(read(fd, data, sizeof(data)), strlen(text));
        assert_string_equal(data, text);
        close(fd);
}

static bool is_there(const char *dir, const char *sub, uint64_t id) {
        _cleanup_free_ char *path =
                str_eq(sub, "staging")
                        ? str_printf("%s/staging/%016llx", dir, (unsigned long long) id)
                        : str_printf("%s/data/%02x/%016llx", dir, (unsigned) (id & 0xff),
                                     (unsigned long long) id);

        return access(path, F_OK) == 0;
}

static void life(void **state) {
        const char *dir = *state;
        struct forgotten f = {};
        struct blob_store *s = open_store(dir, 5, &f);
        uint64_t a = put(s, "first"), b = put(s, "second");

        assert_int_equal(a, 5);
        assert_int_equal(b, 6);
        expect(s, a, "first");
        blob_publish(s, a);
        expect(s, a, "first"); /* wherever it is by now */
        blob_discard(s, &a, 1);
        wait_for(&f, 1);
        assert_int_equal(f.ids[0], a);
        assert_int_equal(blob_open(s, a), -ENOENT);
        expect(s, b, "second");
        blob_store_free(s);
        assert_false(is_there(dir, "data", a));
        assert_true(is_there(dir, "staging", b));
}

/* What a reader began with stays until it has ended; what comes later need not wait. */
static void readers(void **state) {
        struct blob_reading early = {}, late = {};
        struct forgotten f = {};
        struct blob_store *s = open_store(*state, 1, &f);
        uint64_t a = put(s, "a"), b;

        blob_reading_begin(s, &early);
        blob_discard(s, &a, 1);
        blob_reading_begin(s, &late);
        b = put(s, "b");
        blob_publish(s, b);
        expect(s, a, "a");
        blob_reading_end(&early);
        wait_for(&f, 1);
        assert_int_equal(blob_open(s, a), -ENOENT);
        blob_discard(s, &b, 1);
        expect(s, b, "b");
        blob_reading_end(&late);
        blob_reading_end(&late); /* is nothing any more */
        wait_for(&f, 2);
        blob_store_free(s);
}

static int fate(void *ctx, uint64_t id) {
        (void) ctx;
        return id == 1 ? BLOB_MOVE : id == 2 ? BLOB_KEEP : BLOB_DROP;
}

static void recovery(void **state) {
        struct forgotten f = {};
        struct blob_store *s = open_store(*state, 1, &f);
        struct blob_put *p;
        uint64_t size;

        put(s, "published");
        put(s, "under way");
        put(s, "nobody's");
        assert_int_equal(blob_store_recover(s, fate, NULL), 0);
        assert_true(is_there(*state, "data", 1));
        assert_false(is_there(*state, "staging", 1));
        assert_true(is_there(*state, "staging", 2));
        assert_false(is_there(*state, "staging", 3));
        expect(s, 1, "published");
        assert_int_equal(blob_put_reopen(s, 2, &p, &size), 0);
        assert_int_equal(size, 9);
        assert_int_equal(blob_put_cut(p, 6), 0);
        assert_int_equal(blob_put_write(p, "ground", 6), 0);
        blob_put_close(p);
        expect(s, 2, "under ground");
        assert_int_equal(blob_put_reopen(s, 9, &p, &size), -ENOENT);
        blob_store_free(s);
}

static void faults(void **state) {
        struct forgotten f = {};
        struct blob_store *s = open_store(*state, 1, &f);
        struct blob_put *p;

        fault_arm(FAULT_OPEN, 1, EMFILE, 1);
        assert_int_equal(blob_put_begin(s, &p), -EMFILE);
        assert_int_equal(blob_put_begin(s, &p), 0);
        fault_arm(FAULT_WRITE, 1, ENOSPC, 1);
        assert_int_equal(blob_put_write(p, "x", 1), -ENOSPC);
        fault_arm(FAULT_FSYNC, 2, EIO, 1); /* the directory's */
        assert_int_equal(blob_put_sync(p), -EIO);
        fault_reset();
        assert_null(blob_put_drop(p));
        assert_false(is_there(*state, "staging", 2));
        blob_store_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(life, base_test_dir_setup, base_test_dir_teardown),
                cmocka_unit_test_setup_teardown(readers, base_test_dir_setup,
                                                base_test_dir_teardown),
                cmocka_unit_test_setup_teardown(recovery, base_test_dir_setup,
                                                base_test_dir_teardown),
                cmocka_unit_test_setup_teardown(faults, base_test_dir_setup,
                                                base_test_dir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
