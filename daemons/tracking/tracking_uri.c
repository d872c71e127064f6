#include "daemons/tracking/tracking_uri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemons/tracking/tracking_conf.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_uri.h"

/* mysql://USER@HOST:PORT/NAME of the MLFLOW_DB_ set; postgresql:// for PostgreSQL's port. NULL:
 * not set, or (errno) no memory. */
static char *of_environment(void) {
        const char *host = getenv("MLFLOW_DB_HOST"), *user = getenv("MLFLOW_DB_USER");
        const char *port = getenv("MLFLOW_DB_PORT"), *name = getenv("MLFLOW_DB_NAME");
        const char *password = getenv("MLFLOW_DB_PASSWORD");
        _cleanup_free_ char *plain = NULL, *encoded = NULL;

        if (str_empty(host))
                return NULL;
        encoded = db_uri_encode(user ? user : "");
        if (!encoded)
                return NULL;
        plain = str_printf("%s://%s@%s%s%s/%s", str_eq(port, "5432") ? "postgresql" : "mysql",
                           encoded, host, str_empty(port) ? "" : ":", port ? port : "",
                           str_empty(name) ? "mlflow" : name);
        if (!plain || str_empty(password))
                return TAKE_PTR(plain);
        return db_uri_with_password(plain, password);
}

static int add_password(struct tracking_conf *conf, struct errmsg *em) {
        const char *path = conf->backend_store_password_file;
        const char *credentials = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *credential = NULL, *password = NULL;
        char *uri;
        int r;

        if (!path && credentials) {
                credential = str_printf("%s/db_password", credentials);
                if (!credential)
                        return -ENOMEM;
                path = access(credential, R_OK) == 0 ? credential : NULL;
        }
        if (!path || db_uri_is(conf->backend_store_uri, "sqlite"))
                return 0;
        r = db_uri_read_password(path, &password, em);
        if (r < 0)
                return r;
        uri = db_uri_with_password(conf->backend_store_uri, password);
        password = mem_free_secret(password, strlen(password));
        if (!uri)
                return -ENOMEM;
        mem_free(conf->backend_store_uri);
        conf->backend_store_uri = uri;
        return 0;
}

int tracking_uri_complete(struct tracking_conf *conf, const char *otherwise, struct errmsg *em) {
        const char *given = getenv("MLFLOW_BACKEND_STORE_URI");
        int r;

        if (!conf->backend_store_uri)
                conf->backend_store_uri = str_empty(given) ? of_environment() : mem_strdup(given);
        if (!conf->backend_store_uri)
                conf->backend_store_uri = mem_strdup(otherwise);
        if (!conf->backend_store_uri)
                return -ENOMEM;
        r = db_uri_check(conf->backend_store_uri, DB_URI_ANY, em);
        if (r < 0)
                errmsg_prefix(em, "backend_store_uri");
        return r < 0 ? r : add_password(conf, em);
}

void tracking_uri_hide(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                char *rest = strstr(argv[i], "://"), *colon, *at;

                rest = rest ? rest + 3 : NULL;
                at = rest ? strrchr(rest, '@') : NULL;
                colon = rest ? strchr(rest, ':') : NULL;
                if (at && colon && colon < at)
                        memset(colon + 1, '*', (size_t) (at - colon) - 1);
        }
}
