#include "daemons/tracking/roles_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/roles_check.h"
#include "daemons/tracking/users_call.h"
#include "lib/auth/auth_grants.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

/* --- fields -------------------------------------------------------------------------------------
 */

struct fields {
        const char *user, *type, *pattern, *permission;
        int64_t role_id;
};

static void read_role_id(struct users_call *c, struct fields *f) {
        roles_check_number(c, "role_id", &f->role_id);
}

/* What a permission is on; with it the permission itself when `level` is true. */
static void read_resource(struct users_call *c, struct fields *f, const char *pattern_key,
                          bool level) {
        f->type = ask_str(&c->q, "resource_type", ASK_NEED);
        f->pattern = ask_str(&c->q, pattern_key, ASK_NEED);
        if (level)
                f->permission = ask_str(&c->q, "permission", ASK_NEED);
        if (level)
                roles_check_permission(c, f->type, f->permission);
        else
                roles_check_type(c, f->type);
        roles_check_pattern(c, f->type, &f->pattern, str_eq(pattern_key, "resource_pattern"));
}

/* Permissions on the workspace hang on roles, not on one user. */
static void refuse_workspace(struct users_call *c, const struct fields *f) {
        if (c->q.result == 0 && str_eq(f->type, ACCESS_WORKSPACE))
                ask_check(&c->q,
                          refusal_invalid(&c->q.refusal,
                                          "resource_type 'workspace' is not supported by the "
                                          "per-user permission convenience APIs. Use "
                                          "set_workspace_permission / delete_workspace_permission "
                                          "for workspace-wide grants."));
}

static const char *no_role(struct users_call *c, int64_t id) {
        const char *text = arena_printf(c->q.arena, "Role with id=%" PRId64 " not found", id);

        return text ? text : "";
}

static const char *no_grant(struct users_call *c, int64_t id) {
        const char *text =
                arena_printf(c->q.arena, "Role permission with id=%" PRId64 " not found", id);

        return text ? text : "";
}

static const char *of_member(struct users_call *c, int64_t user_id, int64_t role_id,
                             const char *what) {
        const char *text = arena_printf(
                c->q.arena, "User role assignment (user_id=%" PRId64 ", role_id=%" PRId64 ") %s",
                user_id, role_id, what);

        return text ? text : "";
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void write_grant(struct json_write *w, const struct auth_grant *g) {
        json_write_object(w);
        json_write_kv_i64(w, "id", g->id);
        json_write_kv_str(w, "permission", g->permission);
        json_write_kv_str(w, "resource_pattern", g->pattern);
        json_write_kv_str(w, "resource_type", g->type);
        json_write_kv_i64(w, "role_id", g->role_id);
        json_write_end(w);
}

static void write_permissions(struct users_call *c, const char *key, int64_t role_id) {
        struct auth_grant *grants = NULL;
        size_t n = 0;

        ask_check(&c->q, auth_grants_of_role(c->store, role_id, c->q.arena, &grants, &n));
        json_write_kv_array(&c->json, key);
        for (size_t i = 0; i < n; i++)
                write_grant(&c->json, &grants[i]);
        json_write_end(&c->json);
}

static void write_role(struct users_call *c, const struct auth_grants_role *r) {
        json_write_object(&c->json);
        json_write_kv_str(&c->json, "description", r->description);
        json_write_kv_i64(&c->json, "id", r->id);
        json_write_kv_str(&c->json, "name", r->name);
        write_permissions(c, "permissions", r->id);
        json_write_kv_str(&c->json, "workspace", r->workspace);
        json_write_end(&c->json);
}

static int need_role(struct users_call *c, int64_t id, struct auth_grants_role *ret) {
        if (c->q.result != 0)
                return c->q.result;
        return users_call_check(c, auth_grants_role_get(c->store, id, c->q.arena, ret),
                                no_role(c, id), "");
}

static void answer_role(struct users_call *c, int64_t id) {
        struct auth_grants_role role;

        if (need_role(c, id, &role) != 0)
                return;
        json_write_key(&c->json, "role");
        write_role(c, &role);
}

/* All roles of these workspaces; of all with n 0. */
static void answer_roles(struct users_call *c, const char *const *workspaces, size_t n) {
        struct auth_grants_role *roles = NULL;
        size_t n_roles = 0, k;

        if (c->q.result != 0)
                return;
        ask_check(&c->q, auth_grants_role_list(c->store, NULL, c->q.arena, &roles, &n_roles));
        json_write_kv_array(&c->json, "roles");
        for (size_t i = 0; i < n_roles; i++) {
                for (k = 0; k < n && !str_eq(workspaces[k], roles[i].workspace);)
                        k++;
                if (n == 0 || k < n)
                        write_role(c, &roles[i]);
        }
        json_write_end(&c->json);
}

/* --- roles --------------------------------------------------------------------------------------
 */

static void run_create(struct users_call *c) {
        const char *name, *workspace, *description, *taken;
        struct auth_grants_role role;

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        name = ask_str(&c->q, "name", 0);
        if (!name)
                name = ask_str(&c->q, "name", ASK_NEED);
        workspace = ask_str(&c->q, "workspace", ASK_NEED);
        if (c->q.result == 0 && !workspace[strspn(workspace, " \t\r\n")])
                ask_check(&c->q, refusal_invalid(&c->q.refusal, "Workspace cannot be empty."));
        description = ask_str(&c->q, "description", 0);
        roles_check_name(c, name);
        if (c->q.result == 0) {
                taken = arena_printf(c->q.arena, "Role (name=%s, workspace=%s) already exists.",
                                     name, workspace);
                users_call_check(
                        c,
                        taken ? auth_grants_role_insert(c->store, workspace, name, description)
                              : -ENOMEM,
                        "", taken);
        }
        if (c->q.result == 0)
                users_call_check(
                        c,
                        auth_grants_role_get_by_name(c->store, workspace, name, c->q.arena, &role),
                        "", "");
        if (c->q.result == 0) {
                json_write_key(&c->json, "role");
                write_role(c, &role);
        }
}

int roles_api_create(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_create);
}

static void run_get(struct users_call *c) {
        struct fields f = {};

        roles_check_asker(c, ROLES_CHECK_MEMBER);
        read_role_id(c, &f);
        answer_role(c, f.role_id);
}

int roles_api_get(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_get);
}

static void run_list(struct users_call *c) {
        const char **workspaces;
        size_t n;

        workspaces = ask_list(&c->q, "workspace", 0, &n);
        roles_check_members(c, workspaces, n);
        for (size_t i = 0; c->q.result == 0 && i < n; i++)
                if (!workspaces[i][strspn(workspaces[i], " \t\r\n")])
                        ask_check(&c->q, refusal_invalid(&c->q.refusal,
                                                         "Parameter 'workspace' must be a "
                                                         "non-empty string when provided."));
        answer_roles(c, workspaces, n);
}

int roles_api_list(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_list);
}

static void run_update(struct users_call *c) {
        const char *name, *description, *taken;
        struct auth_grants_role role;
        struct fields f = {};

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        read_role_id(c, &f);
        name = ask_str(&c->q, "name", 0);
        description = ask_str(&c->q, "description", 0);
        if (c->q.result == 0 && !name && !description)
                ask_check(&c->q, refusal_invalid(&c->q.refusal,
                                                 "At least one of 'name' or 'description' must be "
                                                 "provided to update a role."));
        roles_check_name(c, name);
        if (need_role(c, f.role_id, &role) == 0) {
                taken = arena_printf(c->q.arena, "Role with name=%s already exists in workspace=%s",
                                     name ? name : "", role.workspace);
                users_call_check(
                        c,
                        taken ? auth_grants_role_update(c->store, f.role_id, name, description)
                              : -ENOMEM,
                        no_role(c, f.role_id), taken);
        }
        answer_role(c, f.role_id);
}

int roles_api_update(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_update);
}

static void run_delete(struct users_call *c) {
        struct fields f = {};

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        read_role_id(c, &f);
        if (c->q.result == 0)
                users_call_check(c, auth_grants_role_delete(c->store, f.role_id),
                                 no_role(c, f.role_id), "");
}

int roles_api_delete(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_delete);
}

/* --- what roles grant ---------------------------------------------------------------------------
 */

static void answer_grant(struct users_call *c, const struct auth_grant *g) {
        json_write_key(&c->json, "role_permission");
        write_grant(&c->json, g);
}

static void run_add_permission(struct users_call *c) {
        struct auth_grant *grants = NULL;
        struct auth_grants_role role;
        struct fields f = {};
        const char *held;
        size_t n = 0;

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        read_role_id(c, &f);
        read_resource(c, &f, "resource_pattern", true);
        need_role(c, f.role_id, &role);
        held = arena_printf(c->q.arena,
                            "Role permission (role_id=%" PRId64
                            ", resource_type=%s, resource_pattern=%s) already exists.",
                            f.role_id, f.type ? f.type : "", f.pattern ? f.pattern : "");
        if (c->q.result == 0)
                users_call_check(
                        c, auth_grants_add(c->store, f.role_id, f.type, f.pattern, f.permission),
                        "", held ? held : "");
        if (c->q.result == 0)
                ask_check(&c->q, auth_grants_of_role(c->store, f.role_id, c->q.arena, &grants, &n));
        if (c->q.result == 0 && n > 0)
                answer_grant(c, &grants[n - 1]);
}

int roles_api_add_permission(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_add_permission);
}

static void run_remove_permission(struct users_call *c) {
        int64_t id = 0;

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        roles_check_number(c, "role_permission_id", &id);
        if (c->q.result == 0)
                users_call_check(c, auth_grants_delete(c->store, id), no_grant(c, id), "");
}

int roles_api_remove_permission(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_remove_permission);
}

static void run_update_permission(struct users_call *c) {
        struct fields f = {};
        struct auth_grant g;
        int64_t id = 0;

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        roles_check_number(c, "role_permission_id", &id);
        f.permission = ask_str(&c->q, "permission", ASK_NEED);
        if (c->q.result == 0 && users_call_check(c, auth_grants_get(c->store, id, c->q.arena, &g),
                                                 no_grant(c, id), "") == 0)
                roles_check_permission(c, g.type, f.permission);
        if (c->q.result == 0)
                users_call_check(c, auth_grants_update(c->store, id, f.permission), no_grant(c, id),
                                 "");
        g.permission = f.permission;
        if (c->q.result == 0)
                answer_grant(c, &g);
}

int roles_api_update_permission(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_update_permission);
}

static void run_list_permissions(struct users_call *c) {
        struct auth_grants_role role;
        struct fields f = {};

        roles_check_asker(c, ROLES_CHECK_MEMBER);
        read_role_id(c, &f);
        if (need_role(c, f.role_id, &role) == 0)
                write_permissions(c, "role_permissions", f.role_id);
}

int roles_api_list_permissions(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_list_permissions);
}

/* --- who has roles ------------------------------------------------------------------------------
 */

static void write_member(struct json_write *w, const struct auth_grants_member *m) {
        json_write_object(w);
        json_write_kv_i64(w, "id", m->id);
        json_write_kv_i64(w, "role_id", m->role_id);
        json_write_kv_i64(w, "user_id", m->user_id);
        json_write_end(w);
}

static void run_assign(struct users_call *c) {
        struct auth_grants_member *members = NULL;
        struct auth_grants_role role;
        struct auth_store_user u = {};
        struct fields f = {};
        size_t n = 0;

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        f.user = ask_str(&c->q, "username", ASK_NEED);
        read_role_id(c, &f);
        users_call_user(c, f.user, &u);
        need_role(c, f.role_id, &role);
        if (c->q.result == 0)
                users_call_check(c, auth_grants_assign(c->store, f.role_id, f.user), "",
                                 of_member(c, u.id, f.role_id, "already exists"));
        if (c->q.result == 0)
                ask_check(&c->q,
                          auth_grants_members(c->store, f.role_id, c->q.arena, &members, &n));
        for (size_t i = 0; c->q.result == 0 && i < n; i++)
                if (members[i].user_id == u.id) {
                        json_write_key(&c->json, "assignment");
                        write_member(&c->json, &members[i]);
                }
}

int roles_api_assign(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_assign);
}

static void run_unassign(struct users_call *c) {
        struct auth_store_user u = {};
        struct fields f = {};

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        f.user = ask_str(&c->q, "username", ASK_NEED);
        read_role_id(c, &f);
        if (users_call_user(c, f.user, &u) == 0)
                users_call_check(c, auth_grants_unassign(c->store, f.role_id, f.user),
                                 of_member(c, u.id, f.role_id, "not found"), "");
}

int roles_api_unassign(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_unassign);
}

void roles_api_write_of(struct users_call *c, const char *user) {
        struct auth_grants_role *roles = NULL;
        size_t n = 0;

        if (c->q.result != 0)
                return;
        ask_check(&c->q, auth_grants_role_list(c->store, user, c->q.arena, &roles, &n));
        json_write_kv_array(&c->json, "roles");
        for (size_t i = 0; i < n; i++)
                if (roles_check_sees(c, user, roles[i].workspace))
                        write_role(c, &roles[i]);
        json_write_end(&c->json);
}

static void run_of_user(struct users_call *c) {
        struct auth_store_user u;
        const char *name;

        name = ask_str(&c->q, "username", ASK_NEED);
        roles_check_of_user(c, name);
        if (users_call_user(c, name, &u) == 0)
                roles_api_write_of(c, name);
}

int roles_api_of_user(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_of_user);
}

static void run_members(struct users_call *c) {
        struct auth_grants_member *members = NULL;
        struct auth_grants_role role;
        struct fields f = {};
        size_t n = 0;

        roles_check_asker(c, ROLES_CHECK_MANAGER);
        read_role_id(c, &f);
        if (need_role(c, f.role_id, &role) == 0)
                ask_check(&c->q,
                          auth_grants_members(c->store, f.role_id, c->q.arena, &members, &n));
        json_write_kv_array(&c->json, "assignments");
        for (size_t i = 0; i < n; i++)
                write_member(&c->json, &members[i]);
        json_write_end(&c->json);
}

int roles_api_members(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_members);
}

/* --- one user's permissions ---------------------------------------------------------------------
 */

/* Who may manage a resource may grant permissions on it, and so may admins. */
static void need_manager(struct users_call *c, const struct fields *f) {
        const struct tracking *t = c->req->ctx;
        const struct access *a = NULL;

        if (c->q.result != 0)
                return;
        ask_check(&c->q, access_load(c->req, c->store, t->default_level, &a));
        if (c->q.result == 0 && c->who->role < AUTH_ADMIN &&
            (!a || access_level_on(a, f->type, f->pattern) < ACCESS_MANAGE ||
             t->default_level == ACCESS_MANAGE))
                ask_check(&c->q, refusal_set(&c->q.refusal, REFUSAL_PERMISSION_DENIED,
                                             "Permission denied."));
}

static const char *about(struct users_call *c, const struct fields *f, const char *what) {
        const char *text = arena_printf(c->q.arena,
                                        "Permission for user=%s on resource_type=%s, "
                                        "resource_id=%s %s.",
                                        f->user, f->type, f->pattern, what);

        return text ? text : "";
}

static void run_grant(struct users_call *c) {
        struct auth_store_user u;
        struct fields f = {};

        f.user = ask_str(&c->q, "username", ASK_NEED);
        read_resource(c, &f, "resource_id", true);
        refuse_workspace(c, &f);
        need_manager(c, &f);
        if (users_call_user(c, f.user, &u) == 0)
                users_call_check(
                        c, auth_grants_give(c->store, f.user, f.type, f.pattern, f.permission), "",
                        about(c, &f, "already exists"));
}

int roles_api_grant(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_grant);
}

static void run_revoke(struct users_call *c) {
        struct auth_store_user u;
        struct fields f = {};

        f.user = ask_str(&c->q, "username", ASK_NEED);
        read_resource(c, &f, "resource_id", false);
        refuse_workspace(c, &f);
        need_manager(c, &f);
        if (users_call_user(c, f.user, &u) == 0)
                users_call_check(c, auth_grants_take(c->store, f.user, f.type, f.pattern),
                                 about(c, &f, "not found"), "");
}

int roles_api_revoke(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_revoke);
}

static void run_get_grant(struct users_call *c) {
        const struct tracking *t = c->req->ctx;
        struct access a = {.default_level = t->default_level};
        struct auth_store_user u = {};
        struct auth_grant *grants = NULL;
        enum access_level level;
        struct fields f = {};
        bool denied;

        f.user = ask_str(&c->q, "username", ASK_NEED);
        read_resource(c, &f, "resource_id", false);
        roles_check_self(c, f.user);
        refuse_workspace(c, &f);
        if (users_call_user(c, f.user, &u) == 0)
                ask_check(&c->q, auth_grants_of_user(c->store, f.user, AUTH_GRANTS_WORKSPACE,
                                                     c->q.arena, &grants, &a.n_grants));
        if (c->q.result == 0) {
                a.grants = grants;
                level = u.role >= AUTH_OP ? ACCESS_MANAGE : access_level_on(&a, f.type, f.pattern);
                denied = u.role < AUTH_OP && access_is_denied(&a, f.type, f.pattern);
                json_write_kv_bool(&c->json, "allowed", level >= ACCESS_USE);
                json_write_kv_str(&c->json, "permission", denied ? "DENY" : access_print(level));
        }
}

int roles_api_get_grant(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_get_grant);
}

static void answer_grants(struct users_call *c, const char *user, bool admin) {
        struct auth_grant *grants = NULL;
        size_t n = 0;

        if (c->q.result != 0)
                return;
        ask_check(&c->q, auth_grants_of_user(c->store, user, NULL, c->q.arena, &grants, &n));
        json_write_kv_bool(&c->json, "is_admin", admin);
        json_write_kv_array(&c->json, "permissions");
        for (size_t i = 0; i < n; i++) {
                if (!roles_check_sees(c, user, grants[i].workspace))
                        continue;
                json_write_object(&c->json);
                json_write_kv_str(&c->json, "permission", grants[i].permission);
                json_write_kv_str(&c->json, "resource_pattern", grants[i].pattern);
                json_write_kv_str(&c->json, "resource_type", grants[i].type);
                json_write_kv_i64(&c->json, "role_id", grants[i].role_id);
                json_write_kv_str(&c->json, "role_name", grants[i].role);
                json_write_kv_str(&c->json, "workspace", grants[i].workspace);
                json_write_end(&c->json);
        }
        json_write_end(&c->json);
}

static void run_grants_of_user(struct users_call *c) {
        struct auth_store_user u = {};
        const char *name;

        name = ask_str(&c->q, "username", ASK_NEED);
        roles_check_of_user(c, name);
        users_call_user(c, name, &u);
        answer_grants(c, name, u.role == AUTH_ADMIN);
}

int roles_api_grants_of_user(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_grants_of_user);
}

static void run_own_grants(struct users_call *c) {
        answer_grants(c, c->who->name, c->who->role == AUTH_ADMIN);
}

int roles_api_own_grants(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_own_grants);
}
