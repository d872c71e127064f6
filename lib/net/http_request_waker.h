#pragma once
/* Inside lib/net only: an answer that is pulled, see http_request.h. The response, the exchange,
 * the handler's handle and a posted wake hold one reference each. */
#include <microhttpd.h>
#include <stdbool.h>

#include "lib/base/macros.h"
#include "lib/net/http_request.h"

struct http_gzip;

/* Takes the gzip; on failure nothing was taken. */
int http_request_waker_new(struct http_request *req, const struct http_request_stream *s,
                           struct http_gzip *gzip, struct http_request_waker **ret);
/* MHD's content reader; cls is the waker. */
ssize_t http_request_waker_read(void *cls, uint64_t pos, char *data, size_t size);
/* Calls gone() and drops the exchange's reference. */
void http_request_waker_over(struct http_request_waker *w);
/* True when the suspended stream must run: its client is gone or a heartbeat is due. */
bool http_request_waker_sweep(struct http_request_waker *w, usec_t now);
