/* batch_parse: see batch_parse.h. */
#include "daemons/bucketd/batch_parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

#define BATCH_PARSE_BOUNDARY_MAX 200

static bool batch_parse_starts(const char *s, const char *with) {
        return strncasecmp(s, with, strlen(with)) == 0;
}

struct batch_text {
        char *at, *end;
};

/* The next line, without its end; NULL: none. */
static char *batch_parse_line(struct batch_text *t, size_t *ret_len) {
        char *line = t->at, *lf;

        if (line >= t->end)
                return NULL;
        lf = memchr(line, '\n', (size_t) (t->end - line));
        t->at = lf ? lf + 1 : t->end;
        *ret_len = (size_t) ((lf ? lf : t->end) - line);
        if (*ret_len > 0 && line[*ret_len - 1] == '\r')
                --*ret_len;
        return line;
}

static int batch_parse_boundary(struct arena *a, const char *type, char **ret) {
        const char *from;
        size_t n;

        if (!type || !batch_parse_starts(type, "multipart/mixed"))
                return -EINVAL;
        from = strcasestr(type, "boundary=");
        if (!from)
                return -EINVAL;
        from += strlen("boundary=");
        n = *from == '"' ? strcspn(++from, "\"") : strcspn(from, "; \t");
        if (n == 0 || n > BATCH_PARSE_BOUNDARY_MAX)
                return -EINVAL;
        *ret = arena_printf(a, "--%.*s", (int) n, from);
        return *ret ? 0 : -ENOMEM;
}

/* Headers up to the empty line; each() has the whole line, NUL-terminated. */
static int batch_parse_headers(struct batch_text *t, struct batch_part *p,
                               int (*each)(struct batch_part *p, char *line)) {
        size_t len;
        char *line;

        while ((line = batch_parse_line(t, &len)) && len > 0) {
                int r;

                line[len] = 0;
                if (strlen(line) != len)
                        return -EINVAL;
                r = each(p, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const char *batch_parse_value(const char *line, const char *name) {
        const char *rest = batch_parse_starts(line, name) ? line + strlen(name) : NULL;

        return rest ? rest + strspn(rest, " \t") : NULL;
}

static int batch_parse_outer(struct batch_part *p, char *line) {
        const char *id = batch_parse_value(line, "Content-ID:");
        size_t len;

        if (!id)
                return 0;
        len = strlen(id);
        if (len >= 2 && id[0] == '<' && id[len - 1] == '>') {
                line[strlen(line) - 1] = 0;
                id++;
        }
        p->id = id;
        return 0;
}

/* What names the connection, or the body's length, is the outer request's. */
static bool batch_parse_is_ours(const char *line) {
        static const char *const names[] = {
                "Host:",       "Connection:",        "Content-Length:",
                "Keep-Alive:", "Transfer-Encoding:", "Accept-Encoding:"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (batch_parse_starts(line, names[i]))
                        return true;
        return false;
}

static int batch_parse_inner(struct batch_part *p, char *line) {
        const char *value;
        size_t n = 0;

        if (!strchr(line, ':') || line[strcspn(line, "\r")])
                return -EINVAL;
        if ((value = batch_parse_value(line, "Authorization:"))) {
                p->token = str_after(value, "Bearer ");
        } else if ((value = batch_parse_value(line, "Content-Type:"))) {
                p->content_type = value;
        } else if (!batch_parse_is_ours(line)) {
                while (p->headers[n])
                        n++;
                if (n == BATCH_PARSE_HEADERS_MAX)
                        return -EINVAL;
                p->headers[n] = line;
        }
        return 0;
}

/* "DELETE /storage/v1/… HTTP/1.1", or with a whole URL. */
static int batch_parse_request(struct batch_part *p, char *line, size_t len) {
        char *target, *version, *path;

        line[len] = 0;
        target = strchr(line, ' ');
        if (!target || strlen(line) != len)
                return -EINVAL;
        *target++ = 0;
        version = strchr(target, ' ');
        if (version)
                *version = 0;
        if (str_starts(target, "https://") || str_starts(target, "http://")) {
                path = strchr(strchr(target, '/') + 2, '/');
                if (!path)
                        return -EINVAL;
                target = path;
        }
        if (*target != '/' || target[strcspn(target, "\t\r#")])
                return -EINVAL;
        p->method = line;
        p->target = target;
        return 0;
}

static int batch_parse_part(struct batch_text t, struct batch_part *p) {
        size_t len;
        char *line;
        int r = batch_parse_headers(&t, p, batch_parse_outer);

        if (r < 0)
                return r;
        /* Blank lines before a request are allowed to it. */
        while ((line = batch_parse_line(&t, &len)) && len == 0)
                ;
        if (!line)
                return -EINVAL;
        r = batch_parse_request(p, line, len);
        if (r >= 0)
                r = batch_parse_headers(&t, p, batch_parse_inner);
        if (r < 0)
                return r;
        p->body = t.at;
        p->body_size = (size_t) (t.end - t.at);
        return 0;
}

/* The line end before a border is the border's. */
static char *batch_parse_before(char *from, char *border) {
        if (border > from && border[-1] == '\n')
                border--;
        if (border > from && border[-1] == '\r')
                border--;
        return border;
}

int batch_parse(struct arena *a, const char *content_type, char *body, size_t size,
                struct batch_part **ret, size_t *ret_n) {
        struct batch_text t = {body, body + size};
        struct batch_part *parts;
        char *border, *line, *from = NULL;
        size_t n = 0, len, n_border;
        int r = batch_parse_boundary(a, content_type, &border);

        if (r < 0)
                return r;
        n_border = strlen(border);
        parts = arena_zalloc_array(a, BATCH_PARSE_MAX, sizeof(*parts));
        if (!parts)
                return -ENOMEM;
        while ((line = batch_parse_line(&t, &len))) {
                bool is_last = len == n_border + 2 && memcmp(line + n_border, "--", 2) == 0;

                if (len < n_border || memcmp(line, border, n_border) != 0 ||
                    (len != n_border && !is_last))
                        continue;
                if (from) {
                        struct batch_text part = {from, batch_parse_before(from, line)};

                        r = n < BATCH_PARSE_MAX ? batch_parse_part(part, &parts[n]) : -EINVAL;
                        if (r < 0)
                                return r;
                        n++;
                }
                from = t.at;
                if (is_last) {
                        *ret = parts;
                        *ret_n = n;
                        return 0;
                }
        }
        return -EINVAL;
}
