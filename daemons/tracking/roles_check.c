#include "daemons/tracking/roles_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "lib/auth/auth_grants.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

static void not_a_number(struct users_call *c, const char *key, const char *text) {
        ask_check(&c->q,
                  refusal_invalid(&c->q.refusal, "Parameter '%s' must be an integer. Got: %s", key,
                                  field_check_repr(c->q.arena, text)));
}

/* True when it is there. */
static bool read_number(struct users_call *c, const char *key, int64_t *ret) {
        const struct json *body = c->q.body;
        const char *text;

        if (c->q.result != 0)
                return false;
        if (body && !json_is(ask_get(body, key), JSON_STRING))
                return ask_i64(&c->q, key, 0, ret);
        text = ask_str(&c->q, key, 0);
        if (text && str_to_i64(text, ret) < 0)
                not_a_number(c, key, text);
        return text != NULL;
}

void roles_check_number(struct users_call *c, const char *key, int64_t *ret) {
        if (!read_number(c, key, ret) && c->q.result == 0)
                (void) ask_i64(&c->q, key, ASK_NEED, ret);
}

/* Not all that the peer has: a permission that is not held to is not given. */
void roles_check_type(struct users_call *c, const char *type) {
        static const char *const types[] = {ACCESS_EXPERIMENT,    ACCESS_GATEWAY_ENDPOINT,
                                            ACCESS_GATEWAY_MODEL, ACCESS_GATEWAY_SECRET,
                                            ACCESS_PROMPT,        ACCESS_MODEL,
                                            ACCESS_SCORER,        ACCESS_WORKSPACE};

        if (c->q.result != 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_eq(types[i], type))
                        return;
        ask_check(&c->q, refusal_invalid(&c->q.refusal,
                                         "Invalid resource type '%s'. Valid resource types are: "
                                         "('experiment', 'gateway_endpoint', "
                                         "'gateway_model_definition', 'gateway_secret', 'prompt', "
                                         "'registered_model', 'scorer', 'workspace')",
                                         type));
}

void roles_check_permission(struct users_call *c, const char *type, const char *permission) {
        bool is_workspace = str_eq(type, ACCESS_WORKSPACE);
        enum access_level level;
        int r = 0;

        if (c->q.result != 0)
                return;
        if (access_parse(permission, &level) < 0)
                r = refusal_invalid(&c->q.refusal,
                                    "Invalid permission '%s'. Valid permissions are: ('READ', "
                                    "'USE', 'EDIT', 'MANAGE', 'NO_PERMISSIONS', 'DENY')",
                                    permission);
        ask_check(&c->q, r);
        roles_check_type(c, type);
        if (c->q.result != 0)
                return;
        if (is_workspace && level != ACCESS_USE && level != ACCESS_MANAGE)
                r = refusal_invalid(&c->q.refusal,
                                    "Invalid permission '%s' for resource_type='%s'. "
                                    "Workspace-wide grants accept only: ('MANAGE', 'USE').",
                                    permission, type);
        else if (str_eq(permission, "NO_PERMISSIONS"))
                r = refusal_invalid(&c->q.refusal,
                                    "Invalid permission '%s' for resource_type='%s'. "
                                    "Resource-level grants accept only: ('DENY', 'EDIT', "
                                    "'MANAGE', 'READ', 'USE').",
                                    permission, type);
        ask_check(&c->q, r);
}

void roles_check_name(struct users_call *c, const char *name) {
        if (c->q.result != 0 || !name)
                return;
        if (!name[strspn(name, " \t\r\n")])
                ask_check(&c->q, refusal_invalid(&c->q.refusal, "Role name cannot be empty."));
        else if (str_starts(name, "__user_"))
                ask_check(&c->q,
                          refusal_invalid(&c->q.refusal,
                                          "Role name %s uses the reserved '__user_' prefix, which "
                                          "is held for the per-user permission representation. "
                                          "Choose a different name.",
                                          field_check_repr(c->q.arena, name)));
}

/* An experiment's id as Python's int() reads it. */
static bool parse_experiment(const char *text, int64_t *ret) {
        text += strspn(text, " ");
        text += *text == '+' && text[1] != '-';
        return str_to_i64(text, ret) == 0;
}

void roles_check_pattern(struct users_call *c, const char *type, const char **pattern,
                         bool strict) {
        const char *text = *pattern, *slash;
        char *experiment;
        int64_t id;
        int r = 0;

        if (c->q.result != 0 || str_eq(text, "*"))
                return;
        if (str_eq(type, ACCESS_WORKSPACE)) {
                r = refusal_invalid(&c->q.refusal,
                                    "Invalid resource_pattern '%s' for resource_type='%s'. This "
                                    "resource type supports only wildcard ('*') grants.",
                                    text, type);
        } else if (str_eq(type, ACCESS_EXPERIMENT)) {
                if (parse_experiment(text, &id))
                        *pattern = arena_printf(c->q.arena, "%" PRId64, id);
                else if (strict)
                        r = refusal_invalid(&c->q.refusal,
                                            "Invalid experiment ID '%s'. Experiment ID must be a "
                                            "valid integer.",
                                            text);
        } else if (str_eq(type, ACCESS_SCORER) && (slash = strchr(text, '/'))) {
                experiment = arena_strndup(c->q.arena, text, (size_t) (slash - text));
                if (experiment && parse_experiment(experiment, &id))
                        *pattern = arena_printf(c->q.arena, "%" PRId64 "%s", id, slash);
        }
        ask_check(&c->q, *pattern ? r : -ENOMEM);
}

/* --- who asks -----------------------------------------------------------------------------------
 */

bool roles_check_manages(struct users_call *c, const char *workspace) {
        if (!c->has_grants)
                ask_check(&c->q, auth_grants_of_user(c->store, c->who->name, NULL, c->q.arena,
                                                     &c->grants, &c->n_grants));
        c->has_grants = true;
        for (size_t i = 0; i < c->n_grants; i++)
                if (str_eq(c->grants[i].workspace, workspace) &&
                    access_is_manager(&(struct access){.grants = &c->grants[i], .n_grants = 1}))
                        return true;
        return false;
}

bool roles_check_sees(struct users_call *c, const char *user, const char *workspace) {
        return c->who->role >= AUTH_ADMIN || str_eq(user, c->who->name) ||
               roles_check_manages(c, workspace);
}

static bool is_member(struct users_call *c, const char *workspace) {
        struct auth_grants_role *roles = NULL;
        size_t n = 0;

        ask_check(&c->q, auth_grants_role_list(c->store, c->who->name, c->q.arena, &roles, &n));
        for (size_t i = 0; i < n; i++)
                if (str_eq(roles[i].workspace, workspace))
                        return true;
        return false;
}

void roles_check_deny(struct users_call *c) {
        ask_check(&c->q,
                  refusal_set(&c->q.refusal, REFUSAL_PERMISSION_DENIED, "Permission denied."));
}

/* What a call is about: NULL when what it names is not there, or does not go together. */
static const char *find_workspace(struct users_call *c, const int64_t *permission_id,
                                  const int64_t *role_id, const char *named) {
        struct auth_grants_role role;
        struct auth_grant g;
        int64_t id = role_id ? *role_id : 0;

        if (permission_id) {
                if (auth_grants_get(c->store, *permission_id, c->q.arena, &g) != 0 ||
                    (role_id && *role_id != g.role_id))
                        return NULL;
                id = g.role_id;
        }
        if (!permission_id && !role_id)
                return named;
        if (auth_grants_role_get(c->store, id, c->q.arena, &role) != 0 ||
            (named && !str_eq(named, role.workspace)))
                return NULL;
        return role.workspace;
}

void roles_check_asker(struct users_call *c, enum roles_check_asker least) {
        int64_t permission_id = 0, role_id = 0;
        bool has_permission, has_role;
        const char *workspace;

        if (c->q.result != 0 || c->who->role >= AUTH_ADMIN)
                return;
        has_permission = read_number(c, "role_permission_id", &permission_id);
        has_role = read_number(c, "role_id", &role_id);
        workspace = ask_str(&c->q, "workspace", 0);
        if (c->q.result == 0 && !has_permission && !has_role && !workspace)
                ask_check(&c->q,
                          refusal_invalid(&c->q.refusal, "Request must include one of: role_id, "
                                                         "role_permission_id, workspace."));
        if (c->q.result != 0)
                return;
        workspace = find_workspace(c, has_permission ? &permission_id : NULL,
                                   has_role ? &role_id : NULL, workspace);
        if (!workspace || !(least == ROLES_CHECK_MANAGER ? roles_check_manages(c, workspace)
                                                         : is_member(c, workspace)))
                roles_check_deny(c);
}

void roles_check_members(struct users_call *c, const char *const *workspaces, size_t n) {
        if (c->q.result != 0 || c->who->role >= AUTH_ADMIN)
                return;
        if (n == 0)
                roles_check_deny(c);
        for (size_t i = 0; c->q.result == 0 && i < n; i++)
                if (!is_member(c, workspaces[i]))
                        roles_check_deny(c);
}

bool roles_check_is_manager(struct users_call *c) {
        return c->who->role >= AUTH_ADMIN || roles_check_manages(c, AUTH_GRANTS_WORKSPACE);
}

void roles_check_self(struct users_call *c, const char *user) {
        if (c->q.result == 0 && !str_eq(user, c->who->name) && !roles_check_is_manager(c))
                roles_check_deny(c);
}

void roles_check_of_user(struct users_call *c, const char *user) {
        struct auth_grants_role *roles = NULL;
        size_t n = 0;

        if (c->q.result != 0 || roles_check_sees(c, user, ""))
                return;
        ask_check(&c->q, auth_grants_role_list(c->store, user, c->q.arena, &roles, &n));
        for (size_t i = 0; i < n; i++)
                if (roles_check_manages(c, roles[i].workspace))
                        return;
        roles_check_deny(c);
}
