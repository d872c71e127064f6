/* logship.h: what the parts of onebox-logship share.
 *
 * Threads: the loop's (the listener, the watch on the queue), workers of the server (reading back:
 * they may block) and one shipper, which uploads in the order of the queue. `lock` guards what is
 * marked. */
#pragma once

#include <pthread.h>

#include "daemons/logship/ship.h"
#include "daemons/logship/ship_store.h"
#include "lib/base/conf.h"
#include "lib/base/paths.h"
#include "lib/net/http_route.h"

#define CONF_KEY CONF_FIELD
struct logship_conf {
#include "config/logging.def"
};
#undef CONF_KEY

struct logship {
        const struct logship_conf *conf;
        struct ship ship; /* read-only after the start; its store is that of a call */
        struct ship_store stores;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool kicked, stopping;       /* lock */
        uint64_t n_shipped, n_bytes; /* lock: since the start */
        uint64_t n_queued;           /* lock: at the last look */
        struct errmsg trouble;       /* lock: why the last attempt failed; "" when it went well */
        usec_t trouble_since_at;     /* lock */
};

/* The shipper: until `stopping`. */
void *logship_run(void *ctx);
/* There may be something in the queue. Any thread. */
void logship_kick(struct logship *l);

extern const struct http_route logship_api_routes[];
extern const size_t logship_api_n_routes;
