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

void roles_check_pattern(struct users_call *c, const char *type, const char **pattern) {
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
                else
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

/* Does the asker manage roles, or (members) has he one? */
static bool is_asker(struct users_call *c, enum roles_check_asker least) {
        struct auth_grants_role *roles = NULL;
        struct auth_grant *grants = NULL;
        struct access a = {};
        size_t n = 0;

        ask_check(&c->q,
                  auth_grants_of_user(c->store, c->who->name, c->q.arena, &grants, &a.n_grants));
        a.grants = grants;
        if (access_is_manager(&a) || least == ROLES_CHECK_MANAGER)
                return access_is_manager(&a);
        ask_check(&c->q, auth_grants_role_list(c->store, c->who->name, c->q.arena, &roles, &n));
        return n > 0 || a.n_grants > 0;
}

static void deny(struct users_call *c) {
        ask_check(&c->q,
                  refusal_set(&c->q.refusal, REFUSAL_PERMISSION_DENIED, "Permission denied."));
}

void roles_check_asker(struct users_call *c, enum roles_check_asker least) {
        const char *workspace;
        int64_t id;
        bool told;

        if (c->q.result != 0 || c->who->role >= AUTH_ADMIN)
                return;
        told = read_number(c, "role_permission_id", &id);
        told = read_number(c, "role_id", &id) || told;
        workspace = ask_str(&c->q, "workspace", 0);
        if (c->q.result == 0 && !told && !workspace)
                ask_check(&c->q,
                          refusal_invalid(&c->q.refusal, "Request must include one of: role_id, "
                                                         "role_permission_id, workspace."));
        if (c->q.result == 0 &&
            ((workspace && !str_eq(workspace, "default")) || !is_asker(c, least)))
                deny(c);
}

bool roles_check_is_manager(struct users_call *c) {
        return c->who->role >= AUTH_ADMIN || is_asker(c, ROLES_CHECK_MANAGER);
}

void roles_check_self(struct users_call *c, const char *user) {
        if (c->q.result == 0 && !str_eq(user, c->who->name) && !roles_check_is_manager(c))
                deny(c);
}
