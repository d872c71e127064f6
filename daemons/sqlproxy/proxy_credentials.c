/* Which credentials the flags name: one token for the API, one for databases. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemons/sqlproxy/proxy.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const char *set_or_null(const char *s) {
        return *s ? s : NULL;
}

/* The start says where the credentials come from, in Google's words. */
static void tell_way(const struct flags *f) {
        const char *doing = *f->impersonate_service_account ? "Impersonating service account with"
                                                            : "Authorizing with";

        if (*f->token)
                proxy_log_info("%s OAuth2 token", doing);
        else if (*f->credentials_file)
                proxy_log_info("%s the credentials file at \"%s\"", doing, f->credentials_file);
        else if (*f->json_credentials)
                proxy_log_info("%s JSON credentials environment variable", doing);
        else if (f->gcloud_auth)
                proxy_log_info("%s gcloud user credentials", doing);
        else
                proxy_log_info("%s Application Default Credentials", doing);
}

static bool any_iam(const struct proxy *p) {
        for (size_t i = 0; i < p->n_places; i++)
                if (p->places[i].arg.iam == INSTANCE_ARG_TRUE)
                        return true;
        return p->flags.auto_iam_authn;
}

static int make(const struct flags *f, const char *static_token, const char *scope,
                struct token **ret, struct errmsg *em) {
        const char *const scopes[] = {scope, NULL};
        struct token_options o = {
                .static_token = set_or_null(static_token),
                .credentials_file = set_or_null(f->credentials_file),
                .credentials_json = set_or_null(f->json_credentials),
                .gcloud = f->gcloud_auth,
                .scopes = scopes,
                .impersonate = set_or_null(f->impersonate_service_account),
                .quota_project = set_or_null(f->quota_project),
                .ca_file = getenv("SSL_CERT_FILE"),
        };
        int r = token_new(&o, em, ret);

        if (r < 0)
                errmsg_prefix(em, "unable to start: error initializing dialer: failed to create "
                                  "default credentials");
        return r;
}

/* Is there a program of this name in PATH? */
static bool is_in_path(const char *program) {
        const char *path = getenv("PATH"), *dir;
        size_t len;

        while (path && str_word(&path, ":", &dir, &len)) {
                _cleanup_free_ char *full = str_printf("%.*s/%s", (int) len, dir, program);

                if (full && access(full, X_OK) == 0)
                        return true;
        }
        return false;
}

static int check_way(const struct flags *f, struct errmsg *em) {
        if (f->gcloud_auth && !is_in_path("gcloud"))
                return errmsg_fail(em, -ENOENT,
                                   "unable to start: error initializing dialer: exec: \"gcloud\": "
                                   "executable file not found in $PATH");
        return 0;
}

/* A machine of Google's has a metadata server, though perhaps not yet; another one never will. */
static bool has_metadata_server(void) {
        _cleanup_free_ char *product = NULL;

        if (getenv("GCE_METADATA_HOST"))
                return true;
        if (str_eq(getenv("NO_GCE_CHECK"), "true"))
                return false;
        return fileio_read("/sys/class/dmi/id/product_name", 4096, &product, NULL) >= 0 &&
               strstr(product, "Google");
}

static int check_machine(const struct token *t, struct errmsg *em) {
        if (!strstr(token_describe(t), "metadata server") || has_metadata_server())
                return 0;
        return errmsg_fail(em, -ENOENT,
                           "unable to start: error initializing dialer: failed to create default "
                           "credentials: could not find default credentials: set "
                           "GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth application-default "
                           "login`, or name them by --credentials-file or --token");
}

int proxy_credentials_init(struct proxy *p, struct errmsg *em) {
        const struct flags *f = &p->flags;
        bool is_acting = *f->impersonate_service_account;
        const char *login = *f->login_token && !is_acting ? f->login_token : f->token;
        int r;

        tell_way(f);
        r = check_way(f, em);
        if (r >= 0)
                r = make(f, f->token, TOKEN_SCOPE_SQL_ADMIN, &p->token, em);
        if (r >= 0)
                r = check_machine(p->token, em);
        if (r >= 0 && any_iam(p))
                r = make(f, login, TOKEN_SCOPE_SQL_LOGIN, &p->login_token, em);
        return r;
}
