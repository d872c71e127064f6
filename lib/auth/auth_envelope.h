/* auth_envelope.h: secrets at rest as MLflow keeps those of its gateway, so that both servers read
 * them: each secret is sealed by a key of its own (AES-256-GCM, bound to its id and name), and that
 * key by one that PBKDF2 makes of the administrator's passphrase and a version.
 *
 * The passphrase lies in memory that is not swapped or dumped until the key is made of it, at the
 * first use: 600,000 rounds, never on a loop's thread. Threads: any.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

struct auth_envelope;
struct entropy;

/* `passphrase` is copied. -EINVAL: it is empty or longer than 1024 bytes, or `version` is no number
 * from 0 to 2^31 - 1; -ENOMEM. */
int auth_envelope_new(const char *passphrase, int64_t version, struct auth_envelope **ret);
struct auth_envelope *auth_envelope_free(struct auth_envelope *e);
DEFINE_CLEANUP(struct auth_envelope *, auth_envelope_free)

int64_t auth_envelope_version(const struct auth_envelope *e);

/* Makes the key when it is not there yet: up to a second of computing. 0 or -EIO. */
int auth_envelope_ready(struct auth_envelope *e);

/* Adds the sealed secret and its sealed key; auth_envelope_ready() was called. 0 or -errno. */
int auth_envelope_close(struct auth_envelope *e, struct entropy *entropy, const char *id,
                        const char *name, const char *secret, struct buf *ret_sealed,
                        struct buf *ret_key);
/* Adds what was sealed. -EBADMSG: by another passphrase, for another id or name, or changed. */
int auth_envelope_open(struct auth_envelope *e, const char *id, const char *name,
                       const struct buf *sealed, const struct buf *key, struct buf *out);
