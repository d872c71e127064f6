/* onebox-move: what `onebox migrate` and `onebox import` start: whole databases, stores of
 * artifacts and old mlruns directories brought into another place, beside a stopped server.
 *
 *      onebox-move database FROM TO
 *      onebox-move artifacts FROM TO
 *      onebox-move mlruns DIR DATABASE STORE     (STORE "": artifacts stay)
 *
 * Passwords of databases come from the files ONEBOX_FROM_PASSWORD_FILE and ONEBOX_TO_PASSWORD_FILE
 * name. Exit: 0 moved and verified, 1 not. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemons/tracking/artifact_stores.h"
#include "daemons/tracking/mlruns.h"
#include "daemons/tracking/move_database.h"
#include "daemons/tracking/move_store.h"
#include "daemons/tracking/tracking_schema.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/db/db_uri.h"
#include "lib/store/store.h"

#define PASSWORD_MAX 4096

/* `uri` with the password of the file that `variable` names, if any. On the heap. */
static int with_password(const char *uri, const char *variable, char **ret, struct errmsg *em) {
        const char *path = getenv(variable);
        _cleanup_free_ char *password = NULL;
        size_t n;
        int r;

        if (!str_empty(path)) {
                r = fileio_read(path, PASSWORD_MAX, &password, &n);
                if (r < 0)
                        return errmsg_errno(em, r, "%s: the password cannot be read", path);
                password[strcspn(password, "\r\n")] = '\0';
        }
        *ret = password ? db_uri_with_password(uri, password) : mem_strdup(uri);
        return *ret ? 0 : -ENOMEM;
}

static int move_databases(const char *from_word, const char *to_word, struct errmsg *em) {
        _cleanup_free_ char *from = NULL, *to = NULL;
        struct move_database_counts n;
        int r = with_password(from_word, "ONEBOX_FROM_PASSWORD_FILE", &from, em);

        if (r == 0)
                r = with_password(to_word, "ONEBOX_TO_PASSWORD_FILE", &to, em);
        if (r == 0)
                r = move_database(from, to, em, &n);
        if (r == 0)
                printf("verified: %" PRId64 " rows in %" PRId64 " tables, counts and checksums are "
                       "the same\n",
                       n.n_rows, n.n_tables);
        return r;
}

static int move_artifacts(const char *from_uri, const char *to_uri, struct errmsg *em) {
        _cleanup_(store_freep) struct store *from = NULL, *to = NULL;
        struct move_store_counts n;
        int r = artifact_stores_open(from_uri, em, &from);

        if (r == 0)
                r = artifact_stores_open(to_uri, em, &to);
        if (r == 0)
                r = move_store(from, "", to, "", em, &n);
        if (r == 0)
                printf("verified: %" PRIu64 " objects of %" PRIu64 " bytes, %" PRIu64 " of them "
                       "copied now\n",
                       n.n_objects, n.n_bytes, n.n_copied);
        return r;
}

static int import(const char *dir, const char *to_word, const char *store_uri, struct errmsg *em) {
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(db_freep) struct db *db = NULL;
        _cleanup_free_ char *to = NULL;
        struct mlruns_counts n;
        int64_t n_rows = 0;
        int r = with_password(to_word, "ONEBOX_TO_PASSWORD_FILE", &to, em);

        if (r == 0 && *store_uri)
                r = artifact_stores_open(store_uri, em, &store);
        if (r == 0)
                r = tracking_schema_ensure(to, "mlflow-artifacts:/",
                                           (int64_t) (clock_now(clock_system()) / USEC_PER_MSEC),
                                           em);
        if (r == 0)
                r = db_open(to, DB_FOREIGN_KEYS, em, &db);
        if (r == 0)
                r = mlruns_import(dir, db, store, em, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < MLRUNS_N_TABLES; i++) {
                if (n.n_rows[i] > 0)
                        printf("%s: %" PRId64 " rows\n", mlruns_tables[i], n.n_rows[i]);
                n_rows += n.n_rows[i];
        }
        printf("verified: %" PRId64 " rows were found again value by value, %" PRIu64
               " artifacts of %" PRIu64 " bytes by checksum\n",
               n_rows, n.n_artifacts, n.n_artifact_bytes);
        return 0;
}

static int move(int argc, char **argv, struct errmsg *em) {
        if (argc == 4 && str_eq(argv[1], "database"))
                return move_databases(argv[2], argv[3], em);
        if (argc == 4 && str_eq(argv[1], "artifacts"))
                return move_artifacts(argv[2], argv[3], em);
        if (argc == 5 && str_eq(argv[1], "mlruns"))
                return import(argv[2], argv[3], argv[4], em);
        return errmsg_fail(em, -EINVAL,
                           "this program is started by onebox migrate and onebox import: see "
                           "onebox(1)");
}

int main(int argc, char **argv) {
        struct errmsg em = {};
        int r;

        log_init("onebox-move");
        umask(0027);
        r = fault_arm_environment(&em);
        if (r == 0)
                r = move(argc, argv, &em);
        if (r < 0)
                (void) fprintf(stderr, "onebox-move: %s\n",
                               *em.text ? em.text : errmsg_strerror(r));
        return r < 0 ? 1 : 0;
}
