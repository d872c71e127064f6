/* token_credentials.h: the JSON files that Google's tools write, read and checked. Pure but for the
 * memory, which is wiped when it goes. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/json.h"
#include "lib/base/macros.h"

enum token_credentials_type {
        TOKEN_CREDENTIALS_KEY,         /* service_account */
        TOKEN_CREDENTIALS_USER,        /* authorized_user */
        TOKEN_CREDENTIALS_EXTERNAL,    /* external_account */
        TOKEN_CREDENTIALS_IMPERSONATE, /* impersonated_service_account */
};

/* Where an external account's own token comes from: exactly one of file, url and command. */
struct token_credentials_subject {
        const char *file;
        const char *url;
        const struct json *headers; /* an object of strings, or NULL */
        const char *command;
        int64_t timeout_ms;
        const char *output_file;
        bool is_json;      /* the token is a field of a JSON object */
        const char *field; /* its name */
};

struct token_credentials {
        enum token_credentials_type type;
        const char *project, *quota_project;
        /* KEY */
        const char *client_email, *private_key, *private_key_id;
        /* KEY, USER, EXTERNAL: where the exchange is made */
        const char *token_url;
        /* USER */
        const char *client_id, *client_secret, *refresh_token;
        /* EXTERNAL */
        const char *audience, *subject_type, *workforce_project;
        struct token_credentials_subject subject;
        /* EXTERNAL (may be NULL), IMPERSONATE */
        const char *impersonation_url;
        int64_t impersonation_s;      /* lifetime asked for */
        const char *const *delegates; /* as the call wants them; NULL-terminated, may be NULL */
        /* IMPERSONATE */
        const struct token_credentials *source;
};

/* What the struct's strings live in. */
struct token_credentials_file {
        struct token_credentials c;
        char *text;
        size_t size;
        struct arena arena;
};

/* -EINVAL: em says which field of `name` is wrong and what to do; secrets are not quoted. */
int token_credentials_parse(const char *name, const char *text, size_t size, struct errmsg *em,
                            struct token_credentials_file **ret);
/* -ENOENT, -EACCES, -EFBIG (over 1 MiB) too. */
int token_credentials_read(const char *path, struct errmsg *em,
                           struct token_credentials_file **ret);
struct token_credentials_file *token_credentials_free(struct token_credentials_file *f);
DEFINE_CLEANUP(struct token_credentials_file *, token_credentials_free)
