/* workers: the threads that take requests from the kernel. One waits at all times as long as there
 * are fewer than WORKERS_MAX; those that wait too many go. */
#pragma once

#include "lib/base/macros.h"

#define WORKERS_MAX 64

struct fuse_session;
struct lent_offer;
struct workers;

/* ended(): once, on one of the threads, when the kernel has no more requests (unmounted, or the
 * session was exited). */
int workers_start(struct fuse_session *s, void (*ended)(void *ctx), void *ctx,
                  struct workers **ret);
/* Waits for all of them: after ended(). Those that wait for the kernel are interrupted, again and
 * again until they are gone: a read that nothing wakes any more must not hold up the end. */
struct workers *workers_free(struct workers *w);
/* What the request that this thread carries out came in, while it does. */
struct lent_offer *workers_offer(void);
