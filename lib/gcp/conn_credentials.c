#include "lib/gcp/conn_credentials.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/gcp/token.h"

struct reading {
        const struct json *connection, *extra;
        struct arena *a;
        struct errmsg *em;
};

static int read_extra(struct reading *q) {
        const struct json *v = json_get(q->connection, "extra");
        struct json *j = NULL;
        const char *text;
        int r;

        q->extra = json_is(v, JSON_OBJECT) ? v : NULL;
        if (json_str(v, &text) != 0 || str_empty(text))
                return 0;
        r = json_parse_copy(q->a, text, strlen(text), &j, q->em);
        if (r == -EINVAL)
                errmsg_prefix(q->em, "\"extra\" of the connection is no JSON");
        q->extra = j;
        return r;
}

/* A text of extra; one that is an object there is given as its text. *ret stays when absent. */
static int want(struct reading *q, const char *name, const char **ret) {
        const struct json *v = json_get(q->extra, name);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        const char *text;

        if (json_str(v, &text) == 0) {
                if (*text)
                        *ret = text;
                return 0;
        }
        if (!json_is(v, JSON_OBJECT))
                return 0;
        json_write_init(&w, &b, 0);
        json_write_node(&w, v);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        text = arena_strdup(q->a, buf_cstr(&b));
        explicit_bzero(b.data, b.len);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

static int refuse(struct reading *q, const char *name, const char *remedy) {
        const struct json *v = json_get(q->extra, name);
        const char *text = NULL;

        if (!v || v->type == JSON_NULL || (json_str(v, &text) == 0 && !*text))
                return 0;
        return errmsg_fail(q->em, -EINVAL, "\"%s\" in extra cannot be used here: %s", name, remedy);
}

/* Also by the names of Airflow before 2.3. */
static int want_google(struct reading *q, const char *name, const char **ret) {
        const char *old = arena_printf(q->a, "extra__google_cloud_platform__%s", name);
        int r = old ? want(q, old, ret) : -ENOMEM;

        return r < 0 ? r : want(q, name, ret);
}

static int read_google(struct reading *q, struct conn_credentials *c) {
        int r = want_google(q, "keyfile_dict", &c->key_json);

        c->kind = CONN_CREDENTIALS_GOOGLE;
        if (r >= 0)
                r = want_google(q, "key_path", &c->key_path);
        if (r >= 0)
                r = want_google(q, "project", &c->project);
        if (r >= 0)
                r = refuse(q, "key_secret_name", "put the key itself into keyfile_dict");
        if (r >= 0)
                r = refuse(q, "credential_config_file", "name the file by key_path");
        if (r >= 0 && c->key_json && c->key_path)
                r = errmsg_fail(q->em, -EINVAL,
                                "\"keyfile_dict\" and \"key_path\" exclude one another");
        return r;
}

static int read_aws(struct reading *q, struct conn_credentials *c) {
        struct s3_config_given *aws = &c->aws;
        const struct {
                const char *name, **to;
        } rows[] = {{"aws_access_key_id", &aws->access_key},
                    {"aws_secret_access_key", &aws->secret_key},
                    {"aws_session_token", &aws->session_token},
                    {"region_name", &aws->region},
                    {"host", &aws->endpoint}, /* as S3 connections of old had it */
                    {"endpoint_url", &aws->endpoint}};
        int r = 0;

        c->kind = CONN_CREDENTIALS_AWS;
        (void) json_want_str(q->connection, "login", &aws->access_key, NULL);
        (void) json_want_str(q->connection, "password", &aws->secret_key, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++)
                r = want(q, rows[i].name, rows[i].to);
        if (r >= 0)
                r = refuse(q, "role_arn", "give the keys of the role itself");
        if (r >= 0)
                r = refuse(q, "profile_name", "set AWS_PROFILE for the daemon");
        if (r >= 0 && !aws->access_key != !aws->secret_key)
                r = errmsg_fail(q->em, -EINVAL, "the connection has a %s and no %s",
                                aws->access_key ? "login (access key)" : "password (secret key)",
                                aws->access_key ? "password (secret key)" : "login (access key)");
        return r;
}

int conn_credentials_read(const struct json *connection, struct arena *a,
                          struct conn_credentials *ret, struct errmsg *em) {
        struct reading q = {.connection = connection, .a = a, .em = em};
        struct conn_credentials c = {};
        const char *type = "";
        int r = read_extra(&q);

        (void) json_want_str(connection, "conn_type", &type, NULL);
        if (r >= 0 && (str_starts(type, "google_cloud") || str_starts(type, "gcp")))
                r = read_google(&q, &c);
        else if (r >= 0 && (str_eq(type, "aws") || str_eq(type, "s3")))
                r = read_aws(&q, &c);
        if (r == -ENOMEM)
                errmsg_set(em, "no memory");
        if (r >= 0)
                *ret = c;
        return r;
}

void conn_credentials_token(const struct conn_credentials *c, struct token_options *ret) {
        ret->credentials_json = c->key_json;
        ret->credentials_file = c->key_path;
}
