/* token_credentials.c: a type is known by "type"; each type's fields are read by one function. */
#include "lib/gcp/token_credentials.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_source.h"

#define FILE_MAX ((size_t) 1 << 20)
#define ARENA_MAX ((size_t) 16 << 20)
#define DEFAULT_TOKEN_URL "https://oauth2.googleapis.com/token"
#define DEFAULT_STS_URL "https://sts.googleapis.com/v1/token"
#define DEFAULT_COMMAND_MS 30000
#define DEFAULT_LIFETIME_S 3600
#define LIFETIME_MAX_S 43200

static int parse_one(struct arena *a, const struct json *root, bool is_nested,
                     struct token_credentials *c, struct errmsg *em);

static int want_url(const struct json *root, const char *key, const char **ret, struct errmsg *em) {
        int r = json_want_str(root, key, ret, em);

        return r < 0 || !*ret ? r : token_source_check_url(*ret, key, em);
}

/* A field that must be there and not be empty. */
static int need_text(const struct json *root, const char *key, const char **ret,
                     struct errmsg *em) {
        int r = json_need_str(root, key, ret, em);

        return r < 0 || **ret ? r : errmsg_fail(em, -EINVAL, "\"%s\" is empty", key);
}

static int parse_key(const struct json *root, struct token_credentials *c, struct errmsg *em) {
        int r = need_text(root, "client_email", &c->client_email, em);

        if (r >= 0)
                r = need_text(root, "private_key", &c->private_key, em);
        if (r >= 0)
                r = json_want_str(root, "private_key_id", &c->private_key_id, em);
        c->token_url = DEFAULT_TOKEN_URL;
        if (r >= 0)
                r = want_url(root, "token_uri", &c->token_url, em);
        return r;
}

static int parse_user(const struct json *root, struct token_credentials *c, struct errmsg *em) {
        int r = need_text(root, "client_id", &c->client_id, em);

        if (r >= 0)
                r = need_text(root, "client_secret", &c->client_secret, em);
        if (r >= 0)
                r = need_text(root, "refresh_token", &c->refresh_token, em);
        c->token_url = DEFAULT_TOKEN_URL;
        if (r >= 0)
                r = want_url(root, "token_uri", &c->token_url, em);
        return r;
}

/* --- external accounts ---------------------------------------------------------------------------
 */

static int parse_command(const struct json *exe, struct token_credentials_subject *s,
                         struct errmsg *em) {
        int r = need_text(exe, "command", &s->command, em);

        s->timeout_ms = DEFAULT_COMMAND_MS;
        if (r >= 0)
                r = json_want_i64(exe, "timeout_millis", &s->timeout_ms, em);
        if (r >= 0 && (s->timeout_ms < 1 || s->timeout_ms > 600000))
                r = errmsg_fail(em, -EINVAL, "\"timeout_millis\" must be from 1 to 600000");
        if (r >= 0)
                r = json_want_str(exe, "output_file", &s->output_file, em);
        return r;
}

static int parse_format(const struct json *from, struct token_credentials_subject *s,
                        struct errmsg *em) {
        const struct json *format = NULL;
        const char *type = "text";
        int r = json_want(from, "format", JSON_OBJECT, &format, em);

        if (r >= 0)
                r = json_want_str(format, "type", &type, em);
        if (r < 0 || str_eq(type, "text"))
                return r;
        if (!str_eq(type, "json"))
                return errmsg_fail(em, -EINVAL, "\"format\": type \"%.40s\" is not text or json",
                                   type);
        s->is_json = true;
        return need_text(format, "subject_token_field_name", &s->field, em);
}

static int check_headers(const struct json *headers, struct errmsg *em) {
        const struct json *h;
        const char *value;

        json_each (h, headers) {
                if (json_str(h, &value) != 0 || value[strcspn(value, "\r\n")] ||
                    h->key[strcspn(h->key, ": \r\n")])
                        return errmsg_fail(em, -EINVAL, "\"headers\": \"%.60s\" is not a header",
                                           h->key);
        }
        return 0;
}

static int parse_subject(const struct json *root, struct token_credentials_subject *s,
                         struct errmsg *em) {
        const struct json *from, *exe = NULL;
        int r = json_need(root, "credential_source", JSON_OBJECT, &from, em);

        if (r < 0)
                return r;
        if (json_get(from, "environment_id"))
                return errmsg_fail(em, -EINVAL,
                                   "\"credential_source\": AWS as a source of identity is not "
                                   "supported: use a file, a url or an executable");
        r = json_want_str(from, "file", &s->file, em);
        if (r >= 0)
                r = json_want_str(from, "url", &s->url, em);
        if (r >= 0)
                r = json_want(from, "headers", JSON_OBJECT, &s->headers, em);
        if (r >= 0)
                r = check_headers(s->headers, em);
        if (r >= 0)
                r = json_want(from, "executable", JSON_OBJECT, &exe, em);
        if (r >= 0 && exe)
                r = parse_command(exe, s, em);
        if (r >= 0)
                r = parse_format(from, s, em);
        if (r >= 0 && !!s->file + !!s->url + !!s->command != 1)
                r = errmsg_fail(em, -EINVAL,
                                "\"credential_source\" needs exactly one of file, url and "
                                "executable");
        return r;
}

static int parse_lifetime(const struct json *from, const char *key, struct token_credentials *c,
                          struct errmsg *em) {
        int r;

        c->impersonation_s = DEFAULT_LIFETIME_S;
        r = json_want_i64(from, key, &c->impersonation_s, em);
        if (r >= 0 && (c->impersonation_s < 1 || c->impersonation_s > LIFETIME_MAX_S))
                r = errmsg_fail(em, -EINVAL, "\"%s\" must be from 1 to %d", key, LIFETIME_MAX_S);
        return r;
}

static int parse_external(const struct json *root, struct token_credentials *c, struct errmsg *em) {
        const struct json *lifetime = NULL;
        int r = need_text(root, "audience", &c->audience, em);

        if (r >= 0)
                r = need_text(root, "subject_token_type", &c->subject_type, em);
        c->token_url = DEFAULT_STS_URL;
        if (r >= 0)
                r = want_url(root, "token_url", &c->token_url, em);
        if (r >= 0)
                r = want_url(root, "service_account_impersonation_url", &c->impersonation_url, em);
        if (r >= 0)
                r = json_want(root, "service_account_impersonation", JSON_OBJECT, &lifetime, em);
        if (r >= 0)
                r = parse_lifetime(lifetime, "token_lifetime_seconds", c, em);
        if (r >= 0)
                r = json_want_str(root, "workforce_pool_user_project", &c->workforce_project, em);
        if (r >= 0)
                r = json_want_str(root, "client_id", &c->client_id, em);
        if (r >= 0)
                r = json_want_str(root, "client_secret", &c->client_secret, em);
        return r < 0 ? r : parse_subject(root, &c->subject, em);
}

/* --- impersonation -------------------------------------------------------------------------------
 */

static int parse_delegates(struct arena *a, const struct json *root, struct token_credentials *c,
                           struct errmsg *em) {
        const struct json *list = NULL, *item;
        const char **delegates;
        size_t n = 0;
        int r = json_want(root, "delegates", JSON_ARRAY, &list, em);

        if (r < 0 || !list || list->len == 0)
                return r;
        delegates = arena_zalloc_array(a, list->len + 1, sizeof *delegates);
        if (!delegates)
                return -ENOMEM;
        json_each (item, list) {
                if (json_str(item, &delegates[n++]) != 0)
                        return errmsg_fail(em, -EINVAL, "\"delegates\" must be strings");
        }
        c->delegates = delegates;
        return 0;
}

static int parse_impersonate(struct arena *a, const struct json *root, struct token_credentials *c,
                             struct errmsg *em) {
        struct token_credentials *source = arena_new(a, struct token_credentials);
        const struct json *inner;
        int r;

        if (!source)
                return -ENOMEM;
        r = need_text(root, "service_account_impersonation_url", &c->impersonation_url, em);
        if (r >= 0)
                r = want_url(root, "service_account_impersonation_url", &c->impersonation_url, em);
        if (r >= 0)
                r = parse_lifetime(NULL, "lifetime", c, em);
        if (r >= 0)
                r = parse_delegates(a, root, c, em);
        if (r >= 0)
                r = json_need(root, "source_credentials", JSON_OBJECT, &inner, em);
        if (r >= 0)
                r = parse_one(a, inner, true, source, em);
        c->source = source;
        return r;
}

/* --- all of them ---------------------------------------------------------------------------------
 */

static int parse_typed(struct arena *a, const struct json *root, const char *type, bool is_nested,
                       struct token_credentials *c, struct errmsg *em) {
        if (str_eq(type, "service_account")) {
                c->type = TOKEN_CREDENTIALS_KEY;
                return parse_key(root, c, em);
        }
        if (str_eq(type, "authorized_user")) {
                c->type = TOKEN_CREDENTIALS_USER;
                return parse_user(root, c, em);
        }
        if (str_eq(type, "external_account")) {
                c->type = TOKEN_CREDENTIALS_EXTERNAL;
                return parse_external(root, c, em);
        }
        if (str_eq(type, "impersonated_service_account") && !is_nested) {
                c->type = TOKEN_CREDENTIALS_IMPERSONATE;
                return parse_impersonate(a, root, c, em);
        }
        return errmsg_fail(em, -EINVAL,
                           "\"type\" is \"%.60s\", which is not supported here: service_account, "
                           "authorized_user, external_account%s",
                           type, is_nested ? "" : ", impersonated_service_account");
}

static int parse_one(struct arena *a, const struct json *root, bool is_nested,
                     struct token_credentials *c, struct errmsg *em) {
        const char *type;
        int r;

        if (json_get(root, "installed") || json_get(root, "web"))
                return errmsg_fail(em, -EINVAL,
                                   "this is an OAuth client, not a credential: run \"gcloud auth "
                                   "application-default login\" or make a service account key");
        r = json_need_str(root, "type", &type, em);
        if (r >= 0)
                r = json_want_str(root, "project_id", &c->project, em);
        if (r >= 0)
                r = json_want_str(root, "quota_project_id", &c->quota_project, em);
        return r < 0 ? r : parse_typed(a, root, type, is_nested, c, em);
}

static int parse_text(struct token_credentials_file *f, struct errmsg *em) {
        struct json *root;
        int r = json_parse(&f->arena, f->text, f->size, &root, em);

        if (r < 0)
                return r;
        if (!json_is(root, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "not a JSON object");
        return parse_one(&f->arena, root, false, &f->c, em);
}

int token_credentials_parse(const char *name, const char *text, size_t size, struct errmsg *em,
                            struct token_credentials_file **ret) {
        struct token_credentials_file *f = mem_new(struct token_credentials_file);
        int r;

        assert(name && text && ret);
        if (!f)
                return -ENOMEM;
        arena_init(&f->arena, ARENA_MAX);
        f->text = mem_memdup(text, size);
        f->size = size;
        r = f->text ? parse_text(f, em) : -ENOMEM;
        if (r < 0) {
                token_credentials_free(f);
                if (r == -EINVAL)
                        errmsg_prefix(em, "%s", name);
                return r;
        }
        *ret = f;
        return 0;
}

int token_credentials_read(const char *path, struct errmsg *em,
                           struct token_credentials_file **ret) {
        char *text;
        size_t size;
        int r = fileio_read(path, FILE_MAX, &text, &size);

        if (r < 0)
                return errmsg_errno(em, r, "%s: cannot read the credentials as uid %u", path,
                                    (unsigned) geteuid());
        r = token_credentials_parse(path, text, size, em, ret);
        mem_free_secret(text, size);
        return r;
}

struct token_credentials_file *token_credentials_free(struct token_credentials_file *f) {
        if (!f)
                return NULL;
        arena_done(&f->arena);
        if (f->text)
                mem_free_secret(f->text, f->size);
        return mem_free(f);
}
