/* artifact_uri.h: where artifacts are, as URIs and as paths below the store. Pure. */
#pragma once

#include "daemons/tracking/refusal.h"

/* `uri` with "/" and `path` behind its own path, before its query: "s3://b/x?y" + "z" is
 * "s3://b/x/z?y". Written as Python's urllib writes it: the scheme small, "x:///y" as "x:/y" where
 * the scheme knows no hosts, "x:" + "z" as "x:z". NULL: out of memory. */
const char *artifact_uri_append(struct arena *a, const char *uri, const char *path);

/* The name below this server's store that a proxied URI (mlflow-artifacts: or http with the
 * artifact route in it) stands for; "" is the whole store. NULL when the URI is not one of these;
 * *ret_oom (may be NULL) tells apart. */
const char *artifact_uri_store_name(struct arena *a, const char *uri, bool *ret_oom);

/* %XX decoded until nothing changes. 0, -ENOMEM, or that it went on after ten rounds. */
enum { ARTIFACT_URI_ENDLESS = 1 };
int artifact_uri_decode(struct arena *a, const char *text, const char **ret);

/* A path as clients send it: decoded until nothing changes, control characters as %XX. Refuses
 * "..", absolute paths and "#" with "Invalid path". 0, REFUSED or -ENOMEM. */
int artifact_uri_check_path(struct refusal *r, const char *path, const char **ret);

/* "a/b" + "c" = "a/b/c"; empty parts are left out, as are "." and doubled slashes. NULL: out of
 * memory. */
const char *artifact_uri_join(struct arena *a, const char *parent, const char *child);

/* The part behind the last slash. */
const char *artifact_uri_base(const char *path);

/* The scheme with its colon cut off, "" when there is none. NULL: out of memory. */
const char *artifact_uri_scheme(struct arena *a, const char *uri);

/* Is it a directory of this machine: no scheme, or file:? */
bool artifact_uri_is_local(const char *uri);
/* Its path; the URI itself when it has no scheme. */
const char *artifact_uri_local_path(const char *uri);
/* A directory of this machine with its path made absolute, as the server's own working directory
 * has it; "file:rel" becomes "file:///…/rel". A path that was relative is decoded, without "." and
 * doubled slashes. NULL: out of memory, or we are nowhere. */
const char *artifact_uri_absolute(struct arena *a, const char *uri);
/* Its path without ".", ".." and doubled slashes, by the text alone: a path's own, a file: URI's
 * decoded once, as it is when it is opened. NULL: out of memory. */
const char *artifact_uri_normal_path(struct arena *a, const char *uri);
