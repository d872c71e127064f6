/* conn_credentials.h: the credentials in an Airflow connection, by the names that Airflow's hooks
 * read: of Google (keyfile_dict, key_path, project in extra) and of AWS (login and password, or
 * aws_access_key_id and its like in extra; region_name, endpoint_url). Pure. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/store/s3_config.h"

struct json;
struct token_options;

enum conn_credentials_kind {
        CONN_CREDENTIALS_NONE, /* the connection is of neither */
        CONN_CREDENTIALS_GOOGLE,
        CONN_CREDENTIALS_AWS,
};

/* Texts are the connection's own or the arena's; NULL when not given. */
struct conn_credentials {
        enum conn_credentials_kind kind;
        const char *key_json, *key_path, *project; /* GOOGLE; neither key: the machine's own */
        struct s3_config_given aws;                /* without a key: the machine's own */
};

/* From {conn_type, host, login, password, extra}, extra being text or an object. -EINVAL with em
 * for what Airflow takes and is not to be had here (role_arn, key_secret_name). */
int conn_credentials_read(const struct json *connection, struct arena *a,
                          struct conn_credentials *ret, struct errmsg *em);

/* The way to a token that GOOGLE's credentials mean; all else in *ret is left as it is. */
void conn_credentials_token(const struct conn_credentials *c, struct token_options *ret);
