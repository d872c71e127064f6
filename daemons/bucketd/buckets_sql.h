/* buckets_sql.h: the rows of buckets. */
#pragma once

#include "daemons/bucketd/gcs_error.h"
#include "lib/base/arena.h"
#include "lib/db/db.h"

extern const struct db_set buckets_sql_set;

struct bucket {
        int64_t id;
        const char *name;
        int64_t metageneration;
        usec_t created_at, updated_at;
        const char *config;  /* JSON: what the client set */
        const char *policy;  /* JSON, see policies_api.c; "" or NULL: never set */
        usec_t retained_for; /* an object is kept so long; 0: no retention policy */
        bool has_folders;    /* a hierarchical namespace */
        bool has_versions;   /* what is replaced or deleted stays as a version */
        bool holds_new;      /* a new object has an event-based hold, unless it says otherwise */
};

/* The configuration, and what follows from it. */
void buckets_sql_set_config(struct bucket *b, const char *config);

/* 0, REFUSED when there is none, or -errno. */
int buckets_sql_need(struct db *db, struct arena *a, const char *name, struct bucket *ret,
                     struct refused *no);
/* 0, DB_CONFLICT when there is one of this name, or -errno. */
int buckets_sql_insert(struct db *db, const struct bucket *b);
int buckets_sql_update(struct db *db, const struct bucket *b);
int buckets_sql_delete(struct db *db, int64_t id);

/* As objects_sql_from(). */
struct db_stmt *buckets_sql_from(struct db *db, const char *from);
int buckets_sql_row(struct db_stmt *s, struct arena *a, struct bucket *ret);
