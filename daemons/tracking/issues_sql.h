/* issues_sql.h: the rows of issues: what is wrong with the traces of an experiment. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set issues_sql_set;

struct issue {
        const char *id, *name, *description;
        const char *status;        /* "pending", "rejected", "resolved" */
        const char *severity;      /* NULL: not known; "not_an_issue", "low", "medium", "high" */
        const char *root_causes;   /* JSON, a list of strings; NULL: none */
        const char *categories;    /* the same */
        const char *metadata;      /* JSON, an object of strings; NULL: none */
        const char *source_run_id; /* NULL: none */
        const char *created_by, *updated_by; /* NULL: not known */
        int64_t experiment_id;
        int64_t created_at_ms, updated_at_ms, seen_at_ms;
};

/* The columns of search statements on "issues i", in the order issues_sql_read() takes them. */
#define ISSUES_SQL_COLUMNS                                                           \
        "i.issue_id, i.experiment_id, i.name, i.description, i.status, i.severity, " \
        "i.root_causes, i.source_run_id, i.categories, i.created_timestamp, "        \
        "i.last_updated_timestamp, i.created_by, COALESCE(i.last_seen_timestamp, "   \
        "i.created_timestamp), i.last_updated_by, i.metadata"
enum { ISSUES_SQL_N_COLUMNS = 15 };

/* The row `s` stands on. 0 or -ENOMEM. */
int issues_sql_read(struct db_stmt *s, struct arena *a, struct issue *ret);
/* 0, REFUSED ("Issue with ID '…' not found", or not this one's to touch) or -errno. */
int issues_sql_need(struct db *db, struct refusal *r, const char *id, struct issue *ret);
/* DB_ROW when it is there, DB_DONE when not, or -errno. */
int issues_sql_is_there(struct db *db, const char *id);
/* 0, DB_CONFLICT: the id is taken; or -errno. */
int issues_sql_insert(struct db *db, const struct issue *x);
/* What may change of an issue, by its id. */
int issues_sql_update(struct db *db, const struct issue *x);
/* These, and no others. Of those that are the same the last one stays. 0 or -errno. */
int issues_sql_set_categories(struct db *db, struct arena *a, const char *id,
                              const char *const *categories, size_t n);
