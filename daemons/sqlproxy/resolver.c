#include "daemons/sqlproxy/resolver.h"
#include "lib/base/mem.h"
#include <errno.h>
struct resolver {
        int x;
};
int resolver_new(const struct resolver_options *o, struct resolver **ret) {
        *ret = mem_new(struct resolver);
        return *ret ? 0 : -ENOMEM;
}
struct resolver *resolver_free(struct resolver *r) {
        return mem_free(r);
}
int resolver_name(struct resolver *r, const char *domain,
                  void (*done)(void *ctx, int r, const struct conn_name *cn,
                               const struct errmsg *em),
                  void *ctx, struct resolver_ask **ret) {
        return -EHOSTUNREACH;
}
int resolver_hosts(struct resolver *r, struct identity *id, const struct conn_name *cn,
                   void (*done)(void *ctx, int r, struct errmsg *em), void *ctx,
                   struct resolver_ask **ret) {
        return 0;
}
void resolver_cancel(struct resolver_ask *a) {
}
