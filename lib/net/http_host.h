#pragma once
/* Host and Origin rules against DNS rebinding and cross-site writes. Pure. */
#include <stdbool.h>

#include "lib/net/http_route.h"

/* True when a Host header may reach this server: localhost, 127.0.0.1, [::1] with any port
 * (tunnels), or a name of `allowed` (space-separated, with any port unless it names one;
 * ".example.org" also takes its subdomains; "*" = any). NULL or empty host = false. */
bool http_host_allowed(const char *host, const char *allowed);
/* True when a request may change state: no Origin, or an Origin whose host is this Host or passes
 * http_host_allowed(); and Sec-Fetch-Site is not cross-site. GET, HEAD and OPTIONS always may. */
bool http_host_origin_allowed(enum http_method method, const char *host, const char *origin,
                              const char *sec_fetch_site, const char *allowed);
