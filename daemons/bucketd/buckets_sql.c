#include "daemons/bucketd/buckets_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/bucketd/bucketd_db.h"
#include "lib/base/str.h"

#define DB_SET buckets_sql
#define DB_SET_ROWS "daemons/bucketd/buckets_sql.def"
#include "lib/db/db_set.h"

void buckets_sql_set_config(struct bucket *b, const char *config) {
        static const char retained[] = "{\"retentionPolicy\":{\"retentionPeriod\":\"";

        b->config = config;
        /* Written by us: exactly this text, or none. */
        b->has_folders = strstr(config, "\"hierarchicalNamespace\":{\"enabled\":true}") != NULL;
        b->has_versions = strstr(config, "\"versioning\":{\"enabled\":true}") != NULL;
        b->retained_for = str_starts(config, retained)
                                  ? strtoull(config + sizeof(retained) - 1, NULL, 10) * USEC_PER_SEC
                                  : 0;
        b->holds_new = strstr(config, "\"defaultEventBasedHold\":true") != NULL;
}

static int read_from(struct db_stmt *s, int col, struct arena *a, struct bucket *ret) {
        bool oom = false;
        const char *config = db_col_dup(s, col + 4, a, &oom);
        struct bucket b = {
                .id = db_col_i64(s, col),
                .metageneration = db_col_i64(s, col + 1),
                .created_at = (usec_t) db_col_i64(s, col + 2),
                .updated_at = (usec_t) db_col_i64(s, col + 3),
                .name = ret->name,
                .policy = db_col_dup(s, col + 5, a, &oom),
        };

        if (oom || !config)
                return -ENOMEM;
        buckets_sql_set_config(&b, config);
        *ret = b;
        return 0;
}

int buckets_sql_need(struct db *db, struct arena *a, const char *name, struct bucket *ret,
                     struct refused *no) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        struct bucket b = {.name = name};
        int r;

        db_bind_all(s, name);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : gcs_error_no_bucket(no);
        r = read_from(s, 0, a, &b);
        if (r == 0)
                *ret = b;
        return r;
}

int buckets_sql_insert(struct db *db, const struct bucket *b) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, b->name, (int64_t) b->created_at, (int64_t) b->updated_at, b->config);
        return db_run(s);
}

int buckets_sql_update(struct db *db, const struct bucket *b) {
        DB_USE struct db_stmt *s = use(db, STMT_update);
        int r;

        db_bind_all(s, b->metageneration, (int64_t) b->updated_at, b->config,
                    b->policy ? b->policy : "", b->id);
        r = db_run(s);
        return bucketd_db_ran(r);
}

int buckets_sql_delete(struct db *db, int64_t id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);
        int r;

        db_bind_all(s, id);
        r = db_run(s);
        return bucketd_db_ran(r);
}

struct db_stmt *buckets_sql_from(struct db *db, const char *from) {
        struct db_stmt *s = use(db, STMT_from);

        db_bind_all(s, from);
        return s;
}

int buckets_sql_row(struct db_stmt *s, struct arena *a, struct bucket *ret) {
        bool oom = false;
        struct bucket b = {.name = db_col_dup(s, 0, a, &oom)};
        int r = oom ? -ENOMEM : read_from(s, 1, a, &b);

        if (r == 0)
                *ret = b;
        return r;
}
