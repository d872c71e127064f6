/* webhook_sender.h: tells webhooks what is queued for them, from the loop's thread.
 *
 * Some messages at a time; one that fails for a reason that may pass (nobody there, 429, 5xx) comes
 * again later, four times in all; later still when its answer says so (Retry-After). A message is
 * told at least once: the end of the server between its telling and its commit tells it again,
 * under the same id.
 */
#pragma once

#include "daemons/tracking/tracking.h"
#include "lib/auth/auth_seal.h"

struct errmsg;
struct webhook_sender;

/* The key is MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY's or the file's, which is made when it is absent.
 * `t` is borrowed and has its loop and writer. */
int webhook_sender_new(const struct tracking *t, const char *key_path, struct errmsg *em,
                       struct webhook_sender **ret);
/* After the writer is gone and before the loop is. NULL is fine. */
struct webhook_sender *webhook_sender_free(struct webhook_sender *s);

/* From any thread: something was queued. */
void webhook_sender_wake(struct webhook_sender *s);

/* The beginning of an answer or an error, to be kept. NULL: out of memory. */
const char *webhook_sender_excerpt(struct arena *a, const char *text);

const struct auth_seal *webhook_sender_seal(const struct webhook_sender *s);

/* Tells `url` one message now, from any thread; then done() on the loop's thread: with a status, or
 * 0 and an error in words; and how many seconds the answer asks to wait, 0 when it does not. The
 * strings are copied. 0 or -errno: then done() is not called. */
typedef void webhook_sender_told_fn(void *ctx, int status, const char *text, int64_t wait_s);
int webhook_sender_tell(struct webhook_sender *s, const char *url, const char *secret,
                        const char *delivery_id, const char *body, webhook_sender_told_fn *done,
                        void *ctx);
