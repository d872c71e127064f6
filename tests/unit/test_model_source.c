/* Where a model version may come from. */
#include "daemons/tracking/model_source.h"

#include "tests/unit/tracking_test_db.h"

static void fill(struct tracking_test *t) {
        struct run run = {.id = "r1",
                          .name = "r",
                          .user_id = "",
                          .status = "RUNNING",
                          .artifact_uri = "mlflow-artifacts:/1/r1/artifacts",
                          .experiment_id = 1,
                          .is_active = true};
        struct logged_model m = {.id = "m-1",
                                 .name = "m",
                                 .artifact_location = "mlflow-artifacts:/1/models/m-1/artifacts",
                                 .type = "",
                                 .source_run_id = "r1",
                                 .experiment_id = 1};
        const struct registered_model rm = {.name = "M", .description = ""};
        struct model_version v = {.name = "M",
                                  .description = "",
                                  .source = "mlflow-artifacts:/1/r1/artifacts/x",
                                  .run_id = "r1",
                                  .run_link = "",
                                  .storage_location = "mlflow-artifacts:/1/r1/artifacts/x"};

        assert_int_equal(runs_sql_insert(t->db, &run), 0);
        run.id = "r2";
        run.artifact_uri = "/data/1/r2/artifacts";
        assert_int_equal(runs_sql_insert(t->db, &run), 0);
        assert_int_equal(logged_models_sql_insert(t->db, &m), 0);
        assert_int_equal(registered_models_sql_insert(t->db, &rm), 0);
        assert_int_equal(model_versions_sql_insert(t->db, &v), 0);
        assert_int_equal(registered_models_sql_alias_set(t->db, "M", "best", 1), 0);
}

static int resolve(struct tracking_test *t, const char *source, const char *run_id,
                   const char *model_id, struct model_source *ret) {
        *ret = (struct model_source){.source = source,
                                     .run_id = run_id,
                                     .model_id = model_id,
                                     .has_run_id = run_id,
                                     .has_model_id = model_id};
        return model_source_resolve(t->db, &t->refusal, ret);
}

static void test_good(void **state) {
        struct tracking_test *t = *state;
        struct model_source s;

        fill(t);
        assert_int_equal(resolve(t, "mlflow-artifacts:/1/r1/artifacts/model", "r1", NULL, &s), 0);
        assert_int_equal(resolve(t, "mlflow-artifacts:/1/r1/artifacts", "r1", NULL, &s), 0);
        assert_int_equal(resolve(t, "runs:/r1/model", "r1", NULL, &s), 0);
        assert_int_equal(resolve(t, "s3://bucket/x", NULL, NULL, &s), 0);
        assert_int_equal(resolve(t, "s3://bucket//x//y/", NULL, NULL, &s), 0);
        assert_string_equal(s.storage_location, "s3://bucket//x//y/");
        assert_int_equal(resolve(t, "mlflow-artifacts:/1//r1/artifacts//m///", "r1", NULL, &s), 0);
        assert_int_equal(resolve(t, "mlflow-artifacts:/1/r1/artifacts/..x/...", "r1", NULL, &s), 0);
        assert_int_equal(resolve(t, "runs:/r1//model//", "r1", NULL, &s), 0);
        assert_int_equal(resolve(t, "/data/1/r2/artifacts/m", "r2", NULL, &s), 0);
        assert_int_equal(resolve(t, "models:/m-1", NULL, "m-1", &s), 0);
        assert_string_equal(s.storage_location, "mlflow-artifacts:/1/models/m-1/artifacts");
        assert_string_equal(s.run_id, "r1");
        for (size_t i = 0; i < 4; i++) {
                static const char *const same[] = {"models:/M/1", "models:/M@best",
                                                   "models:/M/latest", "models:/M/none"};

                assert_int_equal(resolve(t, same[i], NULL, NULL, &s), 0);
                assert_string_equal(s.source, "models:/M/1");
                assert_string_equal(s.storage_location, "mlflow-artifacts:/1/r1/artifacts/x");
                assert_string_equal(s.run_id, "r1");
        }
}

static void test_refused(void **state) {
        struct tracking_test *t = *state;
        static const struct {
                const char *source, *run_id, *model_id, *words;
        } rows[] = {
                {"mlflow-artifacts:/1/r1/artifacts/m", NULL, NULL,
                 "run_id request parameter must identify"},
                {"mlflow-artifacts:/1/r1/artifacts/m", "r2", NULL, "must identify"},
                {"mlflow-artifacts:/1/r1/artifactsX/m", "r1", NULL, "must identify"},
                {"mlflow-artifacts:/1/r1/artifacts/../../x", "r1", NULL, "without relative path"},
                {"mlflow-artifacts:/1/r1/artifacts/%2e%2e/x", "r1", NULL, "without relative path"},
                {"mlflow-artifacts:/1/r1/artifacts/.", "r1", NULL, "without relative path"},
                {"mlflow-artifacts:/1/r1/artifacts/%2e/m", "r1", NULL, "without relative path"},
                {"mlflow-artifacts:/./1/r1/artifacts/m", "r1", NULL, "without relative path"},
                {"mlflow-artifacts:/models///", "r1", NULL, "must identify"},
                {"http://h/api/2.0/mlflow-artifacts/artifacts/2/x", "r1", NULL, "must identify"},
                {"s3://b/x/.", NULL, NULL, "without relative path"},
                {"s3://b/../x", NULL, NULL, "without relative path"},
                {"s3://b", NULL, NULL, "without relative path"},
                {"s3://b/", NULL, NULL, "without relative path"},
                {"s3://b?x", NULL, NULL, "without relative path"},
                {"dbfs:/", NULL, NULL, "without relative path"},
                {"foo:x", NULL, NULL, "without relative path"},
                {"mlflow-artifacts:", "r1", NULL, "without relative path"},
                {"runs:/r1/m", "r2", NULL, "must identify"},
                {"runs:/r1/m", NULL, NULL, "must identify"},
                {"/etc/passwd", NULL, NULL, "To use a local path"},
                {"/data/1/r2/artifacts/../../x", "r2", NULL, "To use a local path"},
                {"file:///etc", "r1", NULL, "To use a local path"},
                {"/data/1/r2/artifacts/m/../..", "r2", NULL, "To use a local path"},
                {"data/1/r2/artifacts/m", "r2", NULL, "To use a local path"},
                {"file://10.0.0.1/data/1/r2/artifacts", "r2", NULL, "is not a valid remote uri"},
                {"models:/m-1", NULL, NULL, "model_id request parameter must identify"},
                {"models:/m-1", NULL, "m-2", "model_id request parameter must identify"},
                {"models:/M/9", NULL, NULL, "(name=M, version=9) not found"},
                {"models:/M@nope", NULL, NULL, "alias nope not found"},
                {"models:/M/Production", NULL, NULL, "Latest version not found"},
                {"models:/nope/1", NULL, NULL, "name=nope not found"},
                {"models:/M/1", "r2", NULL, "must match the referenced model version"},
                {"models:/M/1", NULL, "m-1", "must match the referenced model version"},
                {"models://host/M/1", NULL, NULL, "must use the active model registry"},
        };
        struct model_source s;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_refused(t, resolve(t, rows[i].source, rows[i].run_id, rows[i].model_id, &s),
                               rows[i].words);
        assert_refused(t, model_source_check_prompt(&t->refusal, "s3://x"),
                       "Invalid prompt source");
        assert_int_equal(model_source_check_prompt(&t->refusal, "dummy-source"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {tracking_db_test(test_good),
                                           tracking_db_test(test_refused)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
