#include "daemons/scheduler/scheduler_db.h"

#include "daemons/scheduler/backfills_sql.h"
#include "daemons/scheduler/callbacks_sql.h"
#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/import_errors_sql.h"
#include "daemons/scheduler/pools_sql.h"
#include "daemons/scheduler/secrets_sql.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "daemons/scheduler/tries_sql.h"
#include "daemons/scheduler/xcoms_sql.h"
#include "lib/base/macros.h"
#include "lib/base/str.h"
#include "lib/db/db_migrate.h"

const struct db_set *const scheduler_db_sets[] = {
        &dags_sql_set,          &dag_runs_sql_set,   &task_instances_sql_set, &tries_sql_set,
        &import_errors_sql_set, &event_logs_sql_set, &xcoms_sql_set,          &pools_sql_set,
        &callbacks_sql_set,     &secrets_sql_set,    &backfills_sql_set,
};
const size_t scheduler_db_n_sets = ARRAY_SIZE(scheduler_db_sets);

static const char first_tables[] =
        "CREATE TABLE dags ("
        "  dag_id TEXT PRIMARY KEY, is_paused INTEGER NOT NULL, is_gone INTEGER NOT NULL,"
        "  version INTEGER NOT NULL, parsed_at INTEGER NOT NULL,"
        "  last_logical_at INTEGER, last_start_at INTEGER, last_end_at INTEGER,"
        "  last_run_after_at INTEGER);"
        "CREATE TABLE dag_versions ("
        "  dag_id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,"
        "  created_at INTEGER NOT NULL, PRIMARY KEY (dag_id, version));"
        "CREATE TABLE dag_runs ("
        "  id INTEGER PRIMARY KEY, dag_id TEXT NOT NULL, run_id TEXT NOT NULL,"
        "  version INTEGER NOT NULL, state TEXT NOT NULL, run_type TEXT NOT NULL,"
        "  logical_at INTEGER, start_at INTEGER, end_at INTEGER, run_after_at INTEGER,"
        "  queued_at INTEGER, started_at INTEGER, ended_at INTEGER,"
        "  conf TEXT, note TEXT, triggered_by TEXT, UNIQUE (dag_id, run_id));"
        "CREATE INDEX dag_runs_by_logical ON dag_runs (dag_id, logical_at);"
        "CREATE INDEX dag_runs_open ON dag_runs (id) WHERE state IN ('queued', 'running');"
        "CREATE TABLE task_instances ("
        "  dag_run INTEGER NOT NULL, task_id TEXT NOT NULL, map_index INTEGER NOT NULL,"
        "  position INTEGER NOT NULL, state TEXT NOT NULL, try_number INTEGER NOT NULL,"
        "  max_tries INTEGER NOT NULL, try_id TEXT, queued_at INTEGER, started_at INTEGER,"
        "  ended_at INTEGER, retry_at INTEGER, stop TEXT, marked_state TEXT,"
        "  operator TEXT, pool TEXT NOT NULL, pool_slots INTEGER NOT NULL,"
        "  priority INTEGER NOT NULL,"
        "  PRIMARY KEY (dag_run, task_id, map_index)) WITHOUT ROWID;"
        "CREATE TABLE tries ("
        "  try_id TEXT PRIMARY KEY, dag_run INTEGER NOT NULL, task_id TEXT NOT NULL,"
        "  map_index INTEGER NOT NULL, try_number INTEGER NOT NULL, boot_id TEXT NOT NULL,"
        "  result TEXT, unix_user TEXT, queued_at INTEGER, started_at INTEGER, ended_at INTEGER,"
        "  exit_code INTEGER, signal INTEGER, message TEXT, cpu_user_s REAL, cpu_system_s REAL,"
        "  peak_memory_bytes INTEGER, read_bytes INTEGER, written_bytes INTEGER,"
        "  log_bytes INTEGER, oom INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0)"
        "  WITHOUT ROWID;"
        "CREATE INDEX tries_by_task ON tries (dag_run, task_id, map_index, try_number);"
        "CREATE INDEX tries_untold ON tries (try_id) WHERE told = 0 AND result IS NOT NULL;"
        "CREATE TABLE import_errors ("
        "  id INTEGER PRIMARY KEY, filename TEXT NOT NULL, message TEXT NOT NULL,"
        "  at INTEGER NOT NULL, UNIQUE (filename, message));"
        "CREATE TABLE event_logs ("
        "  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, dag_id TEXT,"
        "  run_id TEXT, task_id TEXT, map_index INTEGER, try_number INTEGER, owner TEXT,"
        "  extra TEXT);"
        "CREATE INDEX event_logs_by_dag ON event_logs (dag_id, id);";

/* What runs and tasks learned since; XComs; people's pools and backfills. */
static const char second_tables[] =
        "ALTER TABLE task_instances ADD COLUMN again INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE task_instances ADD COLUMN skips TEXT;"
        "ALTER TABLE task_instances ADD COLUMN leases TEXT;"
        "ALTER TABLE dag_runs ADD COLUMN missed_deadlines INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE dag_runs ADD COLUMN backfill INTEGER;"
        "ALTER TABLE dag_runs ADD COLUMN ignores_past INTEGER NOT NULL DEFAULT 0;"
        "CREATE INDEX dag_runs_by_backfill ON dag_runs (backfill) WHERE backfill IS NOT NULL;"
        "CREATE TABLE xcoms ("
        "  dag_run INTEGER NOT NULL, task_id TEXT NOT NULL, map_index INTEGER NOT NULL,"
        "  key TEXT NOT NULL, value TEXT, file TEXT, bytes INTEGER NOT NULL, at INTEGER NOT NULL,"
        "  PRIMARY KEY (dag_run, task_id, map_index, key)) WITHOUT ROWID;"
        "CREATE TABLE pools ("
        "  name TEXT PRIMARY KEY, slots INTEGER NOT NULL, include_deferred INTEGER NOT NULL,"
        "  description TEXT) WITHOUT ROWID;"
        "CREATE TABLE backfills ("
        "  id INTEGER PRIMARY KEY, dag_id TEXT NOT NULL, from_at INTEGER NOT NULL,"
        "  to_at INTEGER NOT NULL, conf TEXT, is_paused INTEGER NOT NULL DEFAULT 0,"
        "  reprocess TEXT NOT NULL, max_active_runs INTEGER NOT NULL, triggered_by TEXT,"
        "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, completed_at INTEGER);"
        "CREATE INDEX backfills_open ON backfills (id) WHERE completed_at IS NULL;"
        "CREATE TABLE callbacks ("
        "  id INTEGER PRIMARY KEY, dag_run INTEGER NOT NULL, task_id TEXT, map_index INTEGER,"
        "  event TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, facts TEXT NOT NULL,"
        "  unix_user TEXT, try_id TEXT, at INTEGER NOT NULL, state TEXT NOT NULL);"
        "CREATE INDEX callbacks_open ON callbacks (id) WHERE state <> 'done';";

/* Variables and connections, values sealed. */
static const char third_tables[] =
        "CREATE TABLE secrets ("
        "  kind TEXT NOT NULL, name TEXT NOT NULL, type TEXT, description TEXT,"
        "  value TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;";

static const struct db_migration migrations[] = {
        {1, first_tables},
        {2, second_tables},
        {3, third_tables},
};

int scheduler_db_open(const char *uri, usec_t now, struct errmsg *em, struct db **ret_db) {
        _cleanup_(db_freep) struct db *db = NULL;
        int r;

        r = db_open(uri, DB_CREATE, em, &db);
        if (r >= 0)
                r = db_migrate(db, migrations, ARRAY_SIZE(migrations), now, em);
        for (size_t i = 0; i < scheduler_db_n_sets && r >= 0; i++)
                r = db_prepare_set(db, scheduler_db_sets[i], em);
        if (r < 0)
                return r;
        *ret_db = TAKE_PTR(db);
        return 0;
}

void scheduler_db_bind_at(struct db_stmt *s, int param, usec_t at) {
        if (at == USEC_INFINITY)
                db_bind_null(s, param);
        else
                db_bind_i64(s, param, (int64_t) at);
}

usec_t scheduler_db_col_at(struct db_stmt *s, int col) {
        return db_col_is_null(s, col) ? USEC_INFINITY : (usec_t) db_col_i64(s, col);
}

void scheduler_db_bind_word(struct db_stmt *s, int param, const char *word) {
        db_bind_text(s, param, str_empty(word) ? NULL : word);
}
