/* counters_api: /metrics, with the names, labels and buckets of Google's connector. */
#pragma once

#include "daemons/sqlproxy/proxy.h"
#include "lib/net/http_request.h"

int counters_api_get(struct http_request *req);
/* The text; pure but for reading the counters. ns "" = no prefix. */
int counters_api_print(struct instance *const *instances, size_t n, const char *ns,
                       const char *dialer_id, struct buf *out);
