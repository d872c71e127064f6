#include "daemons/bucketd/bucketd_db.h"

#include <errno.h>

#include "daemons/bucketd/blobs_sql.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/folders_sql.h"
#include "daemons/bucketd/objects_sql.h"
#include "daemons/bucketd/uploads_sql.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_migrate.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_writer.h"

static const struct db_set *const sets[] = {
        &buckets_sql_set, &objects_sql_set, &blobs_sql_set, &uploads_sql_set, &folders_sql_set,
};

/* The content of small objects is apart from what counts their references: a count must not rewrite
 * the content, and a listing must not pass over it. */
static const char first_tables[] =
        "CREATE TABLE buckets ("
        "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, metageneration INTEGER NOT NULL,"
        "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, config TEXT NOT NULL);"
        "CREATE TABLE objects ("
        "  bucket INTEGER NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,"
        "  metageneration INTEGER NOT NULL, size INTEGER NOT NULL, crc32c INTEGER NOT NULL,"
        "  md5 TEXT, components INTEGER NOT NULL, created_at INTEGER NOT NULL,"
        "  updated_at INTEGER NOT NULL, content_type TEXT, attributes TEXT NOT NULL,"
        "  segments BLOB NOT NULL, PRIMARY KEY (bucket, name)) WITHOUT ROWID;"
        "CREATE TABLE blobs ("
        "  id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, size INTEGER NOT NULL,"
        "  in_file INTEGER NOT NULL);"
        "CREATE INDEX blobs_garbage ON blobs (id) WHERE refs = 0;"
        "CREATE TABLE blob_data (blob INTEGER PRIMARY KEY, data BLOB NOT NULL);"
        "CREATE TABLE uploads ("
        "  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, name TEXT NOT NULL, blob INTEGER NOT NULL,"
        "  created_at INTEGER NOT NULL, total INTEGER, content_type TEXT,"
        "  attributes TEXT NOT NULL, conditions TEXT NOT NULL, crc32c TEXT, md5 TEXT,"
        "  kind INTEGER NOT NULL, result TEXT) WITHOUT ROWID;"
        "CREATE INDEX uploads_by_age ON uploads (created_at);"
        "CREATE INDEX uploads_by_name ON uploads (bucket, name);"
        "CREATE TABLE parts ("
        "  upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,"
        "  crc32c INTEGER NOT NULL, etag TEXT NOT NULL, updated_at INTEGER NOT NULL,"
        "  segments BLOB NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;"
        "CREATE TABLE folders ("
        "  bucket INTEGER NOT NULL, name TEXT NOT NULL, metageneration INTEGER NOT NULL,"
        "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
        "  PRIMARY KEY (bucket, name)) WITHOUT ROWID;";

/* Objects that are no longer live, in buckets with versioning: as objects, many of one name. */
static const char versions_table[] =
        "CREATE TABLE versions ("
        "  bucket INTEGER NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,"
        "  metageneration INTEGER NOT NULL, size INTEGER NOT NULL, crc32c INTEGER NOT NULL,"
        "  md5 TEXT, components INTEGER NOT NULL, created_at INTEGER NOT NULL,"
        "  updated_at INTEGER NOT NULL, content_type TEXT, attributes TEXT NOT NULL,"
        "  segments BLOB NOT NULL, deleted_at INTEGER NOT NULL,"
        "  PRIMARY KEY (bucket, name, generation)) WITHOUT ROWID;";

static const char policies_column[] =
        "ALTER TABLE buckets ADD COLUMN policy TEXT NOT NULL DEFAULT '';";

static const struct db_migration migrations[] = {
        {1, first_tables},
        {2, versions_table},
        {3, policies_column},
};

static int migrate(const char *uri, unsigned flags, usec_t now_at, struct errmsg *em) {
        _cleanup_(db_freep) struct db *db = NULL;
        int r = db_open(uri, flags, em, &db);

        return r < 0 ? r : db_migrate(db, migrations, ARRAY_SIZE(migrations), now_at, em);
}

int bucketd_db_open(struct bucketd *d, const char *dir, bool no_sync, usec_t now_at,
                    struct errmsg *em) {
        _cleanup_free_ char *uri = str_printf("sqlite:///%s/index.db", dir);
        struct db_config config = {.uri = uri,
                                   .flags = DB_CREATE | (no_sync ? DB_SYNC_NORMAL : 0u),
                                   .sets = sets,
                                   .n_sets = ARRAY_SIZE(sets)};
        int r;

        if (!uri)
                return errmsg_errno(em, -ENOMEM, "%s", dir);
        r = migrate(uri, config.flags, now_at, em);
        if (r >= 0)
                r = db_writer_new(&config, 0, em, &d->writer);
        if (r >= 0)
                r = db_readers_new(&config, em, &d->readers);
        return r;
}
