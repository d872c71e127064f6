#include "lib/gcp/store_any.h"

#include <errno.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/str.h"
#include "lib/gcp/store_gcs.h"
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
