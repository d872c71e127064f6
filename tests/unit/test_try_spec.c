#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/try_spec.h"
#include "daemons/task/task_spec.h"
#include "lib/base/str.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

struct made {
        struct world w;
        struct world_task *task;
        struct buf text;
        struct arena arena;
        struct task_spec spec; /* as the shim reads it */
};

static const char *env_of(const struct made *m, const char *name) {
        for (const char *const *e = m->spec.envp; *e; e++) {
                const char *rest = str_after(*e, name);

                if (rest && *rest == '=')
                        return rest + 1;
        }
        return NULL;
}

/* A run of one task and its spec, written by us and read by the shim's own reader. */
static int make(struct made *m, const char *task_json, const char *conf, struct errmsg *em) {
        char json[2048];
        struct world_dag *wd;
        struct world_event e = {
                .kind = WORLD_RUN_CREATED,
                .at = CORE_FIXTURE_NOW,
                .run_id = "run 1",
                .run_type = RUN_TYPE_MANUAL,
                .when = {CORE_FIXTURE_NOW, CORE_FIXTURE_NOW, CORE_FIXTURE_NOW, CORE_FIXTURE_NOW},
                .conf = conf};
        int r;

        *m = (struct made){};
        arena_init(&m->arena, 0);
        assert_int_equal(world_init(&m->w, 8), 0);
        snprintf(json, sizeof(json),
                 "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":[{\"id\":\"t\",%s}]}", task_json);
        wd = core_fixture_put(&m->w, core_fixture_dag(json));
        e.dag = wd;
        assert_int_equal(core_fixture_apply(&m->w, &e), 0);
        m->task = core_fixture_task(world_get_run(wd, "run 1"), "t");
        str_copy(m->task->try_id, sizeof(m->task->try_id), ID);
        m->task->try_number = 3;
        r = try_spec_print(&(struct try_spec){.task = m->task,
                                              .token = "to.ke.n",
                                              .tracking_url = "http://127.0.0.1:5",
                                              .state_dir = "/state",
                                              .venv = "/state/venv",
                                              .scheduler_socket = "/run/s.sock",
                                              .stop_at = CORE_FIXTURE_NOW,
                                              .grace_for = 2500000,
                                              .tracked = true,
                                              .log_limit = 77},
                           &m->text, em);
        if (r < 0)
                return r;
        r = task_spec_parse(&m->arena, arena_strdup(&m->arena, m->text.data), m->text.len, NULL,
                            &m->spec, em);
        if (r < 0)
                fail_msg("%s: %s", m->text.data, em->text);
        return 0;
}

static void done(struct made *m) {
        m->task->try_id[0] = 0;
        m->task->try_number = 0;
        world_done(&m->w);
        buf_done(&m->text);
        arena_done(&m->arena);
}

static void what_a_task_knows(void **state) {
        struct errmsg em;
        struct made m;

        (void) state;
        assert_int_equal(make(&m, "\"cmd\":\"echo\",\"execution_timeout\":90", NULL, &em), 0);
        assert_string_equal(m.spec.try_id, ID);
        assert_string_equal(m.spec.argv[2], "echo");
        assert_int_equal(m.spec.timeout_for, 90 * USEC_PER_SEC);
        assert_int_equal(m.spec.grace_for, 2500000);
        assert_int_equal(m.spec.log_limit, 77);
        assert_string_equal(env_of(&m, "ONEBOX_DAG_ID"), "d");
        assert_string_equal(env_of(&m, "ONEBOX_RUN_ID"), "run 1");
        assert_string_equal(env_of(&m, "ONEBOX_TASK_ID"), "t");
        assert_string_equal(env_of(&m, "ONEBOX_TRY"), "3");
        assert_string_equal(env_of(&m, "ONEBOX_TRY_ID"), ID);
        assert_string_equal(env_of(&m, "ONEBOX_STOP_AT"), "2026-01-01T00:00:00Z");
        assert_string_equal(env_of(&m, "AIRFLOW_CTX_DAG_RUN_ID"), "run 1");
        assert_string_equal(env_of(&m, "AIRFLOW_CTX_LOGICAL_DATE"), "2026-01-01T00:00:00+00:00");
        assert_string_equal(env_of(&m, "MLFLOW_TRACKING_URI"), "http://127.0.0.1:5");
        assert_string_equal(env_of(&m, "MLFLOW_TRACKING_TOKEN"), "to.ke.n");
        assert_true(str_starts(env_of(&m, "PATH"), "/state/venv/bin:"));
        done(&m);
}

/* For the try's own run: filled in here, passed over by the shim. */
static void what_is_tracked_is_filled_in(void **state) {
        struct errmsg em;
        struct made m;

        assert_int_equal(make(&m,
                              "\"cmd\":\"x\",\"tracking\":{\"experiment\":\"e {{dag_id}}\","
                              "\"source_tables\":[\"a_{{ds_nodash}}\"],\"destination_table\":"
                              "\"b.{{x}}\"}",
                              "{\"x\":\"seven\"}", &em),
                         0);
        assert_non_null(strstr(m.text.data,
                               "\"tracking\":{\"experiment\":\"e d\",\"destination_table\":"
                               "\"b.seven\",\"source_tables\":[\"a_20260101\"]}"));
        assert_string_equal(env_of(&m, "MLFLOW_EXPERIMENT_NAME"), "e d");
        done(&m);
        assert_int_equal(make(&m,
                              "\"cmd\":\"x\",\"env\":{\"MLFLOW_EXPERIMENT_NAME\":\"own\"},"
                              "\"tracking\":{\"experiment\":\"e\"}",
                              NULL, &em),
                         0);
        assert_string_equal(env_of(&m, "MLFLOW_EXPERIMENT_NAME"), "own");
        done(&m);
}

static void a_task_may_say_otherwise_but_not_who_it_is(void **state) {
        struct errmsg em;
        struct made m;

        (void) state;
        assert_int_equal(make(&m,
                              "\"argv\":[\"a\",\"{{x}}\"],\"env\":{\"PATH\":\"/p\","
                              "\"MLFLOW_TRACKING_URI\":\"file:/x\",\"PYTHONUNBUFFERED\":\"\","
                              "\"ONEBOX_TRY_ID\":\"fake\",\"MINE\":\"<{{x}}>\"}",
                              "{\"x\":\"seven\",\"y\":[1]}", &em),
                         0);
        assert_string_equal(m.spec.argv[0], "a");
        assert_string_equal(m.spec.argv[1], "seven");
        assert_string_equal(env_of(&m, "PATH"), "/p");
        assert_string_equal(env_of(&m, "MLFLOW_TRACKING_URI"), "file:/x");
        assert_string_equal(env_of(&m, "PYTHONUNBUFFERED"), "");
        assert_string_equal(env_of(&m, "ONEBOX_TRY_ID"), ID);
        assert_string_equal(env_of(&m, "MINE"), "<seven>");
        done(&m);
}

static void placeholders_without_end_are_refused(void **state) {
        struct errmsg em = {};
        struct made m;

        (void) state;
        assert_int_equal(make(&m, "\"cmd\":\"{{x}}\"", "{\"x\":\"{{x}}\"}", &em), -EINVAL);
        assert_non_null(strstr(em.text, "\"t\""));
        done(&m);
}

static void conf_values_that_are_no_text(void **state) {
        struct errmsg em;
        struct made m;

        (void) state;
        assert_int_equal(make(&m, "\"cmd\":\"{{n}} {{b}} {{l}}\"",
                              "{\"n\":1.50,\"b\":true,\"l\":[1,{\"a\":null}]}", &em),
                         0);
        assert_string_equal(m.spec.argv[2], "1.50 true [1,{\"a\":null}]");
        done(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_a_task_knows),
                cmocka_unit_test(what_is_tracked_is_filled_in),
                cmocka_unit_test(a_task_may_say_otherwise_but_not_who_it_is),
                cmocka_unit_test(placeholders_without_end_are_refused),
                cmocka_unit_test(conf_values_that_are_no_text),
        };

        return cmocka_run_group_tests_name("try_spec", tests, NULL, NULL);
}
