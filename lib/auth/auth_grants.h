/* auth_grants.h: what users may do with single things, as MLflow's basic-auth app has it: a grant
 * gives a permission on a resource (or "*", all of its type), grants hang on named roles, users
 * have roles. What is granted to one user alone hangs on a role of that user's own, "__user_ID__".
 *
 * Kept in auth.db; see auth_store.h for threads and answers.
 */
#pragma once

#include "lib/auth/auth_store.h"

struct auth_grant {
        int64_t id, role_id;
        const char *role; /* its name */
        const char *type, *pattern, *permission;
        const char *workspace; /* the role's */
};

struct auth_grants_role {
        int64_t id;
        const char *name, *description; /* description may be NULL */
        const char *workspace;
};

/* A user has a role. */
struct auth_grants_member {
        int64_t id, user_id, role_id;
};

/* Where everything is. Roles of other workspaces are kept and shown, and grant nothing here. */
#define AUTH_GRANTS_WORKSPACE "default"

/* All of a user's, over all roles of the workspace (NULL: of all). */
int auth_grants_of_user(struct auth_store *s, const char *user, const char *workspace,
                        struct arena *a, struct auth_grant **ret, size_t *ret_n);
/* Of one role. */
int auth_grants_of_role(struct auth_store *s, int64_t role_id, struct arena *a,
                        struct auth_grant **ret, size_t *ret_n);
/* Gives one user a permission: 0, AUTH_STORE_EXISTS or AUTH_STORE_ABSENT (no such user). */
int auth_grants_give(struct auth_store *s, const char *user, const char *type, const char *pattern,
                     const char *permission);
/* 0 or AUTH_STORE_ABSENT. */
int auth_grants_take(struct auth_store *s, const char *user, const char *type, const char *pattern);
/* Nobody's any more: the resource is gone. */
int auth_grants_forget(struct auth_store *s, const char *type, const char *pattern);
/* The resource has another name; what was granted on one that had it before is forgotten. */
int auth_grants_move(struct auth_store *s, const char *type, const char *pattern,
                     const char *new_pattern);

int auth_grants_role_insert(struct auth_store *s, const char *workspace, const char *name,
                            const char *description);
int auth_grants_role_get(struct auth_store *s, int64_t id, struct arena *a,
                         struct auth_grants_role *ret);
int auth_grants_role_get_by_name(struct auth_store *s, const char *workspace, const char *name,
                                 struct arena *a, struct auth_grants_role *ret);
/* With those that are one user's own. `user` NULL: all. */
int auth_grants_role_list(struct auth_store *s, const char *user, struct arena *a,
                          struct auth_grants_role **ret, size_t *ret_n);
int auth_grants_role_update(struct auth_store *s, int64_t id, const char *name,
                            const char *description);
int auth_grants_role_delete(struct auth_store *s, int64_t id);

int auth_grants_add(struct auth_store *s, int64_t role_id, const char *type, const char *pattern,
                    const char *permission);
/* By its id; *ret in `a`. */
int auth_grants_get(struct auth_store *s, int64_t id, struct arena *a, struct auth_grant *ret);
int auth_grants_update(struct auth_store *s, int64_t id, const char *permission);
int auth_grants_delete(struct auth_store *s, int64_t id);

/* 0, AUTH_STORE_EXISTS, or AUTH_STORE_ABSENT: no such user. */
int auth_grants_assign(struct auth_store *s, int64_t role_id, const char *user);
int auth_grants_unassign(struct auth_store *s, int64_t role_id, const char *user);
int auth_grants_members(struct auth_store *s, int64_t role_id, struct arena *a,
                        struct auth_grants_member **ret, size_t *ret_n);
