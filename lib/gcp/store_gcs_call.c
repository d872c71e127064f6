/* store_gcs_call.c: a token that is refused is renewed once. */
#include "lib/gcp/store_gcs_call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_name.h"
#include "lib/gcp/gcs_retry.h"
#include "lib/gcp/token_answer.h"
#include "lib/store/s3_xml.h"
#include "lib/store/store_bucket.h"

#define ENDPOINT "https://storage.googleapis.com"
#define ANSWER_MAX ((size_t) 16 << 20)

/* An emulator is asked without credentials, but where some are named and do not leave the machine.
 */
static bool is_anonymous(const char *emulator, bool is_given) {
        static const char *const local[] = {"127.0.0.1:", "localhost:", "[::1]:"};
        const char *host = str_after(emulator, "http://") ?: emulator;
        bool is_local = false;

        for (size_t i = 0; i < ARRAY_SIZE(local); i++)
                is_local = is_local || str_starts(host, local[i]);
        return !is_local || (!is_given && str_empty(getenv("GOOGLE_APPLICATION_CREDENTIALS")));
}

int store_gcs_call_init(struct store_gcs_call *c, const char *bucket,
                        const struct token_options *given, struct errmsg *em) {
        static const char *const scopes[] = {TOKEN_SCOPE_STORAGE, NULL};
        const char *emulator = getenv("STORAGE_EMULATOR_HOST");
        struct token_options token = given ? *given : (struct token_options){};
        int r = gcs_name_check_bucket(bucket, em);

        token.scopes = scopes;
        if (!str_empty(emulator) && is_anonymous(emulator, given != NULL))
                token = (struct token_options){.anonymous = true};
        if (r >= 0)
                r = gcs_name_endpoint(str_empty(emulator) ? ENDPOINT : emulator, &c->endpoint, em);
        if (r >= 0)
                r = token_new(&token, em, &c->token);
        if (r >= 0)
                r = http_fetch_new(NULL, &c->http);
        if (r >= 0 && !(c->bucket = mem_strdup(bucket)))
                r = -ENOMEM;
        if (r < 0)
                store_gcs_call_done(c);
        return r;
}

void store_gcs_call_done(struct store_gcs_call *c) {
        c->http = http_fetch_free(c->http);
        c->token = token_unref(c->token);
        c->endpoint = mem_free(c->endpoint);
        c->bucket = mem_free(c->bucket);
}

/* --- one try -------------------------------------------------------------------------------------
 */

/* The whole body in one piece: as it is where it is one piece already. */
static int join_body(const struct gcs_request *q, const struct gcs_request_wire *w, struct buf *out,
                     struct http_fetch_call *call) {
        if (!w->has_body)
                return 0;
        if (w->head.len + w->tail.len == 0 && q->n_data == 1) {
                call->body = q->data[0].iov_base;
                call->body_size = q->data[0].iov_len;
                return 0;
        }
        buf_reserve(out, w->body_size);
        buf_add(out, buf_cstr(&w->head), w->head.len);
        for (size_t i = 0; i < q->n_data; i++)
                buf_add(out, q->data[i].iov_base, q->data[i].iov_len);
        buf_add(out, buf_cstr(&w->tail), w->tail.len);
        call->body = buf_cstr(out);
        call->body_size = out->len;
        return buf_error(out);
}

static int try_once(const struct store_gcs_call *c, struct http_fetch_call *call,
                    struct http_fetch_answer *ret, struct errmsg *em) {
        _cleanup_token_value_ struct token_value token = {};
        int r = token_get(c->token, 0, &token, em);

        if (r < 0)
                return r;
        call->token = token.text;
        r = http_fetch(c->http, call, ret, em);
        call->token = NULL;
        if (r < 0 || ret->status != 401 || !token_invalidate(c->token, token.text))
                return r;
        token_value_done(&token);
        http_fetch_answer_done(ret);
        r = token_get(c->token, 0, &token, em);
        if (r < 0)
                return r;
        call->token = token.text;
        r = http_fetch(c->http, call, ret, em);
        call->token = NULL;
        return r;
}

/* What is asked, for the words of a failure. */
struct asked {
        const char *name, *verb;
        bool only_once;
};

/* 0, or the status' errno with what the service says. */
static int judge(const struct store_gcs_call *c, const struct asked *q,
                 const struct http_fetch_answer *a, struct errmsg *em) {
        const char *body = buf_cstr(&a->body);
        char reason[300];

        if (a->status < 400)
                return 0;
        token_answer_reason(body, a->body.len, reason, sizeof reason);
        if (!*reason && s3_xml_find(body, a->body.len, "Message", reason, sizeof reason) < 0)
                *reason = '\0';
        return errmsg_fail(em,
                           gcs_retry_status_helps(a->status)
                                   ? -EAGAIN
                                   : gcs_retry_status_errno(a->status) ?: -EIO,
                           "gs://%s/%s: %s answers %d%s%s", c->bucket, q->name ?: "",
                           q->verb, a->status, *reason ? ": " : "", reason);
}

/* --- until it helps no more ----------------------------------------------------------------------
 */

static int repeat(const struct store_gcs_call *c, const struct asked *q,
                  struct http_fetch_call *call, struct http_fetch_answer *ret, struct errmsg *em) {
        for (unsigned n = 1;; n++) {
                struct http_fetch_answer a = {};
                int r = try_once(c, call, &a, em), status = 0;

                if (r >= 0) {
                        status = a.status;
                        r = judge(c, q, &a, em);
                        if (r == 0) {
                                *ret = a;
                                return 0;
                        }
                        http_fetch_answer_done(&a);
                }
                if (q->only_once ||
                    !(status ? gcs_retry_status_helps(status) : gcs_retry_error_helps(r)) ||
                    !store_bucket_retry(n))
                        return r;
        }
}

int store_gcs_call(const struct store_gcs_call *c, const struct gcs_request *q, size_t max_body,
                   struct http_fetch_answer *ret, struct errmsg *em) {
        struct gcs_request_wire w = {};
        _cleanup_buf_ struct buf body = {};
        const struct asked asked = {q->name, gcs_request_verb_name(q->verb), q->only_once};
        struct http_fetch_call call = {};
        struct errmsg own = {};
        int r = gcs_request_build(q, c->endpoint, c->bucket, token_quota_project(c->token), 0, &w);

        if (r < 0)
                return r;
        call.method = w.method;
        call.url = w.url.data;
        call.headers = (const char *const *) w.headers;
        call.content_type = w.content_type;
        call.max_body = max_body ?: ANSWER_MAX;
        r = join_body(q, &w, &body, &call);
        if (r >= 0)
                r = repeat(c, &asked, &call, ret, em ?: &own);
        gcs_request_wire_done(&w);
        return r;
}

int store_gcs_call_xml(const struct store_gcs_call *c, const char *name, const char *verb,
                       struct http_fetch_call *call, struct http_fetch_answer *ret,
                       struct errmsg *em) {
        const struct asked asked = {.name = name, .verb = verb};
        struct errmsg own = {};

        call->max_body = ANSWER_MAX;
        return repeat(c, &asked, call, ret, em ?: &own);
}
