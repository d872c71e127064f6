/* store_gcs_call.h: one blocking call to Cloud Storage: token, request, repetition, error in words.
 * The requests themselves are gcs_request.h's. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/gcp/gcs_request.h"
#include "lib/gcp/token.h"
#include "lib/net/http_fetch.h"

struct store_gcs_call {
        char *bucket, *endpoint;
        struct token *token;
        struct http_fetch *http;
};

/* given: whose credentials (the scopes are ours), NULL: those of the machine.
 * "[http…://]HOST:PORT" in STORAGE_EMULATOR_HOST is asked without credentials, unless it is on this
 * machine and GOOGLE_APPLICATION_CREDENTIALS names some; else Google with the Application Default
 * Credentials. -EINVAL, -EACCES, -ENOENT: em. */
int store_gcs_call_init(struct store_gcs_call *c, const char *bucket,
                        const struct token_options *given, struct errmsg *em);
void store_gcs_call_done(struct store_gcs_call *c);

/* Any status below 400 is an answer (308 too); -EAGAIN: busy to the end; the rest by
 * gcs_retry_status_errno(), with the service's words in em (may be NULL). max_body 0 = 16 MiB. Busy
 * and broken are tried again, unless q->only_once. */
int store_gcs_call(const struct store_gcs_call *c, const struct gcs_request *q, size_t max_body,
                   struct http_fetch_answer *ret, struct errmsg *em);
/* The same for a call of the XML API that is ready but for its token. */
int store_gcs_call_xml(const struct store_gcs_call *c, const char *name, const char *verb,
                       struct http_fetch_call *call, struct http_fetch_answer *ret,
                       struct errmsg *em);
