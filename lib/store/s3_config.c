/* s3_config.c: the environment wins over files. */
#include "lib/store/s3_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 1 << 20)
#define DEFAULT_REGION "us-east-1"

static const char *first_env(const char *a, const char *b, const char *c) {
        const char *names[] = {a, b, c};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *value = names[i] ? getenv(names[i]) : NULL;

                if (!str_empty(value))
                        return value;
        }
        return NULL;
}

/* --- AWS's files ---------------------------------------------------------------------------------
 */

static bool is_section(const char *line, size_t n, const char *section) {
        size_t n_section = strlen(section);

        while (n > 0 && strchr(" \t\r", line[n - 1]))
                n--;
        if (n < 2 || line[0] != '[' || line[n - 1] != ']')
                return false;
        line++;
        n -= 2;
        if (n > 8 && memcmp(line, "profile ", 8) == 0) {
                line += 8;
                n -= 8;
        }
        return n == n_section && memcmp(line, section, n) == 0;
}

/* "key = value" with this key: its value. */
static const char *value_of(const char *line, size_t n, const char *key, size_t *ret_n) {
        size_t n_key = strlen(key), i;

        if (n <= n_key || memcmp(line, key, n_key) != 0)
                return NULL;
        for (i = n_key; i < n && strchr(" \t", line[i]); i++)
                ;
        if (i == n || line[i] != '=')
                return NULL;
        for (i++; i < n && strchr(" \t", line[i]); i++)
                ;
        while (n > i && strchr(" \t\r", line[n - 1]))
                n--;
        *ret_n = n - i;
        return line + i;
}

const char *s3_config_find(const char *text, const char *section, const char *key, size_t *ret_n) {
        bool inside = false;

        while (*text) {
                size_t n = strcspn(text, "\n");

                if (*text == '[') {
                        inside = is_section(text, n, section);
                } else if (inside) {
                        const char *value = value_of(text, n, key, ret_n);

                        if (value)
                                return value;
                }
                text += n + (text[n] == '\n');
        }
        return NULL;
}

/* A file's whole text; NULL in *ret when there is none. */
static int read_file(const char *variable, const char *name, char **ret, struct errmsg *em) {
        const char *named = first_env(variable, NULL, NULL), *home = getenv("HOME");
        _cleanup_free_ char *path =
                named ? mem_strdup(named) : str_printf("%s/.aws/%s", home ?: "/nonexistent", name);
        int r;

        *ret = NULL;
        if (!path)
                return -ENOMEM;
        r = fileio_read(path, FILE_MAX, ret, NULL);
        if (r == -ENOENT || (!named && r == -EACCES))
                return 0;
        return r < 0 ? errmsg_errno(em, r, "%s: cannot read it", path) : 0;
}

static int take(const char *text, const char *section, const char *key, char **ret) {
        const char *value;
        size_t n;

        if (!text || *ret)
                return 0;
        value = s3_config_find(text, section, key, &n);
        if (!value)
                return 0;
        *ret = mem_strndup(value, n);
        return *ret ? 0 : -ENOMEM;
}

static int take_keys(const char *text, const char *profile, struct s3_config *c) {
        int r;

        if (c->access_key)
                return 0;
        r = take(text, profile, "aws_access_key_id", &c->access_key);
        if (r >= 0 && c->access_key)
                r = take(text, profile, "aws_secret_access_key", &c->secret_key);
        if (r >= 0 && c->access_key)
                r = take(text, profile, "aws_session_token", &c->session_token);
        return r;
}

static char *free_text(char *text) {
        return text ? mem_free_secret(text, strlen(text)) : NULL;
}

static int from_files(struct s3_config *c, struct errmsg *em) {
        const char *profile = first_env("AWS_PROFILE", "AWS_DEFAULT_PROFILE", NULL) ?: "default";
        char *credentials = NULL, *config = NULL;
        int r = read_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &credentials, em);

        if (r >= 0)
                r = read_file("AWS_CONFIG_FILE", "config", &config, em);
        if (r >= 0)
                r = take_keys(credentials, profile, c);
        if (r >= 0)
                r = take_keys(config, profile, c);
        if (r >= 0)
                r = take(config, profile, "region", &c->region);
        if (r >= 0)
                r = take(config, profile, "endpoint_url", &c->endpoint);
        free_text(credentials);
        free_text(config);
        return r;
}

/* --- all together --------------------------------------------------------------------------------
 */

/* What stands already stays. */
static int copy_env(char **ret, const char *value) {
        if (!value || *ret)
                return 0;
        *ret = mem_strdup(value);
        return *ret ? 0 : -ENOMEM;
}

static int take_env_keys(struct s3_config *c, const char *access, const char *secret) {
        int r = copy_env(&c->access_key, access);

        if (r >= 0)
                r = copy_env(&c->secret_key, secret);
        if (r >= 0)
                r = copy_env(&c->session_token,
                             first_env("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", NULL));
        return r;
}

static int from_env(struct s3_config *c, struct errmsg *em) {
        const char *access = first_env("AWS_ACCESS_KEY_ID", NULL, NULL);
        const char *secret = first_env("AWS_SECRET_ACCESS_KEY", NULL, NULL);
        int r = copy_env(&c->endpoint, first_env("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
                                                 "AWS_ENDPOINT_URL"));

        if (!access != !secret)
                return errmsg_fail(em, -EINVAL, "%s is set and %s is not",
                                   access ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                                   access ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
        if (r >= 0)
                r = copy_env(&c->region, first_env("AWS_REGION", "AWS_DEFAULT_REGION", NULL));
        if (r >= 0 && access && !c->access_key)
                r = take_env_keys(c, access, secret);
        if (r >= 0)
                r = copy_env(&c->ca_file, first_env("AWS_CA_BUNDLE", NULL, NULL));
        return r;
}

/* The host of a bucket at AWS: by name, or by path where the name would break the certificate. */
static int set_endpoint(struct s3_config *c, const char *bucket, struct errmsg *em) {
        size_t n;

        if (!c->endpoint) {
                c->is_path_style = strchr(bucket, '.') != NULL;
                c->endpoint =
                        c->is_path_style
                                ? str_printf("https://s3.%s.amazonaws.com", c->region)
                                : str_printf("https://%s.s3.%s.amazonaws.com", bucket, c->region);
                return c->endpoint ? 0 : -ENOMEM;
        }
        c->is_path_style = true;
        n = strlen(c->endpoint);
        while (n > 0 && c->endpoint[n - 1] == '/')
                c->endpoint[--n] = '\0';
        if ((!str_starts(c->endpoint, "http://") && !str_starts(c->endpoint, "https://")) ||
            strchr(strstr(c->endpoint, "://") + 3, '/') ||
            c->endpoint[strcspn(c->endpoint, " @?#")])
                return errmsg_fail(em, -EINVAL,
                                   "MLFLOW_S3_ENDPOINT_URL must be http(s)://HOST[:PORT], not "
                                   "\"%.200s\"",
                                   c->endpoint);
        return 0;
}

static int check_keys(const struct s3_config *c, struct errmsg *em) {
        if (c->access_key && !c->secret_key)
                return errmsg_fail(em, -EINVAL, "the profile has no aws_secret_access_key");
        if (!c->access_key)
                return errmsg_fail(em, -EACCES,
                                   "no credentials for S3: set AWS_ACCESS_KEY_ID and "
                                   "AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials");
        return 0;
}

static int from_given(struct s3_config *c, const struct s3_config_given *given) {
        int r = copy_env(&c->endpoint, given->endpoint);

        if (r >= 0)
                r = copy_env(&c->region, given->region);
        if (r >= 0)
                r = copy_env(&c->access_key, given->access_key);
        if (r >= 0)
                r = copy_env(&c->secret_key, given->secret_key);
        if (r >= 0)
                r = copy_env(&c->session_token, given->session_token);
        return r;
}

int s3_config_load(const char *bucket, struct s3_config *ret, struct errmsg *em) {
        return s3_config_load_given(bucket, &(struct s3_config_given){}, ret, em);
}

int s3_config_load_given(const char *bucket, const struct s3_config_given *given,
                         struct s3_config *ret, struct errmsg *em) {
        struct s3_config c = {};
        int r = from_given(&c, given);

        if (r >= 0)
                r = from_env(&c, em);
        if (r >= 0)
                r = from_files(&c, em);
        if (r >= 0 && !c.region)
                r = copy_env(&c.region, DEFAULT_REGION);
        if (r >= 0)
                r = set_endpoint(&c, bucket, em);
        if (r >= 0)
                r = check_keys(&c, em);
        if (r < 0) {
                s3_config_done(&c);
                return r;
        }
        *ret = c;
        return 0;
}

void s3_config_done(struct s3_config *c) {
        mem_free(c->endpoint);
        mem_free(c->region);
        mem_free(c->access_key);
        mem_free(c->ca_file);
        free_text(c->secret_key);
        free_text(c->session_token);
        *c = (struct s3_config){};
}
