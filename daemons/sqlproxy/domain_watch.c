/* See domain_watch.h. */
#include "daemons/sqlproxy/domain_watch.h"

#include <errno.h>

#include "daemons/sqlproxy/dataplane.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "lib/base/mem.h"

struct domain_watch {
        struct resolver *resolver;
        struct instance *instance;
        struct loop_source *timer;
        struct resolver_ask *ask;
};

static void moved(struct instance *i, const char *why) {
        proxy_log_info("[%s] %s: closing all connections", i->name, why);
        instance_forget(i);
        dataplane_cut(i->dataplane, i);
}

static void on_name(void *ctx, int r, const struct conn_name *cn, const struct errmsg *em) {
        struct domain_watch *w = ctx;
        struct instance *i = w->instance;

        w->ask = NULL;
        if (!i->is_resolved)
                return;
        if (r == -EINVAL)
                moved(i, em->text);
        else if (r < 0)
                proxy_log_debug("[%s] did not resolve, keeping connections: %s", i->name, em->text);
        else if (!conn_name_equal(cn, &i->cn))
                moved(i, "the name stands for another instance now");
}

static int on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct domain_watch *w = ctx;

        if (w->instance->is_resolved && !w->ask)
                (void) resolver_name(w->resolver, w->instance->name, on_name, w, &w->ask);
        return loop_source_arm_in(s, DOMAIN_WATCH_FOR);
}

int domain_watch_new(struct resolver *r, struct instance *i, struct domain_watch **ret) {
        char region[CONN_NAME_PART_MAX];
        struct domain_watch *w;
        int x;

        if (i->is_resolved || conn_name_is_goog(i->name, region))
                return 0;
        w = mem_new(struct domain_watch);
        if (!w)
                return -ENOMEM;
        w->resolver = r;
        w->instance = i;
        x = loop_timer_in(i->loop, DOMAIN_WATCH_FOR, USEC_PER_SEC, on_timer, w, &w->timer);
        if (x < 0) {
                mem_free(w);
                return x;
        }
        *ret = w;
        return 0;
}

struct domain_watch *domain_watch_free(struct domain_watch *w) {
        if (!w)
                return NULL;
        resolver_cancel(w->ask);
        loop_source_free(w->timer);
        return mem_free(w);
}
