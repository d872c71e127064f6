/* fetch_key: the process's one private key, made on a thread of its own so that nobody waits for it
 * who does not need it. It never leaves memory. Threads: the loop's, but the maker. */
#pragma once

#include "lib/net/loop.h"
#include "lib/net/tls_key.h"

struct fetch_key;
struct fetch_key_wait;

/* now: begin making it. */
int fetch_key_new(struct loop *l, bool now, struct fetch_key **ret);
struct fetch_key *fetch_key_free(struct fetch_key *k);
/* done() comes once, perhaps from inside; the key is lent. */
int fetch_key_get(struct fetch_key *k, void (*done)(void *ctx, int r, struct tls_key *key),
                  void *ctx, struct fetch_key_wait **ret);
/* NULL is fine. */
void fetch_key_cancel(struct fetch_key_wait *w);
