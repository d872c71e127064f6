#include "daemons/scheduler/scheduler_uri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_uri.h"

/* A worker that was cut off without a word gives its lock back when the server has noticed: in
 * about ten seconds, not in the two hours of the default. The URI's own words come first. */
#define SERVER_OPTIONS                                                                    \
        "options=-c%20tcp_keepalives_idle%3D5%20-c%20tcp_keepalives_interval%3D2%20-c%20" \
        "tcp_keepalives_count%3D3%20-c%20tcp_user_timeout%3D10000"

/* The first line of the configured file or of the credential; "" without either. */
static int read_password(const struct scheduler_conf *conf, char **ret, struct errmsg *em) {
        const char *path = conf->database_password_file, *dir = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *credential = NULL;

        if (!path && dir) {
                credential = str_printf("%s/scheduler_db_password", dir);
                if (!credential)
                        return errmsg_fail(em, -ENOMEM, "no memory");
                path = access(credential, R_OK) == 0 ? credential : NULL;
        }
        if (!path) {
                *ret = mem_strdup("");
                return *ret ? 0 : errmsg_fail(em, -ENOMEM, "no memory");
        }
        return db_uri_read_password(path, ret, em);
}

static char *with_options(const char *uri) {
        if (strstr(uri, "options="))
                return mem_strdup(uri);
        return str_printf("%s%c%s", uri, strchr(uri, '?') ? '&' : '?', SERVER_OPTIONS);
}

int scheduler_uri_make(const struct scheduler_conf *conf, const struct paths *paths, char **ret,
                       struct errmsg *em) {
        char *uri, *password = NULL;
        int r;

        if (!conf->database) {
                *ret = str_printf("sqlite:///%s/scheduler/scheduler.db", paths->state_dir);
                return *ret ? 0 : errmsg_fail(em, -ENOMEM, "no memory");
        }
        r = db_uri_check(conf->database, DB_URI_POSTGRES, em);
        if (r < 0) {
                errmsg_prefix(em, "database in [scheduler]");
                return r;
        }
        uri = with_options(conf->database);
        if (!uri)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = read_password(conf, &password, em);
        if (r >= 0 && *password) {
                *ret = db_uri_with_password(uri, password);
                mem_free_secret(uri, strlen(uri));
        } else if (r >= 0) {
                *ret = uri;
        } else {
                mem_free_secret(uri, strlen(uri));
        }
        if (password)
                mem_free_secret(password, strlen(password));
        if (r >= 0 && !*ret)
                r = errmsg_fail(em, -ENOMEM, "no memory");
        return r;
}
