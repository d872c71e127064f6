#pragma once
/* gzip for answers: negotiation, whole buffers and streams. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/buf.h"

/* By the Accept-Encoding header (NULL = no): gzip or * with q > 0. */
bool http_gzip_accepted(const char *accept_encoding);
/* Text, JSON, JavaScript, XML, SVG and the like. */
bool http_gzip_worthwhile(const char *content_type);
/* Compresses data onto the end of out. level 1…9. -ENOMEM. */
int http_gzip_pack(const void *data, size_t size, int level, struct buf *out);

/* What gzip, zlib or raw deflate packed, onto the end of out, at most max bytes.
 * 0, -EINVAL (none of them, or cut short), -E2BIG or -ENOMEM. */
int http_gzip_unpack(const void *data, size_t size, size_t max, struct buf *out);

struct http_gzip;
int http_gzip_new(int level, struct http_gzip **ret);
struct http_gzip *http_gzip_free(struct http_gzip *g);
/* Feeds data; `flush` makes everything so far readable at the other end, `end` writes the trailer.
 */
int http_gzip_feed(struct http_gzip *g, const void *data, size_t size, bool flush, bool end,
                   struct buf *out);
