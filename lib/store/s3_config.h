/* s3_config.h: where S3 is and as whom, by the names that AWS's tools and MLflow read. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct s3_config {
        char *endpoint;      /* "https://HOST[:PORT]" without a path; never NULL */
        bool is_path_style;  /* the bucket stands in the path, else in the host's name */
        char *region;        /* never NULL */
        char *access_key;    /* NULL = anonymous */
        char *secret_key;    /* with access_key */
        char *session_token; /* NULL = none */
        char *ca_file;       /* NULL = the system's */
};

/* What a connection says: before variables and files. NULL: not given. */
struct s3_config_given {
        const char *access_key, *secret_key; /* both or none */
        const char *session_token, *region, *endpoint;
};

/* Reads MLFLOW_S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; AWS_REGION,
 * AWS_DEFAULT_REGION; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, else the profile
 * AWS_PROFILE of AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE (~/.aws/credentials,
 * ~/.aws/config); AWS_CA_BUNDLE. -EINVAL, -EACCES: em names the variable or file. */
int s3_config_load(const char *bucket, struct s3_config *ret, struct errmsg *em);
int s3_config_load_given(const char *bucket, const struct s3_config_given *given,
                         struct s3_config *ret, struct errmsg *em);
/* Wipes it. */
void s3_config_done(struct s3_config *c);
/* The value of a key in a section ("[name]", with "profile " before it or not) of AWS's INI; NULL:
 * there is none. Its length in *ret_n. Pure. */
const char *s3_config_find(const char *text, const char *section, const char *key, size_t *ret_n);
