/* auth_role.h: the four roles, each includes the ones before it. Pure. */
#pragma once

#include "lib/base/macros.h"

enum auth_role {
        AUTH_NONE,   /* known, but may do nothing */
        AUTH_VIEWER, /* reads */
        AUTH_USER,   /* and writes experiments, triggers runs */
        AUTH_OP,     /* and changes pools, variables, connections, other people's runs */
        AUTH_ADMIN,  /* and users */
};

/* "none", "viewer", "user", "op", "admin". */
const char *auth_role_print(enum auth_role role);
/* The same in any case, and Airflow's "Public" for none. 0 or -EINVAL. */
int auth_role_parse(const char *s, enum auth_role *ret_role);

/* MLflow's permissions: READ or USE = viewer, EDIT = user, MANAGE = op, NO_PERMISSIONS = none. */
const char *auth_role_print_mlflow(enum auth_role role);
int auth_role_parse_mlflow(const char *s, enum auth_role *ret_role);

/* The Unix group whose members have `role`: "onebox-viewer"…; NULL for none. */
const char *auth_role_group(enum auth_role role);
