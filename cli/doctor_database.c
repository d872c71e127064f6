/* doctor: the two databases: asked through their daemons, which bring them to their own revision
 * when they start, and opened from here, to tell a daemon that is down from a database that is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_call.h"
#include "cli/doctor.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/db/db_uri.h"

#define ASK_FOR (5 * USEC_PER_SEC)

struct database {
        const char *name;     /* "database of onebox-tracking" */
        const char *daemon;   /* "tracking" */
        const char *question; /* of its API, whose answer comes from the database */
        const char *uri, *password_file;
        const char *revision; /* statement that tells it */
};

/* As the daemon makes it; the caller's to free, without a trace. */
static int make_uri(const struct database *b, char **ret, struct errmsg *em) {
        _cleanup_free_ char *password = NULL;
        int r;

        if (!b->password_file || db_uri_is(b->uri, "sqlite")) {
                *ret = mem_strdup(b->uri);
                return *ret ? 0 : -ENOMEM;
        }
        r = db_uri_read_password(b->password_file, &password, em);
        if (r < 0)
                return r;
        *ret = db_uri_with_password(b->uri, password);
        password = mem_free_secret(password, strlen(password));
        return *ret ? 0 : -ENOMEM;
}

static int ask_revision(struct doctor *d, const struct database *b, const char **ret) {
        _cleanup_(db_freep) struct db *db = NULL;
        struct errmsg *em = &d->c->em;
        struct db_stmt *s;
        char *uri;
        int r = make_uri(b, &uri, em);

        if (r < 0)
                return r;
        r = db_open(uri, DB_READ_ONLY, em, &db);
        uri = mem_free_secret(uri, strlen(uri));
        if (r < 0)
                return r;
        db_set_budget(db, ASK_FOR);
        r = db_prepare_dynamic(db, b->revision, &s);
        if (r >= 0)
                r = db_step(s);
        if (r < 0)
                return errmsg_fail(em, r, "%s", db_errmsg(db));
        *ret = r == DB_ROW ? arena_strdup(&d->c->arena, db_col_text(s, 0)) : NULL;
        db_reset(s);
        return 0;
}

/* Nobody may look: the daemon's own word has to do. */
static bool is_closed(const struct database *b) {
        const char *path = str_after(b->uri, "sqlite:///");

        return path && access(path, R_OK) < 0 && errno == EACCES;
}

static bool is_to_come(const struct database *b) {
        const char *path = str_after(b->uri, "sqlite:///");

        return path && access(path, F_OK) < 0 && errno == ENOENT;
}

/* The daemon gave no answer: is it the database? */
static void look_from_here(struct doctor *d, const struct database *b, const char *where) {
        bool is_file = str_starts(b->uri, "sqlite:");
        const char *revision = NULL;

        if (is_to_come(b))
                doctor_say(d, DOCTOR_SKIPPED, b->name, NULL,
                           "%s is not there yet: onebox-%s makes it", where, b->daemon);
        else if (is_closed(b))
                doctor_say(d, DOCTOR_SKIPPED, b->name, "run it as root",
                           "%s is closed to you, and its daemon tells you nothing", where);
        else if (ask_revision(d, b, &revision) < 0)
                doctor_say(d, DOCTOR_FAULT, b->name,
                           is_file ? "restore it from a backup when it is damaged"
                                   : "start the server or its proxy; see the address and the "
                                     "password in onebox.conf",
                           "%s", d->c->em.text);
        else
                doctor_say(d, DOCTOR_WARNING, b->name,
                           "start the daemon: it brings the database to its own revision",
                           "%s can be read (revision %s), but its daemon does not answer", where,
                           revision ? revision : "none");
}

static void look_at(struct doctor *d, const struct database *b) {
        _cleanup_free_ char *shown = db_uri_redact(b->uri);
        const char *path = shown ? str_after(shown, "sqlite:///") : NULL;
        const char *where = path ? path : shown ? shown : "?", *revision = NULL;
        const struct json *answer;

        if (cli_call_get(d->c, b->daemon, b->question, &answer) < 0) {
                look_from_here(d, b, where);
                return;
        }
        if (is_closed(b) || ask_revision(d, b, &revision) < 0)
                revision = NULL;
        doctor_say(d, DOCTOR_OK, b->name, NULL, "%s answers%s%s", where,
                   revision ? ", revision " : "", revision ? revision : "");
}

void doctor_database(struct doctor *d) {
        struct arena *a = &d->c->arena;
        const char *given = getenv("MLFLOW_BACKEND_STORE_URI");
        struct database b[] = {
                {.name = "database of onebox-scheduler",
                 .daemon = "scheduler",
                 .question = "/api/v2/dags?limit=1",
                 .revision = "SELECT MAX(version) FROM schema_version"},
                {.name = "database of onebox-tracking",
                 .daemon = "tracking",
                 .question = "/api/2.0/mlflow/experiments/search?max_results=1",
                 .revision = "SELECT version_num FROM alembic_version"},
        };

        if (!d->conf)
                return;
        b[0].uri = d->conf->scheduler.database
                           ? d->conf->scheduler.database
                           : arena_printf(a, "sqlite:///%s/scheduler/scheduler.db",
                                          d->c->paths.state_dir);
        b[0].password_file = d->conf->scheduler.database_password_file;
        b[1].uri = d->conf->tracking.backend_store_uri ? d->conf->tracking.backend_store_uri
                   : !str_empty(given)                 ? given
                                       : arena_printf(a, "sqlite:///%s/tracking/mlflow.db",
                                                      d->c->paths.state_dir);
        b[1].password_file = d->conf->tracking.backend_store_password_file;
        for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
                if (b[i].uri)
                        look_at(d, &b[i]);
                else
                        d->failed = true;
        }
}
