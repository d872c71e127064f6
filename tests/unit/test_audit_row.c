#include "tests/unit/arena_test.h"

#include "cli/audit_row.h"

#define LINE                                                                                      \
        "{\"at\":\"2026-01-02T03:04:05.678901Z\",\"user\":\"ann\",\"uid\":1000,\"how\":\"peer\"," \
        "\"action\":\"POST /api/2.0/mlflow/runs/delete\",\"object\":\"run_id=abc\",\"result\":"   \
        "\"200\"}"
#define AT (UINT64_C(1767323045678901))

static void test_parse(void **state) {
        static const char *const bad[] = {"",     "{\"at\":\"2026-01-", "[]", "{}", "{\"at\":5}",
                                          "null", "{\"at\":\"soon\"}"};
        struct audit_row row;

        (void) state;
        assert_int_equal(audit_row_parse(LINE, &arena, &row), 0);
        assert_string_equal(row.user, "ann");
        assert_string_equal(row.how, "peer");
        assert_string_equal(row.object, "run_id=abc");
        assert_string_equal(row.result, "200");
        assert_string_equal(row.detail, "");
        assert_string_equal(row.line, LINE);
        assert_int_equal(row.at_usec, AT);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(audit_row_parse(bad[i], &arena, &row), -EBADMSG);
}

static void test_matches(void **state) {
        static const struct {
                struct audit_want want;
                bool yes;
        } rows[] = {
                {{}, true},
                {{.user = "ann"}, true},
                {{.user = "an"}, false},
                {{.object = "abc"}, true},
                {{.object = "abd"}, false},
                {{.action = "delete", .user = "ann"}, true},
                {{.action = "restore"}, false},
                {{.from_at = AT, .until_at = AT}, true},
                {{.from_at = AT + 1}, false},
                {{.until_at = AT - 1}, false},
                {{.refused = true}, false},
        };
        static const char *const results[] = {"refused", "failed", "403", "500", "ok", "302"};
        struct audit_row row;

        (void) state;
        assert_int_equal(audit_row_parse(LINE, &arena, &row), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(audit_row_matches(&row, &rows[i].want), rows[i].yes);
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                row.result = results[i];
                assert_int_equal(audit_row_matches(&row, &(struct audit_want){.refused = true}),
                                 i < 4);
        }
}

static void test_for_people(void **state) {
        struct audit_row row;

        (void) state;
        assert_int_equal(audit_row_parse(LINE, &arena, &row), 0);
        assert_string_equal(audit_row_when(&row, false, &arena), "2026-01-02 03:04:05");
        assert_string_equal(audit_row_when(&row, true, &arena), row.at);
        assert_string_equal(audit_row_deed(&row, false, &arena), "POST runs/delete");
        assert_string_equal(audit_row_deed(&row, true, &arena), row.action);
        row.action = "user add";
        row.at = "soon";
        assert_string_equal(audit_row_deed(&row, false, &arena), "user add");
        assert_string_equal(audit_row_when(&row, false, &arena), "soon");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                arena_test(test_parse),
                arena_test(test_matches),
                arena_test(test_for_people),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
