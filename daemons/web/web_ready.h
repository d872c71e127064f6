#pragma once
/* /ready: asks the daemons behind the front door, all at once. Threads: the loop's. */
#include <stddef.h>

#include "lib/net/http_client.h"
#include "lib/net/http_request.h"

#define WEB_READY_MAX 4

struct web_ready_upstream {
        const char *name;
        const char *socket; /* Unix path; lives on */
        const char *path;   /* "/health" */
};

/* Answers 200 or 503 with {"status", "upstreams": {name: "ok" or why not}} when all have answered
 * or two seconds are over. Returns HTTP_LATER, or negative when nothing was asked. */
int web_ready_ask(struct http_request *req, struct http_client *client,
                  const struct web_ready_upstream *upstreams, size_t n);
