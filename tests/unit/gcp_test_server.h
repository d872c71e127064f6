/* gcp_test_server.h: Google's token endpoints in the test's own process, with switches. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/base/str.h"
#include "lib/gcp/token.h"
#include "tests/unit/net_test_server.h"

/* What the endpoints do and have seen. One a program. */
static struct gcp_test {
        struct net_test net;
        char base[64]; /* http://127.0.0.1:PORT */
        atomic_uint n_calls;
        atomic_uint n_failing;     /* so many calls answer fail_status first */
        atomic_int fail_status;    /* 0 = 503 */
        atomic_int expires_in;     /* seconds; < 0: the field is left out */
        atomic_uint hold;          /* calls wait while it is set */
        atomic_bool is_impostor;   /* no Metadata-Flavor */
        atomic_int metadata_value; /* of instance/maintenance-event, and its etag */
        pthread_mutex_t lock;
        char target[512], body[16384], authorization[256], type[64]; /* of the last call */
} gcp_test = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void gcp_test_note(struct http_request *req) {
        pthread_mutex_lock(&gcp_test.lock);
        snprintf(gcp_test.target, sizeof gcp_test.target, "%s", req->target);
        snprintf(gcp_test.body, sizeof gcp_test.body, "%s", req->body);
        snprintf(gcp_test.authorization, sizeof gcp_test.authorization, "%s",
                 http_request_header(req, "Authorization") ?: "");
        snprintf(gcp_test.type, sizeof gcp_test.type, "%s", http_request_content_type(req));
        pthread_mutex_unlock(&gcp_test.lock);
}

/* 0, or the status this call shall fail with. */
static int gcp_test_failing(void) {
        unsigned n = atomic_load(&gcp_test.n_failing);

        while (atomic_load(&gcp_test.hold))
                usleep(1000);
        if (n == 0)
                return 0;
        atomic_store(&gcp_test.n_failing, n - 1);
        return atomic_load(&gcp_test.fail_status) ?: 503;
}

static int gcp_test_answer(struct http_request *req, const char *fmt_or_null) {
        unsigned n = atomic_fetch_add(&gcp_test.n_calls, 1) + 1;
        int failing = gcp_test_failing(), life_s = atomic_load(&gcp_test.expires_in);
        struct buf b = {};

        gcp_test_note(req);
        if (!atomic_load(&gcp_test.is_impostor))
                (void) http_request_set_header(req, "Metadata-Flavor", "Google");
        if (failing)
                buf_printf(&b, "{\"error\": \"invalid_grant\", \"error_description\": \"no\"}");
        else if (fmt_or_null)
                buf_printf(&b, "%s", fmt_or_null);
        else if (life_s < 0)
                buf_printf(&b, "{\"access_token\": \"token-%u\", \"token_type\": \"Bearer\"}", n);
        else
                buf_printf(&b, "{\"access_token\": \"token-%u\", \"expires_in\": %d}", n, life_s);
        return http_request_reply_json(req, failing ?: 200, &b);
}

static int gcp_test_token(struct http_request *req) {
        return gcp_test_answer(req, NULL);
}

static int gcp_test_iam(struct http_request *req) {
        return gcp_test_answer(
                req, "{\"accessToken\": \"theirs\", \"expireTime\": \"2999-01-01T00:00:00Z\"}");
}

static int gcp_test_subject(struct http_request *req) {
        return gcp_test_answer(req, "{\"id\": \"the-subject\"}");
}

static int gcp_test_metadata(struct http_request *req) {
        const char *last = http_request_query(req, "last_etag");
        int value = atomic_load(&gcp_test.metadata_value);
        char etag[16];

        for (unsigned i = 0; last && strtol(last, NULL, 16) == value && i < 1000; i++) {
                usleep(1000);
                value = atomic_load(&gcp_test.metadata_value);
        }
        snprintf(etag, sizeof etag, "%x", (unsigned) value);
        (void) http_request_set_header(req, "ETag", etag);
        (void) http_request_set_header(req, "Metadata-Flavor", "Google");
        if (str_ends(req->path, "project-id"))
                return http_request_reply_text(req, 200, "the-project");
        if (str_ends(req->path, "maintenance-event"))
                return http_request_reply_text(req, 200, value == 1 ? "NONE" : "MIGRATE");
        return http_request_reply_text(req, 404, "no");
}

static const struct http_route gcp_test_rows[] = {
        HTTP_ROUTE(HTTP_POST, "/token", gcp_test_token, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/token", gcp_test_token, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/", gcp_test_token, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_POST, "/sts", gcp_test_token, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/subject", gcp_test_subject, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_POST, "/v1/projects/-/serviceAccounts/{call}", gcp_test_iam, 0,
                   HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/computeMetadata/v1/instance/service-accounts/default/token",
                   gcp_test_token, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/computeMetadata/v1/{path...}", gcp_test_metadata, 0, HTTP_WORKER),
};

static inline _unused_ int gcp_test_setup(void **state) {
        gcp_test.net.rows = gcp_test_rows;
        gcp_test.net.n_rows = ARRAY_SIZE(gcp_test_rows);
        gcp_test.net.options.n_workers = 4;
        gcp_test.metadata_value = 1;
        gcp_test.expires_in = 3600;
        net_test_start(&gcp_test.net);
        snprintf(gcp_test.base, sizeof gcp_test.base, "http://127.0.0.1:%u", gcp_test.net.port);
        setenv("GCE_METADATA_HOST", gcp_test.base + strlen("http://"), 1);
        unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
        setenv("HOME", "/nonexistent", 1);
        return 0;
}

static inline _unused_ int gcp_test_teardown(void **state) {
        net_test_stop(&gcp_test.net);
        return 0;
}

static inline _unused_ int gcp_test_reset(void **state) {
        gcp_test.n_calls = gcp_test.n_failing = gcp_test.hold = 0;
        gcp_test.fail_status = 0;
        gcp_test.expires_in = 3600;
        gcp_test.is_impostor = false;
        return 0;
}

/* An RSA key of this run: PEM in ret, with line breaks as JSON has them when `escaped`. */
static inline _unused_ EVP_PKEY *gcp_test_key(bool escaped, char *ret, size_t size) {
        static EVP_PKEY *key;
        BIO *bio = BIO_new(BIO_s_mem());
        size_t n = 0;
        char *data;
        long len;

        if (!key)
                key = EVP_RSA_gen(2048);
        assert_non_null(key);
        assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
        len = BIO_get_mem_data(bio, &data);
        for (long i = 0; i < len && n + 3 < size; i++) {
                if (data[i] == '\n' && escaped) {
                        ret[n++] = '\\';
                        ret[n++] = 'n';
                } else {
                        ret[n++] = data[i];
                }
        }
        ret[n] = '\0';
        BIO_free(bio);
        return key;
}

static inline _unused_ char *gcp_test_key_json(void) {
        char pem[4096];

        gcp_test_key(true, pem, sizeof pem);
        return str_printf("{\"type\": \"service_account\", \"project_id\": \"the-project\", "
                          "\"private_key_id\": \"kid-1\", \"private_key\": \"%s\", "
                          "\"client_email\": \"robot@example.test\", \"token_uri\": \"%s/token\"}",
                          pem, gcp_test.base);
}

/* With little patience between attempts. */
static inline _unused_ struct token *gcp_test_open(struct token_options o) {
        struct errmsg em = {};
        struct token *t = NULL;

        o.retry_min_for = o.retry_min_for ?: USEC_PER_MSEC;
        o.retry_max_for = o.retry_max_for ?: 20 * USEC_PER_MSEC;
        if (token_new(&o, &em, &t) < 0)
                fail_msg("token_new: %s", em.text);
        return t;
}
