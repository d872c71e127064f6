#pragma once
/* A private key that lives in memory only, and what certificates say about time.
 *
 * Threads: a key may be shared; making one takes a tenth of a second of CPU and may be done on any
 * thread. */
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct tls_key;

/* RSA, 2048 bits. -ENOMEM, -EIO. */
int tls_key_new_rsa(struct tls_key **ret);
struct tls_key *tls_key_ref(struct tls_key *k);
/* The last one wipes it. NULL is fine. */
struct tls_key *tls_key_unref(struct tls_key *k);
DEFINE_CLEANUP(struct tls_key *, tls_key_unref)

/* The public half as PEM: a SubjectPublicKeyInfo under the given label ("PUBLIC KEY", or what a
 * server wants to read there). */
int tls_key_public_pem(const struct tls_key *k, const char *label, struct buf *out);
/* For lib/net: the EVP_PKEY. */
void *tls_key_evp(const struct tls_key *k);

/* When the first certificate of a PEM text ends. -EINVAL: it is none; em says why. */
int tls_key_cert_end(const char *pem, usec_t *ret_at, struct errmsg *em);
/* Is every certificate block of the text a certificate, and is there one? 0 or -EINVAL. */
int tls_key_check_bundle(const char *pem, struct errmsg *em);
