/* roles_check.h: what calls on roles and permissions check: their fields, and who may ask. As
 * MLflow's basic-auth app has it: an admin, or who manages the one workspace by one of his roles;
 * what a role is may be seen by all who have one. Each keeps a refusal in the call and then does
 * nothing more.
 */
#pragma once

#include "daemons/tracking/users_call.h"

/* A number that must be there; text that is one will do. */
void roles_check_number(struct users_call *c, const char *key, int64_t *ret);
/* A permission on something of this type. */
void roles_check_permission(struct users_call *c, const char *type, const char *permission);
void roles_check_type(struct users_call *c, const char *type);
/* A name for a role; NULL is fine. */
void roles_check_name(struct users_call *c, const char *name);
/* What a permission is on, as it is kept: an experiment's id in its own spelling. */
void roles_check_pattern(struct users_call *c, const char *type, const char **pattern);

enum roles_check_asker {
        ROLES_CHECK_MEMBER,  /* has a role, any */
        ROLES_CHECK_MANAGER, /* manages roles */
};
void roles_check_asker(struct users_call *c, enum roles_check_asker least);
bool roles_check_is_manager(struct users_call *c);
/* Who manages roles, or `user` himself. */
void roles_check_self(struct users_call *c, const char *user);
