#include "tests/unit/base_test.h"

#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/bucketd_db.h"
#include "daemons/bucketd/object_list.h"
#include "daemons/bucketd/objects_sql.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_writer.h"

#define BUCKET 7

struct insert {
        struct db_job job;
        const char *const *names;
};

static int insert_run(struct db *db, struct db_job *job) {
        struct insert *x = container_of(job, struct insert, job);
        struct arena a;
        int r = 0;

        arena_init(&a, 0);
        for (size_t i = 0; r == 0 && x->names[i]; i++)
                r = objects_sql_put(db, &a, BUCKET,
                                    &(struct object){.name = x->names[i], .generation = 1});
        if (r == 0) /* of another bucket: never listed */
                r = objects_sql_put(db, &a, BUCKET + 1, &(struct object){.name = "b/other"});
        arena_done(&a);
        return r;
}

static int on_object(void *ctx, const struct object *o) {
        return buf_printf(ctx, "%s ", o->name);
}

static int on_folded(void *ctx, const char *prefix) {
        return buf_printf(ctx, "[%s] ", prefix);
}

static void open_db(struct bucketd *d, const char *dir, const char *const *names) {
        struct insert x = {.job = {.run = insert_run}, .names = names};

        assert_int_equal(bucketd_db_open(d, dir, true, 1, NULL), 0);
        assert_int_equal(db_writer_call(d->writer, &x.job), 0);
}

static void close_db(struct bucketd *d) {
        db_readers_free(d->readers);
        db_writer_free(d->writer);
}

/* All pages of n, one behind the other. */
static void check(struct bucketd *d, struct object_list l, size_t n, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        size_t n_pages = 0;
        struct arena a;
        struct db *db;

        arena_init(&a, 0);
        assert_int_equal(db_readers_get(d->readers, &db), 0);
        l.prefix = l.prefix ? l.prefix : "";
        l.delimiter = l.delimiter ? l.delimiter : "";
        l.start = l.start ? l.start : "";
        l.n_max = n;
        l.object = l.object ? l.object : on_object;
        l.folded = on_folded;
        l.ctx = &out;
        do {
                assert_int_equal(object_list_walk(db, &a, BUCKET, &l, &l.after), 0);
                assert_true(n_pages++ < 100);
        } while (l.after);
        if (!str_eq(buf_cstr(&out), expected))
                fail_msg("pages of %zu: \"%s\", not \"%s\"", n, buf_cstr(&out), expected);
        arena_done(&a);
}

static void listings(void **state) {
        static const char *const names[] = {"a",   "a/",    "a/1",       "a/b/2", "a/b/3",
                                            "a0",  "b-x/y", "b/",        "b/c",   "c//d",
                                            "c/e", "d/",    "d\xc3\xa9", NULL};
        struct bucketd d = {};

        open_db(&d, *state, names);
        for (size_t n = 1; n < 15; n++) {
                check(&d, (struct object_list){}, n,
                      "a a/ a/1 a/b/2 a/b/3 a0 b-x/y b/ b/c c//d c/e d/ d\xc3\xa9 ");
                check(&d, (struct object_list){.delimiter = "/"}, n,
                      "a [a/] a0 [b-x/] [b/] [c/] [d/] d\xc3\xa9 ");
                check(&d, (struct object_list){.prefix = "a/", .delimiter = "/"}, n,
                      "a/ a/1 [a/b/] ");
                check(&d, (struct object_list){.prefix = "a/b/", .delimiter = "/"}, n,
                      "a/b/2 a/b/3 ");
                check(&d, (struct object_list){.prefix = "c/", .delimiter = "/"}, n, "[c//] c/e ");
                check(&d, (struct object_list){.prefix = "b"}, n, "b-x/y b/ b/c ");
                check(&d, (struct object_list){.prefix = "x"}, n, "");
                check(&d, (struct object_list){.start = "a/1", .end = "b/"}, n,
                      "a/1 a/b/2 a/b/3 a0 b-x/y ");
                check(&d, (struct object_list){.start = "a/b/3", .delimiter = "/", .end = "b"}, n,
                      "[a/] a0 ");
                check(&d, (struct object_list){.delimiter = "b/"}, n,
                      "a a/ a/1 [a/b/] a0 b-x/y [b/] c//d c/e d/ d\xc3\xa9 ");
        }
        check(&d,
              (struct object_list){
                      .prefix = "", .delimiter = "/", .with_trailing = true, .end = "b/c"},
              1, "a [a/] a/ a0 [b-x/] [b/] b/ ");
        close_db(&d);
}

static int archive_run(struct db *db, struct db_job *job) {
        struct arena a;
        int r = 0;

        (void) job;
        arena_init(&a, 0);
        for (int64_t at = 2; r == 0 && at < 5; at++) {
                r = objects_sql_archive(db, BUCKET, "a/1", (usec_t) at);
                if (r == 0)
                        r = objects_sql_put(db, &a, BUCKET,
                                            &(struct object){.name = "a/1", .generation = at});
        }
        if (r == 0)
                r = objects_sql_archive(db, BUCKET, "b", 9);
        if (r == 0)
                r = objects_sql_delete(db, BUCKET, &(struct object){.name = "b"});
        arena_done(&a);
        return r;
}

static int on_version(void *ctx, const struct object *o) {
        return buf_printf(ctx, "%s#%d%s ", o->name, (int) o->generation, o->deleted_at ? "-" : "");
}

static void versions(void **state) {
        static const char *const names[] = {"a", "a/1", "b", "c/1", NULL};
        static const char all[] = "a#1 a/1#1- a/1#2- a/1#3- a/1#4 b#1- c/1#1 ";
        struct db_job job = {.run = archive_run};
        struct bucketd d = {};

        open_db(&d, *state, names);
        assert_int_equal(db_writer_call(d.writer, &job), 0);
        for (size_t n = 1; n < 9; n++) {
                check(&d, (struct object_list){.with_versions = true, .object = on_version}, n,
                      all);
                check(&d,
                      (struct object_list){
                              .with_versions = true, .object = on_version, .delimiter = "/"},
                      n, "a#1 [a/] b#1- [c/] ");
                check(&d, (struct object_list){}, n, "a a/1 c/1 ");
        }
        close_db(&d);
}

static void spoiled_token(void **state) {
        static const char *const names[] = {"a", NULL};
        struct object_list l = {.prefix = "",
                                .delimiter = "",
                                .start = "",
                                .after = "a\nx",
                                .with_versions = true,
                                .n_max = 9,
                                .object = on_object,
                                .folded = on_folded};
        const char *next = "untouched";
        struct bucketd d = {};
        struct arena a;
        struct db *db;

        open_db(&d, *state, names);
        arena_init(&a, 0);
        assert_int_equal(db_readers_get(d.readers, &db), 0);
        assert_int_equal(object_list_walk(db, &a, BUCKET, &l, &next), -EINVAL);
        assert_string_equal(next, "untouched");
        arena_done(&a);
        close_db(&d);
}

static int stop(void *ctx, const struct object *o) {
        (void) ctx;
        return str_eq(o->name, "b") ? -ECANCELED : 0;
}

static void stopped(void **state) {
        static const char *const names[] = {"a", "b", "c", NULL};
        struct object_list l = {.prefix = "",
                                .delimiter = "",
                                .start = "",
                                .n_max = 9,
                                .object = stop,
                                .folded = on_folded};
        const char *next = "untouched";
        struct bucketd d = {};
        struct arena a;
        struct db *db;

        open_db(&d, *state, names);
        arena_init(&a, 0);
        assert_int_equal(db_readers_get(d.readers, &db), 0);
        assert_int_equal(object_list_walk(db, &a, BUCKET, &l, &next), -ECANCELED);
        assert_string_equal(next, "untouched");
        arena_done(&a);
        close_db(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(listings, base_test_dir_setup,
                                                base_test_dir_teardown),
                cmocka_unit_test_setup_teardown(versions, base_test_dir_setup,
                                                base_test_dir_teardown),
                cmocka_unit_test_setup_teardown(spoiled_token, base_test_dir_setup,
                                                base_test_dir_teardown),
                cmocka_unit_test_setup_teardown(stopped, base_test_dir_setup,
                                                base_test_dir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
