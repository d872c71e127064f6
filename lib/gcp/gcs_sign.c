#include "lib/gcp/gcs_sign.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/gcp/gcs_name.h"
#include "lib/gcp/token_jwt.h"

#define ALGORITHM "GOOG4-RSA-SHA256"

struct parts {
        struct buf credential, path, query, text;
};

static void parts_done(struct parts *p) {
        buf_done(&p->credential);
        buf_done(&p->path);
        buf_done(&p->query);
        buf_done(&p->text);
}

/* The query that is signed: what the caller wants and Google's own. */
static int make_query(const struct gcs_sign *s, const char *date, const char *scope,
                      const struct aws_sigv4_pair *query, size_t n_query, struct parts *p) {
        struct aws_sigv4_pair all[AWS_SIGV4_PAIRS];
        char expires[24];
        size_t n = 0;
        int r;

        assert(n_query <= AWS_SIGV4_PAIRS - 8);
        r = buf_printf(&p->credential, "%s/%s", s->email, scope);
        if (r < 0)
                return r;
        snprintf(expires, sizeof expires, "%lld", (long long) (s->valid_for / USEC_PER_SEC));
        all[n++] = (struct aws_sigv4_pair){"X-Goog-Algorithm", ALGORITHM};
        all[n++] = (struct aws_sigv4_pair){"X-Goog-Credential", buf_cstr(&p->credential)};
        all[n++] = (struct aws_sigv4_pair){"X-Goog-Date", date};
        all[n++] = (struct aws_sigv4_pair){"X-Goog-Expires", expires};
        all[n++] = (struct aws_sigv4_pair){"X-Goog-SignedHeaders", "host"};
        for (size_t i = 0; i < n_query; i++)
                all[n++] = query[i];
        return aws_sigv4_query(&p->query, all, n);
}

/* Appends the signature as hex digits. */
static int sign(const struct gcs_sign *s, const struct buf *text, struct buf *out,
                struct errmsg *em) {
        _cleanup_buf_ struct buf raw = {};
        int r = token_jwt_sign(s->key, buf_cstr(text), text->len, &raw, em);

        for (size_t i = 0; i < raw.len && r >= 0; i++) {
                char digits[3];

                hex_encode(raw.data + i, 1, digits);
                r = buf_add_str(out, digits);
        }
        return r;
}

static int build(const struct gcs_sign *s, const char *method, const char *bucket,
                 const char *object, const struct aws_sigv4_pair *query, size_t n_query,
                 struct parts *p, struct buf *out, struct errmsg *em) {
        const char *host = strstr(s->endpoint, "://");
        char date[AWS_SIGV4_DATE_SIZE], hash[AWS_SIGV4_HASH_SIZE], scope[64];
        _cleanup_buf_ struct buf canonical = {};
        int r;

        host = host ? host + 3 : s->endpoint;
        aws_sigv4_date(s->at, date);
        snprintf(scope, sizeof scope, "%.8s/auto/storage/goog4_request", date);
        buf_printf(&p->path, "/%s/", bucket);
        r = gcs_name_escape_path(&p->path, object);
        if (r >= 0)
                r = make_query(s, date, scope, query, n_query, p);
        if (r >= 0)
                r = buf_printf(&canonical, "%s\n%s\n%s\nhost:%s\n\nhost\n" AWS_SIGV4_UNSIGNED,
                               method, buf_cstr(&p->path), buf_cstr(&p->query), host);
        if (r < 0)
                return r;
        aws_sigv4_hash(buf_cstr(&canonical), canonical.len, hash);
        r = buf_printf(&p->text, ALGORITHM "\n%s\n%s\n%s", date, scope, hash);
        if (r >= 0)
                r = buf_printf(out, "%s%s?%s&X-Goog-Signature=", s->endpoint, buf_cstr(&p->path),
                               buf_cstr(&p->query));
        return r < 0 ? r : sign(s, &p->text, out, em);
}

int gcs_sign_url(const struct gcs_sign *s, const char *method, const char *bucket,
                 const char *object, const struct aws_sigv4_pair *query, size_t n_query,
                 struct buf *out, struct errmsg *em) {
        struct parts p = {};
        int r = build(s, method, bucket, object, query, n_query, &p, out, em);

        parts_done(&p);
        return r;
}
