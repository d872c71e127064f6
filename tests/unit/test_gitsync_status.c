#include "tests/unit/base_test.h"

#include "daemons/gitsync/gitsync_status.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct gitsync_status whole = {
        .repo = "ssh://git@h/x.git",
        .branch = "main",
        .subpath = "tests/dags",
        .scan_depth = 5,
        .commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        .subject = "a \"quoted\" subject",
        .author = "Ada",
        .committed_at = "2026-01-02T03:04:05+01:00",
        .synced_at = UINT64_C(1767225600) * USEC_PER_SEC,
        .checked_at = UINT64_C(1767225700) * USEC_PER_SEC,
        .tried_at = UINT64_C(1767225800) * USEC_PER_SEC,
        .error = "nobody listens",
        .error_since_at = UINT64_C(1767225750) * USEC_PER_SEC,
        .warning = "submodules",
};

static void round_trip(void **state) {
        _cleanup_free_ char *path = str_printf("%s/status.json", (char *) *state);
        struct gitsync_status s;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(gitsync_status_write(path, &whole, NULL), 0);
        assert_int_equal(gitsync_status_read(path, &a, &s), 0);
        assert_string_equal(s.repo, whole.repo);
        assert_string_equal(s.branch, whole.branch);
        assert_string_equal(s.subpath, whole.subpath);
        assert_int_equal(s.scan_depth, whole.scan_depth);
        assert_string_equal(s.commit, whole.commit);
        assert_string_equal(s.subject, whole.subject);
        assert_string_equal(s.author, whole.author);
        assert_string_equal(s.committed_at, whole.committed_at);
        assert_int_equal(s.synced_at, whole.synced_at);
        assert_int_equal(s.checked_at, whole.checked_at);
        assert_int_equal(s.tried_at, whole.tried_at);
        assert_string_equal(s.error, whole.error);
        assert_int_equal(s.error_since_at, whole.error_since_at);
        assert_string_equal(s.warning, whole.warning);
        arena_done(&a);
}

static void nothing_known(void **state) {
        _cleanup_free_ char *path = str_printf("%s/status.json", (char *) *state);
        struct gitsync_status s = whole;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(gitsync_status_read(path, &a, &s), 0);
        assert_null(s.commit);
        assert_int_equal(s.tried_at, 0);
        assert_int_equal(fileio_write_atomic(path, "{\"commit\": 5", 12, 0600), 0);
        s = whole;
        assert_int_equal(gitsync_status_read(path, &a, &s), 0);
        assert_null(s.commit);
        arena_done(&a);
}

static void what_cannot_be_written_is_said(void **state) {
        struct errmsg em = {};

        (void) state;
        assert_true(gitsync_status_write("/nonexistent/status.json", &whole, &em) < 0);
        assert_says(em, "/nonexistent/status.json");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(round_trip),
                dir_test(nothing_known),
                cmocka_unit_test(what_cannot_be_written_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
