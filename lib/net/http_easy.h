#pragma once
/* What every use of a curl easy handle here has in common. For lib/net alone. */
#include <curl/curl.h>
#include <stdbool.h>

/* curl_global_init(), with a heap of its own ways: what curl keeps of a request's headers, tokens
 * among them, is overwritten when it is freed. As often as one likes. */
CURLcode http_easy_init(void);
/* 0 or a negative errno for what curl says. */
int http_easy_errno(CURLcode code);
/* Completes what curl wrote into the buffer of size CURL_ERROR_SIZE when a call ended with code:
 * its words for the code when there is none, and of a connection that was not made the kernel's
 * reason, which curl leaves out. Answers the buffer. */
const char *http_easy_reason(CURL *easy, CURLcode code, char text[static CURL_ERROR_SIZE]);
/* Is what such a connection brings HTTP as it stands: no TLS, nor any proxy's? */
bool http_easy_is_plain(const char *url);
/* Whom it talks to: HTTP/1.1, TLS of at least 1.2, no signals; what is on this machine is not
 * asked for through the environment's proxy. unix_path and ca_file may be NULL. */
CURLcode http_easy_set_target(CURL *easy, const char *url, const char *unix_path,
                              const char *ca_file);
