#include "daemons/tracking/tracking_db.h"

#include "daemons/tracking/assessments_sql.h"
#include "daemons/tracking/evaluation_datasets_sql.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/gateway_budgets_sql.h"
#include "daemons/tracking/gateway_endpoints_sql.h"
#include "daemons/tracking/gateway_guardrails_sql.h"
#include "daemons/tracking/gateway_models_sql.h"
#include "daemons/tracking/gateway_secrets_sql.h"
#include "daemons/tracking/gc_sql.h"
#include "daemons/tracking/inputs_sql.h"
#include "daemons/tracking/issues_sql.h"
#include "daemons/tracking/label_schemas_sql.h"
#include "daemons/tracking/lineage_sql.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/model_versions_sql.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/registered_models_sql.h"
#include "daemons/tracking/review_queues_sql.h"
#include "daemons/tracking/run_resume.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/scorers_sql.h"
#include "daemons/tracking/tags_sql.h"
#include "daemons/tracking/task_runs_sql.h"
#include "daemons/tracking/traces_sql.h"
#include "daemons/tracking/webhook_deliveries_sql.h"
#include "daemons/tracking/webhooks_sql.h"
#include "lib/base/clock.h"
#include "lib/base/macros.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_writer.h"

/* Those that need the tables of MLflow 3.18 come last. */
static const struct db_set *const sets[] = {
        &experiments_sql_set,
        &runs_sql_set,
        &metrics_sql_set,
        &params_sql_set,
        &tags_sql_set,
        &inputs_sql_set,
        &lineage_sql_set,
        &logged_models_sql_set,
        &registered_models_sql_set,
        &model_versions_sql_set,
        &webhooks_sql_set,
        &webhook_deliveries_sql_set,
        &evaluation_datasets_sql_set,
        &gateway_endpoints_sql_set,
        &gateway_models_sql_set,
        &gateway_secrets_sql_set,
        &label_schemas_sql_set,
        &review_queues_sql_set,
        &run_resume_set,
        &scorers_sql_set,
        &task_runs_sql_set,
        &traces_sql_set,
        &assessments_sql_set,
        &issues_sql_set,
        &gc_sql_set,
        &gateway_budgets_sql_set,
        &gateway_guardrails_sql_set,
};

enum { SETS_OF_318 = 5 };

/* The tables of traces changed with 3.18: is the database that new? */
static bool is_new(struct db *schema) {
        struct db_stmt *s;

        if (db_prepare_dynamic(schema, "SELECT trace_name, session_id FROM trace_info WHERE 1 = 0",
                               &s) < 0)
                return false;
        db_reset(s);
        return true;
}

int tracking_db_open(const char *uri, struct db *schema, struct errmsg *em,
                     struct db_writer **ret_writer, struct db_readers **ret_readers,
                     bool *ret_has_traces) {
        struct db_config config = {
                .uri = uri, .flags = DB_FOREIGN_KEYS, .sets = sets, .n_sets = ARRAY_SIZE(sets)};
        struct db_writer *writer;
        int r;

        *ret_has_traces = is_new(schema);
        if (!*ret_has_traces)
                config.n_sets -= SETS_OF_318;
        r = db_writer_new(&config, 0, em, &writer);
        if (r < 0)
                return r;
        config.flags |= DB_CHECKED; /* by the writer */
        r = db_readers_new(&config, em, ret_readers);
        if (r < 0) {
                db_writer_free(writer);
                return r;
        }
        *ret_writer = writer;
        return 0;
}
