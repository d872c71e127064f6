/* gzip by zlib. Small inputs get a small window, so that memory and set-up follow the size. */
#include "lib/net/http_gzip.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define HTTP_GZIP_STEP 16384
#define HTTP_GZIP_FORMAT 16 /* added to windowBits: a gzip header */

struct http_gzip {
        z_stream z;
};

/* "q=0", "q=0.0", "q=0.000": not wanted. */
static bool http_gzip_refused(const char *params, size_t size) {
        const char *q = memmem(params, size, "q=", 2);

        if (!q)
                return false;
        q += 2;
        if (*q != '0')
                return false;
        q++;
        if (*q == '.')
                q++;
        while (*q == '0')
                q++;
        return !(*q >= '1' && *q <= '9');
}

bool http_gzip_accepted(const char *accept_encoding) {
        const char *word;
        size_t size;
        bool any = false;

        while (accept_encoding && str_word(&accept_encoding, ",", &word, &size)) {
                size_t name;

                while (size > 0 && (*word == ' ' || *word == '\t')) {
                        word++;
                        size--;
                }
                name = strcspn(word, "; \t,");
                if (name > size)
                        name = size;
                if (name == 4 && strncasecmp(word, "gzip", 4) == 0)
                        return !http_gzip_refused(word + name, size - name);
                if (name == 1 && *word == '*')
                        any = !http_gzip_refused(word + name, size - name);
        }
        return any;
}

bool http_gzip_worthwhile(const char *content_type) {
        static const char *const types[] = {
                "application/json",   "application/javascript",   "application/xml",
                "application/yaml",   "application/x-ndjson",     "image/svg+xml",
                "application/x-yaml", "application/problem+json",
        };
        size_t size = strcspn(content_type, "; ");

        if (strncasecmp(content_type, "text/", 5) == 0)
                return strncasecmp(content_type, "text/event-stream", 17) != 0;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strlen(types[i]) == size && strncasecmp(content_type, types[i], size) == 0)
                        return true;
        return false;
}

static int http_gzip_init(z_stream *z, size_t size, int level) {
        int window = 15, memory = 8;

        if (size <= 16 * 1024) {
                window = 12;
                memory = 5;
        }
        return deflateInit2(z, level, Z_DEFLATED, window + HTTP_GZIP_FORMAT, memory,
                            Z_DEFAULT_STRATEGY) == Z_OK
                       ? 0
                       : -ENOMEM;
}

int http_gzip_pack(const void *data, size_t size, int level, struct buf *out) {
        z_stream z = {};
        size_t bound;
        int r;

        if (size > UINT32_MAX / 2)
                return -EFBIG;
        r = http_gzip_init(&z, size, level);
        if (r < 0)
                return r;
        bound = deflateBound(&z, size);
        r = buf_reserve(out, bound);
        if (r >= 0) {
                z.next_in = (Bytef *) data;
                z.avail_in = (uInt) size;
                z.next_out = (Bytef *) out->data + out->len;
                z.avail_out = (uInt) bound;
                r = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
        }
        if (r >= 0) {
                out->len += bound - z.avail_out;
                out->data[out->len] = '\0';
        }
        deflateEnd(&z);
        return r;
}

int http_gzip_new(int level, struct http_gzip **ret) {
        struct http_gzip *g = mem_new(struct http_gzip);
        int r;

        if (!g)
                return -ENOMEM;
        r = http_gzip_init(&g->z, SIZE_MAX, level);
        if (r < 0) {
                mem_free(g);
                return r;
        }
        *ret = g;
        return 0;
}

struct http_gzip *http_gzip_free(struct http_gzip *g) {
        if (g)
                deflateEnd(&g->z);
        return mem_free(g);
}

int http_gzip_feed(struct http_gzip *g, const void *data, size_t size, bool flush, bool end,
                   struct buf *out) {
        int mode = end ? Z_FINISH : flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
        int r;

        if (size > UINT32_MAX)
                return -EFBIG;
        g->z.next_in = (Bytef *) data;
        g->z.avail_in = (uInt) size;
        do {
                r = buf_reserve(out, HTTP_GZIP_STEP);
                if (r < 0)
                        return r;
                g->z.next_out = (Bytef *) out->data + out->len;
                g->z.avail_out = HTTP_GZIP_STEP;
                /* Z_BUF_ERROR only says that there was nothing to do. */
                if (deflate(&g->z, mode) == Z_STREAM_ERROR)
                        return -EIO;
                out->len += HTTP_GZIP_STEP - g->z.avail_out;
                out->data[out->len] = '\0';
        } while (g->z.avail_out == 0);
        return 0;
}

static int unpack(int window, const void *data, size_t size, size_t max, struct buf *out) {
        z_stream z = {.next_in = (Bytef *) data, .avail_in = (uInt) size};
        size_t start = out->len;
        int r = Z_OK, x = 0;

        if (size > UINT32_MAX || inflateInit2(&z, window) != Z_OK)
                return size > UINT32_MAX ? -E2BIG : -ENOMEM;
        while (r == Z_OK && x == 0) {
                if (out->len - start > max)
                        x = -E2BIG;
                else
                        x = buf_reserve(out, HTTP_GZIP_STEP);
                if (x < 0)
                        break;
                z.next_out = (Bytef *) out->data + out->len;
                z.avail_out = HTTP_GZIP_STEP;
                r = inflate(&z, Z_NO_FLUSH);
                out->len += HTTP_GZIP_STEP - z.avail_out;
                out->data[out->len] = 0;
        }
        inflateEnd(&z);
        if (x < 0)
                return x;
        if (r == Z_MEM_ERROR)
                return -ENOMEM;
        if (r != Z_STREAM_END)
                return -EINVAL;
        return out->len - start > max ? -E2BIG : 0;
}

int http_gzip_unpack(const void *data, size_t size, size_t max, struct buf *out) {
        size_t start = out->len;
        int r = unpack(MAX_WBITS + 32, data, size, max, out); /* + 32: gzip or zlib by its head */

        if (r != -EINVAL)
                return r;
        if (out->data)
                buf_truncate(out, start);
        return unpack(-MAX_WBITS, data, size, max, out);
}
