#include "daemons/tracking/model_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/model_versions_sql.h"
#include "daemons/tracking/registered_models_sql.h"
#include "daemons/tracking/runs_sql.h"
#include "lib/base/errmsg.h"
#include "lib/base/pattern.h"
#include "lib/base/str.h"

int model_source_check_prompt(struct refusal *r, const char *source) {
        if (str_eq(source, "prompt-template") || str_eq(source, "dummy-source"))
                return 0;
        return refusal_invalid(
                r, "Invalid prompt source: '%s'. Prompt sources must use an MLflow placeholder.",
                source);
}

#define PATTERN "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"

/* *ret is NULL when none is set. */
static int compile_pattern(struct pattern **ret) {
        const char *pattern = getenv(PATTERN);

        *ret = NULL;
        return str_empty(pattern) ? 0 : pattern_compile(pattern, ret);
}

int model_source_pattern_check(struct errmsg *em) {
        struct pattern *p;
        int r = compile_pattern(&p);

        pattern_free(p);
        if (r == -EOPNOTSUPP)
                return errmsg_fail(em, -EINVAL,
                                   PATTERN "=%s looks around, refers back or never gives back, "
                                           "which is not done here",
                                   getenv(PATTERN));
        if (r == -E2BIG)
                return errmsg_fail(em, -EINVAL, PATTERN " is too large");
        if (r == -EINVAL)
                return errmsg_fail(em, -EINVAL, PATTERN "=%s is no regular expression",
                                   getenv(PATTERN));
        return r;
}

int model_source_check_pattern(struct refusal *r, const char *source) {
        struct pattern *p;
        int x = compile_pattern(&p);
        bool matches = x == 0 && (!p || pattern_search(p, source, strlen(source)));

        pattern_free(p);
        if (x == -ENOMEM || matches)
                return x;
        return refusal_invalid(r, "Invalid model version source: '%s'.", source);
}

static int not_of(struct refusal *r, const char *source, const char *what) {
        return refusal_invalid(r,
                               "Invalid model version source: '%s'. The %s request parameter must "
                               "identify the resource that contains the source.",
                               source, what);
}

/* What models:/… names. */
struct reference {
        const char *name, *version; /* of a registered model: a number, a stage or "latest"; or */
        const char *alias;
        const char *model_id; /* a logged model */
};

static int parse_reference(struct refusal *r, const char *source, struct reference *ret) {
        const char *path = str_after(source, "models:/"), *slash, *at;

        if (path && *path == '/')
                return refusal_invalid(r,
                                       "Invalid model version source: '%s'. Registered model "
                                       "sources must use the active model registry.",
                                       source);
        if (str_empty(path))
                return not_of(r, source, "model_id");
        slash = strchr(path, '/');
        at = strchr(path, '@');
        *ret = (struct reference){};
        if (slash) {
                if (!slash[1] || strchr(slash + 1, '/'))
                        return not_of(r, source, "model_id");
                ret->name = arena_strndup(r->arena, path, (size_t) (slash - path));
                ret->version = slash + 1;
                return ret->name ? 0 : -ENOMEM;
        }
        if (at) {
                ret->name = arena_strndup(r->arena, path, (size_t) (at - path));
                ret->alias = at + 1;
                return ret->name ? 0 : -ENOMEM;
        }
        ret->model_id = path;
        return 0;
}

static int by_alias(struct db *db, struct refusal *r, const struct reference *ref,
                    struct model_version *ret) {
        int64_t version;
        int x = registered_models_sql_alias_get(db, ref->name, ref->alias, &version);

        if (x == DB_DONE)
                return refusal_invalid(r, "Registered model alias %s not found.", ref->alias);
        if (x < 0)
                return x;
        x = model_versions_sql_get(db, r->arena, ref->name, version, ret);
        if (x == DB_DONE)
                return refusal_set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Model Version (name=%s, version=%lld) not found", ref->name,
                                   (long long) version);
        return x < 0 ? x : 0;
}

/* The highest version of all stages ("latest") or of one. */
static int by_stage(struct db *db, struct refusal *r, const struct reference *ref,
                    struct model_version *ret) {
        bool any_stage = str_eq_fold(ref->version, "latest");
        int64_t versions[MODEL_VERSIONS_SQL_STAGES];
        struct model_version m;
        bool found = false;
        size_t n;
        int x = model_versions_sql_latest(db, ref->name, false, versions, &n);

        for (size_t i = 0; x >= 0 && i < n; i++) {
                x = model_versions_sql_get(db, r->arena, ref->name, versions[i], &m);
                if (x != DB_ROW || (!any_stage && !str_eq_fold(ref->version, m.stage)) ||
                    (found && m.version < ret->version))
                        continue;
                found = true;
                *ret = m;
        }
        if (x < 0 || found)
                return x < 0 ? x : 0;
        return refusal_set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                           "Latest version not found for model %s.", ref->name);
}

/* The version behind a number, an alias, a stage or "latest". */
static int find_version(struct db *db, struct refusal *r, const struct reference *ref,
                        struct model_version *ret) {
        if (ref->alias)
                return by_alias(db, r, ref, ret);
        if (isdigit((unsigned char) *ref->version))
                return model_versions_sql_need(db, r, ref->name, ref->version, ret);
        return by_stage(db, r, ref, ret);
}

static bool same_or_both_empty(const char *a, const char *b) {
        return str_eq(a ? a : "", b ? b : "");
}

/* A copy of another version: it brings its run and its files. */
static int from_version(struct db *db, struct refusal *r, const struct reference *ref,
                        struct model_source *s) {
        struct registered_model model;
        struct model_version m;
        int x = registered_models_sql_need(db, r, ref->name, &model);

        if (x != 0)
                return x;
        x = registered_models_sql_tag_has(db, ref->name, REGISTERED_MODELS_SQL_PROMPT);
        if (x == DB_ROW)
                return refusal_invalid(r,
                                       "Invalid model version source: '%s'. Prompt versions cannot "
                                       "be used as model version sources.",
                                       s->source);
        if (x == 0)
                x = find_version(db, r, ref, &m);
        if (x != 0)
                return x;
        if ((s->has_run_id && !same_or_both_empty(s->run_id, m.run_id)) ||
            !str_empty(s->model_id)) /* no version knows a logged model */
                return refusal_invalid(r,
                                       "Invalid model version source: '%s'. The run_id and "
                                       "model_id request parameters must match the referenced "
                                       "model version.",
                                       s->source);
        s->source = arena_printf(r->arena, "models:/%s/%lld", m.name, (long long) m.version);
        s->run_id = s->has_run_id ? s->run_id : m.run_id;
        s->storage_location = str_empty(m.storage_location) ? m.source : m.storage_location;
        return s->source ? 0 : -ENOMEM;
}

/* Something stands behind the scheme and the host. */
static bool has_path(const char *source) {
        const char *colon = strchr(source, ':'), *path = colon ? colon + 1 : source;

        if (str_starts(path, "//"))
                path += 2 + strcspn(path + 2, "/?#");
        return *path == '/' && !memchr("?#", path[strspn(path, "/")], STRLEN("?#") + 1);
}

static bool has_dot(const char *path) {
        const char *word;
        size_t len;

        while (str_word(&path, "/", &word, &len))
                if (len == 1 && *word == '.')
                        return true;
        return false;
}

/* No part of the source may lead elsewhere, however it is encoded. */
static int check_relative(struct refusal *r, const char *source) {
        const char *plain, *colon = strchr(source, ':'), *path = colon ? colon + 1 : source;
        int x;

        while (*path == '/')
                path++;
        x = artifact_uri_check_path(r, path, &plain);
        if (x == REFUSED || (x == 0 && (has_dot(plain) || !has_path(source))))
                return refusal_invalid(
                        r,
                        "Invalid model version source: '%s'. If supplying a source as an http, "
                        "https, local file path, ftp, objectstore, or mlflow-artifacts uri, an "
                        "absolute path must be provided without relative path references present. "
                        "Please provide an absolute path.",
                        source);
        return x;
}

/* The decoded name in the store behind mlflow-artifacts:, each slash once; NULL: it is not there.
 */
static int name_in_store(struct refusal *r, const char *uri, const char **ret) {
        const char *name = artifact_uri_store_name(r->arena, uri, NULL);
        int x = 0;

        *ret = NULL;
        if (name)
                x = artifact_uri_check_path(r, name, &name);
        if (x != 0 || !name)
                return x;
        *ret = artifact_uri_join(r->arena, name, NULL);
        return *ret ? 0 : -ENOMEM;
}

/* Is `source` the root or below it? */
static int is_within(struct refusal *r, const char *source, const char *root, bool *ret) {
        const char *name, *root_name;
        int x = name_in_store(r, source, &name);
        size_t n;

        *ret = false;
        if (x == 0)
                x = name_in_store(r, root, &root_name);
        if (x != 0 || !name || !root_name)
                return x;
        n = strlen(root_name);
        *ret = n > 0 && !strncmp(name, root_name, n) && (!name[n] || name[n] == '/');
        return 0;
}

/* 1: it is, and *ret is the path without ".."; 0: it is not; or -ENOMEM. */
static int is_within_directory(struct refusal *r, const char *source, const char *root,
                               const char **ret) {
        const char *dir = artifact_uri_normal_path(r->arena, root);
        const char *path = artifact_uri_normal_path(r->arena, source);
        size_t n;

        if (!dir || !path)
                return -ENOMEM;
        n = strlen(dir);
        *ret = path;
        return *artifact_uri_local_path(source) == '/' && artifact_uri_is_local(root) && n > 1 &&
               !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* The artifact root of what is named: the logged model, else the run. NULL: nothing is. */
static int named_root(struct db *db, struct refusal *r, const struct model_source *s,
                      const char **ret) {
        struct logged_model model;
        struct run run;
        int x = 0;

        *ret = NULL;
        if (!str_empty(s->model_id)) {
                x = logged_models_sql_need(db, r, s->model_id, false, &model);
                *ret = x == 0 ? model.artifact_location : NULL;
        } else if (!str_empty(s->run_id)) {
                x = runs_sql_need(db, r, s->run_id, &run);
                *ret = x == 0 ? run.artifact_uri : NULL;
        }
        return x == REFUSED ? 0 : x;
}

/* file:// names no other machine. */
static bool is_of_other_host(const char *source) {
        const char *host = str_after(source, "file://");

        return host && *host && *host != '/' && !str_starts(host, "localhost") &&
               !str_starts(host, "127.0.0.1") && !str_starts(host, "./");
}

static int check_local(struct refusal *r, struct model_source *s, const char *root) {
        bool model = !str_empty(s->model_id);
        const char *path;
        int x;

        if (is_of_other_host(s->source))
                return refusal_set(r, REFUSAL_INTERNAL_ERROR,
                                   "%s is not a valid remote uri. For remote access on windows, "
                                   "please consider using a different scheme such as SMB (e.g. "
                                   "smb://<hostname>/<path>).",
                                   s->source);
        x = root ? is_within_directory(r, s->source, root, &path) : 0;
        if (x < 0)
                return x;
        if (x > 0) {
                /* What is read later never goes up: a link may lie on that way. */
                if (strstr(s->source, "..") || strcasestr(s->source, "%2e"))
                        s->storage_location = path;
                return 0;
        }
        return refusal_invalid(r,
                               "Invalid model version source: '%s'. To use a local path as a model "
                               "version source, the %s request parameter has to be specified and "
                               "the local path has to be contained within the artifact directory "
                               "of the run specified by the %s.",
                               root ? path : s->source, model ? "model_id" : "run_id",
                               model ? "model_id" : "run_id");
}

static int check_runs(struct refusal *r, const struct model_source *s) {
        const char *path = str_after(s->source, "runs:/");
        size_t n = s->run_id ? strlen(s->run_id) : 0;

        if (path && str_empty(s->model_id) && n > 0 && !strncmp(path, s->run_id, n) &&
            (!path[n] || path[n] == '/'))
                return 0;
        return not_of(r, s->source, str_empty(s->model_id) ? "run_id" : "model_id");
}

static int check(struct db *db, struct refusal *r, struct model_source *s) {
        const char *what = str_empty(s->model_id) ? "run_id" : "model_id", *root;
        bool oom = false, within;
        int x = named_root(db, r, s, &root);

        if (x < 0)
                return x;
        /* FILE: is a scheme that nothing here opens; it is refused with the paths. */
        if (artifact_uri_is_local(s->source) || !strncasecmp(s->source, "file:", STRLEN("file:")))
                return check_local(r, s, root);
        x = check_relative(r, s->source);
        if (x != 0)
                return x;
        if (str_starts(s->source, "runs:"))
                return check_runs(r, s);
        if (!artifact_uri_store_name(r->arena, s->source, &oom))
                return oom ? -ENOMEM : 0; /* a bucket or the like, which has guards of its own */
        x = root ? is_within(r, s->source, root, &within) : 0;
        if (x != 0)
                return x;
        return root && within ? 0 : not_of(r, s->source, what);
}

static int from_logged_model(struct db *db, struct refusal *r, const char *model_id,
                             struct model_source *s) {
        struct logged_model m;
        int x;

        if (!str_eq(s->model_id, model_id))
                return not_of(r, s->source, "model_id");
        x = logged_models_sql_need(db, r, model_id, false, &m);
        if (x != 0)
                return x;
        s->storage_location = m.artifact_location;
        s->run_id = str_empty(s->run_id) ? m.source_run_id : s->run_id;
        return 0;
}

/* A version of a logged model belongs to the run that made it. */
static int fill_run(struct db *db, struct refusal *r, struct model_source *s) {
        struct logged_model m;
        int x;

        if (!str_empty(s->run_id) || str_empty(s->model_id))
                return 0;
        x = logged_models_sql_need(db, r, s->model_id, false, &m);
        if (x == 0)
                s->run_id = m.source_run_id;
        return x;
}

/* What a version is tied to must be readable by who ties it; an id that is given and empty ties it
 * to nothing that could be. */
static int check_readable(struct db *db, struct refusal *r, const struct model_source *s) {
        struct logged_model m;
        struct run run;
        int x = 0;

        if (!r->access || (str_starts(s->source, "models:") && strchr(s->source + 8, '/')))
                return 0;
        if ((s->has_run_id && str_empty(s->run_id)) || (s->has_model_id && str_empty(s->model_id)))
                return refusal_set(r, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        if (s->has_run_id)
                x = runs_sql_need(db, r, s->run_id, &run);
        if (x == 0 && s->has_model_id)
                x = logged_models_sql_need(db, r, s->model_id, false, &m);
        return x;
}

static int resolve(struct db *db, struct refusal *r, struct model_source *s) {
        struct reference ref;
        int x;

        s->storage_location = s->source;
        if (str_starts(s->source, "models:")) {
                x = parse_reference(r, s->source, &ref);
                if (x != 0)
                        return x;
                return ref.model_id ? from_logged_model(db, r, ref.model_id, s)
                                    : from_version(db, r, &ref, s);
        }
        x = check(db, r, s);
        return x != 0 ? x : fill_run(db, r, s);
}

int model_source_resolve(struct db *db, struct refusal *r, struct model_source *s) {
        const struct access *access = r->access;
        struct access reading;
        int x;

        if (access) {
                reading = *access;
                reading.needed = ACCESS_READ;
                r->access = &reading;
        }
        x = check_readable(db, r, s);
        if (x == 0)
                x = resolve(db, r, s);
        r->access = access;
        return x;
}
