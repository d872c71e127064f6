/* A run that a later try goes on with has one history. */
#include "daemons/tracking/run_resume.h"

#include "lib/auth/auth_identity.h"
#include "tests/unit/tracking_test_db.h"

static const struct auth_identity first = {.name = "u",
                                           .how = AUTH_BY_TASK,
                                           .dag_id = "d",
                                           .run_id = "r",
                                           .task_id = "t",
                                           .try_id = "a",
                                           .try_number = 1};
static const struct auth_identity second = {.name = "u",
                                            .how = AUTH_BY_TASK,
                                            .dag_id = "d",
                                            .run_id = "r",
                                            .task_id = "t",
                                            .try_id = "b",
                                            .try_number = 2};
static const struct auth_identity other = {.name = "u",
                                           .how = AUTH_BY_TASK,
                                           .dag_id = "d",
                                           .run_id = "r",
                                           .task_id = "x",
                                           .try_id = "c",
                                           .try_number = 9};

static void tag(struct tracking_test *t, const char *key, const char *value) {
        assert_int_equal(tags_sql_set_one(t->db, "r", key, value), 0);
}

static void assert_tag(struct tracking_test *t, const char *key, const char *value) {
        const char *text = NULL;
        int r = tags_sql_get(t->db, "r", key, &t->arena, &text);

        assert_int_equal(r, value ? DB_ROW : DB_DONE);
        if (value)
                assert_string_equal(text, value);
}

static void log_point(struct tracking_test *t, struct run_resume *x, const char *key, int64_t step,
                      int64_t at, double value) {
        const struct metric m = {.key = key, .value = value, .at_ms = at, .step = step};

        assert_int_equal(run_resume_cut(x, t->db, "r", &m, 1), 0);
        assert_int_equal(metrics_sql_insert(t->db, NULL, "r", &m), 0);
}

/* "step:value step:value …" of the key's history. */
static const char *history(struct tracking_test *t, const char *key) {
        DB_USE struct db_stmt *s = metrics_sql_history(t->db, "r", key, -1, 0);
        char *text = arena_strdup(&t->arena, "");

        while (db_step(s) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                text = arena_printf(&t->arena, "%s%s%d:%g", text, *text ? " " : "", (int) m.step,
                                    m.value);
        }
        return text;
}

static double latest(struct tracking_test *t, const char *key) {
        DB_USE struct db_stmt *s = metrics_sql_latest(t->db, "r");
        double value = -1;

        while (db_step(s) == DB_ROW)
                if (!strcmp(db_col_text(s, 0), key))
                        value = metrics_sql_read(s).value;
        return value;
}

static struct run_resume *begin(struct tracking_test *t) {
        struct run_resume *x = run_resume_new();
        struct errmsg em = {};

        assert_non_null(x);
        assert_int_equal(db_prepare_set(t->db, &run_resume_set, &em), 0);
        tracking_test_run(t, "r", 1);
        tag(t, "onebox.dag_id", "d");
        tag(t, "onebox.run_id", "r");
        tag(t, "onebox.task_id", "t");
        tag(t, "onebox.try", "1");
        tag(t, "onebox.try_id", "a");
        for (int i = 0; i < 6; i++)
                log_point(t, x, "loss", i, 100 + i, i);
        for (int i = 0; i < 3; i++)
                log_point(t, x, "stepless", 0, 100 + i, i);
        return x;
}

static void test_one_history(void **state) {
        struct tracking_test *t = *state;
        struct run_resume *x = begin(t);
        const struct metric batch[] = {
                {.key = "loss", .value = 14, .at_ms = 1002, .step = 4},
                {.key = "loss", .value = 13, .at_ms = 1001, .step = 3},
                {.key = "new", .value = 1, .at_ms = 1001, .step = 3},
        };

        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", &second, 1000), 0);
        assert_tag(t, "onebox.try_id", "b");
        assert_tag(t, "onebox.try", "2");
        assert_tag(t, "onebox.resumed_at", "1000");
        assert_int_equal(run_resume_cut(x, t->db, "r", batch, 3), 0);
        assert_string_equal(history(t, "loss"), "0:0 1:1 2:2");
        assert_true(latest(t, "loss") == 2);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(metrics_sql_insert(t->db, NULL, "r", &batch[i]), 0);
        assert_string_equal(history(t, "loss"), "0:0 1:1 2:2 3:13 4:14");
        log_point(t, x, "loss", 2, 1003, 99); /* going back within one try is the program's own */
        log_point(t, x, "loss", 5, 1004, 15);
        assert_string_equal(history(t, "loss"), "0:0 1:1 2:2 3:13 4:14 2:99 5:15");
        assert_true(latest(t, "loss") == 15);
        log_point(t, x, "stepless", 0, 1005, 3);
        assert_string_equal(history(t, "stepless"), "0:0 0:1 0:2 0:3");
        run_resume_free(x);
}

/* What is known is in the database: a server that was restarted in between goes on. */
static void test_restarted(void **state) {
        struct tracking_test *t = *state;
        struct run_resume *x = begin(t);

        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", &second, 1000), 0);
        run_resume_free(x);
        x = run_resume_new();
        log_point(t, x, "loss", 1, 1001, 11);
        assert_string_equal(history(t, "loss"), "0:0 1:11");
        run_resume_free(x);
        x = run_resume_new();
        log_point(t, x, "loss", 2, 1002, 12);
        assert_string_equal(history(t, "loss"), "0:0 1:11 2:12");
        run_resume_free(x);
}

/* From the beginning, and behind the end: everything goes, nothing goes. */
static void test_edges(void **state) {
        struct tracking_test *t = *state;
        struct run_resume *x = begin(t);

        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", &second, 1000), 0);
        log_point(t, x, "loss", 6, 1001, 16);
        assert_string_equal(history(t, "loss"), "0:0 1:1 2:2 3:3 4:4 5:5 6:16");
        run_resume_free(x);
}

static void test_all_again(void **state) {
        struct tracking_test *t = *state;
        struct run_resume *x = begin(t);

        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", &second, 1000), 0);
        log_point(t, x, "loss", 0, 1001, 10);
        assert_string_equal(history(t, "loss"), "0:10");
        assert_true(latest(t, "loss") == 10);
        run_resume_free(x);
}

/* Another task's hand on the run ends it with that task, and cuts nothing; the same try's changes
 * nothing; nobody's neither. */
static void test_others(void **state) {
        struct tracking_test *t = *state;
        struct run_resume *x = begin(t);

        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", &first, 1000), 0);
        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", NULL, 1000), 0);
        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r",
                                          &(struct auth_identity){.name = "u"}, 1000),
                         0);
        assert_tag(t, "onebox.try_id", "a");
        assert_int_equal(run_resume_claim(x, t->db, &t->arena, "r", &other, 1000), 0);
        assert_tag(t, "onebox.try_id", "c");
        assert_tag(t, "onebox.task_id", "t");
        assert_tag(t, "onebox.resumed_at", NULL);
        log_point(t, x, "loss", 1, 1001, 11);
        assert_string_equal(history(t, "loss"), "0:0 1:1 2:2 3:3 4:4 5:5 1:11");
        run_resume_free(x);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_one_history), tracking_db_test(test_restarted),
                tracking_db_test(test_edges),       tracking_db_test(test_all_again),
                tracking_db_test(test_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
