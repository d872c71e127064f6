/* uploads_sql.h: the rows of uploads that take more than one request, and of their parts. */
#pragma once

#include "daemons/bucketd/condition.h"
#include "daemons/bucketd/digest.h"
#include "daemons/bucketd/object.h"
#include "lib/db/db.h"

extern const struct db_set uploads_sql_set;

enum upload_kind { UPLOAD_RESUMABLE, UPLOAD_PARTS };

struct upload_row {
        const char *id;
        enum upload_kind kind;
        struct object object; /* bucket, name, content type, attributes */
        struct condition condition;
        struct digest_wanted wanted;
        uint64_t blob;  /* staged; 0 = none, or it is over */
        uint64_t total; /* UINT64_MAX: not known */
        usec_t created_at;
        const char *result; /* the resource once it is an object, "" cancelled; NULL under way */
};

struct upload_part {
        int64_t number;
        uint64_t size;
        uint32_t crc32c;
        const char *etag;
        usec_t updated_at;
        struct segments segments;
};

int uploads_sql_insert(struct db *db, struct arena *a, const struct upload_row *u);
/* 1, 0 when there is none, or -errno. */
int uploads_sql_get(struct db *db, struct arena *a, const char *id, struct upload_row *ret);
int uploads_sql_set_result(struct db *db, const char *id, const char *result);
int uploads_sql_delete(struct db *db, const char *id);
/* Does an upload under way write to this blob? 1, 0, -errno. */
int uploads_sql_has_blob(struct db *db, uint64_t blob);
int uploads_sql_last_blob(struct db *db, uint64_t *ret);
/* One that began before `at`: 1, 0, -errno. */
int uploads_sql_old(struct db *db, struct arena *a, usec_t at, struct upload_row *ret);

int uploads_sql_put_part(struct db *db, struct arena *a, const char *id,
                         const struct upload_part *p);
/* 1, 0, -errno. */
int uploads_sql_get_part(struct db *db, struct arena *a, const char *id, int64_t number,
                         struct upload_part *ret);
/* The first one behind `after`: 1, 0, -errno. */
int uploads_sql_next_part(struct db *db, struct arena *a, const char *id, int64_t after,
                          struct upload_part *ret);
int uploads_sql_delete_parts(struct db *db, const char *id);
