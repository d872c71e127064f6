/* What tracking is told when a try begins: written here, read back as tracking reads it. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/tracked_body.h"
#include "lib/base/str.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

struct made {
        struct world w;
        struct world_task *task;
        struct arena arena;
        struct buf text;
        struct json *body;
};

static void make(struct made *m, const char *head, const char *task, const char *spec) {
        struct world_dag *wd;
        struct tracked_body b = {.user = "airflow", .at = CORE_FIXTURE_NOW + 1500};
        struct errmsg em = {};
        struct json *j = NULL;
        char json[2048];

        *m = (struct made){};
        arena_init(&m->arena, 0);
        assert_int_equal(world_init(&m->w, 8), 0);
        snprintf(json, sizeof(json),
                 "{\"onebox_dag\":1,\"dag_id\":\"d\",%s\"tasks\":[{\"id\":\"t\",%s}]}", head, task);
        wd = core_fixture_put(&m->w, core_fixture_dag(json));
        m->task = core_fixture_task(core_fixture_run(&m->w, wd, "r", CORE_FIXTURE_NOW), "t");
        str_copy(m->task->try_id, sizeof(m->task->try_id), ID);
        m->task->try_number = 2;
        if (spec)
                assert_int_equal(json_parse_copy(&m->arena, spec, strlen(spec), &j, &em), 0);
        b.task = m->task;
        b.spec = j;
        assert_int_equal(tracked_body_print(&b, &m->text), 0);
        if (json_parse_copy(&m->arena, m->text.data, m->text.len, &m->body, &em) < 0)
                fail_msg("%s: %s", m->text.data, em.text);
}

static void done(struct made *m) {
        m->task->try_id[0] = 0;
        m->task->try_number = 0;
        world_done(&m->w);
        buf_done(&m->text);
        arena_done(&m->arena);
}

/* The value of a tag or param; NULL: there is none. */
static const char *value_of(const struct made *m, const char *list, const char *key) {
        const char *value = NULL, *found = NULL;
        const struct json *item;

        json_each (item, json_get(json_get(m->body, "run"), list)) {
                assert_int_equal(json_str(json_get(item, "key"), &value), 0);
                if (!str_eq(value, key))
                        continue;
                assert_null(found); /* once */
                assert_int_equal(json_str(json_get(item, "value"), &found), 0);
        }
        return found;
}

static const char *text_of(const struct json *j, const char *key) {
        const char *text = NULL;

        (void) json_str(json_get(j, key), &text);
        return text;
}

static void all_there_is(void **state) {
        const struct json *run, *file;
        struct made m;
        int64_t at;

        make(&m, "\"tags\":[\"etl\",\"team:risk\",\"x:\",\":y\",\"mlflow.user\",\"onebox.try:9\"],",
             "\"cmd\":\"echo {{ds}}\",\"type\":\"sql\",\"description\":\"Does it\"",
             "{\"cmd\":\"echo 1\",\"tracking\":{\"experiment\":\"e\",\"source_tables\":[\"p.d.a\","
             "\"p.d.b\"],\"destination_table\":\"p.d.c\"}}");
        run = json_get(m.body, "run");
        assert_string_equal(text_of(run, "experiment"), "e");
        assert_string_equal(text_of(run, "name"), "t");
        assert_string_equal(text_of(run, "user"), "airflow");
        assert_string_equal(text_of(run, "for_user"), "onebox");
        assert_int_equal(json_i64(json_get(run, "start_time"), &at), 0);
        assert_int_equal(at, (CORE_FIXTURE_NOW + 1500) / 1000);
        assert_string_equal(value_of(&m, "params", "task_id"), "t");
        assert_string_equal(value_of(&m, "params", "operator"), "sql");
        assert_string_equal(value_of(&m, "params", "execution_date"), "2026-01-01T00:00:00+00:00");
        assert_string_equal(value_of(&m, "params", "project"), "p"); /* the table's */
        assert_string_equal(value_of(&m, "params", "source_tables"), "p.d.a, p.d.b");
        assert_string_equal(value_of(&m, "params", "destination_table"), "p.d.c");
        assert_null(value_of(&m, "params", "task_status")); /* not yet */
        assert_string_equal(value_of(&m, "tags", "etl"), "true");
        assert_string_equal(value_of(&m, "tags", "team"), "risk");
        assert_string_equal(value_of(&m, "tags", "x"), "true");
        assert_null(value_of(&m, "tags", ""));
        assert_string_equal(value_of(&m, "tags", "mlflow.user"),
                            "airflow"); /* no tag changes that */
        assert_string_equal(value_of(&m, "tags", "onebox.try"), "2");
        assert_string_equal(value_of(&m, "tags", "onebox.try_id"), ID);
        assert_string_equal(value_of(&m, "tags", "mlflow.note.content"), "Does it");
        assert_null(value_of(&m, "tags", "onebox.map_index"));
        assert_int_equal(json_get(run, "datasets")->len, 3);
        file = json_at(json_get(m.body, "files"), 0);
        assert_string_equal(text_of(file, "path"), "task/command.sh");
        assert_string_equal(text_of(file, "text"), "echo 1\n");
        done(&m);
}

static void what_nobody_said_is_left_out(void **state) {
        struct made m;

        make(&m, "", "\"argv\":[\"a\",\"b c\"]", "{\"argv\":[\"a\",\"b c\"],\"tracking\":{}}");
        assert_string_equal(text_of(json_get(m.body, "run"), "experiment"), "d");
        assert_string_equal(value_of(&m, "params", "operator"), "command");
        assert_null(value_of(&m, "params", "project"));
        assert_null(value_of(&m, "params", "source_tables"));
        assert_null(value_of(&m, "tags", "onebox.dag_tags"));
        assert_int_equal(json_get(json_get(m.body, "run"), "datasets")->len, 0);
        assert_string_equal(text_of(json_at(json_get(m.body, "files"), 0), "path"),
                            "task/command.json");
        done(&m);
}

/* A try that never began, for its command could not be made. */
static void without_a_spec(void **state) {
        struct made m;

        make(&m, "", "\"cmd\":\"x\"", NULL);
        assert_string_equal(value_of(&m, "params", "task_id"), "t");
        assert_string_equal(value_of(&m, "params", "operator"), "bash");
        assert_int_equal(json_get(m.body, "files")->len, 0);
        done(&m);
}

static void a_project_is_of_three_parts(void **state) {
        static const struct {
                const char *tracking, *project;
        } rows[] = {
                {"{\"destination_table\":\"d.t\"}", NULL},
                {"{\"destination_table\":\"t\"}", NULL},
                {"{\"destination_table\":\"p.d.t\",\"project\":\"other\"}", "other"},
                {"{\"project\":\"only\"}", "only"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char spec[256];
                struct made m;

                snprintf(spec, sizeof(spec), "{\"cmd\":\"x\",\"tracking\":%s}", rows[i].tracking);
                make(&m, "", "\"cmd\":\"x\"", spec);
                if (rows[i].project)
                        assert_string_equal(value_of(&m, "params", "project"), rows[i].project);
                else
                        assert_null(value_of(&m, "params", "project"));
                done(&m);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_there_is),
                cmocka_unit_test(what_nobody_said_is_left_out),
                cmocka_unit_test(without_a_spec),
                cmocka_unit_test(a_project_is_of_three_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
