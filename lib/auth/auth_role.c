/* auth_role.c: see auth_role.h. */
#include "lib/auth/auth_role.h"

#include <errno.h>

#include "lib/base/str.h"

static const struct {
        const char *name, *airflow, *mlflow, *group;
} roles[] = {
        [AUTH_NONE] = {"none", "Public", "NO_PERMISSIONS", NULL},
        [AUTH_VIEWER] = {"viewer", "Viewer", "READ", "onebox-viewer"},
        [AUTH_USER] = {"user", "User", "EDIT", "onebox-user"},
        [AUTH_OP] = {"op", "Op", "MANAGE", "onebox-op"},
        [AUTH_ADMIN] = {"admin", "Admin", "MANAGE", "onebox-admin"},
};

const char *auth_role_print(enum auth_role role) {
        assert(role < ARRAY_SIZE(roles));
        return roles[role].name;
}

int auth_role_parse(const char *s, enum auth_role *ret_role) {
        for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
                if (str_eq_fold(s, roles[i].name) || str_eq_fold(s, roles[i].airflow)) {
                        *ret_role = (enum auth_role) i;
                        return 0;
                }
        return -EINVAL;
}

const char *auth_role_print_mlflow(enum auth_role role) {
        assert(role < ARRAY_SIZE(roles));
        return roles[role].mlflow;
}

int auth_role_parse_mlflow(const char *s, enum auth_role *ret_role) {
        if (str_eq(s, "USE")) {
                *ret_role = AUTH_VIEWER;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
                if (str_eq(s, roles[i].mlflow)) {
                        *ret_role = (enum auth_role) i;
                        return 0;
                }
        return -EINVAL;
}

const char *auth_role_group(enum auth_role role) {
        assert(role < ARRAY_SIZE(roles));
        return roles[role].group;
}
