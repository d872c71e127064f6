/* Canonical request → string to sign → signature, as AWS documents it. */
#include "lib/net/aws_sigv4.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

enum { AWS_SIGV4_BYTES = 32 };

void aws_sigv4_hash(const void *data, size_t size, char ret[AWS_SIGV4_HASH_SIZE]) {
        unsigned char md[EVP_MAX_MD_SIZE] = {};

        (void) EVP_Digest(data, size, md, NULL, EVP_sha256(), NULL);
        hex_encode(md, AWS_SIGV4_BYTES, ret);
}

int aws_sigv4_md5(const void *data, size_t size, struct buf *out) {
        unsigned char md[EVP_MAX_MD_SIZE];
        unsigned n;

        if (EVP_Digest(data, size, md, &n, EVP_md5(), NULL) != 1)
                return -EOPNOTSUPP;
        return base64_encode(out, md, n, 0);
}

void aws_sigv4_date(usec_t at, char ret[AWS_SIGV4_DATE_SIZE]) {
        struct civil c;

        timestamp_to_civil(at, &c);
        snprintf(ret, AWS_SIGV4_DATE_SIZE, "%04u%02u%02uT%02u%02u%02uZ", (unsigned) c.year % 10000,
                 (unsigned) c.month % 100, (unsigned) c.day % 100, (unsigned) c.hour % 100,
                 (unsigned) c.minute % 100, (unsigned) c.second % 100);
}

static bool aws_sigv4_is_plain(unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
}

int aws_sigv4_encode(struct buf *out, const char *s, bool keep_slash) {
        for (; *s; s++)
                if (aws_sigv4_is_plain((unsigned char) *s) || (keep_slash && *s == '/'))
                        buf_add_char(out, *s);
                else
                        buf_printf(out, "%%%02X", (unsigned char) *s);
        return buf_error(out);
}

/* By name, then value, in their encoded forms: "%" stands before all plain characters, so bytes
 * that are encoded sort first. */
static int aws_sigv4_compare_text(const char *a, const char *b) {
        for (; *a && *a == *b; a++, b++)
                ;
        if (*a && *b &&
            aws_sigv4_is_plain((unsigned char) *a) != aws_sigv4_is_plain((unsigned char) *b))
                return aws_sigv4_is_plain((unsigned char) *a) ? 1 : -1;
        return (unsigned char) *a - (unsigned char) *b;
}

static int aws_sigv4_compare(const void *a, const void *b) {
        const struct aws_sigv4_pair *x = a, *y = b;

        return aws_sigv4_compare_text(x->name, y->name)
                       ?: aws_sigv4_compare_text(x->value, y->value);
}

int aws_sigv4_query(struct buf *out, const struct aws_sigv4_pair *query, size_t n_query) {
        struct aws_sigv4_pair sorted[AWS_SIGV4_PAIRS];

        assert(n_query <= AWS_SIGV4_PAIRS);
        if (n_query > 0) {
                memcpy(sorted, query, n_query * sizeof *query);
                qsort(sorted, n_query, sizeof *sorted, aws_sigv4_compare);
        }
        for (size_t i = 0; i < n_query; i++) {
                if (i > 0)
                        buf_add_char(out, '&');
                aws_sigv4_encode(out, sorted[i].name, false);
                buf_add_char(out, '=');
                aws_sigv4_encode(out, sorted[i].value, false);
        }
        return buf_error(out);
}

/* --- the signature --------------------------------------------------------------------------- */

static void aws_sigv4_hmac(const void *key, size_t key_size, const char *data,
                           unsigned char ret[AWS_SIGV4_BYTES]) {
        unsigned n = AWS_SIGV4_BYTES;

        (void) HMAC(EVP_sha256(), key, (int) key_size, (const unsigned char *) data, strlen(data),
                    ret, &n);
}

static void aws_sigv4_scope(const struct aws_sigv4_key *key, const char *date, struct buf *out) {
        buf_printf(out, "%.8s/%s/%s/aws4_request", date, key->region, key->service);
}

static int aws_sigv4_signature(const struct aws_sigv4_key *key, const char *date,
                               const struct buf *canonical, char ret[AWS_SIGV4_HASH_SIZE]) {
        _cleanup_buf_ struct buf text = {}, secret = {};
        unsigned char mac[AWS_SIGV4_BYTES];
        char hash[AWS_SIGV4_HASH_SIZE], day[9];
        int r;

        aws_sigv4_hash(buf_cstr(canonical), canonical->len, hash);
        buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n", date);
        aws_sigv4_scope(key, date, &text);
        buf_printf(&text, "\n%s", hash);
        buf_printf(&secret, "AWS4%s", key->secret_key);
        r = buf_error(&text) ?: buf_error(&secret);
        if (r < 0)
                return r;
        snprintf(day, sizeof day, "%.8s", date);
        aws_sigv4_hmac(secret.data, secret.len, day, mac);
        explicit_bzero(secret.data, secret.len);
        aws_sigv4_hmac(mac, sizeof mac, key->region, mac);
        aws_sigv4_hmac(mac, sizeof mac, key->service, mac);
        aws_sigv4_hmac(mac, sizeof mac, "aws4_request", mac);
        aws_sigv4_hmac(mac, sizeof mac, text.data, mac);
        hex_encode(mac, sizeof mac, ret);
        explicit_bzero(mac, sizeof mac);
        return 0;
}

/* Appends "name;name;…" of the sorted headers. */
static void aws_sigv4_names(const struct aws_sigv4_pair *headers, size_t n, struct buf *out) {
        for (size_t i = 0; i < n; i++)
                buf_printf(out, "%s%s", i > 0 ? ";" : "", headers[i].name);
}

static int aws_sigv4_canonical(const struct aws_sigv4_request *req,
                               const struct aws_sigv4_pair *query, size_t n_query,
                               const struct aws_sigv4_pair *headers, size_t n_headers,
                               struct buf *out) {
        buf_printf(out, "%s\n%s\n", req->method, req->path);
        aws_sigv4_query(out, query, n_query);
        buf_add_char(out, '\n');
        for (size_t i = 0; i < n_headers; i++)
                buf_printf(out, "%s:%s\n", headers[i].name, headers[i].value);
        buf_add_char(out, '\n');
        aws_sigv4_names(headers, n_headers, out);
        return buf_printf(out, "\n%s", req->payload_hash);
}

static void aws_sigv4_add(struct aws_sigv4_pair *list, size_t *n, const char *name,
                          const char *value) {
        assert(*n < AWS_SIGV4_PAIRS);
        list[(*n)++] = (struct aws_sigv4_pair){name, value};
}

static size_t aws_sigv4_headers(const struct aws_sigv4_request *req, struct aws_sigv4_pair *ret) {
        size_t n = 0;

        assert(req->n_headers <= AWS_SIGV4_PAIRS - 8);
        for (size_t i = 0; i < req->n_headers; i++)
                aws_sigv4_add(ret, &n, req->headers[i].name, req->headers[i].value);
        aws_sigv4_add(ret, &n, "host", req->host);
        return n;
}

int aws_sigv4_sign(const struct aws_sigv4_key *key, const struct aws_sigv4_request *req, usec_t at,
                   struct buf *out) {
        struct aws_sigv4_pair headers[AWS_SIGV4_PAIRS];
        char date[AWS_SIGV4_DATE_SIZE], signature[AWS_SIGV4_HASH_SIZE];
        _cleanup_buf_ struct buf canonical = {};
        size_t n = aws_sigv4_headers(req, headers);
        int r;

        aws_sigv4_date(at, date);
        aws_sigv4_add(headers, &n, "x-amz-content-sha256", req->payload_hash);
        aws_sigv4_add(headers, &n, "x-amz-date", date);
        if (key->session_token)
                aws_sigv4_add(headers, &n, "x-amz-security-token", key->session_token);
        qsort(headers, n, sizeof *headers, aws_sigv4_compare);
        r = aws_sigv4_canonical(req, req->query, req->n_query, headers, n, &canonical);
        if (r >= 0)
                r = aws_sigv4_signature(key, date, &canonical, signature);
        if (r < 0)
                return r;
        buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/", key->access_key);
        aws_sigv4_scope(key, date, out);
        buf_add_lit(out, ", SignedHeaders=");
        aws_sigv4_names(headers, n, out);
        return buf_printf(out, ", Signature=%s", signature);
}

int aws_sigv4_presign(const struct aws_sigv4_key *key, const struct aws_sigv4_request *req,
                      usec_t at, usec_t valid_for, struct buf *out) {
        struct aws_sigv4_pair headers[AWS_SIGV4_PAIRS], query[AWS_SIGV4_PAIRS];
        char date[AWS_SIGV4_DATE_SIZE], signature[AWS_SIGV4_HASH_SIZE], expires[24];
        _cleanup_buf_ struct buf canonical = {}, credential = {}, names = {};
        size_t n = aws_sigv4_headers(req, headers), n_query = 0;
        int r;

        aws_sigv4_date(at, date);
        snprintf(expires, sizeof expires, "%llu", (unsigned long long) (valid_for / USEC_PER_SEC));
        qsort(headers, n, sizeof *headers, aws_sigv4_compare);
        aws_sigv4_names(headers, n, &names);
        buf_printf(&credential, "%s/", key->access_key);
        aws_sigv4_scope(key, date, &credential);
        assert(req->n_query <= AWS_SIGV4_PAIRS - 8);
        for (size_t i = 0; i < req->n_query; i++)
                aws_sigv4_add(query, &n_query, req->query[i].name, req->query[i].value);
        aws_sigv4_add(query, &n_query, "X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        aws_sigv4_add(query, &n_query, "X-Amz-Credential", buf_cstr(&credential));
        aws_sigv4_add(query, &n_query, "X-Amz-Date", date);
        aws_sigv4_add(query, &n_query, "X-Amz-Expires", expires);
        aws_sigv4_add(query, &n_query, "X-Amz-SignedHeaders", buf_cstr(&names));
        if (key->session_token)
                aws_sigv4_add(query, &n_query, "X-Amz-Security-Token", key->session_token);
        r = buf_error(&names) ?: buf_error(&credential);
        if (r >= 0)
                r = aws_sigv4_canonical(req, query, n_query, headers, n, &canonical);
        if (r >= 0)
                r = aws_sigv4_signature(key, date, &canonical, signature);
        if (r >= 0)
                r = aws_sigv4_query(out, query, n_query);
        return r < 0 ? r : buf_printf(out, "&X-Amz-Signature=%s", signature);
}
