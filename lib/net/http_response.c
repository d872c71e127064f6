/* The answer's parser. */
#include "lib/net/http_response.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

enum http_response_chunk {
        HTTP_RESPONSE_CHUNK_SIZE,      /* before the first digit */
        HTTP_RESPONSE_CHUNK_DIGITS,    /* in the size */
        HTTP_RESPONSE_CHUNK_EXTENSION, /* until LF */
        HTTP_RESPONSE_CHUNK_DATA,
        HTTP_RESPONSE_CHUNK_CR, /* behind the data */
        HTTP_RESPONSE_CHUNK_LF,
        HTTP_RESPONSE_CHUNK_TRAILER, /* at the start of a trailer line */
        HTTP_RESPONSE_CHUNK_IN_TRAILER,
};

void http_response_init(struct http_response *r, bool to_head) {
        *r = (struct http_response){.to_head = to_head};
        buf_init(&r->head, HTTP_RESPONSE_HEAD_MAX);
}

void http_response_done(struct http_response *r) {
        buf_done(&r->head);
}

/* --- the head -------------------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK" */
static int http_response_parse_status(struct http_response *r, const char *line) {
        int status = 0;

        if (!str_starts(line, "HTTP/1.") || (line[7] != '0' && line[7] != '1') || line[8] != ' ')
                return -EPROTO;
        r->keep_alive = line[7] == '1';
        for (unsigned i = 9; i < 12; i++) {
                if (line[i] < '0' || line[i] > '9')
                        return -EPROTO;
                status = status * 10 + (line[i] - '0');
        }
        if ((line[12] && line[12] != ' ') || status < 100)
                return -EPROTO;
        r->status = status;
        return 0;
}

static int http_response_add_header(struct http_response *r, char *line) {
        char *colon = strchr(line, ':'), *value;

        /* No folded lines, no blank before the colon. */
        if (!colon || colon == line || strcspn(line, " \t") < (size_t) (colon - line))
                return -EPROTO;
        if (r->n_headers >= HTTP_RESPONSE_HEADERS_MAX)
                return -E2BIG;
        *colon = '\0';
        value = str_strip(colon + 1);
        r->headers[r->n_headers].name = line;
        r->headers[r->n_headers++].value = value;
        return 0;
}

const char *http_response_header(const struct http_response *r, const char *name) {
        for (size_t i = 0; i < r->n_headers; i++)
                if (str_eq_fold(r->headers[i].name, name))
                        return r->headers[i].value;
        return NULL;
}

/* The only value of a header that must not stand twice. */
static int http_response_only(const struct http_response *r, const char *name, const char **ret) {
        *ret = NULL;
        for (size_t i = 0; i < r->n_headers; i++) {
                if (!str_eq_fold(r->headers[i].name, name))
                        continue;
                if (*ret)
                        return -EPROTO;
                *ret = r->headers[i].value;
        }
        return 0;
}

static enum http_response_framing http_response_choose_framing(const struct http_response *r,
                                                               const char *length,
                                                               const char *coding) {
        if (r->to_head || r->status == 204 || r->status == 304)
                return HTTP_RESPONSE_NONE;
        if (coding)
                return HTTP_RESPONSE_CHUNKED;
        return length ? HTTP_RESPONSE_LENGTH : HTTP_RESPONSE_CLOSE;
}

/* A second Content-Length, or one beside chunks, leaves the end of the body unclear. */
static int http_response_find_framing(struct http_response *r) {
        const char *connection = http_response_header(r, "Connection"), *length, *coding;

        if (http_response_only(r, "Content-Length", &length) < 0 ||
            http_response_only(r, "Transfer-Encoding", &coding) < 0)
                return -EPROTO;
        if (coding && (length || !str_eq_fold(coding, "chunked")))
                return -EPROTO;
        if (length && str_to_u64(length, &r->left) < 0)
                return -EPROTO;
        r->framing = http_response_choose_framing(r, length, coding);
        if (r->framing == HTTP_RESPONSE_CLOSE || (connection && str_eq_fold(connection, "close")))
                r->keep_alive = false;
        r->is_complete = r->framing == HTTP_RESPONSE_NONE ||
                         (r->framing == HTTP_RESPONSE_LENGTH && r->left == 0);
        return 0;
}

static int http_response_parse_head(struct http_response *r) {
        char *line = r->head.data, *end = r->head.data + r->head.len - 2;
        int x;

        if (memchr(line, '\0', r->head.len))
                return -EPROTO;
        for (bool is_first = true; line < end; is_first = false) {
                char *next = strstr(line, "\r\n");

                *next = '\0';
                if (line[strcspn(line, "\r\n")])
                        return -EPROTO;
                x = is_first ? http_response_parse_status(r, line)
                             : http_response_add_header(r, line);
                if (x < 0)
                        return x;
                line = next + 2;
        }
        if (r->status < 200) {
                if (r->status == 101)
                        return -EPROTO; /* nobody asked for another protocol */
                r->n_headers = 0;
                buf_reset(&r->head);
                return 0;
        }
        x = http_response_find_framing(r);
        r->has_head = x >= 0;
        return x;
}

ssize_t http_response_head(struct http_response *r, const char *data, size_t size) {
        size_t n = 0;
        int x;

        while (n < size && !r->has_head) {
                /* A byte at a time only over line ends: the rest goes in one piece. */
                const char *nl = memchr(data + n, '\n', size - n);
                size_t piece = nl ? (size_t) (nl + 1 - data) - n : size - n;

                x = buf_add(&r->head, data + n, piece);
                if (x < 0)
                        return x;
                n += piece;
                if (r->head.len >= 4 &&
                    memcmp(r->head.data + r->head.len - 4, "\r\n\r\n", 4) == 0) {
                        x = http_response_parse_head(r);
                        if (x < 0)
                                return x;
                }
        }
        return (ssize_t) n;
}

int64_t http_response_length(const struct http_response *r) {
        const char *text = http_response_header(r, "Content-Length");
        int64_t n;

        return text && str_to_i64(text, &n) >= 0 ? n : -1;
}

/* --- the body -------------------------------------------------------------------------------- */

static int http_response_hex(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int http_response_chunk_digit(struct http_response *r, char c) {
        int digit = http_response_hex(c);

        if (digit >= 0) {
                if (r->left >> 58)
                        return -EPROTO;
                r->left = r->left << 4 | (unsigned) digit;
                r->chunk_state = HTTP_RESPONSE_CHUNK_DIGITS;
                return 0;
        }
        if (r->chunk_state == HTTP_RESPONSE_CHUNK_SIZE || !strchr("\r;\t ", c) || c == '\0')
                return -EPROTO;
        r->chunk_state = HTTP_RESPONSE_CHUNK_EXTENSION;
        return 0;
}

/* One byte that is not data. */
static int http_response_chunk_step(struct http_response *r, char c) {
        switch ((enum http_response_chunk) r->chunk_state) {
        case HTTP_RESPONSE_CHUNK_SIZE:
        case HTTP_RESPONSE_CHUNK_DIGITS:
                return http_response_chunk_digit(r, c);
        case HTTP_RESPONSE_CHUNK_EXTENSION:
                if (c == '\n')
                        r->chunk_state = r->left > 0 ? HTTP_RESPONSE_CHUNK_DATA
                                                     : HTTP_RESPONSE_CHUNK_TRAILER;
                return 0;
        case HTTP_RESPONSE_CHUNK_CR:
                r->chunk_state = HTTP_RESPONSE_CHUNK_LF;
                return c == '\r' ? 0 : -EPROTO;
        case HTTP_RESPONSE_CHUNK_LF:
                r->chunk_state = HTTP_RESPONSE_CHUNK_SIZE;
                return c == '\n' ? 0 : -EPROTO;
        case HTTP_RESPONSE_CHUNK_TRAILER:
                if (c == '\n')
                        r->is_complete = true;
                else if (c != '\r')
                        r->chunk_state = HTTP_RESPONSE_CHUNK_IN_TRAILER;
                return 0;
        case HTTP_RESPONSE_CHUNK_IN_TRAILER:
                if (c == '\n')
                        r->chunk_state = HTTP_RESPONSE_CHUNK_TRAILER;
                return 0;
        case HTTP_RESPONSE_CHUNK_DATA:
                break;
        }
        return -EPROTO;
}

static ssize_t http_response_unchunk(struct http_response *r, char *data, size_t size) {
        size_t in = 0, out = 0;

        while (in < size) {
                if (r->is_complete)
                        return -EPROTO;
                if (r->chunk_state == HTTP_RESPONSE_CHUNK_DATA) {
                        size_t n = MIN(size - in, (size_t) MIN(r->left, (uint64_t) SIZE_MAX));

                        memmove(data + out, data + in, n);
                        in += n;
                        out += n;
                        r->left -= n;
                        if (r->left == 0)
                                r->chunk_state = HTTP_RESPONSE_CHUNK_CR;
                } else {
                        int x = http_response_chunk_step(r, data[in++]);

                        if (x < 0)
                                return x;
                }
        }
        return (ssize_t) out;
}

ssize_t http_response_body(struct http_response *r, char *data, size_t size) {
        assert(r->has_head);
        switch (r->framing) {
        case HTTP_RESPONSE_NONE:
                return size == 0 ? 0 : -EPROTO;
        case HTTP_RESPONSE_LENGTH:
                if (size > r->left)
                        return -EPROTO;
                r->left -= size;
                r->is_complete = r->left == 0;
                return (ssize_t) size;
        case HTTP_RESPONSE_CHUNKED:
                return http_response_unchunk(r, data, size);
        case HTTP_RESPONSE_CLOSE:
                return (ssize_t) size;
        }
        return -EPROTO;
}

int http_response_eof(struct http_response *r) {
        if (r->has_head && r->framing == HTTP_RESPONSE_CLOSE)
                r->is_complete = true;
        return r->is_complete ? 0 : -ECONNRESET;
}
