/* auth_http.h: auth_check.h for lib/net's `before` hook. */
#pragma once

#include "lib/auth/auth_check.h"

struct http_request;

/* Sets req->identity (in the request's arena) and holds it against the row's min_role.
 * 0 = go on; HTTP_LATER = it has answered 401, 403 or 429; HTTP_SLOW = a password would have to be
 * computed where the request may not block; negative = 500. Rows with min_role
 * AUTH_NONE take everybody: then the identity may be NULL (nobody known, or a wrong credential).
 *
 *      static int before(struct http_request *req) {
 *              return auth_http_check(((struct daemon *) req->ctx)->auth, req);
 *      } */
int auth_http_check(struct auth_check *c, struct http_request *req);
