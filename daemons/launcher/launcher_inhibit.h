/* launcher_inhibit.h: logind's delay lock on shutdown, taken while the scheduler asks for it: the
 * machine then goes down only when the scheduler has closed and said so, or after logind's
 * InhibitDelayMaxSec.
 *
 * A lease: the request that asks for it waits until a shutdown begins or INHIBIT_FOR is over, and
 * is asked again; without a next one the lock goes after INHIBIT_GRACE_FOR. A scheduler or launcher
 * that dies holds nothing up. Threads: the loop's. */
#pragma once

#include <systemd/sd-bus.h>

#include "lib/base/macros.h"

struct http_request;
struct launcher_inhibit;
struct loop;

#define LAUNCHER_INHIBIT_FOR (50 * USEC_PER_SEC)
#define LAUNCHER_INHIBIT_GRACE_FOR (30 * USEC_PER_SEC)

/* The bus is borrowed for the life of the result. */
int launcher_inhibit_new(struct loop *loop, sd_bus *bus, struct launcher_inhibit **ret);
struct launcher_inhibit *launcher_inhibit_free(struct launcher_inhibit *h);

/* 200 {"held": bool, "stopping": bool, "reason": text or null}. As a handler. */
int launcher_inhibit_ask(struct launcher_inhibit *h, struct http_request *req, bool wanted);
/* The answer where there is no logind to ask. */
int launcher_inhibit_reply(struct http_request *req, bool held, bool stopping, const char *reason);
