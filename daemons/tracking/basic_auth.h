/* basic_auth.h: what MLflow's basic-auth app is told beside the command line: its file
 * (MLFLOW_AUTH_CONFIG_PATH) and the variables that name the first administrator.
 */
#pragma once

#include "lib/base/conf.h"

struct auth_audit;
struct auth_store;

struct basic_auth {
#define CONF_KEY CONF_FIELD
#include "config/basic_auth.def"
#undef CONF_KEY
};

/* The file, then MLFLOW_AUTH_ADMIN_USERNAME and MLFLOW_AUTH_ADMIN_PASSWORD over it. `b` is zeroed.
 * 0, -ENOMEM; -EINVAL with `em`. */
int basic_auth_read(struct basic_auth *b, struct errmsg *em);
void basic_auth_done(struct basic_auth *b);

/* Makes the administrator when a password is named and there is no such user yet; one that is there
 * keeps the password. `audit` may be NULL. 0; -EINVAL or another -errno with `em`. */
int basic_auth_make_admin(const struct basic_auth *b, struct auth_store *store,
                          struct auth_audit *audit, struct errmsg *em);
