/* multipart: see multipart.h.
 *
 * The delimiter begins with CR and has no other, so when a match breaks off nothing of it can be
 * the beginning of another one. */
#include "daemons/bucketd/multipart.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

int multipart_init(struct multipart *m, const char *content_type, const struct multipart_ops *ops,
                   void *ctx) {
        const char *p = content_type ? strcasestr(content_type, "boundary=") : NULL;
        size_t size;

        if (!p)
                return -EINVAL;
        p += STRLEN("boundary=");
        if (*p == '"' || *p == '\'') {
                char quote[2] = {*p++, 0};

                size = strcspn(p, quote);
        } else {
                size = strcspn(p, "; \t");
        }
        if (size == 0 || size > MULTIPART_BOUNDARY_MAX || memchr(p, '\r', size))
                return -EINVAL;
        *m = (struct multipart){.ops = ops, .ctx = ctx, .is_preamble = true};
        buf_init(&m->line, MULTIPART_HEADERS_MAX);
        memcpy(m->delimiter, "\r\n--", 4);
        memcpy(m->delimiter + 4, p, size);
        m->delimiter_size = size + 4;
        m->n_matched = 2; /* the first one needs no line before it */
        return 0;
}

void multipart_done(struct multipart *m) {
        buf_done(&m->line);
}

static int give(struct multipart *m, const char *data, size_t size) {
        if (size == 0 || m->is_preamble)
                return 0;
        return m->ops->data(m->ctx, m->index, data, size);
}

/* Goes on with a match begun in an earlier piece. */
static int feed_match(struct multipart *m, const char **p, const char *end) {
        size_t n = m->n_matched;

        while (*p < end && n < m->delimiter_size && **p == m->delimiter[n]) {
                n++;
                (*p)++;
        }
        m->n_matched = n;
        if (n == m->delimiter_size) {
                m->n_matched = 0;
                m->state = MULTIPART_BORDER;
                buf_reset(&m->line);
                return 0;
        }
        if (*p == end)
                return 0;
        m->n_matched = 0;
        return give(m, m->delimiter, n);
}

static int feed_body(struct multipart *m, const char **p, const char *end) {
        size_t size = (size_t) (end - *p), window = MIN(size, m->delimiter_size - 1);
        const char *found, *start = *p, *cr;

        if (m->n_matched > 0)
                return feed_match(m, p, end);
        found = memmem(start, size, m->delimiter, m->delimiter_size);
        if (found) {
                *p = found + m->delimiter_size;
                m->state = MULTIPART_BORDER;
                buf_reset(&m->line);
                return give(m, start, (size_t) (found - start));
        }
        *p = end;
        cr = memrchr(end - window, '\r', window);
        if (cr && memcmp(cr, m->delimiter, (size_t) (end - cr)) == 0) {
                m->n_matched = (size_t) (end - cr);
                end = cr;
        }
        return give(m, start, (size_t) (end - start));
}

/* Behind a boundary: "--" ends the body, a line's end begins a part. */
static int feed_border(struct multipart *m, const char **p) {
        int r = buf_add_char(&m->line, *(*p)++);
        const char *line = buf_cstr(&m->line);

        if (r < 0)
                return -EINVAL;
        if (str_eq(line, "--")) {
                m->state = MULTIPART_END;
        } else if (str_ends(line, "\r\n")) {
                m->index += !m->is_preamble;
                m->is_preamble = false;
                m->state = MULTIPART_HEADERS;
                buf_reset(&m->line);
        } else if (strspn(line, " \t\r-") != m->line.len) {
                return -EINVAL;
        }
        return 0;
}

static int feed_headers(struct multipart *m, const char **p) {
        int r = buf_add_char(&m->line, *(*p)++);

        if (r < 0)
                return r == -E2BIG ? -EINVAL : r;
        if (!str_eq(m->line.data, "\r\n") && !str_ends(m->line.data, "\r\n\r\n"))
                return 0;
        if (strlen(m->line.data) != m->line.len)
                return -EINVAL;
        m->state = MULTIPART_BODY;
        /* An empty part's border may follow at once. */
        m->n_matched = 0;
        return m->ops->part(m->ctx, m->index, m->line.data);
}

int multipart_feed(struct multipart *m, const void *data, size_t size) {
        const char *p = data, *end = p + size;
        int r = 0;

        while (r == 0 && p < end)
                switch (m->state) {
                case MULTIPART_BODY:
                        r = feed_body(m, &p, end);
                        break;
                case MULTIPART_BORDER:
                        r = feed_border(m, &p);
                        break;
                case MULTIPART_HEADERS:
                        r = feed_headers(m, &p);
                        break;
                case MULTIPART_END:
                        return 0;
                }
        return r;
}

bool multipart_is_whole(const struct multipart *m) {
        return m->state == MULTIPART_END;
}

char *multipart_header(char *headers, const char *name) {
        size_t size = strlen(name);

        for (char *line = headers; *line;) {
                char *end = line + strcspn(line, "\r\n");

                if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
                        *end = 0;
                        return str_strip(line + size + 1);
                }
                line = end + strspn(end, "\r\n");
        }
        return NULL;
}
