/* connection_trials.h: connections that are being tried: each by a one-off try of the spool, which
 * runs `onebox connections probe` as the launcher's own user: it has the network that this daemon
 * has not. It fetches the connection with its own token, once, and reports what came of it; who
 * asked is answered then, when the try ends without a word, or after CONNECTION_TRIALS_FOR.
 *
 * Kept in memory alone: a trial that is under way when the daemon ends is over, and its try is an
 * orphan of the spool, which replay stops. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/connection.h"

enum { CONNECTION_TRIALS_MAX = 8 };
#define CONNECTION_TRIALS_FOR (60 * USEC_PER_SEC)

struct connection_trials;
struct http_request;
struct scheduler;

int connection_trials_new(struct scheduler *s, struct connection_trials **ret);
/* Those that wait are answered: before the server goes. */
struct connection_trials *connection_trials_free(struct connection_trials *t);

/* Begins one. Answers the request, now or later; as a handler. */
int connection_trials_begin(struct scheduler *s, struct http_request *req, const char *id,
                            const struct connection *c);

/* Is it the try of a trial? Then its spool is looked at. */
bool connection_trials_look(struct scheduler *s, const char *try_id);
/* The launcher would not. false: it is no trial's. */
bool connection_trials_refused(struct scheduler *s, const char *try_id, const char *reason);

/* What the try itself asks for, as handlers: the connection in clear, once; its answer. */
int connection_trials_fetch(struct http_request *req, const char *try_id);
int connection_trials_report(struct http_request *req, const char *try_id, bool good,
                             const char *message);
