/* gcs_name: names as the wire wants them: escaped objects, checked buckets, endpoints. Pure. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define GCS_NAME_MAX 1024 /* bytes of an object's name */

/* Appends s with everything but RFC 3986's unreserved characters as %XX. */
int gcs_name_escape(struct buf *out, const char *s);
/* The same with "/" left as it is, for XML paths. */
int gcs_name_escape_path(struct buf *out, const char *s);
/* May an object be called so? 0; -ENAMETOOLONG; -EILSEQ: not UTF-8; -EINVAL: empty, "." or "..",
 * a line break in it, or an ACME challenge. */
int gcs_name_check(const char *s);
/* 3 to 222 of [a-z0-9._-], letters or digits at both ends. 0 or -EINVAL with em set. */
int gcs_name_check_bucket(const char *s, struct errmsg *em);
/* "http://h:1/storage/v1/", "http://h:1/", "h:1" give "http://h:1": what all paths are put behind.
 * 0, -EINVAL with em set, -ENOMEM. */
int gcs_name_endpoint(const char *given, char **ret, struct errmsg *em);
