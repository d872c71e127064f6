#include "daemons/bucketd/object_headers.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/crc32c.h"
#include "lib/base/hex.h"
#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_request.h"

static int set(struct http_request *req, const char *name, const char *value) {
        return value ? http_request_set_header(req, name, value) : -ENOMEM;
}

const char *object_headers_etag(struct arena *a, const char *md5, uint32_t crc32c) {
        _cleanup_buf_ struct buf bytes = {};
        char text[33];

        if (str_empty(md5) || base64_decode(&bytes, md5, strlen(md5), 0) < 0 || bytes.len != 16)
                return arena_printf(a, "crc-%08x", crc32c);
        hex_encode(bytes.data, bytes.len, text);
        return arena_strdup(a, text);
}

int object_headers_set(struct http_request *req, const struct object *o) {
        struct arena *a = req->arena;
        char crc[CRC32C_TEXT_SIZE];
        const char *etag = object_headers_etag(a, o->md5, o->crc32c);
        int r = etag ? set(req, "ETag", arena_printf(a, "\"%s\"", etag)) : -ENOMEM;

        if (r >= 0)
                r = set(req, "x-goog-generation", arena_printf(a, "%" PRId64, o->generation));
        if (r >= 0)
                r = set(req, "x-goog-metageneration",
                        arena_printf(a, "%" PRId64, o->metageneration));
        crc32c_print(o->crc32c, crc);
        if (r >= 0)
                r = set(req, "x-goog-hash",
                        o->md5 ? arena_printf(a, "crc32c=%s,md5=%s", crc, o->md5)
                               : arena_printf(a, "crc32c=%s", crc));
        if (r >= 0)
                r = set(req, "x-goog-stored-content-length", arena_printf(a, "%" PRIu64, o->size));
        if (r >= 0 && o->components > 0)
                r = set(req, "x-goog-component-count", arena_printf(a, "%" PRId64, o->components));
        return r;
}

/* A value a header cannot hold is left out. */
static int set_text(struct http_request *req, const char *name, const struct json *value) {
        int r = json_is(value, JSON_STRING) ? http_request_set_header(req, name, value->str) : 0;

        return r == -EINVAL ? 0 : r;
}

static int set_metadata(struct http_request *req, const struct json *metadata) {
        const struct json *item;
        int r = 0;

        json_each (item, metadata) {
                const char *name = arena_printf(req->arena, "x-goog-meta-%s", item->key);

                r = name ? set_text(req, name, item) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return r;
}

int object_headers_set_content(struct http_request *req, const struct object *o, bool xml) {
        static const struct {
                const char *key, *header;
        } rows[] = {
                {"cacheControl", "Cache-Control"},
                {"contentDisposition", "Content-Disposition"},
                {"contentEncoding", "x-goog-stored-content-encoding"},
                {"contentLanguage", "Content-Language"},
                {"storageClass", "x-goog-storage-class"},
                {"customTime", "x-goog-custom-time"},
        };
        const struct json *tree = NULL;
        char date[TIMESTAMP_SIZE];
        int r = object_attributes(req->arena, o, &tree);

        if (r >= 0)
                r = set(req, "Last-Modified", timestamp_print_http(o->created_at, date));
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(rows); i++)
                r = set_text(req, rows[i].header, json_get(tree, rows[i].key));
        if (r >= 0 && !json_get(tree, "contentEncoding"))
                r = http_request_set_header(req, "x-goog-stored-content-encoding", "identity");
        if (r >= 0 && !json_get(tree, "storageClass"))
                r = http_request_set_header(req, "x-goog-storage-class", "STANDARD");
        if (r >= 0 && xml)
                r = set_metadata(req, json_get(tree, "metadata"));
        return r;
}
