/* Answers from a file: whole, a range, or not at all when the client has it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_exchange.h"
#include "lib/net/http_range.h"
#include "lib/net/http_request_reply.h"
#include "lib/net/http_target.h"

static const char *http_request_reply_file_date(const struct http_request_file *f,
                                                char ret[TIMESTAMP_SIZE]) {
        return timestamp_print_http((usec_t) f->modified_at_s * USEC_PER_SEC, ret);
}

#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* RFC 6266: a token as it stands, else quoted; an ASCII fallback and the name in UTF-8. */
static const char *http_request_reply_file_disposition(struct arena *a, const char *name) {
        size_t size = strlen(name);
        char *plain = arena_strdup(a, name), *encoded = arena_alloc(a, 3 * size + 1);

        if (!plain || !encoded)
                return NULL;
        for (char *p = plain; *p; p++)
                if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
                        *p = '_';
        (void) http_target_encode(encoded, name, size, "");
        if (strcmp(plain, name) == 0 && *name && !name[strspn(name, TOKEN)])
                return arena_printf(a, "attachment; filename=%s", name);
        if (strcmp(plain, name) == 0)
                return arena_printf(a, "attachment; filename=\"%s\"", plain);
        return arena_printf(a, "attachment; filename=\"%s\"; filename*=UTF-8''%s", plain, encoded);
}

static int http_request_reply_file_header(struct http_request *req, const char *name,
                                          const char *value) {
        return value ? http_request_set_header(req, name, value) : -ENOMEM;
}

static int http_request_reply_file_headers(struct http_request *req,
                                           const struct http_request_file *f) {
        char date[TIMESTAMP_SIZE];
        int r = http_request_set_header(req, "Accept-Ranges", "bytes");

        if (r >= 0 && f->etag)
                r = http_request_reply_file_header(req, "ETag",
                                                   arena_printf(req->arena, "\"%s\"", f->etag));
        if (r >= 0 && f->modified_at_s > 0)
                r = http_request_set_header(req, "Last-Modified",
                                            http_request_reply_file_date(f, date));
        if (r >= 0 && f->filename)
                r = http_request_reply_file_header(
                        req, "Content-Disposition",
                        http_request_reply_file_disposition(req->arena, f->filename));
        if (r >= 0 && f->cache)
                r = http_request_set_header(req, "Cache-Control", f->cache);
        if (r >= 0 && f->encoding)
                r = http_request_set_header(req, "Content-Encoding", f->encoding);
        return r;
}

/* A range holds only for the file the client has seen (If-Range, strong comparison). */
static bool http_request_reply_file_range_holds(struct http_request *req,
                                                const struct http_request_file *f) {
        const char *if_range = http_request_header(req, "If-Range");
        char date[TIMESTAMP_SIZE];

        if (!if_range)
                return true;
        if (f->etag && *if_range == '"')
                return http_range_etag_matches(if_range, f->etag);
        return f->modified_at_s > 0 && str_eq(if_range, http_request_reply_file_date(f, date));
}

static bool http_request_reply_file_unchanged(struct http_request *req,
                                              const struct http_request_file *f) {
        const char *tags = http_request_header(req, "If-None-Match");
        const char *since = http_request_header(req, "If-Modified-Since");
        char date[TIMESTAMP_SIZE];

        if (tags)
                return f->etag && http_range_etag_matches(tags, f->etag);
        return since && f->modified_at_s > 0 &&
               str_eq(since, http_request_reply_file_date(f, date));
}

/* The status, the part to send, and Content-Range. */
static int http_request_reply_file_choose(struct http_request *req,
                                          const struct http_request_file *f, int *ret_status,
                                          uint64_t *ret_first, uint64_t *ret_size) {
        const char *range = http_request_header(req, "Range"), *text = NULL;
        enum http_range_result result = HTTP_RANGE_WHOLE;
        uint64_t first = 0, last = 0;

        if (range && req->method == HTTP_GET && http_request_reply_file_range_holds(req, f))
                result = http_range_parse(range, f->size, &first, &last);
        *ret_status = 200;
        *ret_first = 0;
        *ret_size = f->size;
        if (result == HTTP_RANGE_WHOLE)
                return 0;
        if (result == HTTP_RANGE_PART) {
                *ret_status = 206;
                *ret_first = first;
                *ret_size = last - first + 1;
                text = arena_printf(req->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
                                    last, f->size);
        } else {
                *ret_status = 416;
                *ret_size = 0;
                text = arena_printf(req->arena, "bytes */%" PRIu64, f->size);
        }
        return http_request_reply_file_header(req, "Content-Range", text);
}

static int http_request_reply_file_stream(struct http_request *req,
                                          const struct http_request_file *f, int status,
                                          const char *type, uint64_t first, uint64_t size) {
        struct http_request_stream s = {};
        int r = f->open(f->open_ctx, first, size, &s);

        if (r < 0)
                return r;
        s.size = (int64_t) size;
        s.no_gzip = true;
        return http_request_reply_stream(req, status, type, &s, f->ret_waker);
}

int http_request_reply_file(struct http_request *req, const struct http_request_file *f) {
        _cleanup_close_ int fd = f->fd;
        const char *type = f->type ?: "application/octet-stream";
        uint64_t first, size;
        struct MHD_Response *m;
        int status, r;

        r = http_request_reply_file_headers(req, f);
        if (r < 0)
                return r;
        if (http_request_reply_file_unchanged(req, f))
                return http_request_reply_empty(req, 304);
        r = http_request_reply_file_choose(req, f, &status, &first, &size);
        if (r < 0)
                return r;
        if (size == 0)
                return http_request_reply_static(req, status, type, "", 0);
        if (f->open)
                return http_request_reply_file_stream(req, f, status, type, first, size);
        m = MHD_create_response_from_fd_at_offset64(size, fd, first);
        if (m)
                TAKE_FD(fd);
        return http_request_reply_send(req, status, type, m);
}

int http_request_reply_file_part(struct http_request *req, int status, const char *content_type,
                                 int fd, uint64_t offset, uint64_t size) {
        struct MHD_Response *m;

        if (size == 0) {
                fileio_close(fd);
                return http_request_reply_static(req, status, content_type, "", 0);
        }
        m = MHD_create_response_from_fd_at_offset64(size, fd, offset);
        if (!m)
                fileio_close(fd);
        return http_request_reply_send(req, status, content_type, m);
}

/* Never asked: an answer to HEAD has no body. */
static ssize_t http_request_reply_file_nothing(void *cls, uint64_t pos, char *data, size_t size) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
}

int http_request_reply_file_head(struct http_request *req, int status, const char *content_type,
                                 uint64_t size) {
        return http_request_reply_send(
                req, status, content_type,
                MHD_create_response_from_callback(size, 1, http_request_reply_file_nothing, NULL,
                                                  NULL));
}
