#pragma once
/* Inside lib/net only: what every kind of answer shares. */
#include <microhttpd.h>

#include "lib/net/http_request.h"

/* Adds the request's headers and the content type (NULL = none) and hands the response over. Takes
 * it, also on failure. */
int http_request_reply_send(struct http_request *req, int status, const char *content_type,
                            struct MHD_Response *response);
/* May this answer be compressed? */
bool http_request_reply_may_pack(struct http_request *req, const char *content_type);
