/* token_make.c: reads files and the environment, asks nobody. */
#include "lib/gcp/token_make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_external.h"
#include "lib/gcp/token_gcloud.h"
#include "lib/gcp/token_impersonate.h"
#include "lib/gcp/token_key.h"
#include "lib/gcp/token_metadata.h"
#include "lib/gcp/token_static.h"
#include "lib/gcp/token_url.h"
#include "lib/gcp/token_user.h"

#define ADC_FILE "application_default_credentials.json"

/* --- from credentials ----------------------------------------------------------------------------
 */

/* Takes inner over, whatever happens. */
static int impersonate(const struct token_credentials *c, struct token_source *inner,
                       struct token_source **ret) {
        struct token_impersonate o = {
                .url = c->impersonation_url,
                .delegates = c->delegates,
                .lifetime_s = c->impersonation_s,
        };

        return token_impersonate_new(&o, inner, ret);
}

static int from_plain(const struct token_credentials *c, struct errmsg *em,
                      struct token_source **ret) {
        struct token_source *inner;
        int r;

        switch (c->type) {
        case TOKEN_CREDENTIALS_KEY:
                return token_key_new(c, em, ret);
        case TOKEN_CREDENTIALS_USER:
                return token_user_new(c, ret);
        case TOKEN_CREDENTIALS_EXTERNAL:
                r = token_external_new(c, &inner);
                if (r < 0 || !c->impersonation_url) {
                        if (r >= 0)
                                *ret = inner;
                        return r;
                }
                return impersonate(c, inner, ret);
        case TOKEN_CREDENTIALS_IMPERSONATE:
                break;
        }
        return errmsg_fail(em, -EINVAL, "impersonated_service_account inside another");
}

static int from_credentials(const struct token_credentials *c, struct errmsg *em,
                            struct token_source **ret) {
        struct token_source *inner;
        int r;

        if (c->type != TOKEN_CREDENTIALS_IMPERSONATE)
                return from_plain(c, em, ret);
        r = from_plain(c->source, em, &inner);
        return r < 0 ? r : impersonate(c, inner, ret);
}

/* *m has a file: makes its source, or empties m. */
static int from_file(const char *name, struct token_made *m, struct errmsg *em) {
        int r = from_credentials(&m->file->c, em, &m->source);

        if (r < 0) {
                errmsg_prefix(em, "%s", name);
                token_make_done(m);
                return r;
        }
        m->source->project = m->source->project ?: m->file->c.project;
        m->source->quota_project = m->source->quota_project ?: m->file->c.quota_project;
        return 0;
}

static int from_path(const char *path, struct token_made *m, struct errmsg *em) {
        int r = token_credentials_read(path, em, &m->file);

        return r < 0 ? r : from_file(path, m, em);
}

static int from_text(const char *text, struct token_made *m, struct errmsg *em) {
        int r = token_credentials_parse("the given JSON", text, strlen(text), em, &m->file);

        return r < 0 ? r : from_file("the given JSON", m, em);
}

/* --- the Application Default Credentials ---------------------------------------------------------
 */

/* gcloud's file; NULL when there is no home or no memory. */
static char *gcloud_file(void) {
        const char *dir = getenv("CLOUDSDK_CONFIG"), *home = getenv("HOME");

        if (!str_empty(dir))
                return str_printf("%s/" ADC_FILE, dir);
        return str_empty(home) ? NULL : str_printf("%s/.config/gcloud/" ADC_FILE, home);
}

static int from_default(struct token_made *m, struct errmsg *em) {
        const char *named = getenv("GOOGLE_APPLICATION_CREDENTIALS");
        _cleanup_free_ char *path = NULL;
        int r;

        if (!str_empty(named)) {
                r = from_path(named, m, em);
                if (r < 0)
                        errmsg_prefix(em, "GOOGLE_APPLICATION_CREDENTIALS");
                return r;
        }
        path = gcloud_file();
        if (path && access(path, F_OK) == 0)
                return from_path(path, m, em);
        return token_metadata_new(&m->source);
}

/* --- all ways ------------------------------------------------------------------------------------
 */

static int make_plain(const struct token_options *o, struct token_made *m, struct errmsg *em) {
        int n = o->anonymous + !!o->static_token + !!o->credentials_file + !!o->credentials_json +
                !!o->token_url + o->gcloud + o->metadata;

        if (n > 1)
                return errmsg_fail(em, -EINVAL,
                                   "more than one way to credentials is given: choose one");
        if (o->anonymous || o->static_token)
                return token_static_new(o->static_token, em, &m->source);
        if (o->credentials_file)
                return from_path(o->credentials_file, m, em);
        if (o->credentials_json)
                return from_text(o->credentials_json, m, em);
        if (o->token_url)
                return token_url_new(o->token_url, em, &m->source);
        if (o->gcloud)
                return token_gcloud_new(&m->source);
        if (o->metadata)
                return token_metadata_new(&m->source);
        return from_default(m, em);
}

int token_make(const struct token_options *o, struct errmsg *em, struct token_made *ret) {
        struct token_made m = {};
        int r = make_plain(o, &m, em);

        if (r >= 0 && !str_empty(o->impersonate)) {
                struct token_source *inner = TAKE_PTR(m.source);

                r = token_impersonate_list_new(o->impersonate, o->iam_endpoint, inner, em,
                                               &m.source);
        }
        if (r < 0) {
                token_make_done(&m);
                return r;
        }
        *ret = m;
        return 0;
}

void token_make_done(struct token_made *m) {
        m->source = token_source_free(m->source);
        m->file = token_credentials_free(m->file);
}
