/* tracking_test_db.h: a new database of MLflow's in memory, with two experiments and a run. */
#pragma once

#include <stdio.h>

#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/inputs_sql.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/model_versions_sql.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/registered_models_sql.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/tags_sql.h"
#include "daemons/tracking/tracking_schema.h"
#include "lib/base/fileio.h"
#include "tests/unit/tracking_test.h"

static inline int tracking_test_db_setup(void **state) {
        static const struct db_set *const sets[] = {
                &experiments_sql_set,       &inputs_sql_set, &logged_models_sql_set,
                &metrics_sql_set,           &params_sql_set, &model_versions_sql_set,
                &registered_models_sql_set, &runs_sql_set,   &tags_sql_set,
        };
        char path[] = "/tmp/onebox-tracking-XXXXXX", uri[64];
        struct errmsg em = {};
        struct tracking_test *t;
        int64_t id;

        tracking_test_setup(state);
        t = *state;
        assert_non_null(mkdtemp(path));
        snprintf(uri, sizeof(uri), "sqlite:///%s/mlflow.db", path);
        if (tracking_schema_ensure(uri, "mlflow-artifacts:/", 5, &em) < 0)
                fail_msg("%s", em.text);
        assert_int_equal(db_open(uri, DB_FOREIGN_KEYS, &em, &t->db), 0);
        for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
                if (db_prepare_set(t->db, sets[i], &em) < 0)
                        fail_msg("%s", em.text);
        assert_int_equal(fileio_rm_rf(path), 0); /* the open file lives on */
        assert_int_equal(db_begin(t->db, true), 0);
        assert_int_equal(experiments_sql_insert(t->db, "e", "mlflow-artifacts:/1", 7, &id), 0);
        assert_int_equal(id, 1);
        return 0;
}

static inline void tracking_test_run(struct tracking_test *t, const char *id, int64_t start) {
        const struct run run = {.id = id,
                                .name = id,
                                .user_id = "",
                                .status = "RUNNING",
                                .artifact_uri = "",
                                .experiment_id = 1,
                                .start_at_ms = start,
                                .is_active = true};

        assert_int_equal(runs_sql_insert(t->db, &run), 0);
}

#define tracking_db_test(f) \
        cmocka_unit_test_setup_teardown(f, tracking_test_db_setup, tracking_test_teardown)
