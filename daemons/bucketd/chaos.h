/* chaos.h: what tests ask to go wrong. A rule matches requests by operation, method and a part of
 * the target; what it does stands in chaos.def. Pure but for chance. Threads: the loop's. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct buf;
struct chaos;
struct http_request;
struct json;

struct chaos_plan {
#define CHAOS(name, help) int64_t name;
#include "daemons/bucketd/chaos.def"
#undef CHAOS
};

int chaos_new(struct chaos **ret);
struct chaos *chaos_free(struct chaos *c);
/* {"rules": [{"op": "read", "latency_ms": 20}], "seed": 1} in place of what was; the same seed, the
 * same chances. -EINVAL with em; -ENOMEM. */
int chaos_set(struct chaos *c, const struct json *rules, struct errmsg *em);
/* The rules and how often each struck. */
int chaos_print(const struct chaos *c, struct buf *out);
/* What happens to this request: true when something does. */
bool chaos_match(struct chaos *c, const struct http_request *req, struct chaos_plan *ret);
/* "list", "stat", "read", "insert", "start", "chunk", "ask", "compose", "copy", "rewrite", "move",
 * "delete", "patch" or "other"; a rule's "change" is all that change something. */
const char *chaos_op(const struct http_request *req);
