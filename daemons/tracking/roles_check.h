/* roles_check.h: what calls on roles and permissions check: their fields, and who may ask. As
 * MLflow's basic-auth app has it: an admin, or who manages the role's workspace by one of his
 * roles; what a role is may be seen by all who have one in its workspace. Each keeps a refusal in
 * the call and then does nothing more.
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
/* What a permission is on, as it is kept: an experiment's id in its own spelling. `strict`: no
 * other text is one; else it is kept, and is nothing's. */
void roles_check_pattern(struct users_call *c, const char *type, const char **pattern, bool strict);

enum roles_check_asker {
        ROLES_CHECK_MEMBER,  /* has a role, any */
        ROLES_CHECK_MANAGER, /* manages roles */
};
/* In the workspace that the call names, or in that of the role it names; when it names several,
 * they must agree. */
void roles_check_asker(struct users_call *c, enum roles_check_asker least);
/* In each of these; an admin in none of them in particular. */
void roles_check_members(struct users_call *c, const char *const *workspaces, size_t n);
/* Does the asker manage the workspace's roles? */
bool roles_check_manages(struct users_call *c, const char *workspace);
/* May the asker see a role that `user` has in this workspace? */
bool roles_check_sees(struct users_call *c, const char *user, const char *workspace);
/* Any of them. */
void roles_check_of_user(struct users_call *c, const char *user);
bool roles_check_is_manager(struct users_call *c);
void roles_check_deny(struct users_call *c);
/* Who manages roles, or `user` himself. */
void roles_check_self(struct users_call *c, const char *user);
