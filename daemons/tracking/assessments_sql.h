/* assessments_sql.h: the rows of assessments: feedback on a trace and what was expected of it. */
#pragma once

#include "daemons/tracking/traces_sql.h"

extern const struct db_set assessments_sql_set;

struct assessment {
        const char *id, *trace_id, *name;
        const char *type;  /* "feedback", "expectation" or "issue" */
        const char *value; /* JSON */
        int64_t created_at_ms, updated_at_ms;
        const char *source_type;
        /* NULL: none */
        const char *error; /* JSON */
        const char *source_id, *run_id, *span_id, *rationale;
        const char *overrides; /* another one's id */
        const char *metadata;  /* JSON */
        bool valid;
        double aggregate; /* of the value, for averages; has_aggregate */
        bool has_aggregate, is_numeric;
};

int assessments_sql_read(struct db_stmt *s, struct arena *a, struct assessment *ret);
/* DB_ROW, DB_DONE or -errno. */
int assessments_sql_get(struct db *db, const char *trace_id, const char *id, struct arena *a,
                        struct assessment *ret);
/* For assessments_sql_read(), in the order they were made. */
struct db_stmt *assessments_sql_list(struct db *db, const char *trace_id);
/* 0, DB_CONFLICT (the id is taken) or -errno. */
int assessments_sql_insert(struct db *db, const struct trace *t, const struct assessment *x);
/* DB_ROW with the trace that has the assessment, DB_DONE or -errno. */
int assessments_sql_owner(struct db *db, const char *id, struct arena *a, const char **ret_trace);
int assessments_sql_update(struct db *db, const struct assessment *x);
/* *ret_n: how many there were, 0 or 1. */
int assessments_sql_set_valid(struct db *db, const char *trace_id, const char *id, bool valid,
                              int64_t *ret_n);
int assessments_sql_delete(struct db *db, const char *trace_id, const char *id);
