/* token_answer.h: what token endpoints answer. Pure. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

/* {"access_token": …, "expires_in": 3599} (OAuth, STS, metadata) or {"accessToken": …,
 * "expireTime": "2026-01-02T03:04:05Z"} (iamcredentials). No or zero expiry: *ret_expires_at = 0.
 * The text is the caller's: mem_free_secret(). -EPROTO: not such an answer, em says why without
 * quoting it. */
int token_answer_parse(const char *body, size_t size, usec_t now_at, char **ret_text,
                       usec_t *ret_expires_at, struct errmsg *em);
/* What an error answer says, in one line of at most size bytes: {"error": "invalid_grant",
 * "error_description": …}, {"error": {"message": …, "status": …}}; "" when it says nothing. Control
 * characters are dropped. */
void token_answer_reason(const char *body, size_t size, char *ret, size_t ret_size);
