#include "daemons/tracking/access.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/search_sql.h"
#include "lib/auth/auth_grants.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

int access_parse(const char *permission, enum access_level *ret) {
        static const struct {
                const char *name;
                enum access_level level;
        } names[] = {
                {"READ", ACCESS_READ},    {"USE", ACCESS_USE},
                {"EDIT", ACCESS_EDIT},    {"MANAGE", ACCESS_MANAGE},
                {"DENY", ACCESS_NOTHING}, {"NO_PERMISSIONS", ACCESS_NOTHING},
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(names[i].name, permission)) {
                        *ret = names[i].level;
                        return 0;
                }
        return -EINVAL;
}

const char *access_print(enum access_level level) {
        static const char *const names[] = {"NO_PERMISSIONS", "READ", "USE", "EDIT", "MANAGE"};

        return names[level];
}

static bool has_any(const char *path, const char *const *words) {
        for (; *words; words++)
                if (strstr(path, *words))
                        return true;
        return false;
}

/* What a request does, by its method and path. */
static enum access_level needed_by(const struct http_request *req) {
        static const char *const manages[] = {"/label-schemas/", NULL};
        static const char *const manages_to_delete[] = {"alias", "model-versions/delete-tag",
                                                        "/logged-models/", NULL};
        static const char *const edits[] = {
                "tag",        "alias",        "assessments", "/records", "/review-queues/",
                "/bindings/", "/guardrails/", NULL};
        static const char *const deletes[] = {"/delete", "/restore", NULL};
        const char *path = req->route->path;
        bool is_delete = req->method == HTTP_DELETE;

        if (req->route->min_role <= AUTH_VIEWER)
                return ACCESS_READ;
        if (has_any(path, manages) || (is_delete && has_any(path, manages_to_delete)))
                return ACCESS_MANAGE;
        if (has_any(path, edits))
                return ACCESS_EDIT;
        return is_delete || has_any(path, deletes) ? ACCESS_MANAGE : ACCESS_EDIT;
}

static int load(struct arena *arena, struct auth_store *store, const char *name,
                struct access **ret) {
        struct access *a = arena_new(arena, struct access);
        struct auth_grant *grants = NULL;
        int r;

        if (!a)
                return -ENOMEM;
        r = auth_grants_of_user(store, name, AUTH_GRANTS_WORKSPACE, arena, &grants, &a->n_grants);
        if (r < 0)
                return r;
        a->grants = grants;
        *ret = a;
        return 0;
}

int access_load(struct http_request *req, struct auth_store *store, enum access_level default_level,
                const struct access **ret) {
        const struct auth_identity *who = req->identity;
        struct access *a;
        int r;

        *ret = NULL;
        if (!who || !store || who->role >= AUTH_OP || who->how == AUTH_BY_NOTHING)
                return 0;
        r = load(req->arena, store, who->name, &a);
        if (r < 0)
                return r;
        a->needed = needed_by(req);
        a->default_level = default_level;
        if (who->role <= AUTH_VIEWER)
                a->default_level = default_level < ACCESS_READ ? default_level : ACCESS_READ;
        *ret = a;
        return 0;
}

int access_load_of(struct http_request *req, struct auth_store *store,
                   enum access_level default_level, const char *name, enum access_level needed,
                   const struct access **ret) {
        const struct auth_identity *who = req->identity;
        struct access *a;
        int r;

        *ret = NULL;
        if (!who || !store || who->how == AUTH_BY_NOTHING)
                return 0;
        r = load(req->arena, store, name, &a);
        if (r < 0)
                return r;
        a->needed = needed;
        a->default_level = default_level;
        *ret = a;
        return 0;
}

bool access_is_manager(const struct access *a) {
        for (size_t i = 0; a && i < a->n_grants; i++)
                if (str_eq(a->grants[i].type, ACCESS_WORKSPACE) &&
                    str_eq(a->grants[i].pattern, "*") && str_eq(a->grants[i].permission, "MANAGE"))
                        return true;
        return false;
}

static bool is_on(const struct auth_grant *g, const char *type, const char *id) {
        return str_eq(g->type, type) && (str_eq(g->pattern, "*") || str_eq(g->pattern, id));
}

bool access_is_denied(const struct access *a, const char *type, const char *id) {
        if (access_is_manager(a))
                return false;
        for (size_t i = 0; a && i < a->n_grants; i++)
                if (is_on(&a->grants[i], type, id) && str_eq(a->grants[i].permission, "DENY"))
                        return true;
        return false;
}

/* Who manages all is not restricted; a denial wins; else the highest that is granted, or the
 * default when that is higher. */
enum access_level access_level_on(const struct access *a, const char *type, const char *id) {
        enum access_level best = ACCESS_NOTHING, level;
        bool found = false;

        if (!a || access_is_manager(a))
                return ACCESS_MANAGE;
        for (size_t i = 0; i < a->n_grants; i++) {
                const struct auth_grant *g = &a->grants[i];

                if (!is_on(g, type, id))
                        continue;
                if (access_parse(g->permission, &level) < 0 || level == ACCESS_NOTHING)
                        return ACCESS_NOTHING;
                found = true;
                best = level > best ? level : best;
        }
        return found && best > a->default_level ? best : a->default_level;
}

static int deny(struct refusal *r) {
        return refusal_set(r, REFUSAL_PERMISSION_DENIED, "Permission denied.");
}

int access_check_level(struct refusal *r, const char *type, const char *id,
                       enum access_level needed) {
        return !r->access || access_level_on(r->access, type, id) >= needed ? 0 : deny(r);
}

int access_check(struct refusal *r, const char *type, const char *id) {
        return r->access ? access_check_level(r, type, id, r->access->needed) : 0;
}

int access_check_absent(struct refusal *r) {
        return r->access ? deny(r) : 0;
}

int access_check_experiment_level(struct refusal *r, int64_t id, enum access_level needed) {
        char text[24];

        if (!r->access)
                return 0;
        snprintf(text, sizeof(text), "%" PRId64, id);
        return access_check_level(r, ACCESS_EXPERIMENT, text, needed);
}

int access_check_experiment(struct refusal *r, int64_t id) {
        return r->access ? access_check_experiment_level(r, id, r->access->needed) : 0;
}

int access_check_readable(struct refusal *r, const int64_t *experiment_ids, size_t n) {
        int x = 0;

        for (size_t i = 0; x == 0 && i < n; i++)
                x = access_check_experiment_level(r, experiment_ids[i], ACCESS_READ);
        return x;
}

int access_check_readable_any(struct refusal *r) {
        const struct access *a = r->access;

        /* "" is none of them: what all others are. */
        if (access_level_on(a, ACCESS_EXPERIMENT, "") >= ACCESS_READ)
                return 0;
        for (size_t i = 0; i < a->n_grants; i++)
                if (str_eq(a->grants[i].type, ACCESS_EXPERIMENT) &&
                    access_level_on(a, ACCESS_EXPERIMENT, a->grants[i].pattern) >= ACCESS_READ)
                        return 0;
        return deny(r);
}

size_t access_keep_readable(const struct access *a, int64_t *experiment_ids, size_t n) {
        size_t left = 0;
        char text[24];

        if (!a)
                return n;
        for (size_t i = 0; i < n; i++) {
                snprintf(text, sizeof(text), "%" PRId64, experiment_ids[i]);
                if (access_level_on(a, ACCESS_EXPERIMENT, text) >= ACCESS_READ)
                        experiment_ids[left++] = experiment_ids[i];
        }
        return left;
}

int access_check_run(struct db *db, struct refusal *r, const char *run_id) {
        struct run run;

        return r->access ? runs_sql_need(db, r, run_id, &run) : 0;
}

static void add_ids(const struct access *a, const char *type, bool readable, bool number,
                    const char *column, struct search_sql *sql) {
        bool any = false;
        int64_t id;

        for (size_t i = 0; i < a->n_grants; i++) {
                const struct auth_grant *g = &a->grants[i];
                bool can = access_level_on(a, type, g->pattern) >= ACCESS_READ;

                if (!str_eq(g->type, type) || str_eq(g->pattern, "*") || can != readable ||
                    (number && str_to_i64(g->pattern, &id) < 0))
                        continue;
                if (any)
                        search_sql_add(sql, ",");
                else
                        search_sql_add(sql, "%s %sIN (", column, readable ? "" : "NOT ");
                any = true;
                if (number)
                        search_sql_i64(sql, id);
                else
                        search_sql_text(sql, g->pattern);
        }
        if (any)
                search_sql_add(sql, ")");
        else
                search_sql_add(sql, readable ? "1 = 0" : "1 = 1");
}

void access_restrict(const struct access *a, const char *type, const char *column, bool number,
                     struct search_sql *sql) {
        if (!a)
                return;
        search_sql_add(sql, " AND ");
        /* "" is none of them: what all others are. */
        add_ids(a, type, access_level_on(a, type, "") < ACCESS_READ, number, column, sql);
}

void access_created(struct http_request *req, struct auth_store *store, const char *name,
                    const char *type, const char *id) {
        const struct auth_identity *who = req->identity;
        int r;

        if (!store || (!name && (!who || who->how == AUTH_BY_NOTHING)))
                return;
        if (!name)
                name = who->name;
        (void) auth_grants_forget(store, type, id); /* of an earlier one with this id */
        r = auth_grants_give(store, name, type, id, "MANAGE");
        if (r < 0 || (r > 0 && req->access)) /* e.g. a Unix user who is not in auth.db */
                log_notice("%s has no permission of its own on the %s %s: %s", name, type, id,
                           r < 0 ? errmsg_strerror(r) : "it is no user of auth.db");
}

void access_deleted(struct auth_store *store, const char *type, const char *id) {
        if (store && auth_grants_forget(store, type, id) < 0)
                log_warning("permissions on the %s %s, which is gone, are still in auth.db", type,
                            id);
}

void access_moved(struct auth_store *store, const char *type, const char *id, const char *new_id) {
        if (store && !str_eq(id, new_id) && auth_grants_move(store, type, id, new_id) < 0)
                log_warning(
                        "permissions on the %s %s, which is called %s now, are still on its old "
                        "name in auth.db",
                        type, id, new_id);
}
