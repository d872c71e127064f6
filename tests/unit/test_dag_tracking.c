/* The key "tracking" of a task: who has a run of its own, and what it is told to say. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/dag_tracking.h"

static int parse(const char *value, const char *kind, struct dag **ret, struct errmsg *em) {
        char json[4096];

        snprintf(json, sizeof(json),
                 "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":[{\"id\":\"t\",%s%s%s}]}", kind,
                 value ? ",\"tracking\":" : "", value ? value : "");
        return dag_parse(json, strlen(json), ret, em);
}

#define COMMAND "\"cmd\":\"x\""

static void expect_on(const char *value, const char *kind, bool by_default, bool expected) {
        struct errmsg em = {};
        struct dag *d = NULL;

        if (parse(value, kind, &d, &em) < 0)
                fail_msg("%s", em.text);
        assert_int_equal(dag_tracking_is_on(&d->tasks[0], by_default), expected);
        dag_unref(d);
}

static void who_has_a_run(void **state) {
        for (int by_default = 0; by_default < 2; by_default++) {
                expect_on(NULL, COMMAND, by_default, by_default);
                expect_on("null", COMMAND, by_default, by_default);
                expect_on("true", COMMAND, by_default, true);
                expect_on("false", COMMAND, by_default, false);
                expect_on("{}", COMMAND, by_default, true);
                expect_on("{\"project\":\"p\"}", COMMAND, by_default, true);
                expect_on("true", "\"kind\":\"marker\"", by_default, false); /* it has no try */
        }
}

static void what_it_says(void **state) {
        const struct dag_tracking *t;
        struct errmsg em = {};
        struct dag *d = NULL;

        assert_int_equal(parse("{\"experiment\":\"e\",\"project\":\"p\",\"source_tables\":[\"a\","
                               "\"b\"],\"destination_table\":\"c\"}",
                               COMMAND, &d, &em),
                         0);
        t = &d->tasks[0].tracking;
        assert_string_equal(t->experiment, "e");
        assert_string_equal(t->project, "p");
        assert_int_equal(t->n_source_tables, 2);
        assert_string_equal(t->source_tables[1], "b");
        assert_string_equal(t->destination_table, "c");
        d = dag_unref(d);
        assert_int_equal(parse("{\"source_tables\":\"a\"}", COMMAND, &d, &em), 0);
        assert_int_equal(d->tasks[0].tracking.n_source_tables, 1);
        assert_string_equal(d->tasks[0].tracking.source_tables[0], "a");
        dag_unref(d);
}

static void expect_error(const char *value, const char *words) {
        struct errmsg em = {};
        struct dag *d = NULL;

        assert_int_equal(parse(value, COMMAND, &d, &em), -EINVAL);
        if (!strstr(em.text, words))
                fail_msg("%s: %s", value, em.text);
        assert_non_null(strstr(em.text, "tasks[0].tracking"));
}

static void errors_name_the_place(void **state) {
        char long_name[600], many[2048] = "{\"source_tables\":[\"t\"";

        expect_error("\"yes\"", "must be true, false or an object, not a string");
        expect_error("[true]", "must be true, false or an object, not an array");
        expect_error("{\"experimnt\":\"e\"}", "did you mean \"experiment\"?");
        expect_error("{\"source_tables\":[1]}", "source_tables[0]: must be a string");
        expect_error("{\"source_tables\":{}}", "must be an array of strings");
        expect_error("{\"destination_table\":\"\"}", "must not be empty");
        snprintf(long_name, sizeof(long_name), "{\"experiment\":\"%0501d\"}", 0);
        expect_error(long_name, "longer than 500");
        for (int i = 0; i < 100; i++)
                strcat(many, ",\"t\"");
        strcat(many, "]}");
        expect_error(many, "more than 100 tables");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_has_a_run),
                cmocka_unit_test(what_it_says),
                cmocka_unit_test(errors_name_the_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
