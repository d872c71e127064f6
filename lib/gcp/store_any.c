#include "lib/gcp/store_any.h"

#include <errno.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/str.h"
#include "lib/gcp/store_gcs.h"
#include "lib/gcp/token.h"
#include "lib/store/store_local.h"
#include "lib/store/store_s3.h"

static const struct {
        const char *scheme;
        int (*open)(const char *uri, struct errmsg *em, struct store **ret);
} rows[] = {{"gs://", store_gcs_open}, {"s3://", store_s3_open}};

bool store_any_is_bucket(const char *uri) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_starts(uri, rows[i].scheme))
                        return true;
        return false;
}

int store_any_open_given(const char *uri, const struct conn_credentials *given, struct errmsg *em,
                         struct store **ret) {
        struct token_options token = {};

        if (str_starts(uri, "gs://") && given->kind == CONN_CREDENTIALS_GOOGLE) {
                conn_credentials_token(given, &token);
                return store_gcs_open_given(uri, &token, em, ret);
        }
        if (str_starts(uri, "s3://") && given->kind == CONN_CREDENTIALS_AWS)
                return store_s3_open_given(uri, &given->aws, em, ret);
        return errmsg_fail(em, -EINVAL,
                           "%s needs a connection of type %s (the credentials of the other kind "
                           "open nothing there)",
                           uri, str_starts(uri, "gs://") ? "google_cloud_platform" : "aws");
}

int store_any_open(const char *uri, struct errmsg *em, struct store **ret) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (str_starts(uri, rows[i].scheme))
                        return rows[i].open(uri, em, ret);
        if (uri[strcspn(uri, ":/")] == ':')
                return errmsg_fail(em, -EPROTONOSUPPORT,
                                   "it is neither a directory nor gs://BUCKET/PATH nor "
                                   "s3://BUCKET/PATH");
        return store_local_open(uri, em, ret);
}
