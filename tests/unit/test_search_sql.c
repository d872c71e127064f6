#include "daemons/tracking/search_sql.h"
#include "lib/db/db_sql.h"
#include "tests/unit/tracking_test_db.h"

/* How many of the params of run r match. */
static int64_t matches(struct tracking_test *t, enum filter_op op, const char *value) {
        const struct filter_clause c = {.op = op, .kind = FILTER_TEXT, .text = value};
        struct search_sql sql;
        struct db_stmt *s;
        int64_t n = 0;

        search_sql_init(&sql, &t->arena);
        search_sql_add(&sql, "SELECT value FROM params WHERE ");
        search_sql_compare(&sql, "value", &c);
        search_sql_page(&sql, 100, 0);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        while (db_step(s) == DB_ROW)
                n++;
        db_reset(s);
        search_sql_done(&sql);
        return n;
}

static void test_like(void **state) {
        struct tracking_test *t = *state;
        static const char *const values[] = {"Alpha", "alpha", "a*pha", "a[b]",
                                             "a?",    "10%",   "",      "ünï"};

        tracking_test_run(t, "r", 1);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                char key[4] = {(char) ('a' + i)};

                assert_int_equal(params_sql_insert(t->db, "r", key, values[i], &t->arena, NULL), 0);
        }
        assert_int_equal(matches(t, FILTER_LIKE, "alpha"), 1);
        assert_int_equal(matches(t, FILTER_LIKE, "%lpha"), 2);
        assert_int_equal(matches(t, FILTER_LIKE, "_lpha"), 2);
        assert_int_equal(matches(t, FILTER_LIKE, "a*pha"), 1);
        assert_int_equal(matches(t, FILTER_LIKE, "a[b]"), 1);
        assert_int_equal(matches(t, FILTER_LIKE, "a?"), 1);
        assert_int_equal(matches(t, FILTER_LIKE, "_n_"), 1);
        assert_int_equal(matches(t, FILTER_LIKE, "%"), 8);
        assert_int_equal(matches(t, FILTER_ILIKE, "ALPHA"), 2);
        assert_int_equal(matches(t, FILTER_RLIKE, "^[Aa]l"), 2);
        assert_int_equal(matches(t, FILTER_RLIKE, "lpha|%$"), 3);
        assert_int_equal(matches(t, FILTER_RLIKE, "("), 0);
        assert_int_equal(matches(t, FILTER_EQ, "Alpha"), 1);
        assert_int_equal(matches(t, FILTER_NE, "Alpha"), 7);
        /* A value is a value, whatever it says. */
        assert_int_equal(matches(t, FILTER_EQ, "' OR 1=1 --"), 0);
}

static void test_lists(void **state) {
        struct tracking_test *t = *state;
        const char *values[] = {"a", "b'", "c"};
        const struct filter_clause c = {
                .op = FILTER_NOT_IN, .kind = FILTER_LIST, .list = values, .n_list = 3};
        struct db_sql_facts facts;
        struct search_sql sql;
        struct buf text = {};

        search_sql_init(&sql, &t->arena);
        search_sql_compare(&sql, "x", &c);
        search_sql_add(&sql, " AND ");
        search_sql_in_i64(&sql, "y", (const int64_t[]){1, 2}, 2);
        assert_int_equal(db_sql_translate(buf_cstr(&sql.text), DB_SQLITE, &text, &facts), 0);
        assert_string_equal(buf_cstr(&text), "NOT x IN (?,?,?) AND y IN (?,?)");
        buf_reset(&text);
        assert_int_equal(db_sql_translate(buf_cstr(&sql.text), DB_MYSQL, &text, &facts), 0);
        assert_string_equal(buf_cstr(&text), "NOT BINARY x IN (?,?,?) AND y IN (?,?)");
        buf_done(&text);
        assert_int_equal(sql.n_values, 5);
        search_sql_done(&sql);
}

int main(void) {
        const struct CMUnitTest tests[] = {tracking_db_test(test_like),
                                           tracking_db_test(test_lists)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
