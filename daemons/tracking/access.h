/* access.h: what the one who asks may do with single experiments and registered models, as MLflow's
 * basic-auth app has it: a permission granted on one of them or on all ("*"), else the default.
 *
 * Loaded once a request, by the hook before it, and asked where a thing is looked up by its id:
 * every such function takes a struct refusal, which carries it.
 */
#pragma once

#include "daemons/tracking/refusal.h"

struct auth_grant;
struct auth_store;
struct http_request;
struct search_sql;

enum access_level {
        ACCESS_NOTHING,
        ACCESS_READ,
        ACCESS_USE,
        ACCESS_EDIT,
        ACCESS_MANAGE,
};

struct access {
        enum access_level needed; /* what the request does */
        enum access_level default_level;
        const struct auth_grant *grants;
        size_t n_grants;
};

#define ACCESS_EXPERIMENT "experiment"
#define ACCESS_MODEL "registered_model"
#define ACCESS_PROMPT "prompt"
#define ACCESS_SCORER "scorer" /* its id: the experiment's, a slash and the name as in a URL */
#define ACCESS_WORKSPACE                                                         \
        "workspace" /* there is one; who may MANAGE "*" may do so with all in it \
                     */
#define ACCESS_GATEWAY_ENDPOINT "gateway_endpoint"
#define ACCESS_GATEWAY_MODEL "gateway_model_definition"
#define ACCESS_GATEWAY_SECRET "gateway_secret"

/* "READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS", "DENY" (the last two are nothing). 0 or
 * -EINVAL. */
int access_parse(const char *permission, enum access_level *ret);
const char *access_print(enum access_level level);

/* *ret NULL: the one who asks may do everything (an admin, or nobody is asked who he is). */
int access_load(struct http_request *req, struct auth_store *store, enum access_level default_level,
                const struct access **ret);

/* The same for somebody on whose behalf the one who asks does it: a user without a role above that,
 * who needs `needed`. */
int access_load_of(struct http_request *req, struct auth_store *store,
                   enum access_level default_level, const char *name, enum access_level needed,
                   const struct access **ret);

/* The level on one resource; everything for a NULL `a`. */
enum access_level access_level_on(const struct access *a, const char *type, const char *id);

/* May he manage roles, and everything that there is, without being an admin of the machine? */
bool access_is_manager(const struct access *a);

/* Has somebody denied it to him? Nothing is not a denial where nothing is what all have. */
bool access_is_denied(const struct access *a, const char *type, const char *id);

/* 0, or REFUSED (403) when what the request does is not allowed on the resource. Asked before it is
 * looked up: who has no right to it is not told whether it is there. */
int access_check(struct refusal *r, const char *type, const char *id);
int access_check_experiment(struct refusal *r, int64_t id);
/* Of a thing that is not there, and would be in some experiment: REFUSED (403) for all who may not
 * do everything, as it is where they have no right to that experiment. */
int access_check_absent(struct refusal *r);
/* For what a request does to another resource than the one it is about. */
int access_check_level(struct refusal *r, const char *type, const char *id,
                       enum access_level needed);
int access_check_experiment_level(struct refusal *r, int64_t id, enum access_level needed);
/* For what names experiments to look through: each of them must be readable. */
int access_check_readable(struct refusal *r, const int64_t *experiment_ids, size_t n);
/* For what names no experiment: at least one must be readable. */
int access_check_readable_any(struct refusal *r);

/* Drops the experiments that may not be read; how many are left. */
size_t access_keep_readable(const struct access *a, int64_t *experiment_ids, size_t n);
/* May a run's experiment be read? 0, REFUSED or -errno. Looks nothing up for who may do everything.
 */
struct db;
int access_check_run(struct db *db, struct refusal *r, const char *run_id);

/* Adds " AND …" that lets only rows through whose `column` is a resource that may be read.
 * `number`: ids are numbers. */
void access_restrict(const struct access *a, const char *type, const char *column, bool number,
                     struct search_sql *sql);

/* Gives the one who asks, or `name` where it is not NULL, everything on a resource just made,
 * an admin too, who may be none later; forgets what was given on one that is gone. A failure is
 * logged. */
void access_created(struct http_request *req, struct auth_store *store, const char *name,
                    const char *type, const char *id);
void access_deleted(struct auth_store *store, const char *type, const char *id);
/* What was given on it goes with it to its new name. */
void access_moved(struct auth_store *store, const char *type, const char *id, const char *new_id);
