/* token_source.c: what sources have in common. */
#include "lib/gcp/token_source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_answer.h"
#include "lib/net/http_target.h"

#define ANSWER_MAX ((size_t) 1 << 20)
#define TOTAL_FOR (30 * USEC_PER_SEC)

void token_source_answer_done(struct token_source_answer *a) {
        if (a->text)
                a->text = mem_free_secret(a->text, strlen(a->text));
}

struct token_source *token_source_free(struct token_source *s) {
        if (s)
                s->ops->free(s);
        return NULL;
}

bool token_source_is_transient(int error) {
        switch (error) {
        case -EACCES:
        case -EPERM:
        case -EINVAL:
        case -ENOENT:
        case -EKEYREJECTED:
        case -EOPNOTSUPP:
        case -ECANCELED:
                return false;
        default:
                return true;
        }
}

int token_source_status_error(int status) {
        if (status >= 200 && status < 300)
                return 0;
        if (status == 408 || status == 429 || status >= 500)
                return -EAGAIN;
        if (status == 401 || status == 403)
                return -EACCES;
        return status == 404 ? -ENOENT : -EINVAL;
}

int token_source_post(const struct token_source_ask *ask, const char *what, const char *url,
                      const char *content_type, const struct buf *body, const char *bearer,
                      struct token_source_answer *ret, struct errmsg *em) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct http_fetch_call call = {
                .url = url,
                .content_type = content_type,
                .token = bearer,
                .body = buf_cstr(body),
                .body_size = body->len,
                .max_body = ANSWER_MAX,
                .total_for = TOTAL_FOR,
        };
        char reason[300];
        int r;

        r = http_fetch(ask->http, &call, &a, em);
        if (r < 0) {
                errmsg_prefix(em, "%s", what);
                return r;
        }
        r = token_source_status_error(a.status);
        if (r < 0) {
                token_answer_reason(buf_cstr(&a.body), a.body.len, reason, sizeof reason);
                return errmsg_fail(em, r, "%s at %s answers %d%s%s", what, url, a.status,
                                   *reason ? ": " : "", reason);
        }
        r = token_answer_parse(buf_cstr(&a.body), a.body.len, clock_now(ask->clock), &ret->text,
                               &ret->expires_at, em);
        if (a.body.data)
                explicit_bzero(a.body.data, a.body.len);
        if (r < 0)
                errmsg_prefix(em, "%s at %s", what, url);
        return r;
}

int token_source_form(struct buf *form, const char *name, const char *value) {
        size_t n = strlen(value);
        int r;

        buf_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
        r = buf_reserve(form, 3 * n + 1);
        if (r < 0)
                return r;
        form->len += http_target_encode(form->data + form->len, value, n, "");
        form->data[form->len] = '\0';
        return 0;
}

/* localhost, [::1] and all of 127.0.0.0/8: nothing leaves the machine. */
static bool token_source_is_local(const char *url) {
        const char *host = str_after(url, "http://");
        char text[INET_ADDRSTRLEN];
        struct in_addr address;
        size_t len;

        if (!host)
                return false;
        len = *host == '[' ? STRLEN("[::1]") : strcspn(host, ":/");
        if (strnlen(host, len) < len || (host[len] && host[len] != ':' && host[len] != '/'))
                return false;
        if ((len == 9 && strncmp(host, "localhost", 9) == 0) ||
            (len == 5 && strncmp(host, "[::1]", 5) == 0))
                return true;
        if (len >= sizeof text)
                return false;
        memcpy(text, host, len);
        text[len] = 0;
        return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

int token_source_check_url(const char *url, const char *key, struct errmsg *em) {
        bool is_plain = !url[strcspn(url, " \r\n\t")];

        if (is_plain && ((str_starts(url, "https://") && url[8]) || token_source_is_local(url)))
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "\"%s\" must be an https:// URL: a credential is not sent in clear",
                           key);
}
