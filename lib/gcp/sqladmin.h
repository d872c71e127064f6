/* sqladmin: the three calls of the Cloud SQL Admin API that a connector needs: an instance's
 * settings, a short-lived client certificate, and the instance behind one of Google's DNS names.
 *
 * Answers of 500 and more are asked again, up to SQLADMIN_TRIES in all, with growing waits; nothing
 * else is. Errors read as Google's clients print them ("googleapi: Error 403: …, reason").
 *
 * Threads: the loop's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/errmsg.h"
#include "lib/net/loop.h"

#define SQLADMIN_TRIES 5
#define SQLADMIN_ENDPOINT "https://sqladmin.googleapis.com/"
#define SQLADMIN_ANSWER_MAX ((size_t) 1 << 20) /* bytes */

struct sqladmin;
struct sqladmin_call;

struct sqladmin_options {
        const char *endpoint;      /* NULL = SQLADMIN_ENDPOINT; a slash at its end is added */
        const char *user_agent;    /* NULL = none */
        const char *quota_project; /* NULL = none */
        const char *ca_file;       /* NULL = the system's authorities */
};
int sqladmin_new(struct loop *l, const struct sqladmin_options *o, struct sqladmin **ret);
/* Calls under way are dropped without a word. */
struct sqladmin *sqladmin_free(struct sqladmin *s);

/* What an instance says of itself. Strings are "" when absent. */
struct sqladmin_dns_name {
        const char *name, *connection_type, *scope;
};
struct sqladmin_settings {
        const char *region, *backend_type, *engine, *ca_pem, *ca_mode, *dns_name, *connection_name;
        const char *public_address, *private_address; /* "" = it has none */
        bool has_ca, psc_enabled;
        const struct sqladmin_dns_name *dns_names;
        size_t n_dns_names;
        bool takes_client_protocol; /* mdxProtocolSupport has CLIENT_PROTOCOL_TYPE */
};
/* How a call ended. */
struct sqladmin_answer {
        int r;              /* 0; -EIO: an answer that is not 2xx; other negative: none came */
        int status;         /* HTTP's; 0 = none */
        const char *why;    /* for people, when r < 0 */
        const char *reason; /* "forbidden": the API's word, or "" */
        const struct sqladmin_settings *settings; /* of _get_settings and _resolve */
        const char *cert_pem;                     /* of _make_cert */
};
/* Once, from the loop; the call is gone after it. */
typedef void sqladmin_fn(void *ctx, const struct sqladmin_answer *a);

/* token NULL = no Authorization header. Everything is copied. */
int sqladmin_get_settings(struct sqladmin *s, const char *token, const char *project,
                          const char *instance, sqladmin_fn *done, void *ctx,
                          struct sqladmin_call **ret);
/* login_token NULL = none. */
int sqladmin_make_cert(struct sqladmin *s, const char *token, const char *project,
                       const char *instance, const char *public_key_pem, const char *login_token,
                       sqladmin_fn *done, void *ctx, struct sqladmin_call **ret);
/* dns_name ends with a dot. */
int sqladmin_resolve(struct sqladmin *s, const char *token, const char *region,
                     const char *dns_name, sqladmin_fn *done, void *ctx,
                     struct sqladmin_call **ret);
/* done() will not come. NULL is fine. */
void sqladmin_call_cancel(struct sqladmin_call *c);
