/* store_gcs_parts.h: what clients that load by themselves get: uploads in parts by the XML API, and
 * URLs signed by a service account's key. */
#pragma once

#include <openssl/types.h>

#include "lib/gcp/store_gcs_call.h"
#include "lib/store/store_parts.h"

struct store_gcs_parts {
        EVP_PKEY *key; /* NULL: there is nothing to sign with */
        char *email;
};

/* The key of the service account that GOOGLE_APPLICATION_CREDENTIALS names; it is none with any
 * other credentials. -EINVAL: em. */
int store_gcs_parts_init(struct store_gcs_parts *p, struct errmsg *em);
void store_gcs_parts_done(struct store_gcs_parts *p);

int store_gcs_parts_create(const struct store_gcs_call *c, const char *key, char **ret_id,
                           struct errmsg *em);
int store_gcs_parts_complete(const struct store_gcs_call *c, const char *key, const char *id,
                             const struct store_part *parts, size_t n, struct errmsg *em);
int store_gcs_parts_abort(const struct store_gcs_call *c, const char *key, const char *id,
                          struct errmsg *em);
/* part 0: to get the object. */
int store_gcs_parts_url(const struct store_gcs_parts *p, const struct store_gcs_call *c,
                        const char *key, const char *id, unsigned part, usec_t valid_for,
                        char **ret_url, struct errmsg *em);
