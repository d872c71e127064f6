#include "daemons/tracking/basic_auth.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/auth/auth_audit.h"
#include "lib/auth/auth_store.h"
#include "lib/base/arena.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FUNCTION "mlflow.server.auth:authenticate_request_basic_auth"
#define SHIPPED_ONCE "password1234" /* by older versions of MLflow: known to everybody */

static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct basic_auth, __VA_ARGS__)
#include "config/basic_auth.def"
#undef CONF_KEY
};
static const struct conf_table table = {keys, ARRAY_SIZE(keys)};

/* A variable that is set counts, even when it is empty. */
static int override(char **field, const char *variable) {
        const char *value = getenv(variable);
        char *copy = value ? mem_strdup(value) : NULL;

        if (!value)
                return 0;
        if (!copy)
                return -ENOMEM;
        mem_free(*field);
        *field = copy;
        return 0;
}

int basic_auth_read(struct basic_auth *b, struct errmsg *em) {
        const char *path = getenv("MLFLOW_AUTH_CONFIG_PATH");
        int r;

        if (!str_empty(path) && access(path, R_OK) < 0)
                return errmsg_errno(em, -errno, "MLFLOW_AUTH_CONFIG_PATH: %s", path);
        r = str_empty(path) ? conf_defaults(&table, b, em) : conf_load(&table, path, b, em);
        if (r >= 0)
                r = override(&b->admin_username, "MLFLOW_AUTH_ADMIN_USERNAME");
        if (r >= 0)
                r = override(&b->admin_password, "MLFLOW_AUTH_ADMIN_PASSWORD");
        if (r < 0)
                return em && *em->text ? r : errmsg_errno(em, r, "cannot start");
        if (b->authorization_function && !str_eq(b->authorization_function, FUNCTION))
                return errmsg_fail(em, -EINVAL,
                                   "%s: authorization_function = %s is Python, which does not run "
                                   "here: leave it away, or use MLflow's own server",
                                   path, b->authorization_function);
        return 0;
}

void basic_auth_done(struct basic_auth *b) {
        conf_done(&table, b);
}

static int check(const struct basic_auth *b, struct errmsg *em) {
        if (str_empty(b->admin_username))
                return errmsg_fail(em, -EINVAL,
                                   "the administrator has a password and no name: set "
                                   "MLFLOW_AUTH_ADMIN_USERNAME, or admin_username in the file of "
                                   "MLFLOW_AUTH_CONFIG_PATH");
        if (str_eq(b->admin_password, SHIPPED_ONCE))
                return errmsg_fail(em, -EINVAL,
                                   "the administrator's password is the one that older versions "
                                   "of MLflow shipped, which everybody knows: set another by "
                                   "MLFLOW_AUTH_ADMIN_PASSWORD");
        return 0;
}

int basic_auth_make_admin(const struct basic_auth *b, struct auth_store *store,
                          struct auth_audit *audit, struct errmsg *em) {
        struct auth_audit_entry entry = {.action = "user add", .object = b->admin_username};
        struct errmsg why = {};
        int r;

        if (str_empty(b->admin_password))
                return 0;
        r = check(b, em);
        if (r < 0)
                return r;
        r = auth_store_user_insert(store, b->admin_username, b->admin_password, AUTH_ADMIN, &why);
        if (r == AUTH_STORE_EXISTS)
                return 0;
        if (r < 0)
                return errmsg_fail(em, r,
                                   "the administrator %s of MLFLOW_AUTH_ADMIN_USERNAME and "
                                   "MLFLOW_AUTH_ADMIN_PASSWORD cannot be made: %s",
                                   b->admin_username, *why.text ? why.text : "auth.db failed");
        entry.result = "ok";
        entry.detail = "administrator, by MLFLOW_AUTH_ADMIN_PASSWORD at the first start";
        return audit ? auth_audit_write(audit, &entry) : 0;
}
