/* auth_vault.h: small secrets at rest: AES-256-GCM with keys from a file. A sealed text says which
 * key it needs, and is bound to a name: moved to another row it does not open.
 *
 * The file has a key of 64 hex digits a line; the first one seals, all of them open. Threads: a set
 * of keys does not change; any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"

struct entropy;
struct auth_vault_keys;

/* Reads the file; with `entropy` given makes it (0600, one new key) when it is not there. -ENOENT,
 * -EINVAL (a line is no key), -EPERM (others may read it), each with *em. */
int auth_vault_load(const char *path, struct entropy *entropy, struct auth_vault_keys **ret,
                    struct errmsg *em);
struct auth_vault_keys *auth_vault_free(struct auth_vault_keys *keys);

/* Puts a new key before those of the file, durably; or keeps the first one only. */
int auth_vault_add_key(const char *path, struct entropy *entropy, struct errmsg *em);
int auth_vault_drop_old(const char *path, struct errmsg *em);

/* Adds the sealed text. */
int auth_vault_close(const struct auth_vault_keys *keys, struct entropy *entropy, const char *name,
                     const void *p, size_t n, struct buf *out);
/* Adds what was sealed. -ENOKEY: by a key that is not in the file; -EBADMSG: it was changed, or is
 * of another name. */
int auth_vault_open(const struct auth_vault_keys *keys, const char *name, const char *text,
                    struct buf *out);
/* By the first key? */
bool auth_vault_is_current(const struct auth_vault_keys *keys, const char *text);
