/* token.h: where the bearer token of a request to Google comes from.
 *
 * A source is made once for one set of scopes and shared: by a mount, a proxy's instance, a store.
 * It keeps one token, gets the next one before the old one ends (one fetch at a time, however many
 * ask), backs off with jitter when that fails, and gives the old one as long as it is good. Nothing
 * runs while nobody asks: a source that slept over night fetches at the first question.
 *
 * Whether a token is good is decided by the wall clock (it goes on during a suspend) and by the
 * monotonic one (a wall clock that is set back does not make a token young again).
 *
 * Threads: any, also at once. Fetches run on a thread of the source's own, made when first needed.
 * Tokens and keys never stand in an errmsg.
 */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct loop;
struct token;
struct token_wait;

#define TOKEN_SCOPE_CLOUD "https://www.googleapis.com/auth/cloud-platform"
#define TOKEN_SCOPE_STORAGE "https://www.googleapis.com/auth/devstorage.full_control"
#define TOKEN_SCOPE_STORAGE_READ "https://www.googleapis.com/auth/devstorage.read_only"
#define TOKEN_SCOPE_SQL_ADMIN "https://www.googleapis.com/auth/sqlservice.admin"
#define TOKEN_SCOPE_SQL_LOGIN "https://www.googleapis.com/auth/sqlservice.login"

/* Everything is copied. At most one of the seven ways; none = the Application Default Credentials:
 * the file in GOOGLE_APPLICATION_CREDENTIALS, else gcloud's application_default_credentials.json,
 * else the metadata server (GCE_METADATA_HOST). */
struct token_options {
        bool anonymous;               /* no header at all */
        const char *static_token;     /* this one, without an end */
        const char *credentials_file; /* JSON of any type below */
        const char *credentials_json; /* the same, inline: service_account, authorized_user,
                                         external_account, impersonated_service_account */
        const char *token_url;        /* GET gives {access_token, expires_in}; also unix:///path */
        bool gcloud;                  /* asks the gcloud command */
        bool metadata;                /* the metadata server and nothing else */

        const char *const *scopes; /* NULL-terminated; NULL = TOKEN_SCOPE_CLOUD */
        /* "target", or "target,delegate,…": the last one is asked first (as Google's proxy takes
         * it). The token is the target's. */
        const char *impersonate;
        const char *iam_endpoint;  /* NULL = https://iamcredentials.googleapis.com */
        const char *quota_project; /* NULL = the credentials' own */

        const struct clock *clock; /* NULL = the system's */
        const char *ca_file;       /* NULL = the system's */
        usec_t retry_min_for;      /* first back-off; 0 = 500 ms */
        usec_t retry_max_for;      /* longest; 0 = 30 s */
};

/* Reads and checks the credentials, asks nobody. -ENOENT, -EACCES, -EINVAL: em names the file, the
 * reason and the remedy. */
int token_new(const struct token_options *o, struct errmsg *em, struct token **ret);
struct token *token_ref(struct token *t);
/* The last one ends the fetch under way (within a second). A wait on a loop holds the source:
 * cancel yours first. Nobody may be in token_get(). NULL is fine. */
struct token *token_unref(struct token *t);
DEFINE_CLEANUP(struct token *, token_unref)

/* A token, the caller's: token_value_done() it. */
struct token_value {
        char *text;        /* NULL: anonymous, send no Authorization header */
        usec_t expires_at; /* wall clock; 0 = never */
};
/* Wipes it. */
void token_value_done(struct token_value *v);
#define _cleanup_token_value_ _cleanup_(token_value_done)

/* Blocking. 0; -EACCES, -EINVAL, …: refused, asking again at once is of no use; -ETIMEDOUT: nothing
 * within wait_for (0 = 30 s, USEC_INFINITY = no limit), em says what the last attempt said;
 * -ENOMEM. */
int token_get(struct token *t, usec_t wait_for, struct token_value *ret, struct errmsg *em);
/* Never blocks: 0, or 1 when there is none just now (then token_get_start() or token_get()). Starts
 * the next fetch when it is time for it. */
int token_peek(struct token *t, struct token_value *ret);

/* The same on a loop: done() comes exactly once, on the loop's thread, never from inside the call.
 * v is set when r is 0 and lent for the call; why when it is negative. */
typedef void token_fn(void *ctx, int r, const struct token_value *v, const struct errmsg *why);
/* On the loop's thread. ret may be NULL. */
int token_get_start(struct token *t, struct loop *l, usec_t wait_for, token_fn *done, void *ctx,
                    struct token_wait **ret);
/* done() will not come. On the loop's thread, before done() and before the loop goes. */
void token_wait_cancel(struct token_wait *w);

/* After a 401 with this token: it is not given out again (another one that came meanwhile stays).
 * True: ask anew and repeat the request once. False: there is no other one (static, anonymous). */
bool token_invalidate(struct token *t, const char *text);

/* "service account key of NAME (FILE)", "metadata server": for logs and messages. */
const char *token_describe(const struct token *t);
/* Of the credentials or the options; NULL when they name none. */
const char *token_project(const struct token *t);
const char *token_quota_project(const struct token *t); /* for X-Goog-User-Project */
/* The account in a service account key or impersonation; NULL when only the server knows. */
const char *token_email(const struct token *t);
/* Of the last attempt, for readiness and STATUS=: 0 and "" when it went well or none was made. */
int token_last_error(struct token *t, struct errmsg *ret_why);
