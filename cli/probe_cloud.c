/* probe_cloud: are the credentials of a connection good for Google or AWS? Google: a token for
 * them. AWS: who they are (sts:GetCallerIdentity, which everybody may ask). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/probe.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/gcp/conn_credentials.h"
#include "lib/gcp/token.h"
#include "lib/net/aws_sigv4.h"
#include "lib/net/http_fetch.h"
#include "lib/store/s3_config.h"

#define STS_BODY "Action=GetCallerIdentity&Version=2011-06-15"
#define STS_TYPE "application/x-www-form-urlencoded"

static int read_credentials(struct probe *p, struct conn_credentials *ret) {
        return conn_credentials_read(p->connection, p->a, ret, &p->em);
}

int probe_cloud_google(struct probe *p) {
        _cleanup_(token_unrefp) struct token *token = NULL;
        _cleanup_token_value_ struct token_value value = {};
        struct token_options options = {};
        struct conn_credentials c;
        int r = read_credentials(p, &c);

        if (r < 0)
                return r;
        conn_credentials_token(&c, &options);
        r = token_new(&options, &p->em, &token);
        if (r >= 0)
                r = token_get(token, PROBE_FOR, &value, &p->em);
        if (r < 0)
                return r;
        errmsg_set(&p->em, "Connection successfully tested: Google gave a token for %s",
                   token_describe(token));
        return 0;
}

/* --- AWS ----------------------------------------------------------------------------------------
 */

static int sign(struct probe *p, const struct s3_config *s3, const char *host,
                const char **ret_headers) {
        _cleanup_buf_ struct buf value = {};
        char hash[AWS_SIGV4_HASH_SIZE];
        const struct aws_sigv4_key key = {.access_key = s3->access_key,
                                          .secret_key = s3->secret_key,
                                          .session_token = s3->session_token,
                                          .region = s3->region,
                                          .service = "sts"};
        usec_t now = clock_now(clock_system());
        char at[AWS_SIGV4_DATE_SIZE];
        size_t n = 0;
        int r;

        aws_sigv4_hash(STS_BODY, strlen(STS_BODY), hash);
        aws_sigv4_date(now, at);
        r = aws_sigv4_sign(
                &key,
                &(struct aws_sigv4_request){
                        .method = "POST", .host = host, .path = "/", .payload_hash = hash},
                now, &value);
        if (r < 0)
                return r;
        ret_headers[n++] = arena_printf(p->a, "Authorization: %s", buf_cstr(&value));
        ret_headers[n++] = arena_printf(p->a, "x-amz-date: %s", at);
        ret_headers[n++] = arena_printf(p->a, "x-amz-content-sha256: %s", hash);
        if (s3->session_token)
                ret_headers[n++] =
                        arena_printf(p->a, "x-amz-security-token: %s", s3->session_token);
        for (size_t i = 0; i < n; i++)
                if (!ret_headers[i])
                        return -ENOMEM;
        ret_headers[n] = NULL;
        return 0;
}

/* What stands in the first <NAME> of the answer. */
static const char *element(struct probe *p, const char *xml, const char *name) {
        char *open = arena_printf(p->a, "<%s>", name);
        const char *at = open ? strstr(xml, open) : NULL;

        return at ? arena_strndup(p->a, at + strlen(open), strcspn(at + strlen(open), "<")) : NULL;
}

static int ask_sts(struct probe *p, const struct s3_config *s3, const char *endpoint) {
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        const char *headers[8], *who;
        int r = sign(p, s3, strstr(endpoint, "://") + 3, headers);

        if (r >= 0)
                r = http_fetch_new(&(struct http_fetch_options){.ca_file = s3->ca_file}, &f);
        if (r < 0)
                return errmsg_fail(&p->em, r, "no memory");
        r = http_fetch(f,
                       &(struct http_fetch_call){.method = "POST",
                                                 .url = endpoint,
                                                 .content_type = STS_TYPE,
                                                 .headers = headers,
                                                 .body = STS_BODY,
                                                 .body_size = strlen(STS_BODY),
                                                 .max_body = 1 << 20,
                                                 .connect_for = PROBE_FOR,
                                                 .total_for = PROBE_FOR},
                       &a, &p->em);
        if (r < 0)
                return r;
        if (a.status != 200) {
                who = element(p, buf_cstr(&a.body), "Message");
                return errmsg_fail(&p->em, -EACCES, "%s answered %d: %s", endpoint, a.status,
                                   who ? who : "without a reason");
        }
        who = element(p, buf_cstr(&a.body), "Arn");
        errmsg_set(&p->em, "Connection successfully tested: AWS knows it as %s",
                   who ? who : "somebody without a name");
        return 0;
}

int probe_cloud_aws(struct probe *p) {
        const char *endpoint = probe_extra(p, "test_endpoint_url");
        struct s3_config s3 = {};
        struct conn_credentials c;
        int r = read_credentials(p, &c);

        if (r >= 0)
                r = s3_config_load_given("bucket", &c.aws, &s3, &p->em);
        if (r < 0)
                return r;
        if (!endpoint)
                endpoint = c.aws.endpoint;
        if (!endpoint)
                endpoint = arena_printf(p->a, "https://sts.%s.amazonaws.com", s3.region);
        if (endpoint && !strstr(endpoint, "://"))
                r = errmsg_fail(&p->em, -EINVAL, "\"%s\" is no URL like https://HOST", endpoint);
        else
                r = endpoint ? ask_sts(p, &s3, endpoint) : -ENOMEM;
        s3_config_done(&s3);
        return r;
}
