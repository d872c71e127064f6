#include "daemons/tracking/tracking_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/model_source.h"
#include "daemons/tracking/tracking_uri.h"
#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct tracking_conf, __VA_ARGS__)
#include "config/tracking.def"
#undef CONF_KEY
};

const struct options_daemon tracking_conf_daemon = {
        .program = "onebox-tracking",
        .summary = "experiments, runs, artifacts and the model registry, for MLflow's clients",
        .conf = {keys, ARRAY_SIZE(keys)},
};

/* *field keeps its value; else the variable's, else a copy of `otherwise`. */
static int complete(char **field, const char *variable, const char *otherwise) {
        const char *value = variable ? getenv(variable) : NULL;

        if (*field)
                return 0;
        value = str_empty(value) ? otherwise : value;
        *field = mem_strdup(value);
        return *field || !value ? 0 : -ENOMEM;
}

static int complete_workers(struct tracking_conf *conf, struct errmsg *em) {
        const char *workers = getenv("MLFLOW_WORKERS");

        if (conf->workers == 0 && !str_empty(workers) &&
            (str_to_u64(workers, &conf->workers) < 0 || conf->workers == 0))
                return errmsg_fail(em, -EINVAL, "MLFLOW_WORKERS=%s is no number of threads",
                                   workers);
        if (conf->workers == 0)
                conf->workers = 4;
        return 0;
}

static int check_frame_options(const char *text, struct errmsg *em) {
        if (str_eq_fold(text, "SAMEORIGIN") || str_eq_fold(text, "DENY") ||
            str_eq_fold(text, "none"))
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "x_frame_options must be SAMEORIGIN, DENY or none, not \"%s\"", text);
}

/* What concerns the server itself. */
static int complete_server(struct tracking_conf *conf, struct errmsg *em) {
        int r = complete(&conf->host, "MLFLOW_HOST", "127.0.0.1");

        if (r == 0)
                r = complete(&conf->port, "MLFLOW_PORT", "5000");
        if (r == 0)
                r = complete_workers(conf, em);
        if (r == 0)
                r = complete(&conf->static_prefix, "MLFLOW_STATIC_PREFIX", NULL);
        if (r == 0)
                r = complete(&conf->allowed_hosts, "MLFLOW_SERVER_ALLOWED_HOSTS", NULL);
        if (r == 0)
                r = complete(&conf->x_frame_options, "MLFLOW_SERVER_X_FRAME_OPTIONS", "SAMEORIGIN");
        for (char *p = conf->allowed_hosts; r == 0 && p && *p; p++)
                if (*p == ',') /* as `mlflow server` writes them */
                        *p = ' ';
        return r != 0 ? r : check_frame_options(conf->x_frame_options, em);
}

/* A relative directory counts from where we were started. */
static int make_absolute(char **path) {
        _cleanup_free_ char *cwd = NULL;
        char *whole;

        if (!artifact_uri_is_local(*path) || str_starts(*path, "file:") || **path == '/')
                return 0;
        cwd = getcwd(NULL, 0);
        whole = cwd ? str_printf("%s/%s", cwd, *path) : NULL;
        if (!whole)
                return -ENOMEM;
        mem_free(*path);
        *path = whole;
        return 0;
}

static int complete_artifacts(struct tracking_conf *conf, const char *dir) {
        bool named = !str_empty(getenv("MLFLOW_ARTIFACTS_DESTINATION"));
        int r = complete(&conf->artifacts_destination,
                         named ? "MLFLOW_ARTIFACTS_DESTINATION" : "MLFLOW_ARTIFACT_URI", dir);

        if (r == 0)
                r = make_absolute(&conf->artifacts_destination);
        if (r == 0)
                r = complete(&conf->default_artifact_root, "MLFLOW_DEFAULT_ARTIFACT_ROOT",
                             conf->serve_artifacts ? "mlflow-artifacts:/"
                                                   : conf->artifacts_destination);
        return r != 0 ? r : make_absolute(&conf->default_artifact_root);
}

/* What `mlflow server` would do and we do not must not be left undone in silence. */
static int refuse_environment(struct errmsg *em) {
        static const struct {
                const char *variable, *why;
        } rows[] = {
                {"MLFLOW_REGISTRY_STORE_URI", "models are in the database of the runs"},
                {"MLFLOW_READ_REPLICA_BACKEND_STORE_URI", "all is read from one database"},
                {"MLFLOW_ARTIFACTS_ONLY", "runs and artifacts are served together"},
                {"MLFLOW_ARTIFACTS_PRESIGNED_ONLY", "clients may always come through the server"},
                {"MLFLOW_TRACE_ARCHIVAL_CONFIG", "traces stay in the database"},
                {"MLFLOW_WORKSPACE_STORE_URI", "there is one workspace"},
                {"MLFLOW_ENABLE_WORKSPACES", "there is one workspace"},
        };
        bool on;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *value = getenv(rows[i].variable);

                if (i == 0 && value && str_eq(value, getenv("MLFLOW_BACKEND_STORE_URI")))
                        continue;
                if (!str_empty(value) && !(str_to_bool(value, &on) == 0 && !on))
                        return errmsg_fail(em, -EINVAL, "%s is set: %s: leave the variable away",
                                           rows[i].variable, rows[i].why);
        }
        return 0;
}

/* What means nothing here, and how it is said. */
static void tell_ignored(void) {
        static const struct {
                const char *variable, *why;
        } rows[] = {
                {"MLFLOW_GUNICORN_OPTS", "there is no gunicorn: MLFLOW_WORKERS is the threads"},
                {"MLFLOW_UVICORN_OPTS", "there is no uvicorn: MLFLOW_WORKERS is the threads"},
                {"MLFLOW_EXPOSE_PROMETHEUS", "/metrics is always there, without a directory"},
                {"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
                 "pages of the hosts in MLFLOW_SERVER_ALLOWED_HOSTS may write, others may not"},
                {"MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
                 "requests are checked all the same: MLFLOW_SERVER_ALLOWED_HOSTS lets more in"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (!str_empty(getenv(rows[i].variable)))
                        log_notice("%s is ignored: %s", rows[i].variable, rows[i].why);
}

static int check_port(const char *text, struct errmsg *em) {
        uint64_t port;

        if (str_to_u64(text, &port) == 0 && port <= 65535)
                return 0;
        return errmsg_fail(em, -EINVAL, "the port \"%s\" is no number from 0 to 65535", text);
}

int tracking_conf_complete(struct tracking_conf *conf, const struct paths *paths, struct arena *a,
                           struct errmsg *em) {
        const char *db = arena_printf(a, "sqlite:///%s/tracking/mlflow.db", paths->state_dir);
        const char *dir = arena_printf(a, "%s/tracking/artifacts", paths->state_dir);
        const char *serve = getenv("MLFLOW_SERVE_ARTIFACTS");
        int r = db && dir ? refuse_environment(em) : -ENOMEM;
        bool serves = true;

        if (r == 0)
                r = model_source_pattern_check(em);
        tell_ignored();

        if (!str_empty(serve) && str_to_bool(serve, &serves) == 0 && !serves)
                conf->serve_artifacts = false;

        if (r == 0)
                r = complete_server(conf, em);
        if (r == 0)
                r = tracking_uri_complete(conf, db, em);
        if (r == 0)
                r = complete_artifacts(conf, dir);
        if (r < 0)
                return em && *em->text ? r : errmsg_errno(em, r, "cannot start");
        if (getenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"))
                (void) str_to_bool(getenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"),
                                   &conf->proxy_multipart);
        if (getenv("MLFLOW_ENABLE_AI_GATEWAY"))
                (void) str_to_bool(getenv("MLFLOW_ENABLE_AI_GATEWAY"), &conf->ai_gateway);
        return check_port(conf->port, em);
}

int tracking_conf_default_level(const struct tracking_conf *conf, struct errmsg *em,
                                enum access_level *ret) {
        const char *named = getenv("MLFLOW_AUTH_DEFAULT_PERMISSION"), *what;

        /* As `mlflow server --app-name basic-auth` has it; the system's own units share. */
        what = conf->default_permission ? conf->default_permission
               : !str_empty(named)      ? named
               : conf->app_name         ? "READ"
                                        : "MANAGE";
        if (access_parse(what, ret) == 0)
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "default_permission must be READ, USE, EDIT, MANAGE or NO_PERMISSIONS, "
                           "not \"%s\"",
                           what);
}

int tracking_conf_access(const struct tracking_conf *conf, bool managed, struct errmsg *em,
                         bool *ret_on) {
        if (conf->app_name && !str_eq(conf->app_name, "basic-auth"))
                return errmsg_fail(em, -EINVAL, "app_name \"%s\" is not known: basic-auth is",
                                   conf->app_name);
        if (conf->app_name) {
                *ret_on = true;
                return 0;
        }
        if (str_eq(conf->access_control, "auto")) {
                *ret_on = managed;
                return 0;
        }
        if (str_to_bool(conf->access_control, ret_on) == 0)
                return 0;
        return errmsg_fail(em, -EINVAL, "access_control must be yes, no or auto, not \"%s\"",
                           conf->access_control);
}
