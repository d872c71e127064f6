/* metadata.c: every question carries Metadata-Flavor and every true answer does. */
#include "lib/gcp/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_source.h"

#define METADATA_DEFAULT "169.254.169.254"
#define METADATA_PRODUCT "/sys/class/dmi/id/product_name"
#define METADATA_CONNECT_FOR (3 * USEC_PER_SEC)
#define METADATA_TOTAL_FOR (5 * USEC_PER_SEC)
#define METADATA_MAX ((size_t) 1 << 20)

bool metadata_is_here(void) {
        _cleanup_free_ char *text = NULL;

        return getenv("GCE_METADATA_HOST") ||
               (fileio_read(METADATA_PRODUCT, 256, &text, NULL) >= 0 && str_starts(text, "Google"));
}

const char *metadata_host(void) {
        const char *host = getenv("GCE_METADATA_HOST");

        return str_empty(host) ? METADATA_DEFAULT : host;
}

char *metadata_url(const char *path) {
        return str_printf("http://%s/computeMetadata/v1/%s", metadata_host(), path);
}

/* put: the value to say; NULL asks. */
static int ask(struct http_fetch *http, const char *path, const char *put, usec_t total_for,
               struct http_fetch_answer *ret, struct errmsg *em) {
        static const char *const headers[] = {"Metadata-Flavor: Google", NULL};
        _cleanup_free_ char *url = metadata_url(path);
        struct http_fetch_call call = {
                .method = put ? "PUT" : NULL,
                .url = url,
                .body = put,
                .body_size = put ? strlen(put) : 0,
                .content_type = put ? "text/plain" : NULL,
                .headers = headers,
                .no_proxy = true,
                .max_body = METADATA_MAX,
                .connect_for = METADATA_CONNECT_FOR,
                .stall_for = USEC_INFINITY,
                .total_for = total_for,
        };
        struct errmsg why = {};
        char flavor[16];
        int r;

        if (!url)
                return -ENOMEM;
        r = http_fetch(http, &call, ret, &why);
        if (r < 0)
                return errmsg_fail(em, r, "the metadata server does not answer: %s", why.text);
        if (http_fetch_answer_header(ret, "Metadata-Flavor", flavor, sizeof flavor) < 0 ||
            !str_eq(flavor, "Google"))
                r = errmsg_fail(em, -EPROTO,
                                "%s is not Google's metadata server (it answers %d without "
                                "Metadata-Flavor): is GCE_METADATA_HOST right?",
                                metadata_host(), ret->status);
        else if ((r = token_source_status_error(ret->status)) < 0)
                errmsg_set(em, "the metadata server answers %d to %s", ret->status, path);
        if (r < 0)
                http_fetch_answer_done(ret);
        return r;
}

int metadata_get(struct http_fetch *http, const char *path, usec_t for_usec, char **ret,
                 struct errmsg *em) {
        struct http_fetch_answer a = {};
        char *text;
        int r;

        assert(http && path && ret);
        r = ask(http, path, NULL, for_usec ?: METADATA_TOTAL_FOR, &a, em);
        if (r < 0)
                return r;
        text = buf_take(&a.body, NULL);
        http_fetch_answer_done(&a);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

int metadata_wait(struct http_fetch *http, const char *path, usec_t wait_for,
                  char etag[METADATA_ETAG_SIZE], char **ret, struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        uint64_t wait_s = MAX(wait_for / USEC_PER_SEC, (usec_t) 1);
        _cleanup_free_ char *full = NULL;
        char got[METADATA_ETAG_SIZE];
        char *text;
        int r;

        full = str_printf("%s?wait_for_change=true&last_etag=%s&timeout_sec=%llu", path,
                          *etag ? etag : "0", (unsigned long long) wait_s);
        if (!full)
                return -ENOMEM;
        r = ask(http, full, NULL, wait_s * USEC_PER_SEC + METADATA_TOTAL_FOR, &a, em);
        if (r < 0)
                return r;
        if (http_fetch_answer_header(&a, "ETag", got, sizeof got) < 0 ||
            got[strspn(got, "0123456789abcdefABCDEF")])
                return errmsg_fail(em, -EPROTO, "the metadata server gives no etag for %s", path);
        if (str_eq(got, etag))
                return 1;
        text = buf_take(&a.body, NULL);
        if (!text)
                return -ENOMEM;
        memcpy(etag, got, sizeof got);
        *ret = text;
        return 0;
}

int metadata_put_guest(struct http_fetch *http, const char *key, const char *value,
                       struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        _cleanup_free_ char *path = str_printf("instance/guest-attributes/%s", key);
        int r;

        if (!path)
                return -ENOMEM;
        r = ask(http, path, value, METADATA_TOTAL_FOR, &a, em);
        if (r < 0 && a.status == 403)
                errmsg_set(em, "the machine takes no guest attributes: set its metadata "
                               "enable-guest-attributes=TRUE");
        return r;
}
