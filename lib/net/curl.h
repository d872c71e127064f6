/* curl.h: libcurl, loaded when the first call is made: with it come twenty libraries that a program
 * which calls nobody need not map. Its functions are those of <curl/curl.h>, defined here; each
 * loads the library, or fails as for lack of memory where it is not there. Threads: any.
 */
#pragma once

struct errmsg;

/* 0, or -EPROTONOSUPPORT: it is not installed; `em` (or NULL) names the package. */
int curl_load(struct errmsg *em);
