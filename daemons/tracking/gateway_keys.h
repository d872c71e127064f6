/* gateway_keys.h: the passphrase of the gateway's secrets, from where an administrator put it. */
#pragma once

struct auth_envelope;
struct errmsg;

/* MLFLOW_CRYPTO_KEK_PASSPHRASE (and _VERSION), as MLflow's server takes them, else the systemd
 * credential kek_passphrase. *ret NULL: neither is there; the passphrase that all installations
 * know is never used. 0 or negative with `em`. */
int gateway_keys_load(struct auth_envelope **ret, struct errmsg *em);
